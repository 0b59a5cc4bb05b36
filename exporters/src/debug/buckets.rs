//! The bounds of exponential buckets, least value first.

use sluice_pdata::view::{BucketsView, ExponentialHistogramDataPointView};

pub(super) struct Buckets {
    /// From the most negative upwards.
    pub(super) negative: Vec<Bucket>,
    pub(super) positive: Vec<Bucket>,
}

pub(super) struct Bucket {
    pub(super) lower: f64,
    pub(super) upper: f64,
    pub(super) count: u64,
}

pub(super) fn of(point: &ExponentialHistogramDataPointView<'_>) -> Buckets {
    let mut negative: Vec<_> = bounded(point.scale, point.negative)
        .map(|bucket| Bucket { lower: -bucket.upper, upper: -bucket.lower, count: bucket.count })
        .collect();
    negative.reverse();
    Buckets { negative, positive: bounded(point.scale, point.positive).collect() }
}

/// Bucket `i` holds values in (base^i, base^(i+1)], where base = 2^(2^-scale).
fn bounded(scale: i32, buckets: BucketsView<'_>) -> impl Iterator<Item = Bucket> {
    let factor = std::f64::consts::LN_2 * 2_f64.powi(scale.saturating_neg());
    let mut index = f64::from(buckets.offset);
    buckets.bucket_counts.into_iter().map(move |count| {
        let lower = (index * factor).exp();
        index += 1.0;
        Bucket { lower, upper: (index * factor).exp(), count }
    })
}
