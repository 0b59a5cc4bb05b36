//! Counting and cutting requests on the wire: which fields lead from a request to its items.

use crate::signal::Signal;
use crate::wire::fields;

/// The way down from a request to its items: at each level the numbers of the fields that hold the next one.
type Path = &'static [&'static [u32]];

const RECORDS: Path = &[&[1], &[2], &[2]];
/// Data points sit two levels below a metric: in one of five kinds of data, then in `data_points`.
const DATA_POINTS: Path = &[&[1], &[2], &[2], &[5, 7, 9, 10, 11], &[1]];

fn path(signal: Signal) -> Path {
    match signal {
        Signal::Traces | Signal::Logs => RECORDS,
        Signal::Metrics => DATA_POINTS,
    }
}

/// Number of items in a request that the walk accepted.
pub(crate) fn items(signal: Signal, request: &[u8]) -> usize {
    count(path(signal), request)
}

fn count(path: Path, body: &[u8]) -> usize {
    let Some((level, below)) = path.split_first() else { return 1 };
    let children =
        fields(body).filter(|field| level.contains(&field.number)).filter_map(|field| field.len_value());
    children.map(|child| count(below, child)).sum()
}
