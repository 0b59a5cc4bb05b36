mod all_keys;
mod refused;
mod round_trip;
mod rules;

use super::*;
use crate::otlp::common::v1::any_value::Value;
use crate::otlp::logs::v1::LogRecord;
use crate::otlp::metrics::v1::{Metric, NumberDataPoint, metric};
use crate::otlp::trace::v1::Span;
use crate::otlp::{
    ExportLogsServiceRequest, ExportMetricsServiceRequest, ExportTraceServiceRequest, Message,
};

fn decode(signal: Signal, json: &str) -> Bytes {
    decode_request(signal, json.as_bytes(), &Limits::default()).unwrap_or_else(|e| panic!("{json}: {e}"))
}

fn traces(json: &str) -> ExportTraceServiceRequest {
    ExportTraceServiceRequest::decode(decode(Signal::Traces, json)).unwrap()
}

fn metrics(json: &str) -> ExportMetricsServiceRequest {
    ExportMetricsServiceRequest::decode(decode(Signal::Metrics, json)).unwrap()
}

fn logs(json: &str) -> ExportLogsServiceRequest {
    ExportLogsServiceRequest::decode(decode(Signal::Logs, json)).unwrap()
}

fn span_json(members: &str) -> String {
    format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{members}}}]}}]}}]}}"#)
}

fn span(members: &str) -> Span {
    traces(&span_json(members)).resource_spans.remove(0).scope_spans.remove(0).spans.remove(0)
}

fn log_record(members: &str) -> LogRecord {
    let json = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{{members}}}]}}]}}]}}"#);
    logs(&json).resource_logs.remove(0).scope_logs.remove(0).log_records.remove(0)
}

fn metric(members: &str) -> Metric {
    let json = format!(r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{{{members}}}]}}]}}]}}"#);
    metrics(&json).resource_metrics.remove(0).scope_metrics.remove(0).metrics.remove(0)
}

fn number_point(members: &str) -> NumberDataPoint {
    match metric(&format!(r#""gauge":{{"dataPoints":[{{{members}}}]}}"#)).data {
        Some(metric::Data::Gauge(mut gauge)) => gauge.data_points.remove(0),
        other => panic!("{other:?}"),
    }
}

/// The value of an attribute.
fn value(json: &str) -> Option<Value> {
    let mut span = span(&format!(r#""attributes":[{{"key":"k","value":{json}}}]"#));
    span.attributes.remove(0).value.and_then(|value| value.value)
}

fn encode(data: &Pdata) -> String {
    let mut out = Vec::new();
    encode_request(data, &mut out);
    String::from_utf8(out).unwrap()
}

fn error(signal: Signal, json: &[u8]) -> JsonError {
    decode_request(signal, json, &Limits::default()).unwrap_err()
}
