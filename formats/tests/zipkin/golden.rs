//! Traces of real programs.

use serde_json::Value;
use sluice_formats::zipkin::{
    Encoding, Options, json_v2_to_otlp, otlp_to_json_v2, otlp_to_proto, proto_to_otlp,
};
use sluice_pdata::{Limits, Pdata, Signal};

use crate::otlp::{flat, map};

const TRACES: [(&str, &str); 9] = [
    ("envoy", include_str!("../../testdata/zipkin/v2_envoy.json")),
    ("messaging-kafka", include_str!("../../testdata/zipkin/v2_messaging-kafka.json")),
    ("messaging", include_str!("../../testdata/zipkin/v2_messaging.json")),
    ("simple-db-p6", include_str!("../../testdata/zipkin/v2_simple-db-p6.json")),
    ("skew", include_str!("../../testdata/zipkin/v2_skew.json")),
    (
        "smartthings-oauth-authorization",
        include_str!("../../testdata/zipkin/v2_smartthings-oauth-authorization.json"),
    ),
    ("yelp", include_str!("../../testdata/zipkin/v2_yelp.json")),
    ("zipkin2-chinese", include_str!("../../testdata/zipkin/v2_zipkin2-chinese.json")),
    ("zipkin2-client", include_str!("../../testdata/zipkin/v2_zipkin2-client.json")),
];

/// The array of spans; two of the files are a span without its array.
fn body(text: &str) -> String {
    if text.trim_start().starts_with('[') { text.to_owned() } else { format!("[{text}]") }
}

fn data(body: &[u8]) -> Pdata {
    let translated = json_v2_to_otlp(body, &Options::default(), &Limits::default()).unwrap();
    assert!(translated.rejected.is_empty());
    Pdata::from_wire(Signal::Traces, translated.wire, &Limits::default()).unwrap().0
}

/// What is expected to come back, after what is documented as lost: `debug`, `shared`, the second address, empty
/// members, and case.
fn reduced(span: &Value) -> Value {
    let mut span = span.clone();
    let object = span.as_object_mut().unwrap();
    let mut left_over = Vec::new();
    object.retain(|key, value| !matches!(key.as_str(), "debug" | "shared") && !value.is_null() && value != 0);
    for endpoint in ["localEndpoint", "remoteEndpoint"] {
        let Some(Value::Object(members)) = object.get_mut(endpoint) else { continue };
        if members.contains_key("ipv6") {
            members.remove("ipv4");
        }
        members.retain(|_, value| value != "" && value != 0);
        // One file has `10.0.0.04`, which is no address.
        if let Some(Value::String(text)) = members.get("ipv4").cloned()
            && text.parse::<std::net::IpAddr>().is_err()
        {
            members.remove("ipv4");
            let key =
                if endpoint == "localEndpoint" { "network.local.address" } else { "network.peer.address" };
            left_over.push((key.to_owned(), Value::from(text)));
        }
        // A port alone makes no endpoint.
        if endpoint == "remoteEndpoint" && members.len() == 1 {
            let port =
                members.remove("port").map(|port| ("net.peer.port".to_owned(), port.to_string().into()));
            left_over.extend(port);
        }
        if let Some(Value::String(name)) = members.get_mut("serviceName") {
            *name = name.to_lowercase();
        }
        if !members.contains_key("serviceName") && endpoint == "localEndpoint" {
            members.insert("serviceName".into(), "<missing service name>".into());
        }
    }
    object
        .entry("localEndpoint")
        .or_insert_with(|| serde_json::json!({"serviceName": "<missing service name>"}));
    if let Some(Value::String(name)) = object.get_mut("name") {
        *name = name.to_lowercase();
    }
    if object.get("name") == Some(&Value::from("")) {
        object.remove("name");
    }
    for id in ["traceId", "id", "parentId"] {
        if let Some(Value::String(id)) = object.get_mut(id) {
            *id = id.to_lowercase();
        }
    }
    if object.get("timestamp").is_none() {
        object
            .entry("tags")
            .or_insert_with(|| serde_json::json!({}))
            .as_object_mut()
            .unwrap()
            .insert("otel.zipkin.absentField.startTime".into(), "true".into());
    }
    if !left_over.is_empty() {
        let tags = object.entry("tags").or_insert_with(|| serde_json::json!({}));
        tags.as_object_mut().unwrap().extend(left_over);
    }
    if let Some(Value::Object(tags)) = object.get_mut("tags")
        && tags.get("error") == Some(&Value::from("true"))
    {
        tags.insert("otel.status_code".into(), "STATUS_CODE_ERROR".into());
    }
    for list in ["annotations", "tags", "remoteEndpoint"] {
        let empty = |value: &Value| {
            value.as_array().is_some_and(Vec::is_empty)
                || value.as_object().is_some_and(serde_json::Map::is_empty)
        };
        if object.get(list).is_some_and(empty) {
            object.remove(list);
        }
    }
    span
}

