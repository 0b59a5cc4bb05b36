//! There and back: what survives, and each loss that is documented.

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use sluice_formats::jaeger::api_v2::{KeyValue, Span};
use sluice_pdata::otlp::common::v1::any_value::Value;
use sluice_pdata::otlp::common::v1::{ArrayValue, InstrumentationScope, KeyValue as Attribute};
use sluice_pdata::otlp::trace::v1 as otlp;

use crate::support::{
    attribute, batch, decode, encode, encode_with_parents, from_proto, from_thrift, int, only_span,
    otlp_span, resource, resource_spans, rows, span, span_id, tag, text, trace_id,
};

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        "\\PC{0,8}".prop_map(Value::StringValue),
        any::<bool>().prop_map(Value::BoolValue),
        any::<i64>().prop_map(Value::IntValue),
        (-1e9..1e9).prop_map(Value::DoubleValue),
        vec(any::<u8>(), 0..8).prop_map(Value::BytesValue),
    ]
}

/// None of the keys means anything to Jaeger.
fn attributes(up_to: usize) -> impl Strategy<Value = Vec<Attribute>> {
    btree_map("x\\.\\PC{0,6}", value(), 0..up_to)
        .prop_map(|map| map.into_iter().map(|(key, value)| attribute(&key, value)).collect())
}

fn id<const N: usize>() -> impl Strategy<Value = Vec<u8>> {
    any::<[u8; N]>().prop_filter("not zero", |id| *id != [0; N]).prop_map(Vec::from)
}

fn event() -> impl Strategy<Value = otlp::span::Event> {
    ("\\PC{0,8}", 1_u64..1 << 50, attributes(4)).prop_map(|(name, micros, attributes)| otlp::span::Event {
        name,
        time_unix_nano: micros * 1000,
        attributes,
        ..Default::default()
    })
}

fn link() -> impl Strategy<Value = otlp::span::Link> {
    (id::<16>(), id::<8>(), any::<bool>()).prop_map(|(trace_id, span_id, child)| otlp::span::Link {
        trace_id,
        span_id,
        attributes: vec![text("opentracing.ref_type", if child { "child_of" } else { "follows_from" })],
        ..Default::default()
    })
}

fn status() -> impl Strategy<Value = Option<otlp::Status>> {
    option::of((1..=2, "\\PC{0,8}").prop_map(|(code, message)| otlp::Status { code, message }))
}

/// A span that Jaeger can hold.
fn spans() -> impl Strategy<Value = otlp::Span> {
    let ids = (id::<16>(), id::<8>(), option::of(id::<8>()));
    let fields = ("\\PC{0,12}", 0..=5, 0_u32..=1, 1_u64..1 << 50, 0_u64..1 << 30, status());
    (ids, fields, attributes(40), vec(event(), 0..4), vec(link(), 0..4)).prop_map(
        |(
            (trace_id, span_id, parent),
            (name, kind, flags, start, duration, status),
            attributes,
            events,
            links,
        )| {
            otlp::Span {
                trace_id,
                span_id,
                parent_span_id: parent.unwrap_or_default(),
                name,
                kind,
                flags,
                start_time_unix_nano: start * 1000,
                end_time_unix_nano: (start + duration) * 1000,
                status,
                attributes,
                events,
                links,
                ..Default::default()
            }
        },
    )
}

