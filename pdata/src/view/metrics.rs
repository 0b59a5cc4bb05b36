//! Views of the metrics messages: resource, scope, metric. The points are in [`points`](super::points).

use super::fields::Fields;
use super::{
    Attributes, ExponentialHistogramDataPoints, HistogramDataPoints, List, NumberDataPoints, ResourceView,
    ScopeView, SummaryDataPoints, Text, View, decoded,
};
use crate::otlp::metrics::v1 as metrics;
use crate::otlp::metrics::v1::metric::Data;

/// The metrics of one resource.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ResourceMetricsView<'a> {
    /// Who produced them.
    pub resource: ResourceView<'a>,
    /// The metrics, by the instrumentation that made them.
    pub scope_metrics: List<'a, ScopeMetricsView<'a>>,
    /// Schema of the resource.
    pub schema_url: Text<'a>,
}

impl<'a> View<'a> for ResourceMetricsView<'a> {
    type Struct = metrics::ResourceMetrics;

    fn from_wire(message: &'a [u8]) -> Self {
        let mut view = Self::default();
        for field in Fields::new(message) {
            match field.number {
                1 => view.resource = field.message(),
                2 => view.scope_metrics.push(field),
                3 => view.schema_url = field.text(),
                _ => {}
            }
        }
        view
    }

    fn from_struct(message: &'a metrics::ResourceMetrics) -> Self {
        Self {
            resource: decoded(message.resource.as_ref()),
            scope_metrics: List::decoded(&message.scope_metrics),
            schema_url: message.schema_url.as_str().into(),
        }
    }
}

/// The metrics of one instrumentation scope.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ScopeMetricsView<'a> {
    /// The instrumentation that made them.
    pub scope: ScopeView<'a>,
    /// The metrics.
    pub metrics: List<'a, MetricView<'a>>,
    /// Schema of the metrics.
    pub schema_url: Text<'a>,
}

impl<'a> View<'a> for ScopeMetricsView<'a> {
    type Struct = metrics::ScopeMetrics;

    fn from_wire(message: &'a [u8]) -> Self {
        let mut view = Self::default();
        for field in Fields::new(message) {
            match field.number {
                1 => view.scope = field.message(),
                2 => view.metrics.push(field),
                3 => view.schema_url = field.text(),
                _ => {}
            }
        }
        view
    }

    fn from_struct(message: &'a metrics::ScopeMetrics) -> Self {
        Self {
            scope: decoded(message.scope.as_ref()),
            metrics: List::decoded(&message.metrics),
            schema_url: message.schema_url.as_str().into(),
        }
    }
}

/// One metric with its points.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct MetricView<'a> {
    /// Its name.
    pub name: Text<'a>,
    /// What it measures.
    pub description: Text<'a>,
    /// Its unit, as UCUM writes it.
    pub unit: Text<'a>,
    /// What else is known of the metric itself.
    pub metadata: Attributes<'a>,
    /// Its points.
    pub data: MetricDataView<'a>,
}

