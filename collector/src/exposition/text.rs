//! Metric families as Prometheus text 0.0.4 or OpenMetrics 1.0.
//!
//! The names are the same in both: a counter without `_total`, which OpenMetrics does not allow, is `unknown` there.
//! Labels with an empty value are left out, as they mean the same as none.

use std::fmt::Write as _;

use prometheus::proto::{LabelPair, Metric, MetricFamily, MetricType};

use crate::telemetry_settings::{Prometheus, Resource};

/// A text format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Prometheus,
    OpenMetrics,
}

impl Format {
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// How a reader wants names and labels.
#[derive(Debug, Clone)]
pub(super) struct Style {
    with_total: bool,
    with_units: bool,
    /// Labels of every series.
    constant: Vec<(String, String)>,
    /// Labels of `target_info`.
    resource: Vec<(String, String)>,
}

impl Style {
    pub(super) fn new(reader: &Prometheus, resource: &Resource) -> Self {
        let labels = |keep: &dyn Fn(&str) -> bool| -> Vec<(String, String)> {
            let kept = resource.iter().filter(|(name, _)| keep(name));
            kept.map(|(name, value)| (label_name(name), value.to_owned())).collect()
        };
        let mut constant = labels(&|name| reader.with_resource_constant_labels.has(name));
        if !reader.without_scope_info {
            constant.push(("otel_scope_name".to_owned(), "sluice".to_owned()));
            constant.push(("otel_scope_version".to_owned(), env!("CARGO_PKG_VERSION").to_owned()));
        }
        Self {
            with_total: !reader.without_type_suffix,
            with_units: !reader.without_units,
            constant,
            resource: labels(&|_| true),
        }
    }

    /// The name with the suffixes that the reader asked for.
    fn name(&self, family: &MetricFamily) -> String {
        let mut name = family.name().to_owned();
        if self.with_units
            && let Some((_, unit)) = UNITS.iter().find(|(n, _)| *n == name)
            && !name.ends_with(unit)
        {
            name = format!("{name}_{unit}");
        }
        if self.with_total && family.get_field_type() == MetricType::COUNTER && !name.ends_with("_total") {
            name.push_str("_total");
        }
        name
    }
}

/// Units of metrics whose names do not already end in them. Items have none, in Prometheus' sense.
const UNITS: [(&str, &str); 9] = [
    ("otelcol_process_uptime", "seconds"),
    ("otelcol_process_memory_rss", "bytes"),
    ("otelcol_processor_internal_duration", "seconds"),
    ("http_server_request_duration", "seconds"),
    ("http_client_request_duration", "seconds"),
    ("rpc_server_call_duration", "seconds"),
    ("rpc_client_call_duration", "seconds"),
    ("otelcol_exporter_enqueue_size_bytes", "bytes"),
    ("otelcol_exporter_queue_batch_send_size_bytes", "bytes"),
];

/// An attribute's name as a label name: `service.name` is `service_name`.
fn label_name(name: &str) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' };
    let label: String = name.chars().map(fits).collect();
    if label.starts_with(|c: char| c.is_ascii_digit()) { format!("_{label}") } else { label }
}

/// Everything, in the order of names, `target_info` last.
pub(super) fn encode(families: &[MetricFamily], style: &Style, format: Format) -> String {
    let mut out = Out { text: String::new(), style, format };
    for family in families.iter().filter(|family| !family.get_metric().is_empty()) {
        out.family(family);
    }
    if !style.resource.is_empty() {
        out.head("target_info", "gauge", "Target metadata");
        let labels: Vec<_> = style.resource.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        out.sample("target_info", &labels, 1.0);
    }
    if format == Format::OpenMetrics {
        out.text.push_str("# EOF\n");
    }
    out.text
}

struct Out<'a> {
    text: String,
    style: &'a Style,
    format: Format,
}

/// Writing to a `String` cannot fail.
macro_rules! put {
    ($out:expr, $($format:tt)*) => { let _infallible = write!($out.text, $($format)*); };
}

