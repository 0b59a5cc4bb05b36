//! Histograms with explicit bounds: a series for each bucket, one for the count, one for the sum.

use sluice_pdata::view::{Attributes, Exemplars, HistogramDataPointView, Numbers};

use super::points::{normal, of_count};
use super::{Metric, Reason, Translator, exemplars, labels::Label, set::Times, symbols::Symbol};
use crate::prometheus::model::stale_nan;

/// Whether explicit bounds ascend, as they must. The last one may be infinity.
#[must_use]
pub fn ascend(bounds: Numbers<'_, f64>) -> bool {
    let mut last = f64::NEG_INFINITY;
    bounds.iter().all(|bound| std::mem::replace(&mut last, bound) < bound)
}

impl<'a> Translator<'a, '_> {
    pub(super) fn histogram(
        &mut self,
        metric: Metric,
        attributes: Attributes<'a>,
        exemplars: Exemplars<'a>,
        point: &HistogramDataPointView<'_>,
    ) -> Result<(), Reason> {
        let (bounds, counts) = (point.explicit_bounds, point.bucket_counts);
        if !counts.is_empty() && counts.len() != bounds.len() + 1 || !ascend(bounds) {
            return Err(Reason::BucketMismatch);
        }
        if self.options.custom_buckets {
            return self.custom(metric, attributes, exemplars, point);
        }
        self.fill_for(bounds.len().saturating_add(3), attributes)?;
        let stream = self.labels.stream(metric.family_name, &self.set.symbols);
        let times = Times::new(point.time_unix_nano, point.start_time_unix_nano);
        let stale = point.flags & 1 == 1;
        let value = |value| if stale { stale_nan() } else { normal(value) };
        let names = self.scratch.suffixed(metric.family_name, &mut self.set.symbols);
        let series = self.series(names.count, None, metric.family, stream);
        self.set.sample(series, value(of_count(point.count)), times, 1)?;
        if point.sum.is_some() || stale {
            let series = self.series(names.sum, None, metric.family, stream);
            self.set.sample(series, value(point.sum.unwrap_or_default()), times, 0)?;
        }
        self.scratch.buckets.clear();
        let mut below = 0_u64;
        // A stale marker may come without counts, but none of its series is to go on. The last count, up to infinity, is
        // said by the count of all.
        let unsaid = if stale { bounds.len() } else { 0 };
        let counts = counts.iter().chain(std::iter::repeat_n(0, unsaid));
        for (place, (bound, count)) in bounds.iter().zip(counts).enumerate() {
            below = below.saturating_add(count);
            let series = self.bucket(metric, names.bucket, place, bound, stream);
            self.set.sample(series, value(of_count(below)), times, 0)?;
        }
        if self.scratch.buckets.last().is_none_or(|&(last, _)| last < f64::INFINITY) {
            let series = self.bucket(metric, names.bucket, usize::MAX, f64::INFINITY, stream);
            self.set.sample(series, value(of_count(point.count)), times, 0)?;
        }
        self.resource.saw(point.time_unix_nano);
        for exemplar in exemplars {
            let Some(value) = exemplars::value(&exemplar) else { continue };
            let buckets = &self.scratch.buckets;
            let at = buckets.get(buckets.partition_point(|&(bound, _)| bound < value)).or(buckets.last());
            if let Some(&(_, series)) = at {
                self.exemplar(series, &exemplar);
            }
        }
        Ok(())
    }

    /// The series of a bucket, which is noted for the exemplars.
    fn bucket(&mut self, metric: Metric, name: Symbol, place: usize, bound: f64, stream: u64) -> u32 {
        let value = self.scratch.number(place, bound, &mut self.set.symbols);
        let label = Label { name: self.scratch.le, value };
        let series = self.series(name, Some(label), metric.family, stream);
        self.scratch.buckets.push((bound, series));
        series
    }
}
