//! Data points of any kind.

use super::{
    Attributes, Exemplars, ExponentialHistogramDataPointView, HistogramDataPointView, List, MetricDataView,
    NumberDataPointView, SummaryDataPointView,
};

/// A data point of any kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DataPointView<'a> {
    /// Of a gauge or sum.
    Number(NumberDataPointView<'a>),
    /// Of a histogram with explicit bounds.
    Histogram(HistogramDataPointView<'a>),
    /// Of a histogram with exponential buckets.
    ExponentialHistogram(ExponentialHistogramDataPointView<'a>),
    /// Of a summary.
    Summary(SummaryDataPointView<'a>),
}

/// A field that all kinds have.
macro_rules! of_any_kind {
    ($point:expr, $field:ident) => {
        match $point {
            Self::Number(point) => point.$field,
            Self::Histogram(point) => point.$field,
            Self::ExponentialHistogram(point) => point.$field,
            Self::Summary(point) => point.$field,
        }
    };
}

impl<'a> DataPointView<'a> {
    /// What tells it from the metric's other points.
    pub fn attributes(&self) -> Attributes<'a> {
        of_any_kind!(self, attributes)
    }

    /// Measurements behind its values; a summary has none.
    pub fn exemplars(&self) -> Exemplars<'a> {
        match self {
            Self::Number(point) => point.exemplars,
            Self::Histogram(point) => point.exemplars,
            Self::ExponentialHistogram(point) => point.exemplars,
            Self::Summary(_) => Exemplars::default(),
        }
    }

    /// Nanoseconds since the Unix epoch, 0 if unknown.
    pub fn start_time_unix_nano(&self) -> u64 {
        of_any_kind!(self, start_time_unix_nano)
    }

    /// Nanoseconds since the Unix epoch.
    pub fn time_unix_nano(&self) -> u64 {
        of_any_kind!(self, time_unix_nano)
    }

    /// Whether it says that there is no value: the stream ended, or pauses.
    pub fn has_no_recorded_value(&self) -> bool {
        of_any_kind!(self, flags) & 1 == 1
    }
}

impl<'a> MetricDataView<'a> {
    /// The points in the order they were sent, whatever their kind.
    pub fn data_points(&self) -> impl Iterator<Item = DataPointView<'a>> + use<'a> {
        // All but one of them are empty.
        let (mut numbers, mut histograms, mut exponential, mut summaries) =
            (List::default(), List::default(), List::default(), List::default());
        match self {
            Self::Empty => {}
            Self::Gauge(points) => numbers = *points,
            Self::Sum(sum) => numbers = sum.data_points,
            Self::Histogram(view) => histograms = view.data_points,
            Self::ExponentialHistogram(view) => exponential = view.data_points,
            Self::Summary(points) => summaries = *points,
        }
        let numbers = numbers.iter().map(DataPointView::Number);
        let histograms = histograms.iter().map(DataPointView::Histogram);
        let exponential = exponential.iter().map(DataPointView::ExponentialHistogram);
        let summaries = summaries.iter().map(DataPointView::Summary);
        numbers.chain(histograms).chain(exponential).chain(summaries)
    }

    /// What OTLP calls `aggregation_temporality`: 1 delta, 2 cumulative. None for kinds that have none.
    pub fn aggregation_temporality(&self) -> Option<i32> {
        match self {
            Self::Sum(sum) => Some(sum.aggregation_temporality),
            Self::Histogram(histogram) => Some(histogram.aggregation_temporality),
            Self::ExponentialHistogram(histogram) => Some(histogram.aggregation_temporality),
            Self::Empty | Self::Gauge(_) | Self::Summary(_) => None,
        }
    }
}