fn batches() -> impl Strategy<Value = otlp::ResourceSpans> {
    (vec(spans(), 1..5), attributes(4)).prop_map(|(spans, mut attributes)| {
        attributes.insert(0, text("service.name", "svc"));
        otlp::ResourceSpans { resource: Some(resource(attributes)), ..resource_spans(spans) }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn otlp_survives_jaeger_by_proto_and_by_thrift(original in batches()) {
        let (batch, parents) = encode_with_parents(original.clone()).expect("a batch");
        prop_assert_eq!(&from_proto(batch.clone()).resource_spans[..], std::slice::from_ref(&original));
        for (index, parent) in parents.into_iter().enumerate() {
            let one = sluice_formats::jaeger::api_v2::Batch { spans: vec![batch.spans[index].clone()], process: batch.process.clone() };
            prop_assert_eq!(&only_span(from_thrift(&one, parent)), &original.scope_spans[0].spans[index]);
        }
    }

    #[test]
    fn no_bytes_do_harm(bytes in vec(any::<u8>(), 0..200)) {
        use sluice_formats::jaeger::{decode_emit_batch, decode_post_spans, decode_thrift_batch};
        let limits = sluice_pdata::Limits::default();
        let results = [crate::support::BINARY, crate::support::COMPACT]
            .into_iter()
            .flat_map(|protocol| [decode_emit_batch(&bytes, protocol, &limits), decode_thrift_batch(&bytes, protocol, &limits)])
            .chain([decode_post_spans(&bytes, &limits)]);
        for translated in results.flatten() {
            crate::support::otlp(&translated);
        }
    }
}

#[test]
fn scope_and_trace_state_survive_by_proto() {
    let mut original = resource_spans(vec![otlp::Span { trace_state: "a=b".into(), ..otlp_span() }]);
    original.scope_spans[0].scope =
        Some(InstrumentationScope { name: "lib".into(), version: "1".into(), ..Default::default() });
    let batch = encode(original.clone()).expect("a batch");
    assert_eq!(from_proto(batch).resource_spans, [original]);
}

#[test]
fn resource_attributes_survive_without_a_service_name() {
    let original = otlp::ResourceSpans {
        resource: Some(resource(vec![int("a", 1)])),
        ..resource_spans(vec![otlp_span()])
    };
    assert_eq!(from_proto(encode(original.clone()).expect("a batch")).resource_spans, [original]);
}

/// What `original` is when it comes back.
fn loss(original: otlp::ResourceSpans, expected: otlp::ResourceSpans) {
    assert_eq!(from_proto(encode(original).expect("a batch")).resource_spans, [expected]);
}

fn of(span: otlp::Span) -> otlp::ResourceSpans {
    resource_spans(vec![span])
}

fn with(attributes: Vec<Attribute>) -> otlp::ResourceSpans {
    of(otlp::Span { attributes, ..otlp_span() })
}

fn linked(links: &[(u8, u8)]) -> otlp::Span {
    let link = |&(trace, span): &(u8, u8)| otlp::span::Link {
        trace_id: trace_id(trace),
        span_id: span_id(span),
        attributes: vec![text("opentracing.ref_type", "follows_from")],
        ..Default::default()
    };
    otlp::Span { parent_span_id: span_id(2), links: links.iter().map(link).collect(), ..otlp_span() }
}

fn other_link_fields() -> otlp::Span {
    let mut span = linked(&[(9, 4)]);
    span.links[0].attributes.push(int("lost", 1));
    span.links[0].trace_state = "lost".into();
    span.links[0].flags = 0x101;
    span
}

fn scoped(scope: InstrumentationScope) -> otlp::ResourceSpans {
    let mut resource = of(otlp_span());
    resource.scope_spans[0].scope = Some(scope);
    resource
}

rows! { loss {
    other_fields_of_links: of(other_link_fields()), of(linked(&[(9, 4)]));
    a_link_to_the_parent_comes_first: of(linked(&[(9, 4), (1, 2)])), of(linked(&[(1, 2), (9, 4)]));
    scope_attributes: scoped(InstrumentationScope { name: "lib".into(), attributes: vec![int("lost", 1)], ..Default::default() }),
        scoped(InstrumentationScope { name: "lib".into(), ..Default::default() });
    schema_urls: otlp::ResourceSpans { schema_url: "s".into(), ..of(otlp_span()) }, of(otlp_span());
    dropped_counts_become_attributes: of(otlp::Span { dropped_links_count: 3, ..otlp_span() }), with(vec![int("otel.dropped_links_count", 3)]);
    lists_become_json: with(vec![attribute("l", Value::ArrayValue(ArrayValue::default()))]), with(vec![text("l", "[]")]);
    empty_values_become_empty_text: with(vec![Attribute { key: "e".into(), ..Default::default() }]), with(vec![text("e", "")]);
    flags_beyond_sampled: of(otlp::Span { flags: 0x301, ..otlp_span() }), of(otlp_span());
    an_end_before_the_start: of(otlp::Span { end_time_unix_nano: 1, ..otlp_span() }),
        of(otlp::Span { end_time_unix_nano: otlp_span().start_time_unix_nano, ..otlp_span() });
} }

fn jaeger_loss(original: Span, expected: Span) {
    let mut request = decode(batch(vec![original]));
    assert_eq!(encode(request.resource_spans.remove(0)).map(|batch| batch.spans), Some(vec![expected]));
}

fn tagged(tags: Vec<KeyValue>) -> Span {
    Span { tags, ..span() }
}

rows! { jaeger_loss {
    jaeger_span_survives: tagged(vec![tag("a", 1), tag("b", "c")]), tagged(vec![tag("a", 1), tag("b", "c")]);
    jaeger_process_id: Span { process_id: "p".into(), ..span() }, span();
    jaeger_debug_and_firehose: Span { flags: 11, ..span() }, span();
    jaeger_duplicate_tags: tagged(vec![tag("a", 1), tag("a", 2)]), tagged(vec![tag("a", 2)]);
    jaeger_unknown_kind: tagged(vec![tag("span.kind", "robot")]), span();
    jaeger_kind_in_other_case: tagged(vec![tag("span.kind", "Server")]), span();
    jaeger_error_gains_a_code: tagged(vec![tag("error", true)]), tagged(vec![tag("otel.status_code", "ERROR"), tag("error", true)]);
} }

#[test]
fn jaeger_warnings_survive_by_proto() {
    let warned = Span { warnings: vec!["skew".into()], ..span() };
    let mut request = from_proto(batch(vec![warned.clone()]));
    assert_eq!(encode(request.resource_spans.remove(0)).map(|batch| batch.spans), Some(vec![warned]));
}
