//! §Span fields.

use prost_types::{Duration, Timestamp};
use sluice_formats::jaeger::api_v2::{KeyValue, Span};
use sluice_pdata::otlp::trace::v1 as otlp;

use crate::support::{
    START, batch, decode_span, from_proto, from_thrift, only_span, rows, span, span_id, tag, text, trace_id,
};

fn fields(jaeger: Span, check: impl Fn(otlp::Span)) {
    check(decode_span(jaeger));
}

const SECOND: u64 = 1_000_000_000;

rows! { fields {
    ids_with_the_top_bit: span(), |span| assert_eq!((span.trace_id, span.span_id), (trace_id(1), span_id(3)));
    zero_ids_pass_as_invalid: Span { trace_id: vec![0; 16], span_id: vec![0; 8], ..span() }, |span| {
        assert_eq!((span.trace_id.len(), span.span_id.len()), (0, 0));
    };
    operation_name: span(), |span| assert_eq!(span.name, "op");
    start_and_duration: span(), |span| {
        assert_eq!(span.start_time_unix_nano, START as u64 * SECOND + 321_000);
        assert_eq!(span.end_time_unix_nano, START as u64 * SECOND + 321_000 + 1_000_468_000);
    };
    negative_duration_ends_before_it_starts: Span { duration: Some(Duration { seconds: -1, nanos: -5000 }), ..span() }, |span| {
        assert_eq!(span.end_time_unix_nano, span.start_time_unix_nano - SECOND - 5000);
    };
    start_before_1970_is_0: Span { start_time: Some(Timestamp { seconds: -5, nanos: 0 }), ..span() }, |span| {
        assert_eq!((span.start_time_unix_nano, span.end_time_unix_nano), (0, 0));
    };
    no_times: Span { start_time: None, duration: None, ..span() }, |span| {
        assert_eq!((span.start_time_unix_nano, span.end_time_unix_nano), (0, 0));
    };
    flag_sampled: Span { flags: 1, ..span() }, |span| assert_eq!(span.flags, 1);
    flag_not_sampled: Span { flags: 0, ..span() }, |span| assert_eq!(span.flags, 0);
    flags_debug_and_firehose_are_dropped: Span { flags: 1 | 2 | 8, ..span() }, |span| assert_eq!(span.flags, 1);
    process_id_is_ignored: Span { process_id: "p1".into(), ..span() }, |span| assert_eq!(span.attributes, []);
} }

fn kind(text: &str, expected: i32) {
    let span = decode_span(Span { tags: vec![tag("span.kind", text)], ..span() });
    assert_eq!((span.kind, span.attributes.len()), (expected, 0));
}

rows! { kind {
    kind_internal: "internal", 1;
    kind_server: "server", 2;
    kind_client: "client", 3;
    kind_producer: "producer", 4;
    kind_consumer: "consumer", 5;
    kind_in_upper_case_is_unspecified_and_removed: "SERVER", 0;
    kind_unknown_is_removed: "robot", 0;
} }

fn tagged(tags: Vec<KeyValue>) -> (otlp::ScopeSpans, otlp::ScopeSpans) {
    let batch = batch(vec![Span { tags, ..span() }]);
    let scope = |mut request: sluice_pdata::otlp::ExportTraceServiceRequest| {
        request.resource_spans.remove(0).scope_spans.remove(0)
    };
    (scope(from_proto(batch.clone())), scope(from_thrift(&batch, 0)))
}

#[test]
fn trace_state_is_a_field_by_proto_and_an_attribute_by_thrift() {
    let (proto, thrift) = tagged(vec![tag("w3c.tracestate", "a=b")]);
    assert_eq!((proto.spans[0].trace_state.as_str(), proto.spans[0].attributes.len()), ("a=b", 0));
    assert_eq!(thrift.spans[0].trace_state, "");
    assert_eq!(thrift.spans[0].attributes, [text("w3c.tracestate", "a=b")]);
}

#[test]
fn scope_is_a_field_by_proto_and_attributes_by_thrift() {
    let tags = [("otel.scope.name", "lib"), ("otel.scope.version", "1.2")];
    let (proto, thrift) = tagged(tags.map(|(key, value)| tag(key, value)).to_vec());
    let scope = proto.scope.expect("a scope");
    assert_eq!(
        (scope.name.as_str(), scope.version.as_str(), proto.spans[0].attributes.len()),
        ("lib", "1.2", 0)
    );
    assert_eq!(thrift.scope, None);
    assert_eq!(thrift.spans[0].attributes, tags.map(|(key, value)| text(key, value)));
}

#[test]
fn scope_version_without_a_name_stays_an_attribute() {
    let (proto, _) = tagged(vec![tag("otel.scope.version", "1.2")]);
    assert_eq!(proto.scope, None);
    assert_eq!(proto.spans[0].attributes, [text("otel.scope.version", "1.2")]);
}

#[test]
fn the_older_name_of_a_scope_is_not_read() {
    let (proto, _) = tagged(vec![tag("otel.library.name", "lib")]);
    assert_eq!(proto.scope, None);
    assert_eq!(proto.spans[0].attributes, [text("otel.library.name", "lib")]);
}

#[test]
fn warnings_are_kept_in_jaegers_own_attribute() {
    let warnings = vec!["clock skew".to_owned(), String::new()];
    let span = only_span(from_proto(batch(vec![Span { warnings, ..span() }])));
    let texts = ["clock skew", ""].map(|text| sluice_pdata::otlp::common::v1::AnyValue {
        value: Some(sluice_pdata::otlp::common::v1::any_value::Value::StringValue(text.into())),
    });
    let array = sluice_pdata::otlp::common::v1::ArrayValue { values: texts.to_vec() };
    let value = sluice_pdata::otlp::common::v1::any_value::Value::ArrayValue(array);
    assert_eq!(span.attributes, [crate::support::attribute("@jaeger@warnings", value)]);
}

#[test]
fn proto_keeps_nanoseconds() {
    let start_time = Some(Timestamp { seconds: START, nanos: 123_456_789 });
    let duration = Some(Duration { seconds: 0, nanos: 11 });
    let span = only_span(from_proto(batch(vec![Span { start_time, duration, ..span() }])));
    assert_eq!(span.start_time_unix_nano, START as u64 * SECOND + 123_456_789);
    assert_eq!(span.end_time_unix_nano, START as u64 * SECOND + 123_456_800);
}

#[test]
fn a_trace_id_of_8_bytes_is_the_lower_half() {
    let span = only_span(from_proto(batch(vec![Span { trace_id: vec![7; 8], ..span() }])));
    assert_eq!(span.trace_id, [[0; 8], [7; 8]].concat());
}
