//! OTLP to Zipkin.

use serde_json::{Value, json};
use sluice_formats::zipkin::{AttributeNames, Encoded, Encoding, otlp_to_json_v2, otlp_to_proto};
use sluice_pdata::json::decode_request;
use sluice_pdata::{Limits, Pdata, Signal};

use crate::proto::to_json;

const IDS: &str = r#""traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"00f067aa0ba902b7""#;

/// A batch out of OTLP/JSON.
fn batch(resource_spans: &str) -> Pdata {
    let text = format!(r#"{{"resourceSpans":[{resource_spans}]}}"#);
    let wire = decode_request(Signal::Traces, text.as_bytes(), &Limits::default())
        .unwrap_or_else(|error| panic!("{text}: {error}"));
    Pdata::from_wire(Signal::Traces, wire, &Limits::default()).unwrap().0
}

fn resource_with(attributes: &str, span: &str) -> Pdata {
    batch(&format!(
        r#"{{"resource":{{"attributes":[{attributes}]}},"scopeSpans":[{{"spans":[{{{IDS}{span}}}]}}]}}"#
    ))
}

fn text(key: &str, value: &str) -> String {
    json!({"key": key, "value": {"stringValue": value}}).to_string()
}

fn spans(encoded: &Encoded) -> Vec<Value> {
    assert!(encoded.dropped.is_empty(), "{:?}", encoded.dropped);
    let spans: Vec<Value> = encoded
        .requests
        .iter()
        .flat_map(|request| serde_json::from_slice::<Vec<Value>>(&request.body).unwrap())
        .collect();
    assert_eq!(spans.len(), encoded.requests.iter().map(|request| request.spans).sum::<usize>());
    spans
}

/// The only span as JSON. The protobuf form says the same.
fn only_with(data: &Pdata, encoding: &Encoding) -> Value {
    let mut json = spans(&otlp_to_json_v2(data.traces(), encoding));
    assert_eq!(json.len(), 1);
    let json = json.remove(0);
    let mut proto = to_json(&otlp_to_proto(data.traces(), encoding).requests[0].body).remove(0);
    for field in ["name", "timestamp", "duration", "tags", "kind"] {
        assert_eq!(proto[field], json[field], "{field}");
    }
    for (by_json, by_proto) in [("localEndpoint", "localEndpoint"), ("remoteEndpoint", "remoteEndpoint")] {
        for field in ["serviceName", "port"] {
            assert_eq!(proto[by_proto][field], json[by_json][field], "{by_json}");
        }
    }
    assert_eq!(proto["annotations"].take(), json["annotations"]);
    json
}

fn only(data: &Pdata) -> Value {
    only_with(data, &Encoding::default())
}

fn span(members: &str) -> Value {
    only(&resource_with(&text("service.name", "svc"), members))
}

/// The tags of a span with these attributes, given as OTLP/JSON values.
fn tags(attributes: &[(&str, Value)]) -> Value {
    attributed("", attributes)["tags"].clone()
}

fn attributed(members: &str, attributes: &[(&str, Value)]) -> Value {
    let attributes: Vec<_> =
        attributes.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
    span(&format!(r#"{members},"attributes":{}"#, Value::from(attributes)))
}

fn string(text: &str) -> Value {
    json!({"stringValue": text})
}

#[test]
fn ids_are_hex_and_short_if_the_high_half_is_zero() {
    let whole = span(r#","parentSpanId":"0000000000000001""#);
    assert_eq!(whole["traceId"], "0102030405060708090a0b0c0d0e0f10");
    assert_eq!((&whole["id"], &whole["parentId"]), (&json!("00f067aa0ba902b7"), &json!("0000000000000001")));
    assert_eq!(span("").get("parentId"), None);
    assert_eq!(span(r#","parentSpanId":"0000000000000000""#).get("parentId"), None);
    let short = span(r#","traceId":"00000000000000000000000000000001""#);
    assert_eq!(short["traceId"], "0000000000000001");
}

#[test]
fn spans_without_ids_are_dropped_and_counted() {
    let good = format!("{{{IDS}}}");
    let no_trace = r#"{"spanId":"00f067aa0ba902b7"}"#;
    let no_span = r#"{"traceId":"0102030405060708090a0b0c0d0e0f10"}"#;
    let zeros = r#"{"traceId":"00000000000000000000000000000000","spanId":"00f067aa0ba902b7"}"#;
    let data = batch(&format!(r#"{{"scopeSpans":[{{"spans":[{good},{no_trace},{no_span},{zeros}]}}]}}"#));
    for encoded in [
        otlp_to_json_v2(data.traces(), &Encoding::default()),
        otlp_to_proto(data.traces(), &Encoding::default()),
    ] {
        assert_eq!(encoded.requests[0].spans, 1);
        let dropped: Vec<_> = encoded.dropped.iter().collect();
        assert_eq!(dropped, [("without a span id", 1), ("without a trace id", 2)]);
    }
}

#[test]
fn times_are_rounded_to_microseconds() {
    for (start, end, timestamp, duration) in [
        (1_000_000, 6_000_000, Some(1000), Some(5000)),
        (1_499, 1_499, Some(1), None),
        (1_500, 1_500, Some(2), None),
        (0, 0, None, None),
        (0, 5_000, None, Some(5)),
        (1_000, 1_001, Some(1), Some(1)),
        (1_000, 1_499, Some(1), Some(1)),
        (1_000, 2_499, Some(1), Some(1)),
        (1_000, 2_500, Some(1), Some(2)),
        (5_000, 1_000, Some(5), None),
        (5_000, 0, Some(5), None),
        // Rounded up it would be refused as out of range.
        (u64::MAX, u64::MAX, Some(18_446_744_073_709_551), None),
    ] {
        let span = span(&format!(r#","startTimeUnixNano":"{start}","endTimeUnixNano":"{end}""#));
        let number = |field: &str| span.get(field).map(|value| value.as_u64().unwrap());
        assert_eq!((number("timestamp"), number("duration")), (timestamp, duration), "{start} {end}");
    }
}

#[test]
fn kinds_are_zipkins() {
    for (kind, name, tag) in [
        (0, None, None),
        (1, None, Some("internal")),
        (2, Some("SERVER"), None),
        (3, Some("CLIENT"), None),
        (4, Some("PRODUCER"), None),
        (5, Some("CONSUMER"), None),
        (9, None, None),
    ] {
        let span = span(&format!(r#","kind":{kind}"#));
        assert_eq!(span.get("kind").and_then(Value::as_str), name);
        assert_eq!(span["tags"]["span.kind"].as_str(), tag);
    }
}

#[test]
fn names_are_lower_case() {
    let span = only(&resource_with(&text("service.name", "MyÄSvc"), r#","name":"GET /Ö""#));
    assert_eq!((&span["name"], &span["localEndpoint"]["serviceName"]), (&json!("get /ö"), &json!("myäsvc")));
}

#[test]
fn the_service_is_named_by_the_first_of_four_attributes() {
    let attributes = [
        ("process.executable.name", "exe"),
        ("k8s.deployment.name", "deployment"),
        ("faas.name", "function"),
        ("service.name", "svc"),
    ];
    for (take, name, source, left) in [
        (4, "svc", None, 3),
        (3, "function", Some("faas.name"), 2),
        (2, "deployment", Some("k8s.deployment.name"), 1),
        (1, "exe", Some("process.executable.name"), 0),
        (0, "<missing service name>", None, 0),
    ] {
        let taken: Vec<_> = attributes[..take].iter().map(|(key, value)| text(key, value)).collect();
        let span = only(&resource_with(&taken.join(","), ""));
        assert_eq!(span["localEndpoint"], json!({"serviceName": name}));
        assert_eq!(span["tags"]["otlp.service.name.source"].as_str(), source);
        let tags = span.get("tags").map_or(0, |tags| tags.as_object().unwrap().len());
        assert_eq!(tags, left + usize::from(source.is_some()));
    }
    let own = Encoding { default_service_name: "Nobody".into(), ..Encoding::default() };
    assert_eq!(only_with(&resource_with("", ""), &own)["localEndpoint"]["serviceName"], "nobody");
}

#[test]
fn resource_attributes_are_tags_of_every_span_and_give_way_to_its_own() {
    let resource =
        [text("host.name", "h"), text("k", "resource"), text("otel.status_code", "resource")].join(",");
    let span = |more: &str| format!(r#"{{{IDS}{more}}}"#);
    let own = format!(r#","attributes":[{}]"#, text("k", "span"));
    let spans_json = [span(""), span(&own), span(r#","status":{"code":1}"#)].join(",");
    let data = batch(&format!(
        r#"{{"resource":{{"attributes":[{resource}]}},"scopeSpans":[{{"spans":[{spans_json}]}}]}}"#
    ));
    let spans = spans(&otlp_to_json_v2(data.traces(), &Encoding::default()));
    let all = json!({"host.name": "h", "k": "resource", "otel.status_code": "resource"});
    assert_eq!(spans[0]["tags"], all);
    assert_eq!(spans[1]["tags"], json!({"host.name": "h", "k": "span", "otel.status_code": "resource"}));
    assert_eq!(
        spans[2]["tags"],
        json!({"host.name": "h", "k": "resource", "otel.status_code": "STATUS_CODE_OK"})
    );
}

#[test]
fn scopes_are_tags_and_do_not_leak() {
    let data = batch(&format!(
        r#"{{"scopeSpans":[{{"scope":{{"name":"lib","version":"1"}},"spans":[{{{IDS}}}]}},{{"spans":[{{{IDS}}}]}}]}}"#
    ));
    for (names, expected) in [
        (AttributeNames::Current, json!({"otel.scope.name": "lib", "otel.scope.version": "1"})),
        (AttributeNames::Legacy, json!({"otel.library.name": "lib", "otel.library.version": "1"})),
        (
            AttributeNames::Both,
            json!({"otel.scope.name": "lib", "otel.scope.version": "1",
                "otel.library.name": "lib", "otel.library.version": "1"}),
        ),
    ] {
        let spans = spans(&otlp_to_json_v2(data.traces(), &Encoding { names, ..Encoding::default() }));
        assert_eq!((&spans[0]["tags"], spans[1].get("tags")), (&expected, None));
    }
}

#[test]
fn a_scope_beats_a_resource_attribute_of_its_tags_key() {
    let data = batch(&format!(
        r#"{{"resource":{{"attributes":[{},{}]}},"scopeSpans":[{{"scope":{{"name":"lib"}},"spans":[{{{IDS}}}]}}]}}"#,
        text("otel.scope.name", "resource"),
        text("k", "v"),
    ));
    let span = &spans(&otlp_to_json_v2(data.traces(), &Encoding::default()))[0];
    assert_eq!(span["tags"], json!({"otel.scope.name": "lib", "k": "v"}));
}

#[test]
fn values_are_text() {
    for (value, expected) in [
        (string("x \"y\" \n\u{1}"), "x \"y\" \n\u{1}"),
        (json!({"boolValue": true}), "true"),
        (json!({"intValue": "-7"}), "-7"),
        (json!({"doubleValue": 1.0}), "1"),
        (json!({"doubleValue": 1.5}), "1.5"),
        (json!({"doubleValue": 1e21}), "1e+21"),
        (json!({"bytesValue": "/wA="}), "/wA="),
        (json!({"arrayValue": {"values": [{"intValue": 1}, {"stringValue": "x"}]}}), r#"[1,"x"]"#),
        (
            json!({"kvlistValue": {"values": [{"key": "b", "value": {"boolValue": true}}, {"key": "a"}]}}),
            r#"{"a":null,"b":true}"#,
        ),
        (json!({}), ""),
    ] {
        assert_eq!(tags(&[("k", value)]), json!({"k": expected}));
    }
}

#[test]
fn of_attributes_with_one_key_the_first_holds() {
    assert_eq!(tags(&[("k", string("1")), ("k", string("2"))]), json!({"k": "1"}));
    let many: Vec<_> = (0..100).map(|i| (format!("k{}", i % 50), string(&i.to_string()))).collect();
    let many: Vec<_> = many.iter().map(|(key, value)| (key.as_str(), value.clone())).collect();
    let tags = tags(&many);
    assert_eq!((tags.as_object().unwrap().len(), &tags["k49"]), (50, &json!("49")));
}

#[test]
fn tracestate_is_a_tag() {
    assert_eq!(span(r#","traceState":"a=1""#)["tags"], json!({"w3c.tracestate": "a=1"}));
}

#[test]
fn status_decides_what_is_an_error() {
    for (status, error, expected) in [
        (r#"{}"#, "boom", json!({"x": "y", "error": "boom"})),
        (r#"{"code":1}"#, "boom", json!({"x": "y", "otel.status_code": "STATUS_CODE_OK"})),
        (
            r#"{"code":2}"#,
            "boom",
            json!({"x": "y", "otel.status_code": "STATUS_CODE_ERROR", "error": "boom"}),
        ),
        (
            r#"{"code":2}"#,
            "false",
            json!({"x": "y", "otel.status_code": "STATUS_CODE_ERROR", "error": "true"}),
        ),
        (
            r#"{"code":2,"message":"why"}"#,
            "true",
            json!({"x": "y", "otel.status_code": "STATUS_CODE_ERROR", "error": "true", "otel.status_description": "why"}),
        ),
        (
            r#"{"code":2,"message":"why"}"#,
            "boom",
            json!({"x": "y", "otel.status_code": "STATUS_CODE_ERROR", "error": "boom", "otel.status_description": "why"}),
        ),
    ] {
        let attributes = [("error", string(error)), ("x", string("y"))];
        let span = attributed(&format!(r#","status":{status}"#), &attributes);
        assert_eq!(span["tags"], expected, "{status} {error}");
    }
    let span = attributed(r#","status":{"code":2}"#, &[]);
    assert_eq!(span["tags"], json!({"otel.status_code": "STATUS_CODE_ERROR", "error": "true"}));
}

#[test]
fn a_flag_for_errors_gives_way_to_the_status_that_is_unset() {
    for flag in [string("true"), string("false"), json!({"boolValue": true}), json!({"boolValue": false})] {
        assert_eq!(tags(&[("error", flag), ("x", string("y"))]), json!({"x": "y"}));
    }
}

#[test]
fn endpoints_are_made_of_attributes_of_either_name() {
    for keys in [
        [
            "network.local.address",
            "network.local.port",
            "service.peer.name",
            "network.peer.address",
            "network.peer.port",
        ],
        ["net.host.ip", "net.host.port", "peer.service", "net.peer.ip", "net.peer.port"],
    ] {
        let values = [
            string("10.0.0.1"),
            json!({"intValue": 80}),
            string("Backend"),
            string("2001:db8::1"),
            string("443"),
        ];
        let attributes: Vec<_> = keys.into_iter().zip(values).collect();
        let span = attributed("", &attributes);
        assert_eq!(span["localEndpoint"], json!({"serviceName": "svc", "ipv4": "10.0.0.1", "port": 80}));
        assert_eq!(
            span["remoteEndpoint"],
            json!({"serviceName": "backend", "ipv6": "2001:db8::1", "port": 443})
        );
        assert_eq!(span.get("tags"), None);
    }
}

#[test]
fn what_makes_no_endpoint_stays_a_tag() {
    for (key, value, text) in [
        ("net.peer.port", json!({"intValue": 80}), "80"),
        ("network.peer.address", string("/run/x.sock"), "/run/x.sock"),
        ("net.peer.ip", string("host.example"), "host.example"),
        ("net.host.port", string("http"), "http"),
        ("net.host.port", json!({"intValue": 70000}), "70000"),
        ("peer.service", json!({"intValue": 7}), "7"),
    ] {
        let span = attributed("", &[(key, value)]);
        assert_eq!(span["tags"], json!({key: text}));
        assert_eq!(span.get("remoteEndpoint"), None);
    }
}

#[test]
fn of_two_names_for_the_same_the_current_one_makes_the_endpoint() {
    let pairs = [("network.peer.address", string("10.0.0.1")), ("net.peer.ip", string("10.0.0.2"))];
    for pairs in [[pairs[0].clone(), pairs[1].clone()], [pairs[1].clone(), pairs[0].clone()]] {
        let span = attributed("", &pairs);
        assert_eq!(span["remoteEndpoint"], json!({"ipv4": "10.0.0.1"}));
        assert_eq!(span["tags"], json!({"net.peer.ip": "10.0.0.2"}));
    }
}

#[test]
fn addresses_may_come_from_the_resource() {
    let resource = [text("service.name", "svc"), text("net.host.ip", "10.0.0.1")].join(",");
    let span = only(&resource_with(&resource, ""));
    assert_eq!(span["localEndpoint"], json!({"serviceName": "svc", "ipv4": "10.0.0.1"}));
    assert_eq!(span.get("tags"), None);
}

#[test]
fn events_are_annotations() {
    for (event, timestamp, value) in [
        (json!({"timeUnixNano": "5000", "name": "x"}), 5, "x"),
        (json!({"timeUnixNano": "5500", "name": "x|y"}), 6, "x|y"),
        (json!({"timeUnixNano": "5000", "name": "event", "droppedAttributesCount": 2}), 5, "event|{}|2"),
        (
            json!({"timeUnixNano": "5000", "name": "event-with-attr", "droppedAttributesCount": 2,
                "attributes": [{"key": "span-event-attr", "value": {"stringValue": "span-event-attr-val"}}]}),
            5,
            r#"event-with-attr|{"span-event-attr":"span-event-attr-val"}|2"#,
        ),
        (
            json!({"timeUnixNano": "5000", "name": "e", "attributes": [
                {"key": "i", "value": {"intValue": 1}}, {"key": "q\"", "value": {"boolValue": false}}]}),
            5,
            r#"e|{"i":1,"q\"":false}|0"#,
        ),
        (json!({"name": "at the start"}), 3, "at the start"),
    ] {
        let span = span(&format!(r#","startTimeUnixNano":"3000","events":[{event}]"#));
        assert_eq!(span["annotations"], json!([{"timestamp": timestamp, "value": value}]));
    }
    assert_eq!(span(r#","events":[{"name":"never"}]"#)["annotations"][0]["timestamp"], 1);
}

#[test]
fn links_are_tags() {
    let span = span(
        r#","links":[{"traceId":"0102030405060708090a0b0c0d0e0f10","spanId":"00f067aa0ba902b7","traceState":"a=1",
        "attributes":[{"key":"k","value":{"stringValue":"v"}}],"droppedAttributesCount":3},{}],
        "attributes":[{"key":"otlp.link.1","value":{"stringValue":"a user's"}},
        {"key":"otlp.link.2","value":{"stringValue":"a user's"}}]"#,
    );
    let expected = json!({
        "otlp.link.0": r#"0102030405060708090a0b0c0d0e0f10|00f067aa0ba902b7|a=1|{"k":"v"}|3"#,
        "otlp.link.1": "|||{}|0",
        "otlp.link.2": "a user's",
    });
    assert_eq!(span["tags"], expected);
}

fn hundred() -> Pdata {
    let spans: Vec<_> = (0..100).map(|i| format!(r#"{{{IDS},"name":"span-{i}"}}"#)).collect();
    let resource = text("k", &"v".repeat(1000));
    batch(&format!(
        r#"{{"resource":{{"attributes":[{resource}]}},"scopeSpans":[{{"spans":[{}]}}]}}"#,
        spans.join(",")
    ))
}

#[test]
fn requests_end_before_they_are_too_large() {
    let encoding = Encoding { max_request_bytes: 10_000, ..Encoding::default() };
    let data = hundred();
    let json = otlp_to_json_v2(data.traces(), &encoding);
    let names: Vec<_> = spans(&json).iter().map(|span| span["name"].clone()).collect();
    assert_eq!(names, (0..100).map(|i| json!(format!("span-{i}"))).collect::<Vec<_>>());
    let proto = otlp_to_proto(data.traces(), &encoding);
    assert_eq!(proto.requests.iter().map(|request| to_json(&request.body).len()).sum::<usize>(), 100);
    for encoded in [json, proto] {
        assert!(encoded.requests.len() > 10);
        assert!(encoded.requests.iter().all(|request| request.body.len() <= 10_000));
        assert!(encoded.requests[..10].iter().all(|request| request.spans > 5));
    }
    let tiny = Encoding { max_request_bytes: 1, ..Encoding::default() };
    assert_eq!(otlp_to_json_v2(data.traces(), &tiny).requests.len(), 100);
}

#[test]
fn a_resource_that_would_fill_memory_costs_its_spans() {
    let encoding = Encoding { max_total_bytes: 20_000, ..Encoding::default() };
    let encoded = otlp_to_json_v2(hundred().traces(), &encoding);
    let written: usize = encoded.requests.iter().map(|request| request.spans).sum();
    assert!((15..25).contains(&written), "{written}");
    assert_eq!(encoded.dropped.items(), 100 - written);
}

#[test]
fn no_spans_are_no_requests() {
    for data in [batch(""), batch(r#"{"resource":{}}"#)] {
        assert_eq!(otlp_to_json_v2(data.traces(), &Encoding::default()), Encoded::default());
        assert_eq!(otlp_to_proto(data.traces(), &Encoding::default()), Encoded::default());
    }
}