/// The points of a metric.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum MetricDataView<'a> {
    /// No data was sent, or a kind that this version does not know.
    #[default]
    Empty,
    /// Values as they are.
    Gauge(NumberDataPoints<'a>),
    /// Values that add up.
    Sum(SumView<'a>),
    /// Counts in buckets with explicit bounds.
    Histogram(HistogramView<'a>),
    /// Counts in buckets that grow exponentially.
    ExponentialHistogram(ExponentialHistogramView<'a>),
    /// Quantiles computed by the producer.
    Summary(SummaryDataPoints<'a>),
}

impl MetricDataView<'_> {
    /// How many points there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Empty => 0,
            Self::Gauge(points) => points.len(),
            Self::Sum(sum) => sum.data_points.len(),
            Self::Histogram(histogram) => histogram.data_points.len(),
            Self::ExponentialHistogram(histogram) => histogram.data_points.len(),
            Self::Summary(points) => points.len(),
        }
    }

    /// Whether there are no points.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<'a> View<'a> for MetricView<'a> {
    type Struct = metrics::Metric;

    fn from_wire(message: &'a [u8]) -> Self {
        let mut view = Self::default();
        for field in Fields::new(message) {
            match field.number {
                1 => view.name = field.text(),
                2 => view.description = field.text(),
                3 => view.unit = field.text(),
                5 => view.data = MetricDataView::Gauge(field.message::<GaugeView<'a>>().data_points),
                7 => view.data = MetricDataView::Sum(field.message()),
                9 => view.data = MetricDataView::Histogram(field.message()),
                10 => view.data = MetricDataView::ExponentialHistogram(field.message()),
                11 => view.data = MetricDataView::Summary(field.message::<SummaryView<'a>>().data_points),
                12 => view.metadata.push(field),
                _ => {}
            }
        }
        view
    }

    fn from_struct(message: &'a metrics::Metric) -> Self {
        let data = match &message.data {
            None => MetricDataView::Empty,
            Some(Data::Gauge(gauge)) => MetricDataView::Gauge(GaugeView::from_struct(gauge).data_points),
            Some(Data::Sum(sum)) => MetricDataView::Sum(SumView::from_struct(sum)),
            Some(Data::Histogram(h)) => MetricDataView::Histogram(HistogramView::from_struct(h)),
            Some(Data::ExponentialHistogram(h)) => {
                MetricDataView::ExponentialHistogram(ExponentialHistogramView::from_struct(h))
            }
            Some(Data::Summary(s)) => MetricDataView::Summary(SummaryView::from_struct(s).data_points),
        };
        Self {
            name: message.name.as_str().into(),
            description: message.description.as_str().into(),
            unit: message.unit.as_str().into(),
            metadata: Attributes::decoded(&message.metadata),
            data,
        }
    }
}

/// A sum.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SumView<'a> {
    /// Its points.
    pub data_points: NumberDataPoints<'a>,
    /// 0 unspecified, 1 delta, 2 cumulative; other numbers pass.
    pub aggregation_temporality: i32,
    /// Whether it only grows.
    pub is_monotonic: bool,
}

impl<'a> View<'a> for SumView<'a> {
    type Struct = metrics::Sum;

    fn from_wire(message: &'a [u8]) -> Self {
        let mut view = Self::default();
        for field in Fields::new(message) {
            match field.number {
                1 => view.data_points.push(field),
                2 => view.aggregation_temporality = field.i32(),
                3 => view.is_monotonic = field.bool(),
                _ => {}
            }
        }
        view
    }

    fn from_struct(message: &'a metrics::Sum) -> Self {
        Self {
            data_points: List::decoded(&message.data_points),
            aggregation_temporality: message.aggregation_temporality,
            is_monotonic: message.is_monotonic,
        }
    }
}

/// The messages that are a list of points and perhaps a temporality.
macro_rules! point_lists {
    ($($(#[$doc:meta])* $vis:vis $view:ident of $point:ident from $message:ident $({ $temporality:ident })?;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq)]
        $vis struct $view<'a> {
            /// Its points.
            $vis data_points: $point<'a>,
            $(
                /// 0 unspecified, 1 delta, 2 cumulative; other numbers pass.
                $vis $temporality: i32,
            )?
        }

        impl<'a> View<'a> for $view<'a> {
            type Struct = metrics::$message;

            fn from_wire(message: &'a [u8]) -> Self {
                let mut view = Self::default();
                for field in Fields::new(message) {
                    match field.number {
                        1 => view.data_points.push(field),
                        $(2 => view.$temporality = field.i32(),)?
                        _ => {}
                    }
                }
                view
            }

            fn from_struct(message: &'a metrics::$message) -> Self {
                Self {
                    data_points: List::decoded(&message.data_points),
                    $($temporality: message.$temporality,)?
                }
            }
        }
    )*};
}

point_lists! {
    /// A histogram with explicit bounds.
    pub HistogramView of HistogramDataPoints from Histogram { aggregation_temporality };
    /// A histogram with exponential buckets.
    pub ExponentialHistogramView of ExponentialHistogramDataPoints from ExponentialHistogram { aggregation_temporality };
    GaugeView of NumberDataPoints from Gauge;
    SummaryView of SummaryDataPoints from Summary;
}
