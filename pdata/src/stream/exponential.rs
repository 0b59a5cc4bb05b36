//! Adding up exponential histograms, as the data model says: at the lesser of the two scales, or at one low enough for
//! the buckets to fit, under the greater of the two zero thresholds.
//!
//! Bucket `i` of scale `s` holds the values in (2^(i·2^-s), 2^((i+1)·2^-s)]; one scale less joins buckets `2i` and
//! `2i + 1`.

use super::Unfit;
use super::histogram::Totals;
use crate::view::{BucketsView, ExponentialHistogramDataPointView, Numbers};

/// How many exponential buckets are kept for values of one sign: the default of the SDKs.
pub const MAX_BUCKETS: usize = 160;

/// The sum of some points.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ExponentialHistogram {
    pub(super) totals: Totals,
    pub(super) scale: i32,
    pub(super) zero_count: u64,
    pub(super) zero_threshold: f64,
    pub(super) positive: Buckets,
    pub(super) negative: Buckets,
}

impl ExponentialHistogram {
    /// A point in at most [`MAX_BUCKETS`] a sign, at the scale that this takes.
    pub(super) fn of(point: &ExponentialHistogramDataPointView<'_>) -> Result<Self, Unfit> {
        Self::none_like(point).plus(point, MAX_BUCKETS)?.ok_or(Unfit::Malformed)
    }

    /// A point at its own scale.
    pub(super) fn exactly(point: &ExponentialHistogramDataPointView<'_>) -> Result<Self, Unfit> {
        Self::none_like(point).plus(point, usize::MAX)?.ok_or(Unfit::Malformed)
    }

    fn none_like(point: &ExponentialHistogramDataPointView<'_>) -> Self {
        Self {
            totals: Totals { count: 0, sum: point.sum, min: None, max: None },
            scale: point.scale,
            zero_count: 0,
            zero_threshold: point.zero_threshold,
            positive: Buckets::default(),
            negative: Buckets::default(),
        }
    }

    /// The same at a scale that is not higher.
    pub(super) fn at_scale(&self, scale: i32) -> Option<Self> {
        let down = i64::from(self.scale) - i64::from(scale);
        let none = BucketsView::default();
        Some(Self {
            scale,
            positive: self.positive.plus(down, &none, 0)?,
            negative: self.negative.plus(down, &none, 0)?,
            ..self.clone()
        })
    }

    /// Whether the point could be added: every count fits.
    pub(super) fn add(&mut self, point: &ExponentialHistogramDataPointView<'_>) -> Result<bool, Unfit> {
        let total = self.plus(point, MAX_BUCKETS)?;
        let added = total.is_some();
        if let Some(total) = total {
            *self = total;
        }
        Ok(added)
    }

    /// None if a count overflows.
    fn plus(
        &self,
        point: &ExponentialHistogramDataPointView<'_>,
        max_buckets: usize,
    ) -> Result<Option<Self>, Unfit> {
        if !(point.zero_threshold >= 0.0 && point.zero_threshold.is_finite()) {
            return Err(Unfit::Malformed);
        }
        let common = i64::from(self.scale.min(point.scale));
        let (down, point_down) = (i64::from(self.scale) - common, i64::from(point.scale) - common);
        let ranges = [
            Range::joined(self.positive.range(down), Range::of(&point.positive, point_down)),
            Range::joined(self.negative.range(down), Range::of(&point.negative, point_down)),
        ];
        let more = ranges.into_iter().flatten().map(|range| range.excess(max_buckets)).max().unwrap_or(0);
        let Ok(scale) = i32::try_from(common - more) else { return Err(Unfit::Malformed) };
        let (down, point_down) = (down + more, point_down + more);

        let delta = Totals { count: point.count, sum: point.sum, min: point.min, max: point.max };
        let total = (|| {
            let mut total = Self {
                totals: self.totals.plus(delta)?,
                scale,
                zero_count: self.zero_count.checked_add(point.zero_count)?,
                zero_threshold: self.zero_threshold.max(point.zero_threshold),
                positive: self.positive.plus(down, &point.positive, point_down)?,
                negative: self.negative.plus(down, &point.negative, point_down)?,
            };
            if self.zero_threshold != point.zero_threshold {
                total.widen_zero()?;
            }
            Some(total)
        })();
        Ok(total)
    }

    /// Moves what lies within the zero threshold to the zero count. A threshold inside of a bucket that holds values
    /// grows to that bucket's upper bound, because the bucket cannot be told apart.
    pub(super) fn widen_zero(&mut self) -> Option<()> {
        // The bounds of one sign may raise the threshold that the other has already met.
        for positive in [true, false, true] {
            let buckets = if positive { &mut self.positive } else { &mut self.negative };
            while let Some((index, count)) = buckets.first() {
                if bound(index, self.scale) >= self.zero_threshold {
                    break;
                }
                self.zero_threshold = self.zero_threshold.max(bound(index + 1, self.scale));
                self.zero_count = self.zero_count.checked_add(count)?;
                buckets.drop_first();
            }
        }
        Some(())
    }

