//! Every row of the mapping: what is scraped or written, and the OTLP that comes of it, as text.

use std::fmt::Write;

use sluice_pdata::otlp::common::v1::{KeyValue, any_value};
use sluice_pdata::otlp::metrics::v1::{Exemplar as OtlpExemplar, metric, number_data_point};
use sluice_pdata::{Limits, Pdata, Signal};

use super::*;
use crate::Malformed;
use crate::prometheus::exposition::{Entry, Format, ParseOptions, Parser};
use crate::prometheus::labels::{Labels, LabelsBuilder};
use crate::prometheus::model::{
    Buckets, Count, Exemplar, Metadata, MetricType, NativeHistogram, ResetHint, Span, Value, stale_nan,
};

mod histograms;
mod numbers;
mod resources;

/// When everything was scraped.
const NOW: i64 = 1000;

/// A scraper of one target, or a receiver of requests.
struct Stand {
    catalog: Catalog,
    families: Families,
    transaction: Transaction,
}

impl Stand {
    fn new(options: Options) -> Self {
        let transaction = Transaction::new(options.source.clone(), &Limits::default());
        Self { catalog: Catalog::new(options), families: Families::default(), transaction }
    }

    fn scraper() -> Self {
        Self::new(Options {
            source: target("job", "host:80"),
            scope_name: "sluice".into(),
            ..Options::default()
        })
    }

    fn receiver() -> Self {
        Self::new(Options { scope_name: "sluice".into(), ..Options::default() })
    }

    /// Takes the lines of an OpenMetrics text.
    fn scrape(&mut self, body: &str) -> &mut Self {
        let body = format!("{body}# EOF\n");
        let mut parser = Parser::new(Format::OpenMetrics, body.as_bytes(), ParseOptions::default());
        let mut labels = LabelsBuilder::default();
        while let Some(entry) = parser.next().unwrap() {
            match entry {
                Entry::Type { family, kind } => self.families.set_type(&family, kind),
                Entry::Help { family, help } => self.families.set_help(&family, &help),
                Entry::Unit { family, unit } => self.families.set_unit(&family, &unit),
                Entry::Sample(sample) => {
                    sample.labels(&mut labels).unwrap();
                    let series = self.catalog.series(&labels.build(), &self.families).unwrap();
                    let sample = Sample {
                        timestamp_ms: sample.timestamp_ms.unwrap_or(NOW),
                        start_ms: sample.start_ms,
                        value: sample.value,
                        exemplars: sample.exemplars,
                    };
                    // What is refused is counted.
                    self.transaction.push(&series, &sample).unwrap_or_default();
                }
            }
        }
        self
    }

