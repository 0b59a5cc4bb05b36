//! A batch becomes requests that are not larger than the backend accepts.

use sluice_config::ByteSize;
use sluice_pdata::Pdata;

use super::wire::{Encoded, Wire};

/// Encodes `data` into requests of at most `max` bytes each; an item that is larger alone has a request to
/// itself. Parts of a batch that is too large are encoded again.
pub(super) fn encode<W: Wire>(wire: &W, data: Pdata, max: ByteSize) -> Encoded<W::Request> {
    let mut all = Encoded { requests: Vec::new(), unconvertible: Vec::new() };
    let mut todo = vec![data];
    while let Some(data) = todo.pop() {
        if data.is_empty() {
            continue;
        }
        let encoded = wire.encode(&data);
        let largest = encoded.requests.iter().map(W::size).max().unwrap_or_default();
        if largest <= max || data.items() == 1 {
            all.requests.extend(encoded.requests);
            all.unconvertible.extend(encoded.unconvertible);
        } else {
            todo.extend(parts(data, largest, max).into_iter().rev());
        }
    }
    all
}

/// Cuts `data`, more than one item, so that the parts of what took `size` bytes take about `max`.
fn parts(mut data: Pdata, size: ByteSize, max: ByteSize) -> Vec<Pdata> {
    // The format's size stands to OTLP's as the limit in it to the limit in OTLP.
    let otlp = u128::try_from(data.size()).unwrap_or(u128::MAX);
    let limit = otlp.saturating_mul(max.bytes().into()) / u128::from(size.bytes().max(1));
    let limit = usize::try_from(limit).unwrap_or(usize::MAX).max(1);
    let parts = data.clone().split_by_size(limit);
    if parts.len() > 1 {
        return parts;
    }
    let front = data.split_off_front(data.items() / 2);
    vec![front, data]
}