    /// The histogram without its times.
    pub(super) fn view(&self) -> ExponentialHistogramDataPointView<'_> {
        let Totals { count, sum, min, max } = self.totals;
        ExponentialHistogramDataPointView {
            count,
            sum,
            min,
            max,
            scale: self.scale,
            zero_count: self.zero_count,
            zero_threshold: self.zero_threshold,
            positive: self.positive.view(),
            negative: self.negative.view(),
            ..ExponentialHistogramDataPointView::default()
        }
    }
}

/// The lower bound of a bucket.
#[expect(clippy::cast_precision_loss, reason = "indexes have 32 bits")]
fn bound(index: i64, scale: i32) -> f64 {
    (index as f64 * (-f64::from(scale)).exp2()).exp2()
}

/// Counts from the first bucket that is not empty to the last.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Buckets {
    offset: i32,
    counts: Vec<u64>,
}

impl Buckets {
    fn view(&self) -> BucketsView<'_> {
        BucketsView { offset: self.offset, bucket_counts: Numbers::of(&self.counts) }
    }

    fn range(&self, down: i64) -> Option<Range> {
        Range::of(&self.view(), down)
    }

    /// Both, each so many scales lower, side by side. None if a count overflows.
    fn plus(&self, down: i64, other: &BucketsView<'_>, other_down: i64) -> Option<Self> {
        let Some(range) = Range::joined(self.range(down), Range::of(other, other_down)) else {
            return Some(Self::default());
        };
        let mut total = Self { offset: i32::try_from(range.first).ok()?, counts: vec![0; range.len()] };
        for (index, count) in counted(&self.view(), down).chain(counted(other, other_down)) {
            let slot = total.counts.get_mut(usize::try_from(index - range.first).ok()?)?;
            *slot = slot.checked_add(count)?;
        }
        Some(total)
    }

    /// What these hold more than `other` of the same scale. None if that holds more in a bucket.
    pub(super) fn minus(&self, other: &Self) -> Option<Self> {
        let mut rest = self.clone();
        for (index, count) in counted(&other.view(), 0) {
            let slot = rest.counts.get_mut(usize::try_from(index - i64::from(self.offset)).ok()?)?;
            *slot = slot.checked_sub(count)?;
        }
        // Only from the first bucket that is not empty to the last.
        rest.plus(0, &BucketsView::default(), 0)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    fn first(&self) -> Option<(i64, u64)> {
        self.counts.first().map(|&count| (i64::from(self.offset), count))
    }

    /// Drops the first bucket, and the empty ones behind it.
    fn drop_first(&mut self) {
        let gone = 1 + self.counts.iter().skip(1).take_while(|&&count| count == 0).count();
        self.counts.drain(..gone.min(self.counts.len()));
        // There are at most `MAX_BUCKETS`.
        self.offset = self.offset.saturating_add(i32::try_from(gone).unwrap_or(i32::MAX));
    }
}

/// The buckets that are not empty, so many scales lower.
fn counted<'a>(buckets: &BucketsView<'a>, down: i64) -> impl Iterator<Item = (i64, u64)> + use<'a> {
    let offset = i64::from(buckets.offset);
    let counts = (offset..).zip(buckets.bucket_counts).filter(|&(_, count)| count > 0);
    counts.map(move |(index, count)| (lowered(index, down), count))
}

/// The index of a bucket so many scales lower.
fn lowered(index: i64, down: i64) -> i64 {
    index >> down.min(63)
}

/// First and last index of some buckets.
#[derive(Debug, Clone, Copy)]
struct Range {
    first: i64,
    last: i64,
}

impl Range {
    fn of(buckets: &BucketsView<'_>, down: i64) -> Option<Self> {
        counted(buckets, down).fold(None, |range: Option<Self>, (index, _)| {
            Some(Self { first: range.map_or(index, |range| range.first), last: index })
        })
    }

    fn joined(one: Option<Self>, other: Option<Self>) -> Option<Self> {
        match (one, other) {
            (Some(a), Some(b)) => Some(Self { first: a.first.min(b.first), last: a.last.max(b.last) }),
            (range, None) | (None, range) => range,
        }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "called on what fits")]
    fn len(self) -> usize {
        (self.last - self.first + 1) as usize
    }

    /// By how many scales the range must go down to hold at most `max` buckets, two or more. At most 33: by then
    /// every index is -1 or 0.
    fn excess(self, max: usize) -> i64 {
        let max = i64::try_from(max).unwrap_or(i64::MAX);
        (0..33).find(|&down| lowered(self.last, down) - lowered(self.first, down) < max).unwrap_or(33)
    }
}
