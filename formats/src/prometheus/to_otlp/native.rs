//! Native histograms: sparse buckets become dense ones.

use sluice_pdata::wire::Write;

use super::attributes;
use super::exemplar;
use super::point::{HistogramPoint, POINT, put_no_recorded_value, put_times};
use super::transaction::Sample;
use crate::prometheus::model::{
    Buckets, CUSTOM_BUCKETS_SCHEMA, Count, MAX_NATIVE_BUCKETS, NativeHistogram, ResetHint, is_stale,
};

/// The dense buckets of one histogram; reused.
#[derive(Debug, Default)]
pub(super) struct Dense {
    positive: Vec<u64>,
    negative: Vec<u64>,
    packed: Vec<u8>,
    exemplars: Vec<u8>,
}

/// Whether the buckets have bounds of their own, rather than powers of two.
pub(super) fn has_custom_bounds(histogram: &NativeHistogram) -> bool {
    histogram.schema == CUSTOM_BUCKETS_SCHEMA
}

impl Dense {
    /// Reads the buckets, for [`put`](Self::put).
    ///
    /// # Errors
    /// When the histogram contradicts itself or has no form in OTLP.
    pub(super) fn read(&mut self, histogram: &NativeHistogram) -> Result<(), &'static str> {
        self.positive.clear();
        self.negative.clear();
        if is_stale(histogram.sum) {
            return Ok(());
        }
        if histogram.reset_hint == ResetHint::Gauge {
            return Err("a gauge histogram has no form in OTLP");
        }
        let (Count::Int(count), Count::Int(zero_count)) = (histogram.count, histogram.zero_count) else {
            return Err("a native histogram of floats has no form in OTLP");
        };
        if has_custom_bounds(histogram) {
            custom(histogram, zero_count, &mut self.positive)?;
        } else {
            if !(-4..=8).contains(&histogram.schema) {
                return Err("the schema of a native histogram is not known");
            }
            dense(&histogram.positive, &mut self.positive)?;
            dense(&histogram.negative, &mut self.negative)?;
        }
        let counts = self.positive.iter().chain(&self.negative);
        let observed = counts.fold(u128::from(zero_count), |sum, &count| sum + u128::from(count));
        // Observations that are not numbers are in no bucket.
        if observed > count.into() || (observed < count.into() && !histogram.sum.is_nan()) {
            return Err("the count of a native histogram is not the sum of its buckets");
        }
        Ok(())
    }

    /// Appends the point of a histogram that was read.
    pub(super) fn put(
        &mut self,
        out: &mut Vec<u8>,
        attributes: &[u8],
        sample: &Sample<'_>,
        histogram: &NativeHistogram,
    ) {
        let count = match histogram.count {
            Count::Int(count) if !is_stale(histogram.sum) => Some(count),
            _ => None,
        };
        if has_custom_bounds(histogram) {
            self.exemplars.clear();
            exemplar::put_all(&mut self.exemplars, 8, sample);
            let point = HistogramPoint {
                attributes,
                start_ms: sample.start_ms,
                timestamp_ms: sample.timestamp_ms,
                count: count.map(|count| (count, Some(histogram.sum))),
                bounds: if count.is_some() { &histogram.custom_values } else { &[] },
                counts: &self.positive,
                exemplars: &self.exemplars,
            };
            point.put(out);
            return;
        }
        let len = attributes.len() + 2 * (self.positive.len() + self.negative.len()) + 60;
        let open = out.open_message(POINT, len);
        attributes::put_as(out, 1, attributes);
        put_times(out, sample.start_ms, sample.timestamp_ms);
        match count {
            Some(count) => {
                out.put_fixed64_field(4, count);
                out.put_fixed64_field(5, histogram.sum.to_bits());
                out.put_varint_field(6, zigzag(histogram.schema));
                if let Count::Int(zero_count) = histogram.zero_count {
                    out.put_fixed64_field(7, zero_count);
                }
                put_buckets(out, 8, &histogram.positive, &self.positive, &mut self.packed);
                put_buckets(out, 9, &histogram.negative, &self.negative, &mut self.packed);
                out.put_fixed64_field(14, histogram.zero_threshold.to_bits());
            }
            None => put_no_recorded_value(out, 10),
        }
        exemplar::put_all(out, 11, sample);
        out.close_message(open);
    }
}

