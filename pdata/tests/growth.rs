//! Honest telemetry grows less than the limit when it is decoded, whatever its size; a bomb grows more.

#[path = "../benches/support/payload.rs"]
mod payload;

use bytes::Bytes;
use payload::encode;
use sluice_pdata::otlp::common::v1::{AnyValue, KeyValue, any_value::Value};
use sluice_pdata::otlp::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use sluice_pdata::otlp::metrics::v1::{
    ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Metric, NumberDataPoint, ResourceMetrics,
    ScopeMetrics, exponential_histogram_data_point::Buckets, metric::Data, number_data_point,
};
use sluice_pdata::otlp::trace::v1::{ResourceSpans, ScopeSpans, Span, span::Event, span::Link};
use sluice_pdata::otlp::{ExportLogsServiceRequest, ExportMetricsServiceRequest, ExportTraceServiceRequest};
use sluice_pdata::{Limits, Pdata, Signal, wire::Write};

/// What decoding may take, by the model, for each encoded byte.
fn growth(signal: Signal, body: &Bytes) -> f64 {
    let passes = |max_decoded_bytes| {
        let limits = Limits { max_decoded_bytes, max_growth: usize::MAX, ..Limits::default() };
        Pdata::from_wire(signal, body.clone(), &limits).is_ok()
    };
    let (mut low, mut high) = (0, body.len() * 1000);
    while high - low > 1 {
        let middle = low.midpoint(high);
        if passes(middle) { high = middle } else { low = middle }
    }
    high as f64 / body.len() as f64
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

fn attributes(count: usize) -> Vec<KeyValue> {
    (0..count).map(|_| attribute("a", Value::StringValue("1".to_owned()))).collect()
}

fn traces(spans: Vec<Span>) -> Bytes {
    let scope_spans = vec![ScopeSpans { spans, ..Default::default() }];
    encode(&ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans { scope_spans, ..Default::default() }],
    })
}

fn logs(log_records: Vec<LogRecord>) -> Bytes {
    let scope_logs = vec![ScopeLogs { log_records, ..Default::default() }];
    encode(&ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs { scope_logs, ..Default::default() }],
    })
}

fn metrics(data: Data) -> Bytes {
    let metrics = vec![Metric { name: "m".to_owned(), data: Some(data), ..Default::default() }];
    let scope_metrics = vec![ScopeMetrics { metrics, ..Default::default() }];
    encode(&ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics { scope_metrics, ..Default::default() }],
    })
}

const NOW: u64 = 1_780_000_000_000_000_000;

fn span() -> Span {
    Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        name: "x".to_owned(),
        start_time_unix_nano: NOW,
        end_time_unix_nano: NOW,
        ..Default::default()
    }
}

/// The shortest items that anybody would send.
fn short(items: usize) -> Vec<(&'static str, Signal, Bytes)> {
    let point = NumberDataPoint {
        time_unix_nano: NOW,
        value: Some(number_data_point::Value::AsInt(1)),
        ..Default::default()
    };
    let exponential = ExponentialHistogramDataPoint {
        time_unix_nano: NOW,
        start_time_unix_nano: NOW,
        count: 9,
        sum: Some(1.0),
        positive: Some(Buckets { offset: -10, bucket_counts: vec![1; 160] }),
        ..Default::default()
    };
    let record = LogRecord {
        time_unix_nano: NOW,
        body: Some(AnyValue { value: Some(Value::StringValue("hello".to_owned())) }),
        ..Default::default()
    };
    let links = vec![Link { trace_id: vec![1; 16], span_id: vec![2; 8], ..Default::default() }; 10];
    let events = vec![Event { name: "e".to_owned(), time_unix_nano: NOW, ..Default::default() }; 10];
    let gauge = |point: NumberDataPoint| metrics(Data::Gauge(Gauge { data_points: vec![point; items] }));
    vec![
        ("spans without attributes", Signal::Traces, traces(vec![span(); items])),
        ("one attribute", Signal::Traces, traces(vec![Span { attributes: attributes(1), ..span() }; items])),
        (
            "ten attributes",
            Signal::Traces,
            traces(vec![Span { attributes: attributes(10), ..span() }; items]),
        ),
        (
            "128 attributes",
            Signal::Traces,
            traces(vec![Span { attributes: attributes(128), ..span() }; items]),
        ),
        ("links", Signal::Traces, traces(vec![Span { links, ..span() }; items])),
        ("events", Signal::Traces, traces(vec![Span { events, ..span() }; items])),
        ("log records of a word", Signal::Logs, logs(vec![record.clone(); items])),
        (
            "log records with an observed time",
            Signal::Logs,
            logs(vec![LogRecord { observed_time_unix_nano: NOW, severity_number: 9, ..record }; items]),
        ),
        ("points without attributes", Signal::Metrics, gauge(point.clone())),
        ("points with two", Signal::Metrics, gauge(NumberDataPoint { attributes: attributes(2), ..point })),
        (
            "exponential histograms of 160 buckets",
            Signal::Metrics,
            metrics(Data::ExponentialHistogram(ExponentialHistogram {
                data_points: vec![exponential; items],
                aggregation_temporality: 2,
            })),
        ),
    ]
}