fn sorted(mut spans: Vec<Value>) -> Vec<Value> {
    spans.sort_by_key(|span| serde_json::to_string(span).unwrap());
    spans
}

#[test]
fn traces_of_real_programs_come_back_as_they_were() {
    for (name, text) in TRACES {
        let body = body(text);
        let spans: Vec<Value> = serde_json::from_str(&body).unwrap();
        let encoded = otlp_to_json_v2(data(body.as_bytes()).traces(), &Encoding::default());
        assert!(encoded.dropped.is_empty());
        let back: Vec<Value> = serde_json::from_slice(&encoded.requests[0].body).unwrap();
        let expected = sorted(spans.iter().map(reduced).collect());
        for (back, expected) in sorted(back).iter().zip(&expected) {
            assert_eq!(back, expected, "{name}");
        }
        assert_eq!(encoded.requests[0].spans, spans.len());
    }
}

#[test]
fn json_and_protobuf_say_the_same() {
    for (name, text) in TRACES {
        let data = data(body(text).as_bytes());
        let proto = otlp_to_proto(data.traces(), &Encoding::default());
        let json = otlp_to_json_v2(data.traces(), &Encoding::default());
        let (limits, options) = (Limits::default(), Options::default());
        let by_proto = proto_to_otlp(&proto.requests[0].body, &options, &limits).unwrap();
        let by_json = json_v2_to_otlp(&json.requests[0].body, &options, &limits).unwrap();
        assert_eq!(flat(&by_proto), flat(&by_json), "{name}");
    }
}

#[test]
fn the_client_span_of_zipkins_benchmarks_is_known_by_heart() {
    let (_, text) = TRACES[8];
    let translated = json_v2_to_otlp(body(text).as_bytes(), &Options::default(), &Limits::default()).unwrap();
    let spans_read = flat(&translated);
    assert_eq!(spans_read.len(), 1);
    let span = &spans_read[0];
    assert_eq!(span.resource, map([("service.name", "frontend")]));
    let expected = map([
        ("network.local.address", "2001:db8::c001"),
        ("service.peer.name", "backend"),
        ("network.peer.address", "192.168.99.101"),
        ("net.peer.port", "int:9000"),
        ("http.path", "/api"),
        ("clnt/finagle.version", "6.45.0"),
    ]);
    assert_eq!(span.attributes, expected);
    assert_eq!((span.span.kind, &*span.span.name), (3, "get"));
    assert_eq!(span.span.start_time_unix_nano, 1_472_470_996_199_000_000);
    assert_eq!(span.span.end_time_unix_nano, 1_472_470_996_406_000_000);
    let events: Vec<_> = span.span.events.iter().map(|event| (&*event.name, event.time_unix_nano)).collect();
    assert_eq!(events, [("foo", 1_472_470_996_238_000_000), ("bar", 1_472_470_996_403_000_000)]);
}
