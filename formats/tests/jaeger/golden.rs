//! What Jaeger itself has in its tests.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use sluice_formats::jaeger::api_v2::{Batch, KeyValue, Log, Process, Span, SpanRef};
use sluice_formats::jaeger::{decode_post_spans, encode_post_spans};
use sluice_pdata::otlp::{ExportTraceServiceRequest, Message};
use sluice_pdata::{Limits, Pdata, Signal, json};

use crate::support::{encode, from_thrift, otlp, rows, tag};

fn read(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/jaeger").join(name);
    std::fs::read_to_string(path).expect("a fixture")
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().map(Vec::as_slice).unwrap_or_default().iter()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn int(value: &Value) -> i64 {
    value.as_i64().unwrap_or(0)
}

fn bytes(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap_or_default()).expect("base64")
}

/// A tag of either form: the names of types and values differ.
fn read_tag(value: &Value) -> KeyValue {
    let key = text(&value["key"]);
    match value["vType"].as_str() {
        None | Some("STRING") => tag(&key, text(&value["vStr"]).as_str()),
        Some("BOOL") => tag(&key, value["vBool"].as_bool().unwrap_or_default()),
        Some("LONG") => tag(&key, int(&value["vLong"])),
        Some("INT64") => tag(
            &key,
            value["vInt64"].as_i64().or(value["vInt64"].as_str().and_then(|it| it.parse().ok())).unwrap_or(0),
        ),
        Some("DOUBLE") => tag(&key, value["vDouble"].as_f64().unwrap_or(0.0)),
        Some("FLOAT64") => tag(&key, value["vFloat64"].as_f64().unwrap_or(0.0)),
        Some("BINARY") => tag(&key, bytes(&value["vBinary"]).as_slice()),
        other => panic!("{other:?}"),
    }
}

fn thrift_ids(value: &Value) -> (Vec<u8>, Vec<u8>) {
    let trace = [int(&value["traceIdHigh"]).to_be_bytes(), int(&value["traceIdLow"]).to_be_bytes()].concat();
    (trace, int(&value["spanId"]).to_be_bytes().to_vec())
}

fn ref_type(value: &Value) -> i32 {
    i32::from(value["refType"] == "FOLLOWS_FROM")
}

fn time(micros: i64) -> Option<prost_types::Timestamp> {
    Some(prost_types::Timestamp { seconds: micros / 1_000_000, nanos: (micros % 1_000_000 * 1000) as i32 })
}

fn thrift_batch(value: &Value) -> Batch {
    let spans = list(&value["spans"]).map(|span| {
        let (trace_id, span_id) = thrift_ids(span);
        let duration = int(&span["duration"]);
        Span {
            trace_id,
            span_id,
            operation_name: text(&span["operationName"]),
            references: list(&span["references"])
                .map(|it| {
                    let (trace_id, span_id) = thrift_ids(it);
                    SpanRef { trace_id, span_id, ref_type: ref_type(it) }
                })
                .collect(),
            start_time: time(int(&span["startTime"])),
            duration: Some(prost_types::Duration { seconds: 0, nanos: (duration * 1000) as i32 }),
            tags: list(&span["tags"]).map(read_tag).collect(),
            logs: list(&span["logs"])
                .map(|log| Log {
                    timestamp: time(int(&log["timestamp"])),
                    fields: list(&log["fields"]).map(read_tag).collect(),
                })
                .collect(),
            ..Span::default()
        }
    });
    let process = &value["process"];
    let tags = list(&process["tags"]).map(read_tag).collect();
    Batch {
        spans: spans.collect(),
        process: Some(Process { service_name: text(&process["serviceName"]), tags }),
    }
}

fn sorted(mut tags: Vec<KeyValue>) -> Vec<KeyValue> {
    tags.sort_by(|a, b| a.key.cmp(&b.key));
    tags
}

