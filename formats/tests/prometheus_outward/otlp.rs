//! OTLP in few words.

use sluice_pdata::Pdata;
use sluice_pdata::otlp::ExportMetricsServiceRequest;
use sluice_pdata::otlp::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value};
use sluice_pdata::otlp::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint,
    Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, exemplar,
    metric::Data, number_data_point,
};
use sluice_pdata::otlp::resource::v1::Resource;

/// One millisecond.
pub(crate) const MS: u64 = 1_000_000;
pub(crate) const DELTA: i32 = 1;
pub(crate) const CUMULATIVE: i32 = 2;

pub(crate) fn value(value: Value) -> Option<AnyValue> {
    Some(AnyValue { value: Some(value) })
}

pub(crate) fn attributes(pairs: &[(&str, &str)]) -> Vec<KeyValue> {
    let attribute = |&(key, text): &(&str, &str)| KeyValue {
        key: key.to_owned(),
        value: value(Value::StringValue(text.to_owned())),
        ..KeyValue::default()
    };
    pairs.iter().map(attribute).collect()
}

pub(crate) fn resource(attributes: &[(&str, &str)], metrics: Vec<Metric>) -> ResourceMetrics {
    let attributes = self::attributes(attributes);
    ResourceMetrics {
        resource: Some(Resource { attributes, ..Resource::default() }),
        scope_metrics: vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }],
        ..ResourceMetrics::default()
    }
}

pub(crate) fn scope(name: &str, version: &str, attributes: &[(&str, &str)]) -> Option<InstrumentationScope> {
    Some(InstrumentationScope {
        name: name.to_owned(),
        version: version.to_owned(),
        attributes: self::attributes(attributes),
        ..InstrumentationScope::default()
    })
}

pub(crate) fn data(resource_metrics: Vec<ResourceMetrics>) -> Pdata {
    Pdata::from_metrics(ExportMetricsServiceRequest { resource_metrics })
}

/// Metrics of a resource that says nothing of itself.
pub(crate) fn of(metrics: Vec<Metric>) -> Pdata {
    data(vec![resource(&[], metrics)])
}

pub(crate) fn metric(name: &str, unit: &str, data: Data) -> Metric {
    Metric { name: name.to_owned(), unit: unit.to_owned(), data: Some(data), ..Metric::default() }
}

/// A number at so many milliseconds.
pub(crate) fn number(attributes: &[(&str, &str)], at: u64, value: f64) -> NumberDataPoint {
    NumberDataPoint {
        attributes: self::attributes(attributes),
        time_unix_nano: at * MS,
        value: Some(number_data_point::Value::AsDouble(value)),
        ..NumberDataPoint::default()
    }
}

pub(crate) fn gauge(name: &str, data_points: Vec<NumberDataPoint>) -> Metric {
    metric(name, "", Data::Gauge(Gauge { data_points }))
}

pub(crate) fn sum(name: &str, temporality: i32, monotonic: bool, points: Vec<NumberDataPoint>) -> Metric {
    let sum = Sum { data_points: points, aggregation_temporality: temporality, is_monotonic: monotonic };
    metric(name, "", Data::Sum(sum))
}

pub(crate) fn counter(name: &str, points: Vec<NumberDataPoint>) -> Metric {
    sum(name, CUMULATIVE, true, points)
}

pub(crate) fn histogram(name: &str, temporality: i32, data_points: Vec<HistogramDataPoint>) -> Metric {
    metric(name, "", Data::Histogram(Histogram { data_points, aggregation_temporality: temporality }))
}

/// A histogram's point: counts by bucket, the last one without bound.
pub(crate) fn buckets(at: u64, sum: Option<f64>, bounds: &[f64], counts: &[u64]) -> HistogramDataPoint {
    HistogramDataPoint {
        time_unix_nano: at * MS,
        count: counts.iter().sum(),
        sum,
        explicit_bounds: bounds.to_vec(),
        bucket_counts: counts.to_vec(),
        ..HistogramDataPoint::default()
    }
}

pub(crate) fn exponential(
    name: &str,
    temporality: i32,
    data_points: Vec<ExponentialHistogramDataPoint>,
) -> Metric {
    let histogram = ExponentialHistogram { data_points, aggregation_temporality: temporality };
    metric(name, "", Data::ExponentialHistogram(histogram))
}

pub(crate) fn summary(name: &str, data_points: Vec<SummaryDataPoint>) -> Metric {
    metric(name, "", Data::Summary(Summary { data_points }))
}

pub(crate) fn exemplar(at: u64, value: f64, filtered: &[(&str, &str)]) -> Exemplar {
    Exemplar {
        filtered_attributes: attributes(filtered),
        time_unix_nano: at * MS,
        value: Some(exemplar::Value::AsDouble(value)),
        span_id: vec![0xab; 8],
        trace_id: vec![1; 16],
    }
}
