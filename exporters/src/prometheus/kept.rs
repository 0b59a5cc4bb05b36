//! What is kept of a point: its values, as small as they can be.

use std::sync::Arc;

use sluice_formats::prometheus::{
    expose::Data,
    from_otlp::{Reason, ascend, native},
    model::{Buckets, Count, Exemplar, NativeHistogram, ResetHint},
};
use sluice_pdata::view::{
    BucketsView, DataPointView, ExponentialHistogramDataPointView, HistogramDataPointView, NumberView,
};

/// The values of a series.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kept {
    Number(f64),
    Histogram(Box<Histogram>),
    Native(Box<NativeHistogram>),
    Summary(Box<Summary>),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Histogram {
    count: u64,
    sum: Option<f64>,
    /// Shared by the series of a family.
    bounds: Arc<[f64]>,
    counts: Box<[u64]>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Summary {
    count: u64,
    sum: f64,
    quantiles: Box<[(f64, f64)]>,
}

/// The bounds that the histograms of a family have had lately.
#[derive(Debug, Default)]
pub(super) struct Bounds(Vec<Arc<[f64]>>);

impl Bounds {
    /// Few histograms of one name differ in their bounds; those that do keep their own.
    const MOST: usize = 4;

    fn share(&mut self, point: &HistogramDataPointView<'_>) -> Arc<[f64]> {
        let same = |known: &&Arc<[f64]>| known.iter().copied().eq(point.explicit_bounds.iter());
        if let Some(known) = self.0.iter().find(same) {
            return known.clone();
        }
        let bounds: Arc<[f64]> = point.explicit_bounds.iter().collect();
        if self.0.len() >= Self::MOST {
            self.0.remove(0);
        }
        self.0.push(bounds.clone());
        bounds
    }
}

impl Kept {
    /// What a cumulative point says.
    pub(super) fn of(point: &DataPointView<'_>, bounds: &mut Bounds) -> Result<Self, Reason> {
        Ok(match point {
            DataPointView::Number(point) => Self::Number(number(point.value.ok_or(Reason::NoValue)?)),
            DataPointView::Histogram(point) => Self::Histogram(Box::new(Histogram::of(point, bounds)?)),
            DataPointView::ExponentialHistogram(point) => Self::Native(Box::new(native_of(point)?)),
            DataPointView::Summary(point) => {
                let quantiles = point.quantile_values.iter().map(|at| (at.quantile, at.value)).collect();
                Self::Summary(Box::new(Summary { count: point.count, sum: point.sum, quantiles }))
            }
        })
    }

    /// The same as `*self = Self::of(point)`, in the memory that is there.
    pub(super) fn set(&mut self, point: &DataPointView<'_>, bounds: &mut Bounds) -> Result<(), Reason> {
        if let (Self::Histogram(histogram), DataPointView::Histogram(point)) = (&mut *self, point) {
            return histogram.set(point, bounds);
        }
        *self = Self::of(point, bounds)?;
        Ok(())
    }

    /// Bytes on the heap.
    pub(super) fn heap(&self) -> usize {
        match self {
            Self::Number(_) => 0,
            Self::Histogram(histogram) => size_of::<Histogram>() + size_of_val(&*histogram.counts),
            Self::Native(native) => {
                let buckets = |buckets: &Buckets| {
                    size_of_val(&*buckets.spans)
                        + size_of_val(&*buckets.deltas)
                        + size_of_val(&*buckets.counts)
                };
                size_of::<NativeHistogram>() + buckets(&native.positive) + buckets(&native.negative)
            }
            Self::Summary(summary) => size_of::<Summary>() + size_of_val(&*summary.quantiles),
        }
    }

    pub(super) fn data<'k>(&'k self, exemplars: &'k [Exemplar]) -> Data<'k> {
        match self {
            Self::Number(value) => Data::Number { value: *value, exemplar: exemplars.last() },
            Self::Histogram(histogram) => Data::Histogram {
                count: histogram.count,
                sum: histogram.sum,
                bounds: &histogram.bounds,
                counts: &histogram.counts,
                exemplars,
            },
            Self::Native(histogram) => Data::Native { histogram, exemplars },
            Self::Summary(summary) => {
                Data::Summary { count: summary.count, sum: summary.sum, quantiles: &summary.quantiles }
            }
        }
    }
}

impl Histogram {
    fn of(point: &HistogramDataPointView<'_>, bounds: &mut Bounds) -> Result<Self, Reason> {
        check(point)?;
        Ok(Self {
            count: point.count,
            sum: point.sum,
            bounds: bounds.share(point),
            counts: point.bucket_counts.iter().collect(),
        })
    }

    fn set(&mut self, point: &HistogramDataPointView<'_>, bounds: &mut Bounds) -> Result<(), Reason> {
        let same = self.counts.len() == point.bucket_counts.len()
            && self.bounds.iter().copied().eq(point.explicit_bounds.iter());
        if !same {
            *self = Self::of(point, bounds)?;
            return Ok(());
        }
        (self.count, self.sum) = (point.count, point.sum);
        for (kept, count) in self.counts.iter_mut().zip(point.bucket_counts) {
            *kept = count;
        }
        Ok(())
    }
}

/// There are no buckets, or one more than there are bounds, which ascend and are finite.
fn check(point: &HistogramDataPointView<'_>) -> Result<(), Reason> {
    let (bounds, counts) = (point.explicit_bounds.len(), point.bucket_counts.len());
    let fits = counts == bounds + 1 || counts == 0 && bounds == 0;
    if fits && ascend(point.explicit_bounds) && point.explicit_bounds.iter().all(f64::is_finite) {
        Ok(())
    } else {
        Err(Reason::BucketMismatch)
    }
}

fn native_of(point: &ExponentialHistogramDataPointView<'_>) -> Result<NativeHistogram, Reason> {
    let (schema, merge) = native::schema(point.scale).ok_or(Reason::ScaleTooCoarse)?;
    let buckets = |buckets: &BucketsView<'_>| {
        let mut sparse = Buckets::default();
        let sum = native::exponential(buckets, merge, &mut sparse.spans, &mut sparse.deltas);
        sum.map(|sum| (sparse, sum)).ok_or(Reason::OutOfRange)
    };
    let (positive, above) = buckets(&point.positive)?;
    let (negative, below) = buckets(&point.negative)?;
    let in_buckets = above.checked_add(below).and_then(|sum| sum.checked_add(point.zero_count));
    let sum = point.sum.unwrap_or_default();
    if !native::is_whole(point.count, sum, in_buckets) {
        return Err(Reason::CountMismatch);
    }
    Ok(NativeHistogram {
        schema,
        count: Count::Int(point.count),
        sum,
        zero_threshold: if point.zero_threshold > 0.0 {
            point.zero_threshold
        } else {
            native::ZERO_THRESHOLD
        },
        zero_count: Count::Int(point.zero_count),
        positive,
        negative,
        custom_values: Vec::new(),
        reset_hint: ResetHint::Unknown,
    })
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus has doubles alone")]
fn number(value: NumberView) -> f64 {
    match value {
        NumberView::Double(value) => value,
        NumberView::Int(value) => value as f64,
    }
}
