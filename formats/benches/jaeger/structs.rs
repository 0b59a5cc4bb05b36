//! OTLP to `api_v2` by way of structs, for comparison. Knows as much as the payload needs; strings are moved.

use prost::Message;
use sluice_formats::jaeger::api_v2::{Batch, KeyValue, PostSpansRequest, Process, Span, SpanRef, ValueType};
use sluice_pdata::otlp::ExportTraceServiceRequest;
use sluice_pdata::otlp::common::v1 as common;
use sluice_pdata::otlp::common::v1::any_value::Value;
use sluice_pdata::otlp::trace::v1 as otlp;

pub(crate) fn post_spans(body: &[u8]) -> Vec<u8> {
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    let mut out = Vec::with_capacity(body.len());
    for resource in request.resource_spans {
        let batch = Some(batch(resource));
        PostSpansRequest { batch }.encode(&mut out).unwrap();
    }
    out
}

fn batch(resource: otlp::ResourceSpans) -> Batch {
    let mut service_name = String::new();
    let mut tags = Vec::new();
    for attribute in resource.resource.unwrap_or_default().attributes {
        let tag = tag(attribute);
        if tag.key == "service.name" { service_name = tag.v_str } else { tags.push(tag) }
    }
    let mut spans = Vec::new();
    for scope_spans in resource.scope_spans {
        let scope = scope_spans.scope.unwrap_or_default();
        spans.extend(scope_spans.spans.into_iter().map(|it| span(&scope, it)));
    }
    Batch { spans, process: Some(Process { service_name, tags }) }
}

fn span(scope: &common::InstrumentationScope, span: otlp::Span) -> Span {
    let mut tags = Vec::with_capacity(span.attributes.len() + 8);
    if !scope.name.is_empty() {
        tags.push(text("otel.scope.name", scope.name.clone()));
    }
    if !scope.version.is_empty() {
        tags.push(text("otel.scope.version", scope.version.clone()));
    }
    tags.extend(span.attributes.into_iter().map(tag));
    let kind = ["", "internal", "server", "client", "producer", "consumer"];
    if let Some(kind) = kind.get(span.kind as usize).filter(|kind| !kind.is_empty()) {
        tags.push(text("span.kind", (*kind).into()));
    }
    let status = span.status.unwrap_or_default();
    match status.code {
        1 => tags.push(text("otel.status_code", "OK".into())),
        2 => tags.push(text("otel.status_code", "ERROR".into())),
        _ => {}
    }
    if status.code == 2 {
        tags.push(KeyValue {
            key: "error".into(),
            v_type: ValueType::Bool.into(),
            v_bool: true,
            ..Default::default()
        });
    }
    if !status.message.is_empty() {
        tags.push(text("otel.status_description", status.message));
    }
    let mut references = Vec::new();
    if !span.parent_span_id.is_empty() {
        references.push(SpanRef {
            trace_id: span.trace_id.clone(),
            span_id: span.parent_span_id,
            ref_type: 0,
        });
    }
    let (start, duration) =
        (span.start_time_unix_nano, span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano));
    let split = |nanos: u64| ((nanos / 1_000_000_000) as i64, (nanos % 1_000_000_000) as i32);
    let (seconds, nanos) = split(start);
    let start_time = Some(prost_types::Timestamp { seconds, nanos });
    let (seconds, nanos) = split(duration);
    let duration = Some(prost_types::Duration { seconds, nanos });
    Span {
        trace_id: span.trace_id,
        span_id: span.span_id,
        operation_name: span.name,
        references,
        flags: span.flags & 1,
        start_time,
        duration,
        tags,
        ..Default::default()
    }
}

fn text(key: &str, value: String) -> KeyValue {
    KeyValue { key: key.into(), v_str: value, ..Default::default() }
}

fn tag(attribute: common::KeyValue) -> KeyValue {
    let mut tag = KeyValue { key: attribute.key, ..Default::default() };
    match attribute.value.and_then(|value| value.value) {
        Some(Value::StringValue(value)) => tag.v_str = value,
        Some(Value::BoolValue(value)) => (tag.v_type, tag.v_bool) = (ValueType::Bool.into(), value),
        Some(Value::IntValue(value)) => (tag.v_type, tag.v_int64) = (ValueType::Int64.into(), value),
        Some(Value::DoubleValue(value)) => (tag.v_type, tag.v_float64) = (ValueType::Float64.into(), value),
        _ => {}
    }
    tag
}
