//! Dense buckets of OTLP as the sparse buckets of native histograms.

use sluice_pdata::view::{BucketsView, Numbers};

use crate::prometheus::model::Span;

/// The finest resolution that Prometheus has.
pub const FINEST_SCHEMA: i32 = 8;
/// The coarsest one.
pub const COARSEST_SCHEMA: i32 = -4;
/// The width of the zero bucket where the point has none.
pub const ZERO_THRESHOLD: f64 = 1e-128;

/// Empty buckets in a row that are written out; more end a span.
const FILLED_GAP: i64 = 2;

/// The schema for a scale, and by how many powers of two buckets have to be merged for it; `None` if it is too coarse
/// for Prometheus.
#[must_use]
pub fn schema(scale: i32) -> Option<(i32, u32)> {
    let merge = u32::try_from(i64::from(scale) - i64::from(FINEST_SCHEMA)).unwrap_or(0);
    (scale >= COARSEST_SCHEMA).then_some((scale.min(FINEST_SCHEMA), merge))
}

/// Whether the buckets, the zero bucket among them, hold all observations. One that is not a number is in none of them,
/// and makes the sum none either.
#[must_use]
pub fn is_whole(count: u64, sum: f64, in_buckets: Option<u64>) -> bool {
    in_buckets.is_some_and(|buckets| buckets == count || sum.is_nan() && buckets < count)
}

/// Appends the exponential buckets of one sign; `merge` is how many times neighbours are added up.
///
/// OTLP calls a bucket by its lower bound, Prometheus by its upper one. Gives the sum of the counts, or `None` if a
/// count or an index has no form in Prometheus.
#[must_use]
pub fn exponential(
    buckets: &BucketsView<'_>,
    merge: u32,
    spans: &mut Vec<Span>,
    deltas: &mut Vec<i64>,
) -> Option<u64> {
    let mut layout = Layout::new(spans, deltas);
    let mut merged = (i64::MIN, 0_u64);
    for (index, count) in (i64::from(buckets.offset)..).zip(buckets.bucket_counts) {
        let index = (index >> merge.min(63)) + 1;
        if index == merged.0 {
            merged.1 = merged.1.checked_add(count)?;
        } else {
            layout.put(merged.0, merged.1)?;
            merged = (index, count);
        }
    }
    layout.put(merged.0, merged.1)?;
    Some(layout.sum)
}

/// Appends buckets with explicit bounds, which are called by the index of their bound, the last one by that of
/// infinity. Gives the sum of the counts, or `None` as [`exponential`] does.
#[must_use]
pub fn custom(counts: Numbers<'_, u64>, spans: &mut Vec<Span>, deltas: &mut Vec<i64>) -> Option<u64> {
    let mut layout = Layout::new(spans, deltas);
    for (index, count) in (0..).zip(counts) {
        layout.put(index, count)?;
    }
    Some(layout.sum)
}

/// Spans and deltas in the making.
struct Layout<'l> {
    spans: &'l mut Vec<Span>,
    deltas: &'l mut Vec<i64>,
    /// The bucket after the last one; `None` before the first.
    next: Option<i64>,
    last: i64,
    sum: u64,
}

impl<'l> Layout<'l> {
    fn new(spans: &'l mut Vec<Span>, deltas: &'l mut Vec<i64>) -> Self {
        Self { spans, deltas, next: None, last: 0, sum: 0 }
    }

    /// Appends a bucket that lies behind all others.
    fn put(&mut self, index: i64, count: u64) -> Option<()> {
        if count == 0 {
            return Some(());
        }
        self.sum = self.sum.checked_add(count)?;
        let count = i64::try_from(count).ok()?;
        let gap = self.next.map(|next| index - next);
        match (gap, self.spans.last_mut()) {
            (Some(gap @ 0..=FILLED_GAP), Some(span)) => {
                for _ in 0..gap {
                    self.deltas.push(-self.last);
                    self.last = 0;
                }
                span.length = span.length.checked_add(u32::try_from(gap + 1).ok()?)?;
            }
            _ => {
                let offset = i32::try_from(gap.unwrap_or(index)).ok()?;
                self.spans.push(Span { offset, length: 1 });
            }
        }
        self.deltas.push(count - self.last);
        self.last = count;
        self.next = Some(index + 1);
        Some(())
    }
}

#[cfg(test)]
mod tests;
