//! What Zipkin costs against the way through structs, with the same spans: 100 of about 490 bytes as OTLP. `items/s` is
//! the throughput.
//!
//! `cargo bench -p sluice-formats --bench zipkin`
#![expect(clippy::unwrap_used, reason = "a benchmark stops at what it did not expect")]

#[expect(dead_code, reason = "shared with benchmarks that read all signals")]
#[path = "../../pdata/benches/support/payload.rs"]
mod payload;

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use payload::{ITEMS, encode};
use serde::{Deserialize, Serialize};
use sluice_formats::zipkin::{Encoding, Options, json_v2_to_otlp, otlp_to_json_v2, otlp_to_proto};
use sluice_pdata::otlp::common::v1::any_value::Value;
use sluice_pdata::otlp::common::v1::{AnyValue, KeyValue};
use sluice_pdata::otlp::trace::v1::Span;
use sluice_pdata::otlp::{ExportTraceServiceRequest, Message};
use sluice_pdata::{Limits, Pdata, Signal};

fn main() {
    divan::main();
}

fn otlp() -> Bytes {
    encode(&payload::traces())
}

fn data() -> Pdata {
    Pdata::from_wire(Signal::Traces, otlp(), &Limits::default()).unwrap().0
}

fn json() -> Vec<u8> {
    otlp_to_json_v2(data().traces(), &Encoding::default()).requests.remove(0).body
}

fn per_span<'a, 'b>(bencher: Bencher<'a, 'b>) -> Bencher<'a, 'b> {
    bencher.counter(ItemsCount::new(ITEMS))
}

/// A span as its users see it, and nothing that they do not need.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ZipkinSpan<'a> {
    #[serde(borrow)]
    trace_id: Cow<'a, str>,
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    parent_id: Option<Cow<'a, str>>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    kind: Option<Cow<'a, str>>,
    timestamp: u64,
    duration: u64,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    local_endpoint: Option<ZipkinEndpoint<'a>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    remote_endpoint: Option<ZipkinEndpoint<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    annotations: Vec<ZipkinAnnotation<'a>>,
    #[serde(borrow, default)]
    tags: Tags<'a>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ZipkinEndpoint<'a> {
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    service_name: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    ipv4: Option<Cow<'a, str>>,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    ipv6: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
}

#[derive(Debug, Serialize, Deserialize)]
struct ZipkinAnnotation<'a> {
    timestamp: u64,
    #[serde(borrow)]
    value: Cow<'a, str>,
}

/// The tags of a span, in the cheapest way to hold them: borrowed, in a list.
#[derive(Debug, Default)]
struct Tags<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

/// Borrows where serde's own `Cow` would not: inside of containers.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Tags<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Tags<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("tags")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Tags<'de>, A::Error> {
                let mut tags = Vec::new();
                while let Some((Text(key), Text(value))) = map.next_entry()? {
                    tags.push((key, value));
                }
                Ok(Tags(tags))
            }
        }
        deserializer.deserialize_map(Visitor)
    }
}

impl Serialize for Tags<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

/// Outwards, the way through structs: decode, build, serialise.
fn by_structs(body: &[u8]) -> Vec<u8> {
    let request = ExportTraceServiceRequest::decode(body).unwrap();
    let mut spans = Vec::with_capacity(ITEMS);
    for resource in &request.resource_spans {
        let attributes = &resource.resource.as_ref().unwrap().attributes;
        let service = attributes.iter().find(|attribute| attribute.key == "service.name");
        let service = service.map(|service| text(service.value.as_ref()).to_lowercase());
        for scope in &resource.scope_spans {
            let scope_info = scope.scope.as_ref().unwrap();
            for span in &scope.spans {
                let mut tags = BTreeMap::new();
                put(&mut tags, attributes.iter().filter(|attribute| attribute.key != "service.name"));
                tags.insert("otel.scope.name", Cow::Borrowed(scope_info.name.as_str()));
                tags.insert("otel.scope.version", Cow::Borrowed(scope_info.version.as_str()));
                put(&mut tags, span.attributes.iter());
                tags.insert("otel.status_code", Cow::Borrowed("STATUS_CODE_OK"));
                spans.push(build(span, service.clone(), tags));
            }
        }
    }
    serde_json::to_vec(&spans).unwrap()
}

fn build<'a>(
    span: &'a Span,
    service: Option<String>,
    tags: BTreeMap<&'a str, Cow<'a, str>>,
) -> ZipkinSpan<'a> {
    ZipkinSpan {
        trace_id: hex(&span.trace_id).into(),
        id: hex(&span.span_id).into(),
        parent_id: Some(hex(&span.parent_span_id).into()),
        name: span.name.to_lowercase().into(),
        kind: (span.kind == 2).then_some("SERVER".into()),
        timestamp: span.start_time_unix_nano / 1000,
        duration: (span.end_time_unix_nano - span.start_time_unix_nano) / 1000,
        local_endpoint: Some(ZipkinEndpoint {
            service_name: service.map(Cow::Owned),
            ipv4: None,
            ipv6: None,
            port: None,
        }),
        remote_endpoint: None,
        annotations: Vec::new(),
        tags: Tags(tags.into_iter().map(|(key, value)| (Cow::Borrowed(key), value)).collect()),
    }
}

fn put<'a>(tags: &mut BTreeMap<&'a str, Cow<'a, str>>, attributes: impl Iterator<Item = &'a KeyValue>) {
    for attribute in attributes {
        tags.insert(&attribute.key, text(attribute.value.as_ref()));
    }
}

fn text(value: Option<&AnyValue>) -> Cow<'_, str> {
    match value.and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => Cow::Borrowed(text),
        Some(Value::BoolValue(v)) => Cow::Borrowed(if *v { "true" } else { "false" }),
        Some(Value::IntValue(v)) => Cow::Owned(v.to_string()),
        Some(Value::DoubleValue(v)) => Cow::Owned(v.to_string()),
        _ => Cow::Borrowed(""),
    }
}

fn hex(id: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| char::from(*DIGITS.get(usize::from(nibble)).unwrap());
    id.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[divan::bench]
fn out_json(bencher: Bencher<'_, '_>) {
    let data = data();
    per_span(bencher).bench(|| otlp_to_json_v2(black_box(&data).traces(), &Encoding::default()));
}

#[divan::bench]
fn out_json_by_structs(bencher: Bencher<'_, '_>) {
    let body = otlp();
    per_span(bencher).bench(|| by_structs(black_box(&body)));
}

#[divan::bench]
fn out_proto(bencher: Bencher<'_, '_>) {
    let data = data();
    per_span(bencher).bench(|| otlp_to_proto(black_box(&data).traces(), &Encoding::default()));
}

#[divan::bench]
fn in_json(bencher: Bencher<'_, '_>) {
    let body = json();
    per_span(bencher)
        .bench(|| json_v2_to_otlp(black_box(&body), &Options::default(), &Limits::default()).unwrap());
}

#[divan::bench]
fn in_json_only_parsed_by_serde(bencher: Bencher<'_, '_>) {
    let body = json();
    per_span(bencher).bench(|| serde_json::from_slice::<Vec<ZipkinSpan<'_>>>(black_box(&body)).unwrap());
}

#[divan::bench]
fn in_json_and_walked(bencher: Bencher<'_, '_>) {
    let body = json();
    per_span(bencher).bench(|| {
        let wire = json_v2_to_otlp(black_box(&body), &Options::default(), &Limits::default()).unwrap().wire;
        Pdata::from_wire(Signal::Traces, wire, &Limits::default()).unwrap()
    });
}