impl Out<'_> {
    fn family(&mut self, family: &MetricFamily) {
        let name = self.style.name(family);
        let open = self.format == Format::OpenMetrics;
        let (kind, base) = match family.get_field_type() {
            MetricType::COUNTER if !open => ("counter", name.as_str()),
            MetricType::COUNTER => match name.strip_suffix("_total") {
                Some(base) => ("counter", base),
                None => ("unknown", name.as_str()),
            },
            MetricType::GAUGE => ("gauge", name.as_str()),
            MetricType::HISTOGRAM => ("histogram", name.as_str()),
            MetricType::SUMMARY => ("summary", name.as_str()),
            MetricType::UNTYPED => return,
        };
        self.head(base, kind, family.help());
        for metric in family.get_metric() {
            self.metric(family.get_field_type(), &name, metric);
        }
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let quotes = self.format == Format::OpenMetrics;
        put!(self, "# HELP {name} {}\n# TYPE {name} {kind}\n", escaped(help, quotes));
    }

    fn metric(&mut self, kind: MetricType, name: &str, metric: &Metric) {
        let style = self.style;
        let own = metric.get_label();
        let constant = style.constant.iter().filter(|(name, _)| own.iter().all(|pair| pair.name() != name));
        let mut labels: Vec<(&str, &str)> =
            own.iter().map(pair).filter(|(_, value)| !value.is_empty()).collect();
        labels.extend(constant.map(|(name, value)| (name.as_str(), value.as_str())));
        match kind {
            MetricType::COUNTER => self.sample(name, &labels, metric.get_counter().get_value()),
            MetricType::GAUGE => self.sample(name, &labels, metric.get_gauge().get_value()),
            // The metrics crate has the type and no metric of it.
            MetricType::UNTYPED => {}
            MetricType::HISTOGRAM => self.histogram(name, &labels, metric),
            MetricType::SUMMARY => self.summary(name, &labels, metric),
        }
    }

    fn histogram(&mut self, name: &str, labels: &[(&str, &str)], metric: &Metric) {
        let histogram = metric.get_histogram();
        let count = histogram.get_sample_count();
        let finite = histogram.get_bucket().iter().filter(|bucket| bucket.upper_bound().is_finite());
        let mut buckets: Vec<_> =
            finite.map(|b| (self.bound(b.upper_bound()), b.cumulative_count())).collect();
        buckets.push(("+Inf".to_owned(), count));
        for (bound, count) in &buckets {
            self.sample(&format!("{name}_bucket"), &with(labels, "le", bound), float(*count));
        }
        self.sample(&format!("{name}_sum"), labels, histogram.get_sample_sum());
        self.sample(&format!("{name}_count"), labels, float(count));
    }

    fn summary(&mut self, name: &str, labels: &[(&str, &str)], metric: &Metric) {
        let summary = metric.get_summary();
        for quantile in summary.get_quantile() {
            let at = self.bound(quantile.quantile());
            self.sample(name, &with(labels, "quantile", &at), quantile.value());
        }
        self.sample(&format!("{name}_sum"), labels, summary.sample_sum());
        self.sample(&format!("{name}_count"), labels, float(summary.sample_count()));
    }

    /// A bucket's bound: OpenMetrics wants `1000.0`, the older text has `1000`.
    fn bound(&self, bound: f64) -> String {
        match self.format {
            Format::OpenMetrics => format!("{bound:?}"),
            Format::Prometheus => bound.to_string(),
        }
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.text.push_str(name);
        for (n, (label, text)) in labels.iter().enumerate() {
            let open = if n == 0 { '{' } else { ',' };
            put!(self, "{open}{label}=\"{}\"", escaped(text, true));
        }
        let close = if labels.is_empty() { "" } else { "}" };
        let value = match value {
            f64::INFINITY => "+Inf".to_owned(),
            f64::NEG_INFINITY => "-Inf".to_owned(),
            // "NaN" already is what the format wants.
            value => value.to_string(),
        };
        put!(self, "{close} {value}\n");
    }
}

fn pair(pair: &LabelPair) -> (&str, &str) {
    (pair.name(), pair.value())
}

fn with<'a>(labels: &[(&'a str, &'a str)], name: &'a str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    labels.iter().copied().chain([(name, value)]).collect()
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus values are floats")]
fn float(count: u64) -> f64 {
    count as f64
}

fn escaped(text: &str, quotes: bool) -> String {
    let text = text.replace('\\', "\\\\").replace('\n', "\\n");
    if quotes { text.replace('"', "\\\"") } else { text }
}
