//! Adding up histograms with explicit bounds.

use super::Unfit;
use crate::view::{HistogramDataPointView, Numbers};

/// The sum of some points of equal bounds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Histogram {
    pub(super) totals: Totals,
    pub(super) bounds: Box<[f64]>,
    pub(super) counts: Box<[u64]>,
}

impl Histogram {
    pub(super) fn of(point: &HistogramDataPointView<'_>) -> Result<Self, Unfit> {
        check(point)?;
        Ok(Self {
            totals: Totals { count: point.count, sum: point.sum, min: point.min, max: point.max },
            bounds: point.explicit_bounds.iter().collect(),
            counts: point.bucket_counts.iter().collect(),
        })
    }

    /// Whether the point could be added: its bounds are the same and every count fits.
    pub(super) fn add(&mut self, point: &HistogramDataPointView<'_>) -> Result<bool, Unfit> {
        check(point)?;
        let same_bounds = self.counts.len() == point.bucket_counts.len()
            && self.bounds.iter().copied().eq(point.explicit_bounds.iter());
        let delta = Totals { count: point.count, sum: point.sum, min: point.min, max: point.max };
        let Some(totals) = self.totals.plus(delta).filter(|_| same_bounds) else { return Ok(false) };
        let counts = self.counts.iter().zip(point.bucket_counts);
        let Some(counts) = counts.map(|(sum, delta)| sum.checked_add(delta)).collect() else {
            return Ok(false);
        };
        (self.totals, self.counts) = (totals, counts);
        Ok(true)
    }

    /// The histogram without its times.
    pub(super) fn view(&self) -> HistogramDataPointView<'_> {
        let Totals { count, sum, min, max } = self.totals;
        HistogramDataPointView {
            count,
            sum,
            min,
            max,
            explicit_bounds: Numbers::of(&self.bounds),
            bucket_counts: Numbers::of(&self.counts),
            ..HistogramDataPointView::default()
        }
    }
}

/// There are no buckets, or one more than there are bounds.
fn check(point: &HistogramDataPointView<'_>) -> Result<(), Unfit> {
    let (bounds, counts) = (point.explicit_bounds.len(), point.bucket_counts.len());
    if counts == bounds + 1 || (counts == 0 && bounds == 0) { Ok(()) } else { Err(Unfit::Malformed) }
}

/// What a histogram says of all its values together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Totals {
    pub(super) count: u64,
    pub(super) sum: Option<f64>,
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
}

impl Totals {
    /// None if the count overflows. A sum, least or greatest value that one side does not know is unknown from then
    /// on, unless that side has no values at all.
    pub(super) fn plus(self, other: Self) -> Option<Self> {
        if other.count == 0 {
            return Some(self);
        }
        if self.count == 0 {
            return Some(other);
        }
        Some(Self {
            count: self.count.checked_add(other.count)?,
            sum: self.sum.zip(other.sum).map(|(a, b)| a + b),
            min: self.min.zip(other.min).map(|(a, b)| a.min(b)),
            max: self.max.zip(other.max).map(|(a, b)| a.max(b)),
        })
    }
}
