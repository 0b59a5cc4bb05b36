//! Native histograms: one message in 1.0 and in 2.0, but for the start.

use sluice_pdata::wire::{Reader, Value as Wire};

use super::Trouble;
use super::series::normal;
use crate::prometheus::model::{Count, MAX_NATIVE_BUCKETS, NativeHistogram, ResetHint};
use crate::prometheus::wire::{read_buckets, unzigzag};

/// Reads a histogram in place of the one that is there. Returns its time and its start, in milliseconds.
pub(super) fn read(message: &[u8], histogram: &mut NativeHistogram) -> Result<(i64, Option<i64>), Trouble> {
    clear(histogram);
    let (mut timestamp_ms, mut start_ms) = (0, None);
    let mut fields = Reader::new(message);
    while let Some(field) = fields.field()? {
        match (field.number, field.value) {
            (1, Wire::Varint(count)) => histogram.count = Count::Int(count),
            (2, Wire::Fixed64(bits)) => histogram.count = Count::Float(f64::from_bits(bits)),
            (3, Wire::Fixed64(bits)) => histogram.sum = normal(f64::from_bits(bits)),
            (4, Wire::Varint(schema)) => {
                let schema = i32::try_from(unzigzag(schema));
                histogram.schema = schema.map_err(|_| Trouble::Bad("a schema is out of range"))?;
            }
            (5, Wire::Fixed64(bits)) => histogram.zero_threshold = f64::from_bits(bits),
            (6, Wire::Varint(count)) => histogram.zero_count = Count::Int(count),
            (7, Wire::Fixed64(bits)) => histogram.zero_count = Count::Float(f64::from_bits(bits)),
            (8..=10, value) => {
                read_buckets(&mut histogram.negative, field.number - 8, value).map_err(Trouble::Bad)?;
            }
            (11..=13, value) => {
                read_buckets(&mut histogram.positive, field.number - 11, value).map_err(Trouble::Bad)?;
            }
            (14, Wire::Varint(hint)) => histogram.reset_hint = ResetHint::from_number(hint),
            (15, Wire::Varint(millis)) => timestamp_ms = millis.cast_signed(),
            (16, Wire::Fixed64(bits)) => push_bounds(histogram, &[bits.to_le_bytes()])?,
            (16, Wire::Len(packed)) => {
                let (bounds, rest) = packed.as_chunks();
                if !rest.is_empty() {
                    return Err(Trouble::Bad("packed numbers are cut off"));
                }
                push_bounds(histogram, bounds)?;
            }
            (17, Wire::Varint(millis)) => {
                start_ms = Some(millis.cast_signed()).filter(|millis| *millis != 0);
            }
            _ => {}
        }
    }
    Ok((timestamp_ms, start_ms))
}

fn push_bounds(histogram: &mut NativeHistogram, bounds: &[[u8; 8]]) -> Result<(), Trouble> {
    if bounds.len() > MAX_NATIVE_BUCKETS - histogram.custom_values.len().min(MAX_NATIVE_BUCKETS) {
        return Err(Trouble::Bad("a native histogram has too many buckets"));
    }
    histogram.custom_values.extend(bounds.iter().map(|bytes| f64::from_le_bytes(*bytes)));
    Ok(())
}

/// Keeps the memory of the lists.
fn clear(histogram: &mut NativeHistogram) {
    let NativeHistogram { mut positive, mut negative, mut custom_values, .. } = std::mem::take(histogram);
    for buckets in [&mut positive, &mut negative] {
        buckets.spans.clear();
        buckets.deltas.clear();
        buckets.counts.clear();
    }
    custom_values.clear();
    *histogram = NativeHistogram { positive, negative, custom_values, ..NativeHistogram::default() };
}
