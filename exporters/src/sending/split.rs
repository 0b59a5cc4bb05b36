//! A batch becomes requests that are not larger than the backend accepts.

use sluice_config::ByteSize;
use sluice_pdata::Pdata;

use super::{
    settings::Sizer,
    wire::{Encoded, Wire},
};

/// The largest request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Most {
    /// Encoded, before compression.
    pub(super) size: ByteSize,
    /// Also in these units of the data, if `batch.max_size` says so.
    pub(super) batch: Option<(usize, Sizer)>,
}

/// Encodes `data` into requests of at most `max` each. What cannot be cut so small, a single item or a resource
/// whose attributes alone take more than half of it, is sent as it is. Parts of a batch that is too large are
/// encoded again.
pub(super) fn encode<W: Wire>(wire: &W, data: Pdata, Most { size: max, batch }: Most) -> Encoded<W::Request> {
    let mut all = Encoded { requests: Vec::new(), unconvertible: Vec::new() };
    let mut todo = match batch {
        Some((max, Sizer::Items)) => data.split_by_items(max),
        Some((max, Sizer::Bytes)) => data.split_by_size(max),
        Some((_, Sizer::Requests)) | None => vec![data],
    };
    todo.reverse();
    while let Some(data) = todo.pop() {
        if data.is_empty() {
            continue;
        }
        // The format lets go of what cannot become too large.
        let whole = (max.bytes() != u64::MAX).then(|| data.clone());
        let encoded = wire.encode(data);
        let largest = encoded.requests.iter().map(W::size).max().unwrap_or_default();
        if let Some(data) = whole.filter(|data| largest > max && data.items() > 1) {
            let parts = parts(data, largest, max);
            if parts.len() > 1 {
                todo.extend(parts.into_iter().rev());
                continue;
            }
        }
        all.requests.extend(encoded.requests);
        all.unconvertible.extend(encoded.unconvertible);
    }
    all
}

/// Cuts `data` so that the parts of what took `size` bytes take about `max`; one part is what cannot be cut.
fn parts(data: Pdata, size: ByteSize, max: ByteSize) -> Vec<Pdata> {
    // The format's size stands to OTLP's as the limit in it to the limit in OTLP.
    let otlp = u128::try_from(data.size()).unwrap_or(u128::MAX);
    let limit = otlp.saturating_mul(max.bytes().into()) / u128::from(size.bytes().max(1));
    let limit = usize::try_from(limit).unwrap_or(usize::MAX).max(1);
    data.split_by_size(limit)
}
