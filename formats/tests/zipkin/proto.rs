//! `zipkin.proto3.ListOfSpans`, both ways, against Zipkin's own IDL.

use std::path::Path;
use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor, SerializeOptions};
use serde_json::Value;
use sluice_formats::zipkin::{Options, proto_to_otlp};
use sluice_pdata::Limits;

use crate::otlp::{Flat, map, one};

static LIST: LazyLock<MessageDescriptor> = LazyLock::new(|| {
    let protos = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto/zipkin");
    let files = protox::compile([protos.join("zipkin.proto")], [&protos]).unwrap();
    let pool = DescriptorPool::from_file_descriptor_set(files).unwrap();
    pool.get_message_by_name("zipkin.proto3.ListOfSpans").unwrap()
});

/// Spans in protobuf's JSON: ids are base64, 64-bit numbers strings.
pub(crate) fn to_json(body: &[u8]) -> Vec<Value> {
    let list = DynamicMessage::decode(LIST.clone(), body).unwrap();
    let options = SerializeOptions::new().stringify_64_bit_integers(false);
    let json = list.serialize_with_options(serde_json::value::Serializer, &options).unwrap();
    json["spans"].as_array().cloned().unwrap_or_default()
}

pub(crate) fn from_json(span: &str) -> Vec<u8> {
    use sluice_pdata::otlp::Message;
    let json = format!(r#"{{"spans":[{span}]}}"#);
    DynamicMessage::deserialize(LIST.clone(), &mut serde_json::Deserializer::from_str(&json))
        .unwrap()
        .encode_to_vec()
}

fn read(span: &str) -> Flat {
    one(proto_to_otlp, &from_json(span), &Options::default())
}

#[test]
fn every_field_arrives() {
    let Flat { resource, attributes, span, .. } = read(
        r#"{"traceId":"AAAAAAAAAAEAAAAAAAAAAg==","id":"AAAAAAAAAAM=","parentId":"AAAAAAAAAAk=","kind":"CONSUMER",
        "name":"op","timestamp":1000,"duration":5,"debug":true,"shared":true,
        "localEndpoint":{"serviceName":"svc","ipv4":"fwAAAQ==","port":8080},
        "remoteEndpoint":{"serviceName":"other","ipv6":"AAAAAAAAAAAAAAAAAAAAAQ==","port":9},
        "annotations":[{"timestamp":1001,"value":"x"}],"tags":{"k":"v"}}"#,
    );
    assert_eq!(resource, map([("service.name", "svc")]));
    let expected = map([
        ("network.local.address", "127.0.0.1"),
        ("net.host.port", "int:8080"),
        ("service.peer.name", "other"),
        ("network.peer.address", "::1"),
        ("net.peer.port", "int:9"),
        ("k", "v"),
    ]);
    assert_eq!(attributes, expected);
    assert_eq!(span.trace_id, [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2]);
    assert_eq!((span.span_id[7], span.parent_span_id[7], span.kind, &*span.name), (3, 9, 5, "op"));
    assert_eq!((span.start_time_unix_nano, span.end_time_unix_nano), (1_000_000, 1_005_000));
    assert_eq!((&*span.events[0].name, span.events[0].time_unix_nano), ("x", 1_001_000));
}

#[test]
fn kinds_are_those_of_otlp() {
    let kinds = ["SPAN_KIND_UNSPECIFIED", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"];
    for (kind, number) in kinds.into_iter().zip([0, 2, 3, 4, 5]) {
        let json = format!(r#"{{"traceId":"AAAAAAAAAAE=","id":"AAAAAAAAAAM=","kind":"{kind}"}}"#);
        assert_eq!(read(&json).span.kind, number);
    }
}

#[test]
fn trace_ids_have_8_or_16_bytes() {
    for id in ["AAAAAAAAAAE=", "AAAAAAAAAAAAAAAAAAAAAQ=="] {
        let span = read(&format!(r#"{{"traceId":"{id}","id":"AAAAAAAAAAM="}}"#)).span;
        assert_eq!(span.trace_id, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    }
}

#[test]
fn a_parent_of_zeros_is_none() {
    let json = r#"{"traceId":"AAAAAAAAAAE=","id":"AAAAAAAAAAM=","parentId":"AAAAAAAAAAA="}"#;
    assert!(read(json).span.parent_span_id.is_empty());
}

#[test]
fn i10_ids_of_another_length_cost_their_span() {
    for (span, reason) in [
        (r#"{"traceId":"AAAAAAAAAA==","id":"AAAAAAAAAAM="}"#, "with a trace id that is none"),
        (r#"{"traceId":"AAAAAAAAAAE=","id":"AAM="}"#, "with a span id that is none"),
        (r#"{"id":"AAAAAAAAAAM="}"#, "without a trace id"),
        (
            r#"{"traceId":"AAAAAAAAAAE=","id":"AAAAAAAAAAM=","localEndpoint":{"ipv4":"AQI="}}"#,
            "with an address that is none",
        ),
        (
            r#"{"traceId":"AAAAAAAAAAE=","id":"AAAAAAAAAAM=","localEndpoint":{"port":-1}}"#,
            "with a port that is none",
        ),
    ] {
        let mut body = from_json(span);
        body.extend(from_json(r#"{"traceId":"AAAAAAAAAAE=","id":"AAAAAAAAAAM="}"#));
        let translated = proto_to_otlp(&body, &Options::default(), &Limits::default()).unwrap();
        assert_eq!(translated.items, 1);
        assert_eq!(translated.rejected.iter().collect::<Vec<_>>(), [(reason, 1)], "{span}");
    }
}

#[test]
fn a_body_that_is_cut_off_within_a_span_is_refused_with_its_place() {
    let body = from_json(r#"{"traceId":"AAAAAAAAAAE=","id":"AAAAAAAAAAM=","name":"op"}"#);
    for len in 1..body.len() {
        let error = proto_to_otlp(&body[..len], &Options::default(), &Limits::default()).unwrap_err();
        assert!(error.to_string().starts_with("malformed request at byte "), "{error}");
    }
}