/// Jaeger's own reading of a Thrift batch is what we send it of that batch, but for the order of tags and the two tags
/// of a process that have OTLP names.
fn thrift_conversion(number: &str) {
    let batch: Value =
        serde_json::from_str(&read(&format!("thriftconv_thrift_batch_{number}.json"))).expect("JSON");
    let domain: Value =
        serde_json::from_str(&read(&format!("thriftconv_domain_{number}.json"))).expect("JSON");
    let mut request = from_thrift(&thrift_batch(&batch), int(&batch["spans"][0]["parentSpanId"]));
    let ours = encode(request.resource_spans.remove(0)).expect("a batch");
    assert_eq!(ours.spans.len(), list(&domain["spans"]).count());

    for (ours, theirs) in ours.spans.into_iter().zip(list(&domain["spans"])) {
        assert_eq!((ours.trace_id, ours.span_id), (bytes(&theirs["traceId"]), bytes(&theirs["spanId"])));
        assert_eq!(ours.operation_name, text(&theirs["operationName"]));
        let references: Vec<_> = list(&theirs["references"])
            .map(|it| SpanRef {
                trace_id: bytes(&it["traceId"]),
                span_id: bytes(&it["spanId"]),
                ref_type: ref_type(it),
            })
            .collect();
        assert_eq!(ours.references, references);
        assert_eq!(theirs["startTime"], "2017-01-26T16:46:31.639875-05:00");
        assert_eq!(ours.start_time, time(1_485_467_191_639_875));
        assert_eq!(theirs["duration"], format!("{}ns", ours.duration.expect("there").nanos));
        assert_eq!(sorted(ours.tags), sorted(list(&theirs["tags"]).map(read_tag).collect()));
        let logs: Vec<Vec<_>> =
            list(&theirs["logs"]).map(|log| list(&log["fields"]).map(read_tag).collect()).collect();
        assert_eq!(ours.logs.into_iter().map(|log| log.fields).collect::<Vec<_>>(), logs);
    }
    let process = ours.process.expect("there");
    let theirs = &domain["spans"][0]["process"];
    assert_eq!(process.service_name, text(&theirs["serviceName"]));
    let renamed = list(&theirs["tags"]).map(read_tag).map(|it| match it.key.as_str() {
        "hostname" => tag("host.name", it.v_str.as_str()),
        "jaeger.version" => tag("opencensus.exporterversion", format!("Jaeger-{}", it.v_str).as_str()),
        _ => it,
    });
    assert_eq!(sorted(process.tags), sorted(renamed.collect()));
}

rows! { thrift_conversion {
    thriftconv_01: "01";
    thriftconv_02: "02";
} }

/// What Jaeger's storage is tested with goes out and comes back as it was.
fn storage_trace(name: &str) {
    let wire =
        json::decode_request(Signal::Traces, read(name).as_bytes(), &Limits::default()).expect("OTLP/JSON");
    let mut original = ExportTraceServiceRequest::decode(&wire[..]).expect("OTLP");
    let (data, _) = Pdata::from_wire(Signal::Traces, wire, &Limits::default()).expect("OTLP");
    let mut back = Vec::new();
    for resource in data.traces() {
        let mut body = Vec::new();
        encode_post_spans(&[resource], &mut body).expect("a batch");
        let translated = decode_post_spans(&body, &Limits::default()).expect("our own");
        back.extend(otlp(&translated).resource_spans);
    }
    for resource in &mut original.resource_spans {
        resource.scope_spans.retain(|scope| !scope.spans.is_empty());
        for scope in &mut resource.scope_spans {
            scope.scope = scope.scope.take().filter(|scope| *scope != Default::default());
            for span in &mut scope.spans {
                span.status = span.status.take().filter(|status| *status != Default::default());
            }
        }
    }
    assert_eq!(back, original.resource_spans);
}

rows! { storage_trace {
    integration_default: "integration_default.json";
    integration_example: "integration_example_trace.json";
    integration_log_tags: "integration_log_tags_trace.json";
    integration_process_tags: "integration_process_tags_trace.json";
    integration_scope: "integration_scope_name_version_trace.json";
    integration_span_tags: "integration_span_tags_trace.json";
} }
