//! Native histograms: one series for the whole of it.

use sluice_pdata::view::{
    Attributes, Exemplars, ExponentialHistogramDataPointView, HistogramDataPointView, Numbers,
};

use super::points::normal;
use super::{
    Metric, Reason, Translator, native,
    set::{Buckets, Histogram, Slice, Times},
};
use crate::prometheus::model::{CUSTOM_BUCKETS_SCHEMA, Span, stale_nan};

impl<'a> Translator<'a, '_> {
    /// A histogram with explicit bounds as a native one with custom buckets.
    pub(super) fn custom(
        &mut self,
        metric: Metric,
        attributes: Attributes<'a>,
        exemplars: Exemplars<'a>,
        point: &HistogramDataPointView<'_>,
    ) -> Result<(), Reason> {
        self.fill_for(1, attributes)?;
        let stream = self.labels.stream(metric.family_name, &self.set.symbols);
        let mut histogram = Histogram::new(Times::new(point.time_unix_nano, point.start_time_unix_nano));
        histogram.schema = CUSTOM_BUCKETS_SCHEMA;
        let start = self.set.bounds.len();
        if point.flags & 1 == 1 {
            histogram.sum = stale_nan();
        } else {
            histogram.sum = normal(point.sum.unwrap_or_default());
            histogram.count = point.count;
            // Without buckets, all there is is the one up to infinity.
            if point.bucket_counts.is_empty() {
                let all = [point.count];
                let counts = Numbers::of(&all);
                histogram.positive = self.buckets(|spans, deltas| native::custom(counts, spans, deltas))?.0;
            } else {
                if point.explicit_bounds.iter().any(f64::is_infinite) {
                    return Err(Reason::BucketMismatch);
                }
                self.set.bounds.extend(point.explicit_bounds.iter());
                let counts = point.bucket_counts;
                let (buckets, sum) = self.buckets(|spans, deltas| native::custom(counts, spans, deltas))?;
                if !native::is_whole(point.count, histogram.sum, Some(sum)) {
                    return Err(Reason::CountMismatch);
                }
                histogram.positive = buckets;
            }
        }
        histogram.bounds = Slice::since(start, &self.set.bounds);
        self.put_histogram(metric, exemplars, histogram, stream, point.time_unix_nano)
    }

    pub(super) fn exponential(
        &mut self,
        metric: Metric,
        attributes: Attributes<'a>,
        exemplars: Exemplars<'a>,
        point: &ExponentialHistogramDataPointView<'_>,
    ) -> Result<(), Reason> {
        self.fill_for(1, attributes)?;
        let stream = self.labels.stream(metric.family_name, &self.set.symbols);
        let mut histogram = Histogram::new(Times::new(point.time_unix_nano, point.start_time_unix_nano));
        histogram.zero_threshold = match point.zero_threshold {
            threshold if threshold > 0.0 => threshold,
            _ => native::ZERO_THRESHOLD,
        };
        if point.flags & 1 == 1 {
            histogram.schema = native::schema(point.scale).map_or(0, |(schema, _)| schema);
            histogram.sum = stale_nan();
        } else {
            let (schema, merge) = native::schema(point.scale).ok_or(Reason::ScaleTooCoarse)?;
            histogram.schema = schema;
            histogram.sum = normal(point.sum.unwrap_or_default());
            histogram.count = point.count;
            histogram.zero_count = point.zero_count;
            let (positive, above) =
                self.buckets(|spans, deltas| native::exponential(&point.positive, merge, spans, deltas))?;
            let (negative, below) =
                self.buckets(|spans, deltas| native::exponential(&point.negative, merge, spans, deltas))?;
            let all = above.checked_add(below).and_then(|sum| sum.checked_add(point.zero_count));
            if !native::is_whole(point.count, histogram.sum, all) {
                return Err(Reason::CountMismatch);
            }
            (histogram.positive, histogram.negative) = (positive, negative);
        }
        self.put_histogram(metric, exemplars, histogram, stream, point.time_unix_nano)
    }

    /// Lets `put` append buckets of one sign. Gives where they are and their sum.
    fn buckets(
        &mut self,
        put: impl FnOnce(&mut Vec<Span>, &mut Vec<i64>) -> Option<u64>,
    ) -> Result<(Buckets, u64), Reason> {
        let (spans, deltas) = (self.set.spans.len(), self.set.deltas.len());
        let sum = put(&mut self.set.spans, &mut self.set.deltas).ok_or(Reason::OutOfRange)?;
        let spans = Slice::since(spans, &self.set.spans);
        let deltas = Slice::since(deltas, &self.set.deltas);
        Ok((Buckets { spans, deltas }, sum))
    }

    fn put_histogram(
        &mut self,
        metric: Metric,
        exemplars: Exemplars<'a>,
        histogram: Histogram,
        stream: u64,
        time_unix_nano: u64,
    ) -> Result<(), Reason> {
        let series = self.series(metric.family_name, None, metric.family, stream);
        self.set.histogram(series, histogram)?;
        self.resource.saw(time_unix_nano);
        for exemplar in exemplars {
            self.exemplar(series, &exemplar);
        }
        Ok(())
    }
}