#[test]
fn i3_what_a_program_would_send_is_no_bomb() {
    let most = Limits::default().max_growth as f64;
    for (signal, body) in [
        (Signal::Traces, encode(&payload::traces())),
        (Signal::Metrics, encode(&payload::metrics())),
        (Signal::Logs, encode(&payload::logs())),
    ] {
        let growth = growth(signal, &body);
        assert!(growth < most / 4.0, "{signal}: {growth:.1}");
    }
    for (name, signal, body) in short(100) {
        let growth = growth(signal, &body);
        println!("{name}: {growth:.1}");
        assert!(growth < most / 1.1, "{name}: {growth:.1}");
    }
}

#[test]
fn i3_every_element_bomb_grows_beyond_the_limit() {
    let most = Limits::default().max_growth as f64;
    for (name, signal, body) in bombs(1000) {
        let growth = growth(signal, &body);
        println!("{name}: {growth:.1}");
        // Sixteen bytes of numbers for two on the wire, eight for one: no more than honest data.
        let harmless = ["quantiles", "exponential buckets"].contains(&name);
        assert_eq!(growth > most * 1.3, !harmless, "{name}: {growth:.1}");
        assert_eq!(growth < most, harmless, "{name}: {growth:.1}");
    }
}

/// One empty element, many times, for every repeated field.
fn bombs(times: usize) -> Vec<(&'static str, Signal, Bytes)> {
    use Signal::{Logs, Metrics, Traces};
    let table: [(&str, Signal, &[u32], u32); 27] = [
        ("resource spans", Traces, &[], 1),
        ("scope spans", Traces, &[1], 2),
        ("spans", Traces, &[1, 2], 2),
        ("span attributes", Traces, &[1, 2, 2], 9),
        ("events", Traces, &[1, 2, 2], 11),
        ("links", Traces, &[1, 2, 2], 13),
        ("event attributes", Traces, &[1, 2, 2, 11], 3),
        ("link attributes", Traces, &[1, 2, 2, 13], 4),
        ("array values", Traces, &[1, 2, 2, 9, 2, 5], 1),
        ("kvlist values", Traces, &[1, 2, 2, 9, 2, 6], 1),
        ("resource attributes", Traces, &[1, 1], 1),
        ("entity refs", Traces, &[1, 1], 3),
        ("entity id keys", Traces, &[1, 1, 3], 3),
        ("entity description keys", Traces, &[1, 1, 3], 4),
        ("scope attributes", Traces, &[1, 2, 1], 3),
        ("metrics", Metrics, &[1, 2], 2),
        ("metric metadata", Metrics, &[1, 2, 2], 12),
        ("gauge points", Metrics, &[1, 2, 2, 5], 1),
        ("sum points", Metrics, &[1, 2, 2, 7], 1),
        ("histogram points", Metrics, &[1, 2, 2, 9], 1),
        ("exponential points", Metrics, &[1, 2, 2, 10], 1),
        ("summary points", Metrics, &[1, 2, 2, 11], 1),
        ("exemplars", Metrics, &[1, 2, 2, 5, 1], 5),
        ("exemplar attributes", Metrics, &[1, 2, 2, 5, 1, 5], 7),
        ("quantiles", Metrics, &[1, 2, 2, 11, 1], 6),
        ("log records", Logs, &[1, 2], 2),
        ("log attributes", Logs, &[1, 2, 2], 6),
    ];
    let bomb = |path: &[u32], number: u32| {
        let mut body = Vec::new();
        (0..times).for_each(|_| body.put_bytes_field(number, b""));
        for &number in path.iter().rev() {
            let inner = std::mem::take(&mut body);
            body.put_bytes_field(number, &inner);
        }
        Bytes::from(body)
    };
    let mut bombs: Vec<_> =
        table.into_iter().map(|(name, signal, path, number)| (name, signal, bomb(path, number))).collect();
    let mut packed = Vec::new();
    packed.put_bytes_field(2, &vec![1; times]);
    for number in [8, 1, 10, 2, 2, 1] {
        let inner = std::mem::take(&mut packed);
        packed.put_bytes_field(number, &inner);
    }
    bombs.push(("exponential buckets", Metrics, packed.into()));
    bombs
}
