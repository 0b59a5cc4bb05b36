//! What the protobuf messages of scrapes and of remote write share.

use sluice_pdata::wire::{Fault, Reader, Value as Wire};

use super::model::{Buckets, MAX_NATIVE_BUCKETS, Span};

/// Appends what a field says of the buckets of one sign: spans (0), deltas (1) or counts (2).
pub(super) fn read_buckets(buckets: &mut Buckets, list: u32, value: Wire<'_>) -> Result<(), &'static str> {
    const TOO_MANY: &str = "a native histogram has too many buckets";
    match (list, value) {
        (0, Wire::Len(message)) => {
            if buckets.spans.len() >= MAX_NATIVE_BUCKETS {
                return Err(TOO_MANY);
            }
            buckets.spans.push(read_span(message)?);
        }
        (1, Wire::Varint(delta)) => buckets.deltas.push(unzigzag(delta)),
        (1, Wire::Len(packed)) => {
            let mut packed = Reader::new(packed);
            while !packed.is_empty() {
                if buckets.deltas.len() >= MAX_NATIVE_BUCKETS {
                    return Err(TOO_MANY);
                }
                buckets.deltas.push(unzigzag(packed.varint().map_err(what)?));
            }
        }
        (2, Wire::Fixed64(bits)) => buckets.counts.push(f64::from_bits(bits)),
        (2, Wire::Len(packed)) => {
            let (counts, rest) = packed.as_chunks();
            if counts.len() > MAX_NATIVE_BUCKETS {
                return Err(TOO_MANY);
            }
            if !rest.is_empty() {
                return Err("packed numbers are cut off");
            }
            buckets.counts.extend(counts.iter().map(|bytes| f64::from_le_bytes(*bytes)));
        }
        _ => {}
    }
    if buckets.deltas.len() > MAX_NATIVE_BUCKETS || buckets.counts.len() > MAX_NATIVE_BUCKETS {
        return Err(TOO_MANY);
    }
    Ok(())
}

fn read_span(message: &[u8]) -> Result<Span, &'static str> {
    let mut span = Span::default();
    let mut fields = Reader::new(message);
    while let Some(field) = fields.field().map_err(what)? {
        match (field.number, field.value) {
            (1, Wire::Varint(offset)) => {
                span.offset =
                    i32::try_from(unzigzag(offset)).map_err(|_| "the offset of a span is out of range")?;
            }
            (2, Wire::Varint(length)) => {
                span.length = u32::try_from(length).map_err(|_| "the length of a span is out of range")?;
            }
            _ => {}
        }
    }
    Ok(span)
}

pub(super) fn text(bytes: &[u8]) -> Result<&str, &'static str> {
    std::str::from_utf8(bytes).map_err(|_| "a text is not UTF-8")
}

/// `sint64`.
pub(super) fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

/// The fault alone, where its place is told in another way.
pub(super) fn what(fault: Fault) -> &'static str {
    fault.what()
}
