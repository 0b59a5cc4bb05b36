//! Exemplars: `trace_id` and `span_id` become ids, other labels attributes.

use sluice_pdata::wire::Write;

use super::Sample;
use super::attributes;
use super::point::nanos;
use crate::prometheus::model::Exemplar;

/// Appends a sample's exemplars as fields `number` of a point. One without a time has the sample's, as in Prometheus.
pub(super) fn put_all(out: &mut Vec<u8>, number: u32, sample: &Sample<'_>) {
    for exemplar in sample.exemplars {
        let open = out.open_message(number, 100);
        put(out, exemplar, sample.timestamp_ms);
        out.close_message(open);
    }
}

fn put(out: &mut Vec<u8>, exemplar: &Exemplar, sample_ms: i64) {
    out.put_fixed64_field(2, nanos(exemplar.timestamp_ms.unwrap_or(sample_ms)));
    out.put_fixed64_field(3, exemplar.value.to_bits());
    let (mut trace_id, mut span_id) = (None, None);
    for (name, value) in exemplar.labels.iter() {
        // Whatever is not an id stays text. Of two ids, in other letters, the second is text.
        if trace_id.is_none() && name.eq_ignore_ascii_case("trace_id") {
            trace_id = id::<16>(value);
            if trace_id.is_some() {
                continue;
            }
        } else if span_id.is_none() && name.eq_ignore_ascii_case("span_id") {
            span_id = id::<8>(value);
            if span_id.is_some() {
                continue;
            }
        }
        attributes::put(out, 7, name, value);
    }
    for (number, id) in [(4, span_id.as_ref().map(|id| &id[..])), (5, trace_id.as_ref().map(|id| &id[..]))] {
        if let Some(id) = id {
            out.put_bytes_field(number, id);
        }
    }
}

/// Exactly `N` bytes in hexadecimal digits, and not zero.
fn id<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != N * 2 {
        return None;
    }
    let mut id = [0; N];
    for (byte, pair) in id.iter_mut().zip(digits.chunks_exact(2)) {
        for &digit in pair {
            let value = char::from(digit).to_digit(16)?;
            *byte = *byte << 4 | u8::try_from(value).ok()?;
        }
    }
    (id != [0; N]).then_some(id)
}
