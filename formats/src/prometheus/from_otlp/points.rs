//! Points: the way of each kind, and numbers and summaries.

use sluice_pdata::view::{
    Attributes, DataPointView, Exemplars, MetricDataView, MetricView, NumberDataPointView, NumberView,
    SummaryDataPointView,
};

use super::{Metric, Reason, Translator, labels::Label, set::Times, symbols::Symbol};
use crate::prometheus::model::{is_stale, normal_nan, stale_nan};

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
        self.fill_for(1, attributes)?;
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
        let names = self.scratch.suffixed(metric.family_name, &mut self.set.symbols);
        let series = self.series(names.count, None, metric.family, stream);
        self.set.sample(series, value(of_count(point.count)), times, 1)?;
        let series = self.series(names.sum, None, metric.family, stream);
        self.set.sample(series, value(point.sum), times, 0)?;
        for (place, at) in point.quantile_values.iter().enumerate() {
            let quantile = self.scratch.number(place, at.quantile, &mut self.set.symbols);
            let label = Label { name: self.scratch.quantile, value: quantile };
            let series = self.series(metric.family_name, Some(label), metric.family, stream);
            self.set.sample(series, value(at.value), times, 0)?;
        }
        self.resource.saw(point.time_unix_nano);
        Ok(())
    }

    /// Makes labels.
    pub(super) fn fill(&mut self, attributes: Attributes<'a>) -> Result<(), Reason> {
        let (namer, symbols) = (&self.options.namer, &mut self.set.symbols);
        self.labels.fill(attributes, &self.base, &self.external, namer, symbols)
    }

    /// Makes the labels of a point that becomes so many series, if there is room for all of them.
    pub(super) fn fill_for(&mut self, series: usize, attributes: Attributes<'a>) -> Result<(), Reason> {
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
pub(super) fn normal(value: f64) -> f64 {
    if value.is_nan() && !is_stale(value) { normal_nan() } else { value }
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus has doubles only")]
pub(super) fn of_count(count: u64) -> f64 {
    count as f64
}
