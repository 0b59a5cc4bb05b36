//! The instruments of one instance of a service.

use rand::{Rng, SeedableRng, rngs::StdRng};
use sluice_pdata::otlp::{
    common::v1::KeyValue,
    metrics::v1::{
        AggregationTemporality, Exemplar, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, Sum,
        exemplar, metric::Data, number_data_point::Value,
    },
    trace::v1::{Span, span::SpanKind},
};

use crate::cli::generate::{
    attributes::{Extra, int, text},
    shop::Service,
    story::find,
};

/// Upper bounds of `http.server.request.duration`, in seconds, as the semantic conventions advise.
const BOUNDS: [f64; 14] = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

/// Attributes by which alone two series of a metric differ.
pub(in crate::cli::generate::source) const APART: [&str; 2] = ["cpu.mode", "http.response.status_code"];

#[derive(Debug)]
pub(super) struct Replica {
    /// The service, by index.
    pub(super) service: usize,
    /// Which one of the service.
    pub(super) number: usize,
    /// Of the made-up attributes: each series has the same ones at every collection.
    seed: u64,
    /// When it started: at its first collection.
    start: Option<u64>,
    /// Of requests that succeeded, and that failed.
    durations: [Durations; 2],
    cpu_seconds: [f64; 2],
    items: i64,
    memory: i64,
}

/// A histogram.
#[derive(Debug, Default)]
struct Durations {
    counts: [u64; BOUNDS.len() + 1],
    sum: f64,
    /// The last that was recorded.
    exemplar: Option<Exemplar>,
}

impl Durations {
    fn record(&mut self, seconds: f64, exemplar: Option<Exemplar>) {
        let bucket = BOUNDS.iter().position(|&bound| seconds <= bound).unwrap_or(BOUNDS.len());
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
        self.sum += seconds;
        self.exemplar = exemplar.or(self.exemplar.take());
    }
}

impl Replica {
    /// How many series each has.
    pub(super) const SERIES: usize = 8;

    pub(super) fn new(service: usize, number: usize, seed: u64) -> Self {
        Self {
            service,
            number,
            seed,
            start: None,
            durations: Default::default(),
            cpu_seconds: [0.0; 2],
            items: 0,
            memory: 128 << 20,
        }
    }

    /// Some requests since the last collection, among them those of `spans`, which the exemplars name.
    pub(super) fn serves<'a>(&mut self, spans: impl Iterator<Item = &'a Span>, now: u64, rng: &mut StdRng) {
        let [succeeded, failed] = &mut self.durations;
        for span in spans.filter(|span| span.kind == i32::from(SpanKind::Server)) {
            let seconds = (span.end_time_unix_nano - span.start_time_unix_nano) as f64 / 1e9;
            let exemplar = Exemplar {
                time_unix_nano: now,
                value: Some(exemplar::Value::AsDouble(seconds)),
                trace_id: span.trace_id.clone(),
                span_id: span.span_id.clone(),
                ..Exemplar::default()
            };
            let of =
                if find(&span.attributes, "error.type").is_some() { &mut *failed } else { &mut *succeeded };
            of.record(seconds, Some(exemplar));
        }
        for _ in 0..rng.random_range(0..10) {
            let seconds = rng.random_range(0.001..0.060);
            let of = if rng.random_bool(0.02) { &mut *failed } else { &mut *succeeded };
            of.record(seconds, None);
        }
        let [user, system] = &mut self.cpu_seconds;
        *user += rng.random_range(0.0..0.2);
        *system += rng.random_range(0.0..0.05);
        self.items += rng.random_range(0..20);
        self.memory = (self.memory + rng.random_range(-4 << 20..4 << 20)).clamp(64 << 20, 512 << 20);
    }

    /// One point of each series.
    pub(super) fn metrics(&mut self, service: &Service, now: u64, extra: &Extra) -> Vec<Metric> {
        let start = *self.start.get_or_insert(now);
        // The series follow in the same order each time.
        let mut rng = StdRng::seed_from_u64(self.seed);
        let mut with = |mut attributes: Vec<KeyValue>| {
            extra.add(&mut rng, &mut attributes);
            attributes
        };
        let number = |value: Value, attributes: Vec<KeyValue>| NumberDataPoint {
            attributes,
            start_time_unix_nano: start,
            time_unix_nano: now,
            value: Some(value),
            ..NumberDataPoint::default()
        };
        let (method, route) = service.routes.first().map_or(("GET", "/"), |(method, route)| (*method, route));
        let served = [(&self.durations[0], 200), (&self.durations[1], 500)].map(|(durations, status)| {
            let mut attributes = vec![
                text("http.request.method", method),
                text("http.route", route),
                int("http.response.status_code", status),
            ];
            if status == 500 {
                attributes.push(text("error.type", "500"));
            }
            HistogramDataPoint {
                attributes: with(attributes),
                start_time_unix_nano: start,
                time_unix_nano: now,
                count: durations.counts.iter().sum(),
                sum: Some(durations.sum),
                bucket_counts: durations.counts.to_vec(),
                explicit_bounds: BOUNDS.to_vec(),
                exemplars: durations.exemplar.clone().into_iter().collect(),
                ..HistogramDataPoint::default()
            }
        });
        let cpu = ["user", "system"].into_iter().zip(self.cpu_seconds);
        let cpu =
            cpu.map(|(mode, seconds)| number(Value::AsDouble(seconds), with(vec![text("cpu.mode", mode)])));
        let cpu = cpu.collect();
        let active = number(Value::AsInt(self.items % 7), with(vec![text("http.request.method", method)]));
        let memory = number(Value::AsInt(self.memory), with(Vec::new()));
        let items = number(Value::AsInt(self.items), with(Vec::new()));
        let busy = number(Value::AsDouble((self.memory % 1000) as f64 / 1000.0), with(Vec::new()));
        vec![
            metric("http.server.request.duration", "s", histogram(served.to_vec())),
            metric("http.server.active_requests", "{request}", sum(false, vec![active])),
            metric("process.cpu.time", "s", sum(true, cpu)),
            metric("process.cpu.utilization", "1", Data::Gauge(Gauge { data_points: vec![busy] })),
            metric("process.memory.usage", "By", sum(false, vec![memory])),
            metric("shop.items.handled", "{item}", sum(true, vec![items])),
        ]
    }
}

fn metric(name: &str, unit: &str, data: Data) -> Metric {
    Metric { name: name.to_owned(), unit: unit.to_owned(), data: Some(data), ..Metric::default() }
}

fn histogram(data_points: Vec<HistogramDataPoint>) -> Data {
    let aggregation_temporality = AggregationTemporality::Cumulative.into();
    Data::Histogram(Histogram { data_points, aggregation_temporality })
}

fn sum(is_monotonic: bool, data_points: Vec<NumberDataPoint>) -> Data {
    let aggregation_temporality = AggregationTemporality::Cumulative.into();
    Data::Sum(Sum { data_points, aggregation_temporality, is_monotonic })
}
