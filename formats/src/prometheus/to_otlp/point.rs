//! Points of OTLP, as a stream of metrics holds them.

use sluice_pdata::wire::{WireType, Write, varint_len};

use super::attributes::{self, field_len};
use super::exemplar;
use super::transaction::Sample;
use crate::prometheus::model::is_stale;

/// The field of points in every kind of metric.
pub(super) const POINT: u32 = 1;
/// Time and start of a point, in every kind of metric.
const START: u32 = 2;
const TIME: u32 = 3;
/// The field of exemplars in a number point.
pub(super) const NUMBER_EXEMPLARS: u32 = 5;
/// `DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK`.
const NO_RECORDED_VALUE: u64 = 1;
/// A `fixed64` field.
const FIXED64_LEN: usize = 9;

/// Nanoseconds of OTLP. Times before 1970 are 0.
pub(super) fn nanos(millis: i64) -> u64 {
    u64::try_from(millis).unwrap_or(0).saturating_mul(1_000_000)
}

/// Appends start and time.
pub(super) fn put_times(out: &mut Vec<u8>, start_ms: Option<i64>, timestamp_ms: i64) {
    if let Some(start_ms) = start_ms {
        out.put_fixed64_field(START, nanos(start_ms));
    }
    out.put_fixed64_field(TIME, nanos(timestamp_ms));
}

/// Appends the flag of points that say: this series ended.
pub(super) fn put_no_recorded_value(out: &mut Vec<u8>, flags: u32) {
    out.put_varint_field(flags, NO_RECORDED_VALUE);
}

/// Appends a `NumberDataPoint`.
pub(super) fn put_number(
    out: &mut Vec<u8>,
    attributes: &[u8],
    sample: &Sample<'_>,
    value: f64,
    has_start: bool,
) {
    let start_ms = sample.start_ms.filter(|_| has_start);
    if !sample.exemplars.is_empty() {
        let open = out.open_message(POINT, attributes.len() + 200);
        put_number_fields(out, attributes, start_ms, sample.timestamp_ms, value);
        exemplar::put_all(out, NUMBER_EXEMPLARS, sample);
        out.close_message(open);
        return;
    }
    // Its length is known: nothing has to be moved.
    let value_len = if is_stale(value) { 2 } else { FIXED64_LEN };
    let start_len = if start_ms.is_some() { FIXED64_LEN } else { 0 };
    let len = attributes.len() + start_len + FIXED64_LEN + value_len;
    out.reserve(1 + varint_len(len as u64) + len);
    out.put_key(POINT, WireType::Len);
    out.put_varint(len as u64);
    put_number_fields(out, attributes, start_ms, sample.timestamp_ms, value);
}

fn put_number_fields(
    out: &mut Vec<u8>,
    attributes: &[u8],
    start_ms: Option<i64>,
    timestamp_ms: i64,
    value: f64,
) {
    put_times(out, start_ms, timestamp_ms);
    if is_stale(value) {
        put_no_recorded_value(out, 8);
    } else {
        out.put_fixed64_field(4, value.to_bits());
    }
    out.extend_from_slice(attributes);
}

/// Appends a `HistogramDataPoint` without buckets: what both its forms share.
pub(super) struct HistogramPoint<'p> {
    pub(super) attributes: &'p [u8],
    pub(super) start_ms: Option<i64>,
    pub(super) timestamp_ms: i64,
    /// Count and sum; `None` if the series ended.
    pub(super) count: Option<(u64, Option<f64>)>,
    pub(super) bounds: &'p [f64],
    /// One more than there are bounds.
    pub(super) counts: &'p [u64],
    /// Fields of the point.
    pub(super) exemplars: &'p [u8],
}

impl HistogramPoint<'_> {
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        let bytes = self.attributes.len() + self.exemplars.len() + 16 * self.counts.len() + 50;
        let open = out.open_message(POINT, bytes);
        put_times(out, self.start_ms, self.timestamp_ms);
        match self.count {
            Some((count, sum)) => {
                out.put_fixed64_field(4, count);
                if let Some(sum) = sum {
                    out.put_fixed64_field(5, sum.to_bits());
                }
            }
            None => put_no_recorded_value(out, 10),
        }
        put_packed(out, 6, self.counts.iter().copied());
        put_packed(out, 7, self.bounds.iter().map(|bound| bound.to_bits()));
        out.extend_from_slice(self.exemplars);
        attributes::put_as(out, 9, self.attributes);
        out.close_message(open);
    }
}

/// Appends packed 64-bit values, if there are any.
fn put_packed(out: &mut Vec<u8>, number: u32, values: impl ExactSizeIterator<Item = u64>) {
    let len = values.len() * 8;
    if len == 0 {
        return;
    }
    out.reserve(field_len(len));
    out.put_key(number, WireType::Len);
    out.put_varint(len as u64);
    for value in values {
        out.extend_from_slice(&value.to_le_bytes());
    }
}

/// Appends a `SummaryDataPoint`. Count and sum are `None` if the series ended.
pub(super) fn put_summary(
    out: &mut Vec<u8>,
    attributes: &[u8],
    (start_ms, timestamp_ms): (Option<i64>, i64),
    count: Option<(u64, Option<f64>)>,
    quantiles: impl Iterator<Item = (f64, f64)>,
) {
    let open = out.open_message(POINT, attributes.len() + 150);
    put_times(out, start_ms, timestamp_ms);
    match count {
        Some((count, sum)) => {
            out.put_fixed64_field(4, count);
            if let Some(sum) = sum {
                out.put_fixed64_field(5, sum.to_bits());
            }
        }
        None => put_no_recorded_value(out, 8),
    }
    for (quantile, value) in quantiles {
        out.put_key(6, WireType::Len);
        out.put_varint(2 * FIXED64_LEN as u64);
        out.put_fixed64_field(1, quantile.to_bits());
        out.put_fixed64_field(2, value.to_bits());
    }
    out.extend_from_slice(attributes);
    out.close_message(open);
}