/// What the spans and deltas of one sign say, in order.
enum Step {
    /// A span begins: the index of its first bucket if it is the first, otherwise the empty buckets before it.
    Span(i32),
    /// The next bucket's count.
    Bucket(u64),
}

fn walk(
    buckets: &Buckets,
    mut visit: impl FnMut(Step) -> Result<(), &'static str>,
) -> Result<(), &'static str> {
    let mut deltas = buckets.deltas.iter();
    let mut count = 0_i64;
    for span in &buckets.spans {
        visit(Step::Span(span.offset))?;
        for _ in 0..span.length {
            let delta = deltas.next().ok_or("a native histogram has fewer buckets than its spans say")?;
            count = count.checked_add(*delta).ok_or("a bucket count is out of range")?;
            visit(Step::Bucket(u64::try_from(count).map_err(|_| "a bucket count is negative")?))?;
        }
    }
    match deltas.next() {
        None => Ok(()),
        Some(_) => Err("a native histogram has more buckets than its spans say"),
    }
}

/// The counts from the first span's first bucket on, gaps filled with zeros.
fn dense(buckets: &Buckets, counts: &mut Vec<u64>) -> Result<(), &'static str> {
    let mut is_first = true;
    walk(buckets, |step| {
        match step {
            Step::Span(_) if is_first => is_first = false,
            Step::Span(gap) => {
                let gap = usize::try_from(gap).map_err(|_| "the spans of a native histogram overlap")?;
                if gap > MAX_NATIVE_BUCKETS - counts.len() {
                    return Err("a native histogram has too many buckets");
                }
                counts.resize(counts.len() + gap, 0);
            }
            Step::Bucket(count) if counts.len() < MAX_NATIVE_BUCKETS => counts.push(count),
            Step::Bucket(_) => return Err("a native histogram has too many buckets"),
        }
        Ok(())
    })
}

/// The counts between custom bounds and above the last one.
fn custom(histogram: &NativeHistogram, zero_count: u64, counts: &mut Vec<u64>) -> Result<(), &'static str> {
    let bounds = &histogram.custom_values;
    let ascends = bounds.iter().zip(bounds.iter().skip(1)).all(|(bound, next)| bound < next);
    if !ascends || bounds.iter().any(|bound| bound.is_nan() || *bound == f64::INFINITY) {
        return Err("custom bounds do not ascend");
    }
    if zero_count > 0 || !histogram.negative.spans.is_empty() {
        return Err("a histogram with custom bounds has a zero bucket or negative ones");
    }
    counts.resize(bounds.len() + 1, 0);
    let mut index = Some(0_usize);
    walk(&histogram.positive, |step| {
        match step {
            Step::Span(offset) => {
                let offset = isize::try_from(offset).ok();
                index = index.zip(offset).and_then(|(index, offset)| index.checked_add_signed(offset));
            }
            Step::Bucket(count) => {
                let place = index.and_then(|index| counts.get_mut(index));
                *place.ok_or("a bucket has no custom bound")? = count;
                index = index.map(|index| index + 1);
            }
        }
        Ok(())
    })
}

/// Appends the buckets of one sign. OTLP names a bucket by its lower bound, Prometheus by the upper one.
fn put_buckets(out: &mut Vec<u8>, number: u32, sparse: &Buckets, counts: &[u64], packed: &mut Vec<u8>) {
    let Some(first) = sparse.spans.first() else {
        return;
    };
    packed.clear();
    for count in counts {
        packed.put_varint(*count);
    }
    let open = out.open_message(number, packed.len() + 8);
    out.put_varint_field(1, zigzag(first.offset.saturating_sub(1)));
    if !packed.is_empty() {
        out.put_bytes_field(2, packed);
    }
    out.close_message(open);
}

/// `sint32`.
fn zigzag(value: i32) -> u64 {
    u64::from((value.cast_unsigned() << 1) ^ (value >> 31).cast_unsigned())
}
