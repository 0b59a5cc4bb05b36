//! OTLP to Jaeger: resources, attributes, tags and their order, references, logs, times. By protobuf and by Thrift, from
//! bytes and from structs, which must agree.

use sluice_formats::jaeger::api_v2::{KeyValue, Span, SpanRef};
use sluice_formats::jaeger::{
    decode_emit_batch, decode_thrift_batch, encode_emit_batch, encode_thrift_batch,
};
use sluice_pdata::Limits;
use sluice_pdata::otlp::common::v1::any_value::Value;
use sluice_pdata::otlp::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue as Attribute, KeyValueList,
};
use sluice_pdata::otlp::trace::v1 as otlp;

use crate::support::{
    BINARY, COMPACT, START, attribute, child_of, data, encode, encode_span, encode_with_parents,
    follows_from, int, otlp_span, resource, resource_spans, rows, span_id, tag, text, trace_id,
};

fn process(attributes: &[Attribute], service: &str, tags: &[KeyValue]) {
    let resource = Some(resource(attributes.to_vec()));
    let process = encode(otlp::ResourceSpans { resource, ..resource_spans(vec![otlp_span()]) })
        .and_then(|batch| batch.process)
        .expect("a process");
    assert_eq!((process.service_name.as_str(), process.tags.as_slice()), (service, tags));
}

rows! { process {
    service_name_is_not_repeated: &[int("a", 1), text("service.name", "svc"), text("b", "c")], "svc", &[tag("a", 1), tag("b", "c")];
    no_attributes_is_the_placeholder: &[], "OTLPResourceNoServiceName", &[];
    no_service_name_is_the_placeholder_too: &[int("a", 1)], "OTLPResourceNoServiceName", &[tag("a", 1)];
    empty_service_name_is_the_placeholder_too: &[text("service.name", "")], "OTLPResourceNoServiceName", &[];
    service_name_that_is_no_text_stays_a_tag: &[int("service.name", 1)], "OTLPResourceNoServiceName", &[tag("service.name", 1)];
    host_name_is_not_turned_back: &[text("service.name", "svc"), text("host.name", "h")], "svc", &[tag("host.name", "h")];
} }

#[test]
fn a_resource_without_attributes_and_scopes_is_no_batch() {
    assert_eq!(encode(otlp::ResourceSpans { schema_url: "s".into(), ..Default::default() }), None);
}

#[test]
fn a_resource_without_scopes_is_a_batch_with_process_only() {
    let batch =
        encode(otlp::ResourceSpans { scope_spans: vec![], ..resource_spans(vec![]) }).expect("a batch");
    assert_eq!(
        (batch.spans.len(), batch.process.map(|process| process.service_name)),
        (0, Some("svc".into()))
    );
}

#[test]
fn spans_of_all_scopes_are_one_batch() {
    let mut resource = resource_spans(vec![otlp_span(), otlp_span()]);
    resource.scope_spans.push(otlp::ScopeSpans { spans: vec![otlp_span()], ..Default::default() });
    assert_eq!(encode(resource).map(|batch| batch.spans.len()), Some(3));
}

#[test]
fn a_datagram_is_the_batch_as_the_argument_of_a_call() {
    for protocol in [BINARY, COMPACT] {
        for data in data(resource_spans(vec![otlp_span(), otlp_span()])) {
            let process = [data.traces().iter().next().expect("one resource")];
            let (mut batch, mut packet) = (Vec::new(), Vec::new());
            assert_eq!(encode_thrift_batch(&process, protocol, &mut batch), Some(2));
            assert_eq!(encode_emit_batch(&process, protocol, &mut packet), Some(2));
            let limits = Limits::default();
            let of_batch = decode_thrift_batch(&batch, protocol, &limits).expect("a batch");
            assert_eq!(decode_emit_batch(&packet, protocol, &limits).expect("a call").wire, of_batch.wire);
        }
        let mut packet = Vec::new();
        for data in data(otlp::ResourceSpans { schema_url: "s".into(), ..Default::default() }) {
            let process = [data.traces().iter().next().expect("one resource")];
            assert_eq!(encode_emit_batch(&process, protocol, &mut packet), None);
        }
        assert!(packet.is_empty());
    }
}

fn value(value: Option<Value>, expected: KeyValue) {
    let value = value.map(|value| AnyValue { value: Some(value) });
    let attribute = Attribute { key: "k".into(), value, ..Default::default() };
    assert_eq!(encode_span(otlp::Span { attributes: vec![attribute], ..otlp_span() }).tags, [expected]);
}

fn list(values: &[Value]) -> Value {
    let values = values.iter().map(|value| AnyValue { value: Some(value.clone()) }).collect();
    Value::ArrayValue(ArrayValue { values })
}

