//! The points of each kind of metric.

use std::fmt::Write;

use sluice_pdata::view::{
    Attributes, DataPointView, Exemplars, ExponentialHistogramDataPointView, HistogramDataPointView,
    MetricDataView, MetricView, NumberDataPointView, NumberView, SummaryDataPointView,
};

use super::{
    Metric, Reason, Translator,
    labels::{Label, Name},
    native,
    set::{Buckets, Histogram, Slice, Times},
    symbols::{Symbol, Symbols},
};
use crate::prometheus::model::{CUSTOM_BUCKETS_SCHEMA, is_stale, normal_nan, stale_nan};

/// What is kept from point to point.
#[derive(Debug)]
pub(super) struct Scratch {
    pub(super) span_id: Symbol,
    pub(super) trace_id: Symbol,
    pub(super) hex: Vec<u8>,
    pub(super) exemplar: Vec<(Symbol, Symbol)>,
    pub(super) filtered: Vec<Label>,
    le: Name,
    quantile: Name,
    infinity: Symbol,
    /// The text of bounds and quantiles, by their place in the point: mostly they are those of the point before.
    numbers: Vec<(u64, Symbol)>,
    /// The bounds of a point and the series of their buckets.
    buckets: Vec<(f64, u32)>,
    text: String,
    /// A family's name with suffixes.
    suffixed: Suffixed,
}

#[derive(Debug, Clone, Copy, Default)]
struct Suffixed {
    family: Symbol,
    sum: Symbol,
    count: Symbol,
    bucket: Symbol,
}

impl Scratch {
    pub(super) fn new(symbols: &mut Symbols) -> Self {
        Self {
            span_id: symbols.intern(b"span_id"),
            trace_id: symbols.intern(b"trace_id"),
            hex: Vec::new(),
            exemplar: Vec::new(),
            filtered: Vec::new(),
            le: Name::new(b"le", symbols),
            quantile: Name::new(b"quantile", symbols),
            infinity: symbols.intern(b"+Inf"),
            numbers: Vec::new(),
            buckets: Vec::new(),
            text: String::new(),
            suffixed: Suffixed::default(),
        }
    }

    /// The number at a place as the value of a label: the shortest decimal, without exponent.
    fn number(&mut self, place: usize, number: f64, symbols: &mut Symbols) -> Symbol {
        if number == f64::INFINITY {
            return self.infinity;
        }
        let bits = number.to_bits();
        match self.numbers.get(place) {
            Some(&(known, symbol)) if known == bits => return symbol,
            _ => {}
        }
        self.text.clear();
        // Writing to a string cannot fail.
        write!(self.text, "{number}").unwrap_or_default();
        let text = match number {
            f64::NEG_INFINITY => "-Inf",
            _ => self.text.as_str(),
        };
        let symbol = symbols.intern(text.as_bytes());
        if place == self.numbers.len() {
            self.numbers.push((bits, symbol));
        } else if let Some(slot) = self.numbers.get_mut(place) {
            *slot = (bits, symbol);
        }
        symbol
    }

    fn suffixed(&mut self, family: Symbol, symbols: &mut Symbols) -> Suffixed {
        if self.suffixed.family != family {
            let mut with = |suffix: &str| {
                self.text.clear();
                self.text.push_str(symbols.text(family));
                self.text.push_str(suffix);
                symbols.intern(self.text.as_bytes())
            };
            let (sum, count, bucket) = (with("_sum"), with("_count"), with("_bucket"));
            self.suffixed = Suffixed { family, sum, count, bucket };
        }
        self.suffixed
    }
}

