//! Metrics and their points, field by field.

use sluice_pdata::view::{
    Attributes, Exemplars, ExponentialHistogramDataPointView, HistogramDataPointView, MetricDataView,
    MetricView, MetricsView, NumberDataPoints, NumberView, SummaryDataPointView,
};

use super::super::buckets;
use super::super::text::{Clean, Dump, Fixed, Hex, Time, line};
use super::{INDENT, resource_lines, scope_lines};

pub(in super::super) fn dump(view: MetricsView<'_>) -> Dump {
    let mut dump = Dump::default();
    for (i, resource) in view.iter().enumerate() {
        resource_lines(&mut dump, "ResourceMetrics", i, resource.schema_url, resource.resource);
        for (j, scope) in resource.scope_metrics.iter().enumerate() {
            scope_lines(&mut dump, "ScopeMetrics", j, scope.schema_url, scope.scope);
            scope.metrics.iter().enumerate().for_each(|(k, metric)| metric_lines(&mut dump, k, &metric));
        }
    }
    dump
}

fn metric_lines(dump: &mut Dump, index: usize, metric: &MetricView<'_>) {
    line!(dump, "Metric #{index}");
    line!(dump, "Descriptor:");
    line!(dump, "     -> Name: {}", Clean(metric.name));
    line!(dump, "     -> Description: {}", Clean(metric.description));
    line!(dump, "     -> Unit: {}", Clean(metric.unit));
    line!(dump, "     -> DataType: {}", data_type(&metric.data));
    dump.attributes("     -> Metadata", INDENT, metric.metadata);
    match metric.data {
        MetricDataView::Empty => {}
        MetricDataView::Gauge(points) => number_lines(dump, points),
        MetricDataView::Sum(sum) => {
            line!(dump, "     -> IsMonotonic: {}", sum.is_monotonic);
            temporality(dump, sum.aggregation_temporality);
            number_lines(dump, sum.data_points);
        }
        MetricDataView::Histogram(histogram) => {
            temporality(dump, histogram.aggregation_temporality);
            let points = histogram.data_points.iter().enumerate();
            points.for_each(|(i, point)| histogram_lines(dump, i, &point));
        }
        MetricDataView::ExponentialHistogram(histogram) => {
            temporality(dump, histogram.aggregation_temporality);
            let points = histogram.data_points.iter().enumerate();
            points.for_each(|(i, point)| exponential_lines(dump, i, &point));
        }
        MetricDataView::Summary(points) => {
            points.iter().enumerate().for_each(|(i, point)| summary_lines(dump, i, &point));
        }
    }
}

fn data_type(data: &MetricDataView<'_>) -> &'static str {
    match data {
        MetricDataView::Empty => "Empty",
        MetricDataView::Gauge(_) => "Gauge",
        MetricDataView::Sum(_) => "Sum",
        MetricDataView::Histogram(_) => "Histogram",
        MetricDataView::ExponentialHistogram(_) => "ExponentialHistogram",
        MetricDataView::Summary(_) => "Summary",
    }
}

fn temporality(dump: &mut Dump, temporality: i32) {
    let name = match temporality {
        0 => "Unspecified",
        1 => "Delta",
        2 => "Cumulative",
        _ => "",
    };
    line!(dump, "     -> AggregationTemporality: {name}");
}

fn point_lines(dump: &mut Dump, name: &str, index: usize, attributes: Attributes<'_>, start: u64, time: u64) {
    line!(dump, "{name} #{index}");
    dump.attributes("Data point attributes", "", attributes);
    line!(dump, "StartTimestamp: {}", Time(start));
    line!(dump, "Timestamp: {}", Time(time));
}

fn number_lines(dump: &mut Dump, points: NumberDataPoints<'_>) {
    for (i, point) in points.iter().enumerate() {
        let (start, time) = (point.start_time_unix_nano, point.time_unix_nano);
        point_lines(dump, "NumberDataPoints", i, point.attributes, start, time);
        value(dump, "", point.value);
        exemplar_lines(dump, point.exemplars);
    }
}

fn value(dump: &mut Dump, prefix: &str, value: Option<NumberView>) {
    match value {
        None => {}
        Some(NumberView::Int(v)) => line!(dump, "{prefix}Value: {v}"),
        Some(NumberView::Double(v)) => line!(dump, "{prefix}Value: {}", Fixed(v)),
    }
}

fn aggregates(dump: &mut Dump, count: u64, sum: Option<f64>, min: Option<f64>, max: Option<f64>) {
    line!(dump, "Count: {count}");
    for (name, value) in [("Sum", sum), ("Min", min), ("Max", max)] {
        if let Some(value) = value {
            line!(dump, "{name}: {}", Fixed(value));
        }
    }
}

fn histogram_lines(dump: &mut Dump, index: usize, point: &HistogramDataPointView<'_>) {
    let (start, time) = (point.start_time_unix_nano, point.time_unix_nano);
    point_lines(dump, "HistogramDataPoints", index, point.attributes, start, time);
    aggregates(dump, point.count, point.sum, point.min, point.max);
    for (i, bound) in point.explicit_bounds.iter().enumerate() {
        line!(dump, "ExplicitBounds #{i}: {}", Fixed(bound));
    }
    for (i, count) in point.bucket_counts.iter().enumerate() {
        line!(dump, "Buckets #{i}, Count: {count}");
    }
    exemplar_lines(dump, point.exemplars);
}

fn exponential_lines(dump: &mut Dump, index: usize, point: &ExponentialHistogramDataPointView<'_>) {
    let (start, time) = (point.start_time_unix_nano, point.time_unix_nano);
    point_lines(dump, "ExponentialHistogramDataPoints", index, point.attributes, start, time);
    aggregates(dump, point.count, point.sum, point.min, point.max);
    let buckets = buckets::of(point);
    for bucket in &buckets.negative {
        line!(dump, "Bucket [{}, {}), Count: {}", Fixed(bucket.lower), Fixed(bucket.upper), bucket.count);
    }
    if point.zero_count != 0 {
        line!(dump, "Bucket [0, 0], Count: {}", point.zero_count);
    }
    for bucket in &buckets.positive {
        line!(dump, "Bucket ({}, {}], Count: {}", Fixed(bucket.lower), Fixed(bucket.upper), bucket.count);
    }
    exemplar_lines(dump, point.exemplars);
}

fn summary_lines(dump: &mut Dump, index: usize, point: &SummaryDataPointView<'_>) {
    let (start, time) = (point.start_time_unix_nano, point.time_unix_nano);
    point_lines(dump, "SummaryDataPoints", index, point.attributes, start, time);
    line!(dump, "Count: {}", point.count);
    line!(dump, "Sum: {}", Fixed(point.sum));
    for (i, at) in point.quantile_values.iter().enumerate() {
        line!(dump, "QuantileValue #{i}: Quantile {}, Value {}", Fixed(at.quantile), Fixed(at.value));
    }
}

fn exemplar_lines(dump: &mut Dump, exemplars: Exemplars<'_>) {
    if !exemplars.is_empty() {
        line!(dump, "Exemplars:");
    }
    for (i, exemplar) in exemplars.iter().enumerate() {
        line!(dump, "Exemplar #{i}");
        line!(dump, "     -> Trace ID: {}", Hex(exemplar.trace_id));
        line!(dump, "     -> Span ID: {}", Hex(exemplar.span_id));
        line!(dump, "     -> Timestamp: {}", Time(exemplar.time_unix_nano));
        value(dump, "     -> ", exemplar.value);
        dump.attributes("     -> FilteredAttributes", INDENT, exemplar.filtered_attributes);
    }
}
