//! `verbosity: normal`: one line per resource, scope and item.

use sluice_pdata::view::{
    Attributes, ExponentialHistogramDataPointView, HistogramDataPointView, LogsView, MetricDataView,
    MetricView, MetricsView, NumberView, ScopeView, Text, TracesView,
};

use super::text::{Clean, Dump, Fixed, Hex, Plain, Shortest, line};

pub(super) fn traces(view: TracesView<'_>) -> Dump {
    let mut dump = Dump::default();
    for (i, resource) in view.iter().enumerate() {
        resource_line(&mut dump, "ResourceTraces", i, resource.schema_url, resource.resource.attributes);
        for (j, scope) in resource.scope_spans.iter().enumerate() {
            scope_line(&mut dump, "ScopeTraces", j, scope.scope, scope.schema_url);
            for span in scope.spans {
                let (name, trace, id) = (Clean(span.name), Hex(span.trace_id), Hex(span.span_id));
                dump.piece(format_args!("{name} {trace} {id}"));
                attributes(&mut dump, span.attributes);
                line!(dump, "");
            }
        }
    }
    dump
}

pub(super) fn logs(view: LogsView<'_>) -> Dump {
    let mut dump = Dump::default();
    for (i, resource) in view.iter().enumerate() {
        resource_line(&mut dump, "ResourceLog", i, resource.schema_url, resource.resource.attributes);
        for (j, scope) in resource.scope_logs.iter().enumerate() {
            scope_line(&mut dump, "ScopeLog", j, scope.scope, scope.schema_url);
            for record in scope.log_records {
                dump.piece(format_args!("{}", Plain(record.body)));
                if record.attributes.is_empty() {
                    dump.piece(format_args!(" "));
                }
                attributes(&mut dump, record.attributes);
                line!(dump, "");
            }
        }
    }
    dump
}

pub(super) fn metrics(view: MetricsView<'_>) -> Dump {
    let mut dump = Dump::default();
    for (i, resource) in view.iter().enumerate() {
        resource_line(&mut dump, "ResourceMetrics", i, resource.schema_url, resource.resource.attributes);
        for (j, scope) in resource.scope_metrics.iter().enumerate() {
            scope_line(&mut dump, "ScopeMetrics", j, scope.scope, scope.schema_url);
            scope.metrics.iter().for_each(|metric| points(&mut dump, &metric));
        }
    }
    dump
}

fn resource_line(dump: &mut Dump, name: &str, index: usize, schema_url: Text<'_>, list: Attributes<'_>) {
    dump.piece(format_args!("{name} #{index}"));
    schema(dump, schema_url);
    attributes(dump, list);
    line!(dump, "");
}

fn scope_line(dump: &mut Dump, name: &str, index: usize, scope: ScopeView<'_>, schema_url: Text<'_>) {
    dump.piece(format_args!("{name} #{index}"));
    if !scope.name.is_empty() || !scope.version.is_empty() {
        dump.piece(format_args!(" {}", Clean(scope.name)));
    }
    if !scope.version.is_empty() {
        dump.piece(format_args!("@{}", Clean(scope.version)));
    }
    schema(dump, schema_url);
    attributes(dump, scope.attributes);
    line!(dump, "");
}

fn schema(dump: &mut Dump, url: Text<'_>) {
    if !url.is_empty() {
        dump.piece(format_args!(" [{}]", Clean(url)));
    }
}

/// ` k=v k2=v2`
fn attributes(dump: &mut Dump, list: Attributes<'_>) {
    for attribute in list {
        dump.piece(format_args!(" {}={}", Clean(attribute.key), Plain(attribute.value)));
    }
}

fn points(dump: &mut Dump, metric: &MetricView<'_>) {
    match metric.data {
        MetricDataView::Empty => {}
        MetricDataView::Gauge(points) => {
            points.iter().for_each(|point| number(dump, metric, point.attributes, point.value));
        }
        MetricDataView::Sum(sum) => {
            sum.data_points.iter().for_each(|point| number(dump, metric, point.attributes, point.value));
        }
        MetricDataView::Histogram(view) => {
            view.data_points.iter().for_each(|point| histogram(dump, metric, &point));
        }
        MetricDataView::ExponentialHistogram(view) => {
            view.data_points.iter().for_each(|point| exponential(dump, metric, &point));
        }
        MetricDataView::Summary(points) => {
            for point in points {
                series(dump, metric, point.attributes);
                dump.piece(format_args!("count={} sum={}", point.count, Fixed(point.sum)));
                for at in point.quantile_values {
                    dump.piece(format_args!(" q{}={}", Shortest(at.quantile), Shortest(at.value)));
                }
                line!(dump, "");
            }
        }
    }
}

/// `metric{k=v,k2=v2} `
fn series(dump: &mut Dump, metric: &MetricView<'_>, list: Attributes<'_>) {
    dump.piece(format_args!("{}{{", Clean(metric.name)));
    for (i, attribute) in list.iter().enumerate() {
        let comma = if i > 0 { "," } else { "" };
        dump.piece(format_args!("{comma}{}={}", Clean(attribute.key), Plain(attribute.value)));
    }
    dump.piece(format_args!("}} "));
}

fn number(dump: &mut Dump, metric: &MetricView<'_>, list: Attributes<'_>, value: Option<NumberView>) {
    series(dump, metric, list);
    match value {
        None => line!(dump, ""),
        Some(NumberView::Int(v)) => line!(dump, "{v}"),
        Some(NumberView::Double(v)) => line!(dump, "{}", Shortest(v)),
    }
}

fn histogram(dump: &mut Dump, metric: &MetricView<'_>, point: &HistogramDataPointView<'_>) {
    series(dump, metric, point.attributes);
    dump.piece(format_args!("count={}", point.count));
    aggregates(dump, point.sum, point.min, point.max);
    let mut bounds = point.explicit_bounds.iter();
    for count in point.bucket_counts {
        match bounds.next() {
            Some(bound) => dump.piece(format_args!(" le{}={count}", Shortest(bound))),
            None => dump.piece(format_args!(" {count}")),
        }
    }
    line!(dump, "");
}

fn exponential(dump: &mut Dump, metric: &MetricView<'_>, point: &ExponentialHistogramDataPointView<'_>) {
    series(dump, metric, point.attributes);
    dump.piece(format_args!("count={}", point.count));
    aggregates(dump, point.sum, point.min, point.max);
    let buckets = super::buckets::of(point);
    for bucket in &buckets.negative {
        dump.piece(format_args!(" le{}={}", Shortest(bucket.upper), bucket.count));
    }
    if point.zero_count != 0 {
        dump.piece(format_args!(" zero={}", point.zero_count));
    }
    for bucket in &buckets.positive {
        dump.piece(format_args!(" le{}={}", Shortest(bucket.upper), bucket.count));
    }
    line!(dump, "");
}

fn aggregates(dump: &mut Dump, sum: Option<f64>, min: Option<f64>, max: Option<f64>) {
    for (name, value) in [("sum", sum), ("min", min), ("max", max)] {
        if let Some(value) = value {
            dump.piece(format_args!(" {name}={}", Shortest(value)));
        }
    }
}
