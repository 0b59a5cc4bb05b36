//! Leaving items out, by a list of verdicts in the order of the items.
//!
//! An envelope (resource, scope, metric) goes when all its items went; one that was empty before stays.

#[cfg(test)]
mod tests;

use std::slice;

use bytes::Bytes;

use crate::cut::{Path, count};
use crate::decoded::Structs;
use crate::otlp::metrics::v1::metric::Data;
use crate::wire::{Write, fields};

/// Calls `visit` with the body of each item, in order.
pub(crate) fn each_record(path: Path, body: &[u8], visit: &mut impl FnMut(&[u8])) {
    let Some((level, below)) = path.split_first() else { return visit(body) };
    let children = fields(body).filter(|field| level.contains(field.number));
    children.filter_map(|field| field.len_value()).for_each(|child| each_record(below, child, visit));
}

/// The request with the items that `keep` says; `None` if none is left. Whole requests are not copied.
pub(crate) fn request(path: Path, chunk: &Bytes, keep: &[bool]) -> Option<Bytes> {
    if keep.iter().all(|&keep| keep) {
        return Some(chunk.clone());
    }
    if !keep.contains(&true) {
        return None;
    }
    let mut out = Vec::with_capacity(chunk.len());
    message(path, chunk, keep, &mut out);
    Some(out.into())
}

fn message(path: Path, body: &[u8], mut keep: &[bool], out: &mut Vec<u8>) {
    let Some((level, below)) = path.split_first() else { return };
    for field in fields(body) {
        let Some(child) = field.len_value().filter(|_| level.contains(field.number)) else {
            out.extend_from_slice(field.raw);
            continue;
        };
        let (own, others) = keep.split_at_checked(count(below, child)).unwrap_or((keep, &[]));
        keep = others;
        if own.iter().all(|&keep| keep) {
            out.extend_from_slice(field.raw);
        } else if own.contains(&true) {
            out.put_message_field(field.number, child.len(), |out| message(below, child, own, out));
        }
    }
}

/// Leaves out the items of a decoded request.
pub(crate) fn structs(structs: &mut Structs, keep: &[bool]) {
    let keep = &mut keep.iter();
    match structs {
        Structs::Traces(request) => {
            envelopes(&mut request.resource_spans, |resource| {
                envelopes(&mut resource.scope_spans, |scope| items(&mut scope.spans, keep))
            });
        }
        Structs::Metrics(request) => {
            envelopes(&mut request.resource_metrics, |resource| {
                envelopes(&mut resource.scope_metrics, |scope| {
                    envelopes(&mut scope.metrics, |metric| data_points(metric.data.as_mut(), keep))
                })
            });
        }
        Structs::Logs(request) => {
            envelopes(&mut request.resource_logs, |resource| {
                envelopes(&mut resource.scope_logs, |scope| items(&mut scope.log_records, keep))
            });
        }
    }
}

/// How many items something had, and still has.
#[derive(Default)]
struct Left {
    had: usize,
    has: usize,
}

fn envelopes<T>(list: &mut Vec<T>, mut within: impl FnMut(&mut T) -> Left) -> Left {
    let mut sum = Left::default();
    list.retain_mut(|envelope| {
        let left = within(envelope);
        sum.had += left.had;
        sum.has += left.has;
        left.had == 0 || left.has > 0
    });
    sum
}

fn items<T>(list: &mut Vec<T>, keep: &mut slice::Iter<'_, bool>) -> Left {
    let had = list.len();
    list.retain(|_| keep.next().copied().unwrap_or(true));
    Left { had, has: list.len() }
}

fn data_points(data: Option<&mut Data>, keep: &mut slice::Iter<'_, bool>) -> Left {
    match data {
        None => Left::default(),
        Some(Data::Gauge(gauge)) => items(&mut gauge.data_points, keep),
        Some(Data::Sum(sum)) => items(&mut sum.data_points, keep),
        Some(Data::Histogram(histogram)) => items(&mut histogram.data_points, keep),
        Some(Data::ExponentialHistogram(histogram)) => items(&mut histogram.data_points, keep),
        Some(Data::Summary(summary)) => items(&mut summary.data_points, keep),
    }
}