impl<'a> Translator<'a, '_> {
    /// Converts points that Prometheus can take as they are.
    pub(super) fn cumulative(&mut self, metric: Metric, view: &MetricView<'a>) {
        let none = Exemplars::default();
        match &view.data {
            MetricDataView::Empty => {}
            MetricDataView::Gauge(points) => {
                for point in *points {
                    let converted = self.number(metric, point.attributes, none, &point);
                    self.settle(metric, converted);
                }
            }
            MetricDataView::Sum(sum) => {
                for point in sum.data_points {
                    let converted = self.number(metric, point.attributes, point.exemplars, &point);
                    self.settle(metric, converted);
                }
            }
            MetricDataView::Histogram(histogram) => {
                for point in histogram.data_points {
                    let converted = self.histogram(metric, point.attributes, point.exemplars, &point);
                    self.settle(metric, converted);
                }
            }
            MetricDataView::ExponentialHistogram(histogram) => {
                for point in histogram.data_points {
                    let converted = self.exponential(metric, point.attributes, point.exemplars, &point);
                    self.settle(metric, converted);
                }
            }
            MetricDataView::Summary(points) => {
                for point in *points {
                    let converted = self.summary(metric, &point);
                    self.settle(metric, converted);
                }
            }
        }
    }

    fn settle(&mut self, metric: Metric, converted: Result<(), Reason>) {
        if let Err(reason) = converted {
            self.set.lost.add(metric.name, reason, 1);
        }
    }

    /// Converts a sum of deltas, under the attributes and with the exemplars of the last one.
    pub(super) fn point(
        &mut self,
        metric: Metric,
        attributes: Attributes<'a>,
        exemplars: Exemplars<'a>,
        point: &DataPointView<'_>,
    ) -> Result<(), Reason> {
        match point {
            DataPointView::Number(point) => self.number(metric, attributes, exemplars, point),
            DataPointView::Histogram(point) => self.histogram(metric, attributes, exemplars, point),
            DataPointView::ExponentialHistogram(point) => {
                self.exponential(metric, attributes, exemplars, point)
            }
            DataPointView::Summary(_) => Err(Reason::DeltaTemporality),
        }
    }

    fn number(
        &mut self,
        metric: Metric,
        attributes: Attributes<'a>,
        exemplars: Exemplars<'a>,
        point: &NumberDataPointView<'_>,
    ) -> Result<(), Reason> {
        let value = match (point.flags & 1, point.value) {
            (1, _) => stale_nan(),
            (_, Some(value)) => number(value),
            (_, None) => return Err(Reason::NoValue),
        };
        self.fill(attributes)?;
        let stream = self.labels.stream(metric.family_name, &self.set.symbols);
        let series = self.series(metric.family_name, None, metric.family, stream);
        self.set.sample(series, value, Times::new(point.time_unix_nano, point.start_time_unix_nano), 1)?;
        self.resource.saw(point.time_unix_nano);
        for exemplar in exemplars {
            self.exemplar(series, &exemplar);
        }
        Ok(())
    }

    fn summary(&mut self, metric: Metric, point: &SummaryDataPointView<'a>) -> Result<(), Reason> {
        let times = Times::new(point.time_unix_nano, point.start_time_unix_nano);
        let stale = point.flags & 1 == 1;
        let value = |value| if stale { stale_nan() } else { normal(value) };
        self.fill_for(point.quantile_values.len().saturating_add(2), point.attributes)?;
        let stream = self.labels.stream(metric.family_name, &self.set.symbols);
        let names = self.points.suffixed(metric.family_name, &mut self.set.symbols);
        let series = self.series(names.count, None, metric.family, stream);
        self.set.sample(series, value(of_count(point.count)), times, 1)?;
        let series = self.series(names.sum, None, metric.family, stream);
        self.set.sample(series, value(point.sum), times, 0)?;
        for (place, at) in point.quantile_values.iter().enumerate() {
            let quantile = self.points.number(place, at.quantile, &mut self.set.symbols);
            let label = Label { name: self.points.quantile, value: quantile };
            let series = self.series(metric.family_name, Some(label), metric.family, stream);
            self.set.sample(series, value(at.value), times, 0)?;
        }
        self.resource.saw(point.time_unix_nano);
        Ok(())
    }

    fn histogram(
        &mut self,
        metric: Metric,
        attributes: Attributes<'a>,
        exemplars: Exemplars<'a>,
        point: &HistogramDataPointView<'_>,
    ) -> Result<(), Reason> {
        let (bounds, counts) = (point.explicit_bounds, point.bucket_counts);
        if !counts.is_empty() && counts.len() != bounds.len() + 1 {
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
        let names = self.points.suffixed(metric.family_name, &mut self.set.symbols);
        let series = self.series(names.count, None, metric.family, stream);
        self.set.sample(series, value(of_count(point.count)), times, 1)?;
        if point.sum.is_some() || stale {
            let series = self.series(names.sum, None, metric.family, stream);
            self.set.sample(series, value(point.sum.unwrap_or_default()), times, 0)?;
        }
        self.points.buckets.clear();
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
        if self.points.buckets.last().is_none_or(|&(last, _)| last < f64::INFINITY) {
            let series = self.bucket(metric, names.bucket, usize::MAX, f64::INFINITY, stream);
            self.set.sample(series, value(of_count(point.count)), times, 0)?;
        }
        self.resource.saw(point.time_unix_nano);
        for exemplar in exemplars {
            let Some(value) = super::exemplars::value(&exemplar) else { continue };
            let buckets = &self.points.buckets;
            let at = buckets.get(buckets.partition_point(|&(bound, _)| bound < value)).or(buckets.last());
            if let Some(&(_, series)) = at {
                self.exemplar(series, &exemplar);
            }
        }
        Ok(())
    }

    /// The series of a bucket, which is noted for the exemplars.
    fn bucket(&mut self, metric: Metric, name: Symbol, place: usize, bound: f64, stream: u64) -> u32 {
        let value = self.points.number(place, bound, &mut self.set.symbols);
        let label = Label { name: self.points.le, value };
        let series = self.series(name, Some(label), metric.family, stream);
        self.points.buckets.push((bound, series));
        series
    }

    /// A histogram with explicit bounds as a native one with custom buckets.
    fn custom(
        &mut self,
        metric: Metric,
        attributes: Attributes<'a>,
        exemplars: Exemplars<'a>,
        point: &HistogramDataPointView<'_>,
    ) -> Result<(), Reason> {
        self.fill(attributes)?;
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
                let counts = sluice_pdata::view::Numbers::of(&all);
                histogram.positive = self.buckets(|spans, deltas| native::custom(counts, spans, deltas))?.0;
            } else {
                // A last bound of infinity says nothing, but its bucket counts.
                let bounds = point.explicit_bounds.iter();
                self.set.bounds.extend(bounds.take_while(|bound| *bound < f64::INFINITY));
                let ascending = self.set.bounds.get(start..).unwrap_or_default();
                let fits = ascending.len() == point.explicit_bounds.len();
                if !fits || !ascending.is_sorted_by(|a, b| a < b) {
                    return Err(Reason::BucketMismatch);
                }
                let counts = point.bucket_counts;
                let (buckets, sum) = self.buckets(|spans, deltas| native::custom(counts, spans, deltas))?;
                if sum != point.count {
                    return Err(Reason::CountMismatch);
                }
                histogram.positive = buckets;
            }
        }
        histogram.bounds = Slice::since(start, &self.set.bounds);
        self.put_histogram(metric, exemplars, histogram, stream, point.time_unix_nano)
    }

    fn exponential(
        &mut self,
        metric: Metric,
        attributes: Attributes<'a>,
        exemplars: Exemplars<'a>,
        point: &ExponentialHistogramDataPointView<'_>,
    ) -> Result<(), Reason> {
        self.fill(attributes)?;
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
            if all != Some(point.count) {
                return Err(Reason::CountMismatch);
            }
            (histogram.positive, histogram.negative) = (positive, negative);
        }
        self.put_histogram(metric, exemplars, histogram, stream, point.time_unix_nano)
    }

    /// Lets `put` append buckets of one sign. Gives where they are and their sum.
    fn buckets(
        &mut self,
        put: impl FnOnce(&mut Vec<crate::prometheus::model::Span>, &mut Vec<i64>) -> Option<u64>,
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

    /// Makes the labels of a point that is one series.
    pub(super) fn fill(&mut self, attributes: Attributes<'a>) -> Result<(), Reason> {
        let (namer, symbols) = (&self.options.namer, &mut self.set.symbols);
        self.labels.fill(attributes, &self.base, &self.external, namer, symbols)
    }

    /// Makes the labels of a point that is several series, if there is room for all of them.
    fn fill_for(&mut self, series: usize, attributes: Attributes<'a>) -> Result<(), Reason> {
        self.fill(attributes)?;
        let takes = self.labels.size(&self.set.symbols).saturating_mul(series);
        if takes > super::MOST_OF_A_POINT {
            return Err(Reason::TooLarge);
        }
        self.room = self.room.checked_sub(takes).ok_or(Reason::TooLarge)?;
        Ok(())
    }

    /// The series of the point whose labels were made last.
    pub(super) fn series(&mut self, name: Symbol, extra: Option<Label>, family: u32, stream: u64) -> u32 {
        let start = self.set.labels.len();
        self.labels.put(name, extra, &mut self.set.labels, &self.set.symbols);
        self.set.series_of(start, family, stream)
    }
}

/// The number as a double.
#[expect(clippy::cast_precision_loss, reason = "Prometheus has doubles only")]
pub(super) fn number(value: NumberView) -> f64 {
    match value {
        NumberView::Double(value) => normal(value),
        NumberView::Int(value) => value as f64,
    }
}

/// Prometheus has one NaN, and the one that marks the end of a series.
fn normal(value: f64) -> f64 {
    if value.is_nan() && !is_stale(value) { normal_nan() } else { value }
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus has doubles only")]
fn of_count(count: u64) -> f64 {
    count as f64
}
