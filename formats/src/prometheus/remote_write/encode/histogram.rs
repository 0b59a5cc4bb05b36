//! Native histograms: one message in 1.0 and in 2.0, but for the start.

use sluice_pdata::wire::{WireType, Write, varint_len};

use crate::prometheus::{from_otlp::HistogramView, model::Span};

/// Appends the fields of a histogram without its start.
pub(super) fn put(out: &mut Vec<u8>, histogram: &HistogramView<'_>) {
    out.put_varint_field(1, histogram.count);
    out.put_fixed64_field(3, histogram.sum.to_bits());
    out.put_varint_field(4, zigzag(histogram.schema.into()));
    out.put_fixed64_field(5, histogram.zero_threshold.to_bits());
    out.put_varint_field(6, histogram.zero_count);
    put_spans(out, 8, histogram.negative_spans());
    put_deltas(out, 9, histogram.negative_deltas());
    put_spans(out, 11, histogram.positive_spans());
    put_deltas(out, 12, histogram.positive_deltas());
    out.put_varint_field(15, histogram.timestamp.cast_unsigned());
    let bounds = histogram.custom_values();
    if !bounds.is_empty() {
        out.put_key(16, WireType::Len);
        out.put_varint(8 * bounds.len() as u64);
        for bound in bounds {
            out.extend_from_slice(&bound.to_le_bytes());
        }
    }
}

fn put_spans(out: &mut Vec<u8>, number: u32, spans: &[Span]) {
    for span in spans {
        let (offset, length) = (zigzag(span.offset.into()), u64::from(span.length));
        out.put_key(number, WireType::Len);
        out.put_varint((2 + varint_len(offset) + varint_len(length)) as u64);
        out.put_varint_field(1, offset);
        out.put_varint_field(2, length);
    }
}

fn put_deltas(out: &mut Vec<u8>, number: u32, deltas: &[i64]) {
    if deltas.is_empty() {
        return;
    }
    out.put_key(number, WireType::Len);
    out.put_varint(deltas.iter().map(|&delta| varint_len(zigzag(delta)) as u64).sum());
    for &delta in deltas {
        out.put_varint(zigzag(delta));
    }
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}
