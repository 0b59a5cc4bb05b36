//! What is written is read again, but for what is documented as lost.

use proptest::collection::vec;
use proptest::prelude::*;
use sluice_formats::zipkin::{
    Encoding, Options, json_v2_to_otlp, otlp_to_json_v2, otlp_to_proto, proto_to_otlp,
};
use sluice_pdata::otlp::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value};
use sluice_pdata::otlp::resource::v1::Resource;
use sluice_pdata::otlp::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span};
use sluice_pdata::otlp::{ExportTraceServiceRequest, Message};
use sluice_pdata::{Limits, Pdata, Signal};

use crate::otlp::{Flat, flat};

/// Text with everything that JSON escapes. No tag of ours begins with the letters of these keys.
fn text() -> impl Strategy<Value = String> {
    "[ -~äß\u{1F600}\n\t\u{1}]{0,12}"
}

fn pair(key: String, text: String) -> KeyValue {
    KeyValue {
        key: format!("x.{key}"),
        value: Some(AnyValue { value: Some(Value::StringValue(text)) }),
        ..KeyValue::default()
    }
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    prop::collection::btree_map(text(), text(), 0..6)
        .prop_map(|map| map.into_iter().map(|(key, value)| pair(key, value)).collect())
}

fn status() -> impl Strategy<Value = Option<Status>> {
    prop_oneof![
        Just(None),
        Just(Some(Status { code: 1, message: String::new() })),
        text().prop_map(|message| Some(Status { code: 2, message })),
    ]
}

prop_compose! {
    fn event()(micros in 1_u64..1 << 50, name in "[a-z |]{1,9}", attributes in attributes(), dropped in 0_u32..3)
        -> span::Event {
        span::Event { time_unix_nano: micros * 1000, name, attributes, dropped_attributes_count: dropped }
    }
}

prop_compose! {
    fn link()(trace_id in vec(any::<u8>(), 16), span_id in vec(any::<u8>(), 8), trace_state in "[a-z=,]{0,9}",
        attributes in attributes(), dropped in 0_u32..3) -> span::Link {
        span::Link { trace_id, span_id, trace_state, attributes, dropped_attributes_count: dropped, flags: 0 }
    }
}

prop_compose! {
    fn span()(trace_id in vec(1_u8.., 16), span_id in vec(1_u8.., 8), parent in prop::option::of(vec(1_u8.., 8)),
        name in "[a-zäß /]{0,9}", trace_state in "[a-z=,]{0,9}", kind in 0_i32..6, start in 1_u64..1 << 50,
        duration in 0_u64..1 << 40, attributes in attributes(), events in vec(event(), 0..3),
        links in vec(link(), 0..3), status in status()) -> Span {
        Span {
            parent_span_id: parent.filter(|parent| *parent != span_id).unwrap_or_default(),
            trace_id, span_id, name, trace_state, kind,
            start_time_unix_nano: start * 1000,
            end_time_unix_nano: (start + duration) * 1000,
            attributes, events, links, status,
            ..Span::default()
        }
    }
}

prop_compose! {
    fn batch()(resources in vec((any::<[u8; 2]>(), vec(("[a-z]{0,3}", vec(span(), 1..3)), 1..3)), 0..3))
        -> ExportTraceServiceRequest {
        let name = |service: [u8; 2]| KeyValue {
            key: "service.name".into(),
            value: Some(AnyValue { value: Some(Value::StringValue(format!("svc-{service:?}"))) }),
            ..KeyValue::default()
        };
        let resource_spans = resources.into_iter().map(|(service, scopes)| ResourceSpans {
            resource: Some(Resource { attributes: vec![name(service)], ..Resource::default() }),
            scope_spans: scopes.into_iter().map(|(name, spans)| ScopeSpans {
                scope: Some(InstrumentationScope { name, ..InstrumentationScope::default() }),
                spans,
                ..ScopeSpans::default()
            }).collect(),
            ..ResourceSpans::default()
        });
        ExportTraceServiceRequest { resource_spans: resource_spans.collect() }
    }
}

/// In an order that does not depend on resources, and without the order of attributes.
fn comparable(mut spans: Vec<Flat>) -> Vec<String> {
    for flat in &mut spans {
        flat.span.attributes.clear();
    }
    let mut texts: Vec<_> = spans.iter().map(|span| format!("{span:?}")).collect();
    texts.sort_unstable();
    texts
}

proptest! {
    #[test]
    fn otlp_comes_back_from_either_form(request in batch()) {
        let wire = bytes::Bytes::from(request.encode_to_vec());
        let (data, _) = Pdata::from_wire(Signal::Traces, wire.clone(), &Limits::default()).unwrap();
        let items = data.items();
        let sent = sluice_formats::Translated { wire, items, ..Default::default() };
        let expected = comparable(flat(&sent));
        let (options, limits, encoding) = (Options::default(), Limits::default(), Encoding::default());
        let json = otlp_to_json_v2(data.traces(), &encoding);
        let proto = otlp_to_proto(data.traces(), &encoding);
        for request in &json.requests {
            let back = json_v2_to_otlp(&request.body, &options, &limits).unwrap();
            prop_assert_eq!(&comparable(flat(&back)), &expected);
        }
        for request in &proto.requests {
            let back = proto_to_otlp(&request.body, &options, &limits).unwrap();
            prop_assert_eq!(&comparable(flat(&back)), &expected);
        }
        prop_assert_eq!(json.requests.len(), usize::from(items > 0));
    }

    #[test]
    fn no_bytes_do_harm(body in vec(any::<u8>(), 0..200)) {
        use sluice_formats::zipkin::{json_v1_to_otlp, thrift_v1_to_otlp};
        let (options, limits) = (Options::default(), Limits::default());
        for decode in [json_v1_to_otlp, json_v2_to_otlp, proto_to_otlp, thrift_v1_to_otlp] {
            if let Ok(translated) = decode(&body, &options, &limits) {
                let data = Pdata::from_wire(Signal::Traces, translated.wire, &limits).unwrap().0;
                prop_assert_eq!(data.items(), translated.items);
            }
        }
    }
}