rows! { value {
    string: Some(Value::StringValue("v ✓".into())), tag("k", "v ✓");
    empty_string: Some(Value::StringValue(String::new())), tag("k", "");
    bool_true: Some(Value::BoolValue(true)), tag("k", true);
    bool_false: Some(Value::BoolValue(false)), tag("k", false);
    int_zero: Some(Value::IntValue(0)), tag("k", 0);
    int_smallest: Some(Value::IntValue(i64::MIN)), tag("k", i64::MIN);
    double: Some(Value::DoubleValue(-0.5)), tag("k", -0.5);
    double_zero: Some(Value::DoubleValue(0.0)), tag("k", 0.0);
    bytes: Some(Value::BytesValue(vec![0, 255])), tag("k", &[0, 255][..]);
    bytes_empty: Some(Value::BytesValue(vec![])), tag("k", &[][..]);
    array_is_json: Some(list(&[Value::IntValue(1), Value::StringValue("x".into()), Value::BytesValue(vec![255])])), tag("k", r#"[1,"x","/w=="]"#);
    map_is_json_with_keys_in_order: Some(Value::KvlistValue(KeyValueList { values: vec![int("b", 2), int("a", 1)] })), tag("k", r#"{"a":1,"b":2}"#);
    empty_value: None, tag("k", "");
} }

fn tags(span: otlp::Span, expected: &[KeyValue]) {
    assert_eq!(encode_span(span).tags, expected);
}

fn status(code: i32, message: &str) -> Option<otlp::Status> {
    Some(otlp::Status { code, message: message.into() })
}

rows! { tags {
    kind_unspecified: otlp::Span { kind: 0, ..otlp_span() }, &[];
    kind_internal: otlp::Span { kind: 1, ..otlp_span() }, &[tag("span.kind", "internal")];
    kind_server: otlp::Span { kind: 2, ..otlp_span() }, &[tag("span.kind", "server")];
    kind_client: otlp::Span { kind: 3, ..otlp_span() }, &[tag("span.kind", "client")];
    kind_producer: otlp::Span { kind: 4, ..otlp_span() }, &[tag("span.kind", "producer")];
    kind_consumer: otlp::Span { kind: 5, ..otlp_span() }, &[tag("span.kind", "consumer")];
    status_unset: otlp::Span { status: status(0, ""), ..otlp_span() }, &[];
    status_ok: otlp::Span { status: status(1, ""), ..otlp_span() }, &[tag("otel.status_code", "OK")];
    status_error: otlp::Span { status: status(2, "bad"), ..otlp_span() },
        &[tag("otel.status_code", "ERROR"), tag("error", true), tag("otel.status_description", "bad")];
    trace_state: otlp::Span { trace_state: "a=b".into(), ..otlp_span() }, &[tag("w3c.tracestate", "a=b")];
    dropped_counts: otlp::Span { dropped_attributes_count: 1, dropped_events_count: 2, dropped_links_count: 3, ..otlp_span() },
        &[tag("otel.dropped_attributes_count", 1), tag("otel.dropped_events_count", 2), tag("otel.dropped_links_count", 3)];
} }

#[test]
fn tags_are_in_otelcols_order() {
    let span = otlp::Span {
        attributes: vec![text("z", "1"), text("a", "2")],
        kind: 3,
        status: status(2, "bad"),
        trace_state: "a=b".into(),
        ..otlp_span()
    };
    let mut resource = resource_spans(vec![span]);
    let scope = InstrumentationScope {
        name: "lib".into(),
        version: "1".into(),
        attributes: vec![int("lost", 1)],
        ..Default::default()
    };
    resource.scope_spans[0].scope = Some(scope);
    let span = encode(resource).expect("a batch").spans.remove(0);
    let keys: Vec<_> = span.tags.iter().map(|tag| tag.key.as_str()).collect();
    let expected = [
        "otel.scope.name",
        "otel.scope.version",
        "z",
        "a",
        "span.kind",
        "otel.status_code",
        "error",
        "otel.status_description",
        "w3c.tracestate",
    ];
    assert_eq!(keys, expected);
}

#[test]
fn jaegers_own_attribute_becomes_warnings_by_proto() {
    let warnings = list(&[Value::StringValue("skew".into()), Value::StringValue(String::new())]);
    let attributes = vec![attribute("@jaeger@warnings", warnings)];
    let span = encode_span(otlp::Span { attributes, ..otlp_span() });
    assert_eq!((span.warnings, span.tags), (vec!["skew".to_owned(), String::new()], vec![]));
    let no_texts = list(&[Value::IntValue(1)]);
    tags(
        otlp::Span { attributes: vec![attribute("@jaeger@warnings", no_texts)], ..otlp_span() },
        &[tag("@jaeger@warnings", "[1]")],
    );
}

fn link(trace: u8, span: u8, kind: Option<&str>) -> otlp::span::Link {
    let attributes = kind.map(|kind| text("opentracing.ref_type", kind)).into_iter().collect();
    otlp::span::Link { trace_id: trace_id(trace), span_id: span_id(span), attributes, ..Default::default() }
}

fn references(parent: Option<u8>, links: Vec<otlp::span::Link>, expected: &[SpanRef]) {
    let parent_span_id = parent.map(span_id).unwrap_or_default();
    let (batch, parents) =
        encode_with_parents(resource_spans(vec![otlp::Span { parent_span_id, links, ..otlp_span() }]))
            .expect("a batch");
    assert_eq!(batch.spans[0].references, expected);
    let number = parent.map_or(0, |parent| i64::from_be_bytes(span_id(parent).try_into().expect("8 bytes")));
    assert_eq!(parents, [number]);
}

rows! { references {
    root: None, vec![], &[];
    parent_is_the_first_reference: Some(2), vec![link(1, 4, Some("child_of"))], &[child_of(1, 2), child_of(1, 4)];
    link_follows_from: None, vec![link(9, 4, Some("follows_from"))], &[follows_from(9, 4)];
    link_without_a_type_follows_from: None, vec![link(9, 4, None)], &[follows_from(9, 4)];
    link_of_another_type_follows_from: None, vec![link(9, 4, Some("other"))], &[follows_from(9, 4)];
    link_to_the_parent_only_says_its_type: Some(2), vec![link(1, 2, Some("follows_from"))], &[follows_from(1, 2)];
    link_to_the_parent_as_child: Some(2), vec![link(1, 4, None), link(1, 2, Some("child_of"))], &[child_of(1, 2), follows_from(1, 4)];
    link_to_the_parents_id_in_another_trace: Some(2), vec![link(9, 2, None)], &[child_of(1, 2), follows_from(9, 2)];
} }

#[test]
fn ids_that_are_not_there_are_written_as_zeros() {
    let links = vec![otlp::span::Link::default()];
    let span = encode_span(otlp::Span { trace_id: vec![], span_id: vec![], links, ..otlp_span() });
    assert_eq!((&span.trace_id, &span.span_id), (&vec![0; 16], &vec![0; 8]));
    assert_eq!(span.references, [SpanRef { trace_id: vec![0; 16], span_id: vec![0; 8], ref_type: 1 }]);
}

fn log(event: otlp::span::Event, fields: &[KeyValue]) {
    let event = otlp::span::Event { time_unix_nano: START as u64 * 1_000_000_000 + 5_000, ..event };
    let logs = encode_span(otlp::Span { events: vec![event.clone(), event], ..otlp_span() }).logs;
    assert_eq!(logs.len(), 2);
    for log in logs {
        assert_eq!(log.timestamp.map(|time| (time.seconds, time.nanos)), Some((START, 5_000)));
        assert_eq!(log.fields, fields);
    }
}

rows! { log {
    name_first: otlp::span::Event { name: "retry".into(), attributes: vec![int("n", 1)], ..Default::default() }, &[tag("event", "retry"), tag("n", 1)];
    no_name: otlp::span::Event { attributes: vec![int("n", 1)], ..Default::default() }, &[tag("n", 1)];
    attribute_event_wins_over_the_name: otlp::span::Event { name: "lost".into(), attributes: vec![text("event", "kept")], ..Default::default() }, &[tag("event", "kept")];
    nothing_at_all: otlp::span::Event::default(), &[];
    dropped_count: otlp::span::Event { dropped_attributes_count: 4, ..Default::default() }, &[tag("otel.event.dropped_attributes_count", 4)];
} }

fn times(start: u64, end: u64, expected: ((i64, i32), (i64, i32))) {
    let span =
        encode_span(otlp::Span { start_time_unix_nano: start, end_time_unix_nano: end, ..otlp_span() });
    let (start, duration) = (span.start_time.expect("there"), span.duration.expect("there"));
    assert_eq!(((start.seconds, start.nanos), (duration.seconds, duration.nanos)), expected);
}

rows! { times {
    nanoseconds_are_kept_by_proto: 1_000_000_001, 3_000_000_003, ((1, 1), (2, 2));
    no_times: 0, 0, ((0, 0), (0, 0));
    end_before_start_is_no_duration: 5_000_000_000, 4_000_000_000, ((5, 0), (0, 0));
} }

fn flags(otlp: u32, expected: u32) {
    assert_eq!(
        encode_span(otlp::Span { flags: otlp, ..otlp_span() }),
        Span { flags: expected, ..encode_span(otlp_span()) }
    );
}

rows! { flags {
    sampled: 0x301, 1;
    not_sampled: 0x300, 0;
} }