    /// Takes one sample.
    fn push(&mut self, labels: &[(&str, &str)], value: Value<'_>) -> Result<(), &'static str> {
        let labels: Labels = labels.iter().copied().collect();
        let series = self.catalog.series(&labels, &self.families)?;
        self.transaction
            .push(&series, &Sample { timestamp_ms: NOW, start_ms: Some(1), value, exemplars: &[] })
    }

    /// The request as text, line by line, then what was rejected.
    fn finish(&mut self) -> Vec<String> {
        let request = self.transaction.finish().unwrap();
        let mut lines = show(&request);
        lines.extend(
            request
                .rejected
                .iter()
                .map(|(metric, reason, samples)| format!("rejected {metric}: {samples} {reason}")),
        );
        lines
    }

    /// Only the metrics.
    fn metrics(&mut self) -> Vec<String> {
        let mut lines = self.finish();
        lines.retain(|line| !line.starts_with("resource") && !line.starts_with("scope"));
        lines
    }
}

fn target(job: &str, instance: &str) -> Source {
    Source::Scrape { job: job.into(), instance: instance.into(), resource: Vec::new() }
}

/// The metrics of a scrape.
fn scraped(body: &str) -> Vec<String> {
    Stand::scraper().scrape(body).metrics()
}

/// The request as text: resources, scopes, metrics, and points under them.
pub(in crate::prometheus) fn show(request: &Request) -> Vec<String> {
    let limits = Limits::default();
    let (mut data, repairs) = Pdata::from_wire(Signal::Metrics, request.wire.clone(), &limits).unwrap();
    assert!(repairs.is_empty(), "{repairs:?}");
    assert_eq!(data.items(), request.points);
    let mut lines = Vec::new();
    for resource in &data.metrics_mut().resource_metrics {
        let attributes = &resource.resource.as_ref().unwrap().attributes;
        lines.push(format!("resource{}", attributes_text(attributes)));
        for scope in &resource.scope_metrics {
            let name = scope.scope.as_ref().unwrap();
            let attributes = attributes_text(&name.attributes);
            lines.push(
                format!("scope {} {}{attributes} {}", name.name, name.version, scope.schema_url)
                    .trim_end()
                    .to_owned(),
            );
            for metric in &scope.metrics {
                show_metric(metric, &mut lines);
            }
        }
    }
    lines
}

fn show_metric(metric: &sluice_pdata::otlp::metrics::v1::Metric, lines: &mut Vec<String>) {
    let data = metric.data.as_ref().unwrap();
    let kind = match data {
        metric::Data::Gauge(_) => "gauge".into(),
        metric::Data::Sum(sum) => {
            assert_eq!(sum.aggregation_temporality, 2);
            if sum.is_monotonic { "monotonic sum" } else { "sum" }.to_owned()
        }
        metric::Data::Histogram(histogram) => {
            assert_eq!(histogram.aggregation_temporality, 2);
            "histogram".into()
        }
        metric::Data::ExponentialHistogram(histogram) => {
            assert_eq!(histogram.aggregation_temporality, 2);
            "exponential histogram".into()
        }
        metric::Data::Summary(_) => "summary".into(),
    };
    let mut line = format!("{} {kind}{}", metric.name, attributes_text(&metric.metadata));
    for (name, text) in [("unit", &metric.unit), ("description", &metric.description)] {
        if !text.is_empty() {
            write!(line, " {name}={text}").unwrap();
        }
    }
    lines.push(line);
    match data {
        metric::Data::Gauge(sluice_pdata::otlp::metrics::v1::Gauge { data_points })
        | metric::Data::Sum(sluice_pdata::otlp::metrics::v1::Sum { data_points, .. }) => {
            for point in data_points {
                let mut line =
                    head(&point.attributes, point.start_time_unix_nano, point.time_unix_nano, point.flags);
                if let Some(number_data_point::Value::AsDouble(value)) = point.value {
                    write!(line, " {value}").unwrap();
                }
                lines.push(line + &exemplars_text(&point.exemplars));
            }
        }
        metric::Data::Histogram(histogram) => {
            for point in &histogram.data_points {
                let mut line =
                    head(&point.attributes, point.start_time_unix_nano, point.time_unix_nano, point.flags);
                let (bounds, counts) = (&point.explicit_bounds, &point.bucket_counts);
                write!(line, " count {} sum {:?} {bounds:?} {counts:?}", point.count, point.sum).unwrap();
                lines.push(line + &exemplars_text(&point.exemplars));
            }
        }
        metric::Data::ExponentialHistogram(histogram) => {
            for point in &histogram.data_points {
                let mut line =
                    head(&point.attributes, point.start_time_unix_nano, point.time_unix_nano, point.flags);
                write!(line, " count {} sum {:?} scale {}", point.count, point.sum, point.scale).unwrap();
                write!(line, " zero {} below {}", point.zero_count, point.zero_threshold).unwrap();
                for (sign, buckets) in [('+', &point.positive), ('-', &point.negative)] {
                    if let Some(buckets) = buckets {
                        write!(line, " {sign}{}: {:?}", buckets.offset, buckets.bucket_counts).unwrap();
                    }
                }
                lines.push(line + &exemplars_text(&point.exemplars));
            }
        }
        metric::Data::Summary(summary) => {
            for point in &summary.data_points {
                let mut line =
                    head(&point.attributes, point.start_time_unix_nano, point.time_unix_nano, point.flags);
                write!(line, " count {} sum {}", point.count, point.sum).unwrap();
                for quantile in &point.quantile_values {
                    write!(line, " {}: {}", quantile.quantile, quantile.value).unwrap();
                }
                lines.push(line);
            }
        }
    }
}

/// Attributes, times in milliseconds, and whether the series ended.
fn head(attributes: &[KeyValue], start: u64, time: u64, flags: u32) -> String {
    let mut line = format!(" {}", attributes_text(attributes));
    if start > 0 {
        write!(line, " from {}", start / 1_000_000).unwrap();
    }
    write!(line, " @{}", time / 1_000_000).unwrap();
    if flags == 1 {
        line.push_str(" ended");
    }
    line
}

fn attributes_text(attributes: &[KeyValue]) -> String {
    let mut text = String::new();
    for attribute in attributes {
        let Some(any_value::Value::StringValue(value)) =
            attribute.value.as_ref().and_then(|value| value.value.as_ref())
        else {
            panic!("{attribute:?}")
        };
        write!(text, " {}={value}", attribute.key).unwrap();
    }
    text
}

fn exemplars_text(exemplars: &[OtlpExemplar]) -> String {
    let mut text = String::new();
    for exemplar in exemplars {
        let hex = |id: &[u8]| id.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let attributes = attributes_text(&exemplar.filtered_attributes);
        write!(text, " # {:?}{attributes} @{}", exemplar.value, exemplar.time_unix_nano / 1_000_000).unwrap();
        write!(text, " trace={} span={}", hex(&exemplar.trace_id), hex(&exemplar.span_id)).unwrap();
    }
    text
}
