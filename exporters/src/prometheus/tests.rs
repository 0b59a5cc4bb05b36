//! OTLP in, an exposition out: `types`, `names` (and labels), `series` (which one it is, and how long), `limits`,
//! `http` (over a socket), `settings`.

mod http;
mod limits;
mod names;
mod series;
mod settings;
mod types;

use serde_json::{Value, json};
use sluice_component::Budget;
use sluice_formats::prometheus::{expose::Negotiated, from_otlp::Reason};
use sluice_pdata::{Limits, Pdata, Signal, json::decode_request};

use super::{Settings, intake::Intake, lost::Lost, scrape::Scrape};
use crate::stand;

const OPEN_METRICS: &str = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8";
const PROTOBUF: &str =
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
/// A time of the tests, in nanoseconds.
const T: u64 = 1_700_000_000_000_000_000;
const SECOND: u64 = 1_000_000_000;

fn parse(yaml: &str) -> Result<Settings, Vec<String>> {
    stand::parse("prometheus", yaml)
}

/// Attributes of strings.
fn attributes(pairs: &[(&str, &str)]) -> Value {
    pairs.iter().map(|(key, value)| json!({"key": key, "value": {"stringValue": value}})).collect()
}

/// A batch of OTLP/JSON resources.
fn batch(resources: &Value) -> Pdata {
    let text = json!({"resourceMetrics": resources}).to_string();
    let wire = decode_request(Signal::Metrics, text.as_bytes(), &Limits::default()).unwrap();
    Pdata::from_wire(Signal::Metrics, wire, &Limits::default()).unwrap().0
}

/// Metrics of a resource, and of a scope without a name.
fn of(resource: &[(&str, &str)], metrics: &Value) -> Pdata {
    batch(
        &json!([{"resource": {"attributes": attributes(resource)}, "scopeMetrics": [{"metrics": metrics}]}]),
    )
}

/// A gauge of one point.
fn gauge(name: &str, labels: &[(&str, &str)], value: f64, time: u64) -> Value {
    let point =
        json!({"attributes": attributes(labels), "asDouble": value, "timeUnixNano": time.to_string()});
    json!({"name": name, "gauge": {"dataPoints": [point]}})
}

/// A cumulative monotonic sum of one point.
fn counter(name: &str, value: f64, start: u64, time: u64) -> Value {
    sum(name, 2, true, &[(value, start, time)])
}

fn sum(name: &str, temporality: u8, monotonic: bool, points: &[(f64, u64, u64)]) -> Value {
    let point = |(value, start, time): &(f64, u64, u64)| json!({"asDouble": value, "startTimeUnixNano": start.to_string(), "timeUnixNano": time.to_string()});
    let points: Vec<_> = points.iter().map(point).collect();
    let sum = json!({"aggregationTemporality": temporality, "isMonotonic": monotonic, "dataPoints": points});
    json!({"name": name, "sum": sum})
}

/// What an exporter with these settings exposes.
struct Exposed {
    intake: Intake,
    settings: Settings,
}

impl Exposed {
    fn new(yaml: &str) -> Self {
        Self::within(yaml, Budget::new(1 << 30))
    }

    fn within(yaml: &str, budget: Budget) -> Self {
        let settings = parse(&format!("{{endpoint: 'localhost:8889', {yaml}}}")).unwrap();
        Self { intake: Intake::new(&settings, budget).unwrap(), settings }
    }

    /// Takes a batch, all of it.
    fn take(&self, data: &Pdata) {
        assert_eq!(self.lost(data), []);
    }

    /// Takes a batch; what was lost of it.
    fn lost(&self, data: &Pdata) -> Vec<(String, Lost, usize)> {
        let losses = self.intake.take(data.metrics());
        losses.iter().map(|(metric, lost, points)| (metric.to_owned(), lost, points)).collect()
    }

    fn scrape(&self) -> Scrape {
        Scrape::new(&self.settings, self.intake.store.clone())
    }

    fn body(&self, accept: &str) -> Vec<u8> {
        let negotiated = Negotiated::of(accept, self.settings.enable_open_metrics);
        self.scrape().pieces(negotiated).flatten().collect()
    }

    fn text(&self) -> String {
        self.as_text("")
    }

    fn as_text(&self, accept: &str) -> String {
        String::from_utf8(self.body(accept)).unwrap()
    }

    fn series(&self) -> usize {
        self.intake.store.room.series()
    }
}
