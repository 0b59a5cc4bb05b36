//! v2 JSON to OTLP.

use sluice_formats::zipkin::{AttributeNames, Options, json_v2_to_otlp};
use sluice_pdata::Limits;
use sluice_pdata::otlp::trace::v1::Status;

use crate::otlp::{Flat, flat, map, one};

const IDS: &str =
    r#""traceId":"0102030405060708090a0b0c0d0e0f10","id":"00f067aa0ba902b7","timestamp":1000000"#;

fn span_with(members: &str, options: &Options) -> Flat {
    one(json_v2_to_otlp, format!(r#"[{{{IDS}{members}}}]"#).as_bytes(), options)
}

fn span(members: &str) -> Flat {
    span_with(members, &Options::default())
}

fn tags(tags: &str) -> Flat {
    span(&format!(r#","tags":{{{tags}}}"#))
}

fn spans(body: &str) -> Vec<Flat> {
    flat(&json_v2_to_otlp(body.as_bytes(), &Options::default(), &Limits::default()).unwrap())
}

/// Why the only span of a body was rejected.
fn rejection(members: &str) -> String {
    let body = format!("[{{{members}}}]");
    let translated = json_v2_to_otlp(body.as_bytes(), &Options::default(), &Limits::default()).unwrap();
    assert_eq!((translated.items, translated.rejected.items()), (0, 1), "{body}");
    translated.rejected.iter().next().unwrap().0.to_owned()
}

#[test]
fn ids_are_hex_of_any_length_and_case() {
    for (trace_id, id, expected) in [
        ("0102030405060708090a0b0c0d0e0f10", "1", "0102030405060708090a0b0c0d0e0f10 0000000000000001"),
        ("0102030405060708090A0B0C0D0E0F10", "AbC", "0102030405060708090a0b0c0d0e0f10 0000000000000abc"),
        ("090a0b0c0d0e0f10", "00f067aa0ba902b7", "0000000000000000090a0b0c0d0e0f10 00f067aa0ba902b7"),
        ("f", "f", "0000000000000000000000000000000f 000000000000000f"),
    ] {
        let body = format!(r#"[{{"traceId":"{trace_id}","id":"{id}"}}]"#);
        let span = one(json_v2_to_otlp, body.as_bytes(), &Options::default()).span;
        let hex = |id: &[u8]| id.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(format!("{} {}", hex(&span.trace_id), hex(&span.span_id)), expected);
    }
}

#[test]
fn ids_that_are_none_cost_their_span() {
    for (members, reason) in [
        (r#""id":"1""#, "without a trace id"),
        (r#""traceId":"1""#, "without an id"),
        (r#""traceId":"0","id":"1""#, "without a trace id"),
        (r#""traceId":"1","id":"0000000000000000""#, "without an id"),
        (r#""traceId":"x","id":"1""#, "with a trace id that is none"),
        (r#""traceId":"000000000000000000000000000000001","id":"1""#, "with a trace id that is none"),
        (r#""traceId":"1","id":"00000000000000001""#, "with an id that is none"),
        (r#""traceId":"1","id":"1","parentId":"-""#, "with a parent id that is none"),
        (r#""traceId":1,"id":"1""#, "with a trace id that is none"),
    ] {
        assert_eq!(rejection(members), reason, "{members}");
    }
}

#[test]
fn a_parent_that_is_absent_zero_or_the_span_itself_is_none() {
    for members in ["", r#","parentId":null"#, r#","parentId":"0""#, r#","parentId":"00f067aa0ba902b7""#] {
        assert!(span(members).span.parent_span_id.is_empty(), "{members}");
    }
    assert_eq!(span(r#","parentId":"2""#).span.parent_span_id, [0, 0, 0, 0, 0, 0, 0, 2]);
}

#[test]
fn times_are_microseconds() {
    for (members, start, end) in [
        ("", 1_000_000_000, 1_000_000_000),
        (r#","duration":207000"#, 1_000_000_000, 1_207_000_000),
        (r#","duration":0"#, 1_000_000_000, 1_000_000_000),
        (r#","duration":"7""#, 1_000_000_000, 1_000_007_000),
        (r#","duration":7.0"#, 1_000_000_000, 1_000_007_000),
        (r#","duration":null"#, 1_000_000_000, 1_000_000_000),
    ] {
        let span = span(members).span;
        assert_eq!((span.start_time_unix_nano, span.end_time_unix_nano), (start, end), "{members}");
    }
}

#[test]
fn a_span_without_timestamp_starts_at_0_and_says_so() {
    for timestamp in ["", r#","timestamp":0"#, r#","timestamp":null"#] {
        let body = format!(r#"[{{"traceId":"1","id":"2","duration":5{timestamp}}}]"#);
        let span = one(json_v2_to_otlp, body.as_bytes(), &Options::default());
        assert_eq!((span.span.start_time_unix_nano, span.span.end_time_unix_nano), (0, 5000));
        assert_eq!(span.attributes, map([("otel.zipkin.absentField.startTime", "bool:true")]));
    }
    assert!(span("").attributes.is_empty());
}

#[test]
fn kinds_are_those_of_otlp() {
    for (members, kind) in [
        ("", 0),
        (r#","tags":{"span.kind":"internal"}"#, 1),
        (r#","kind":"SERVER""#, 2),
        (r#","kind":"CLIENT""#, 3),
        (r#","kind":"PRODUCER""#, 4),
        (r#","kind":"CONSUMER""#, 5),
        (r#","kind":null"#, 0),
    ] {
        let span = span(members);
        assert_eq!((span.span.kind, span.attributes.len()), (kind, 0), "{members}");
    }
}

#[test]
fn a_kind_that_is_unknown_stays_an_attribute() {
    let span = span(r#","kind":"LOCAL""#);
    assert_eq!((span.span.kind, span.attributes), (0, map([("span.kind", "LOCAL")])));
}

#[test]
fn names_are_kept_as_they_are() {
    assert_eq!(span(r#","name":"GET /Ä \"x\"""#).span.name, "GET /Ä \"x\"");
}

#[test]
fn endpoints_become_attributes_and_the_local_service_the_resource() {
    let members = r#","localEndpoint":{"serviceName":"front","ipv4":"10.0.0.1","ipv6":"7::80:807f","port":80},
        "remoteEndpoint":{"serviceName":"backend","ipv4":"192.168.99.101","port":9000}"#;
    let current = span(members);
    assert_eq!(current.resource, map([("service.name", "front")]));
    let ports = [("net.host.port", "int:80"), ("net.peer.port", "int:9000")];
    let mut expected = map([
        ("network.local.address", "7::80:807f"),
        ("service.peer.name", "backend"),
        ("network.peer.address", "192.168.99.101"),
    ]);
    expected.extend(map(ports));
    assert_eq!(current.attributes, expected);
    let legacy = span_with(members, &Options { names: AttributeNames::Legacy, ..Options::default() });
    let mut legacy_expected =
        map([("net.host.ip", "7::80:807f"), ("peer.service", "backend"), ("net.peer.ip", "192.168.99.101")]);
    legacy_expected.extend(map(ports));
    assert_eq!(legacy.attributes, legacy_expected);
    let both = span_with(members, &Options { names: AttributeNames::Both, ..Options::default() });
    expected.extend(legacy_expected);
    assert_eq!(both.attributes, expected);
}

#[test]
fn endpoints_beat_tags_of_the_same_names() {
    let span = span(r#","localEndpoint":{"port":80},"tags":{"net.host.port":"81","net.peer.port":"82"}"#);
    assert_eq!(span.attributes, map([("net.host.port", "int:80"), ("net.peer.port", "82")]));
}

#[test]
fn empty_endpoints_and_unknown_members_are_nothing() {
    let span =
        span(r#","localEndpoint":{},"remoteEndpoint":null,"debug":true,"shared":true,"x":[{"y":[1]}]"#);
    assert!(span.attributes.is_empty() && span.resource.is_empty());
}

#[test]
fn tags_are_text_unless_they_shall_be_parsed() {
    let parse = Options { parse_string_tags: true, ..Options::default() };
    for (text, parsed) in [
        ("25", "int:25"),
        ("-25", "int:-25"),
        ("007", "int:7"),
        ("-0", "int:0"),
        ("12.3", "double:12.3"),
        ("-0.5", "double:-0.5"),
        ("true", "bool:true"),
        ("false", "bool:false"),
        ("6.45.0", "6.45.0"),
        ("1.", "1."),
        (".5", ".5"),
        ("+1", "+1"),
        ("1e5", "1e5"),
        ("1e3", "1e3"),
        (" 1", " 1"),
        ("TRUE", "TRUE"),
        ("True", "True"),
        ("-", "-"),
        ("", ""),
        ("9223372036854775807", "int:9223372036854775807"),
        ("9223372036854775808", "9223372036854775808"),
        ("/api", "/api"),
    ] {
        let members = format!(r#","tags":{{"k":"{text}"}}"#);
        assert_eq!(span(&members).attributes, map([("k", text)]));
        assert_eq!(span_with(&members, &parse).attributes, map([("k", parsed)]));
    }
}

/// The tags and endpoints of upstream's own sample.
#[test]
fn the_sample_of_upstream_is_parsed_as_upstream_does() {
    let parse = Options { parse_string_tags: true, ..Options::default() };
    let members = r#","tags":{"cache_hit":"true","ping_count":"25","timeout":"12.3","clnt/finagle.version":"6.45.0",
        "http.path":"/api","http.status_code":"500"},"localEndpoint":{"serviceName":"frontend","ipv6":"7::80:807f"},
        "remoteEndpoint":{"serviceName":"backend","ipv4":"192.168.99.101","port":9000}"#;
    let expected = map([
        ("cache_hit", "bool:true"),
        ("ping_count", "int:25"),
        ("timeout", "double:12.3"),
        ("clnt/finagle.version", "6.45.0"),
        ("http.path", "/api"),
        ("http.status_code", "int:500"),
        ("network.local.address", "7::80:807f"),
        ("service.peer.name", "backend"),
        ("network.peer.address", "192.168.99.101"),
        ("net.peer.port", "int:9000"),
    ]);
    assert_eq!(span_with(members, &parse).attributes, expected);
}

#[test]
fn an_annotation_without_a_time_is_an_event_without_one() {
    for timestamp in ["", r#""timestamp":0,"#] {
        let span = span(&format!(r#","annotations":[{{{timestamp}"value":"x"}}]"#)).span;
        assert_eq!((&*span.events[0].name, span.events[0].time_unix_nano), ("x", 0));
    }
}

#[test]
fn tags_that_are_no_strings_stand_for_their_text() {
    let span = tags(r#""a":1,"b":true,"c":null,"d":[1, {"x":"y"}],"e":1.50"#);
    assert_eq!(span.attributes, map([("a", "1"), ("b", "true"), ("d", r#"[1, {"x":"y"}]"#), ("e", "1.50")]));
}

#[test]
fn of_tags_with_one_key_the_last_holds() {
    assert_eq!(tags(r#""a":"1","b":"2","a":"3""#).attributes, map([("a", "3"), ("b", "2")]));
    let many: Vec<_> = (0..100).map(|i| format!(r#""k{}":"{i}""#, i % 50)).collect();
    let span = tags(&many.join(","));
    assert_eq!(span.attributes.len(), 50);
    assert_eq!(span.attributes["k0"], "50");
}

#[test]
fn tracestate_is_the_spans() {
    let span = tags(r#""w3c.tracestate":"a=1,b=2""#);
    assert_eq!((span.span.trace_state.as_str(), span.attributes.len()), ("a=1,b=2", 0));
}

#[test]
fn scopes_come_from_the_tags_of_either_name() {
    for (text, scope) in [
        (r#""otel.library.name":"lib","otel.library.version":"1""#, ("lib", "1")),
        (r#""otel.scope.name":"lib","otel.scope.version":"1""#, ("lib", "1")),
        (r#""otel.library.name":"old","otel.scope.name":"new""#, ("new", "")),
        (r#""otel.scope.name":"new","otel.library.name":"old""#, ("new", "")),
    ] {
        let span = tags(text);
        assert_eq!((span.scope.0.as_str(), span.scope.1.as_str()), scope, "{text}");
        assert!(span.attributes.is_empty(), "{text}");
    }
}

fn status(code: i32, message: &str) -> Option<Status> {
    Some(Status { code, message: message.into() })
}

#[test]
fn status_is_read_in_every_spelling() {
    for (text, expected) in [
        ("STATUS_CODE_UNSET", None),
        ("STATUS_CODE_OK", status(1, "")),
        ("STATUS_CODE_ERROR", status(2, "")),
        ("OK", status(1, "")),
        ("ERROR", status(2, "")),
        ("Ok", status(1, "")),
        ("Error", status(2, "")),
        ("error", status(2, "")),
    ] {
        let span = tags(&format!(r#""otel.status_code":"{text}""#));
        assert_eq!((span.span.status, span.attributes.len()), (expected, 0), "{text}");
    }
    let span = tags(r#""otel.status_code":"ERROR","otel.status_description":"why""#);
    assert_eq!((span.span.status, span.attributes.len()), (status(2, "why"), 0));
}

#[test]
fn a_status_that_is_unknown_or_only_described_stays_attributes() {
    let span = tags(r#""otel.status_code":"2","otel.status_description":"why""#);
    assert_eq!(span.span.status, None);
    assert_eq!(span.attributes, map([("otel.status_code", "2"), ("otel.status_description", "why")]));
    let span = tags(r#""otel.status_description":"why""#);
    assert_eq!((span.span.status, span.attributes), (None, map([("otel.status_description", "why")])));
}

#[test]
fn an_error_tag_means_failure_if_it_is_true() {
    let as_message = Options { error_tag_is_message: true, ..Options::default() };
    for (text, drop_in, zipkins) in [
        ("true", status(2, ""), status(2, "")),
        ("false", None, status(2, "false")),
        ("", None, status(2, "")),
        ("boom", None, status(2, "boom")),
    ] {
        let members = format!(r#","tags":{{"error":"{text}"}}"#);
        let span = span(&members);
        assert_eq!(
            (span.span.status, span.attributes.len()),
            (drop_in, usize::from(text != "true")),
            "{text}"
        );
        let span = span_with(&members, &as_message);
        assert_eq!((span.span.status, span.attributes.len()), (zipkins, 0), "{text}");
    }
    let both = tags(r#""otel.status_code":"OK","error":"true""#);
    assert_eq!(both.span.status, status(2, ""));
}

#[test]
fn annotations_are_events() {
    let long = r#"name|{"s":"a|b","b":true,"i":2.0,"n":7,"d":1.5,"l":[1,{"x":2}],"z":null}|2"#;
    let attributes = [
        ("s", "a|b"),
        ("b", "bool:true"),
        ("i", "int:2"),
        ("n", "int:7"),
        ("d", "double:1.5"),
        ("l", r#"[1,{"x":2}]"#),
    ];
    for (value, name, attributes, dropped) in [
        ("foo", "foo", map([]), 0),
        ("a|b", "a|b", map([]), 0),
        ("a|b|c", "a|b|c", map([]), 0),
        ("a|b|c|d|e|f", "a|b|c|d|e|f", map([]), 0),
        ("event|{}|2", "event", map([]), 2),
        ("event|{}|x", "event|{}|x", map([]), 0),
        (r#"event|{"a":}|1"#, r#"event|{"a":}|1"#, map([]), 0),
        (long, "name", map(attributes), 2),
        ("", "", map([]), 0),
    ] {
        let text = serde_json::to_string(value).unwrap();
        let mut span = span(&format!(r#","annotations":[{{"timestamp":5,"value":{text}}}]"#)).span;
        let event = span.events.remove(0);
        assert_eq!((event.time_unix_nano, event.name.as_str()), (5000, name));
        assert_eq!(crate::otlp::texts(&event.attributes), attributes, "{value}");
        assert_eq!(event.dropped_attributes_count, dropped, "{value}");
    }
}

const LINK: &str = "0102030405060708090a0b0c0d0e0f10|00f067aa0ba902b7";

#[test]
fn links_are_read_from_their_tags() {
    let value = format!(r#"{LINK}|a=1|{{"k":"x|y"}}|3"#);
    let text = serde_json::to_string(&value).unwrap();
    let mut span = tags(&format!(r#""otlp.link.0":{text},"otlp.link.1":"{LINK}||{{}}|0""#));
    assert!(span.attributes.is_empty());
    let second = span.span.links.remove(1);
    assert_eq!((second.trace_state.as_str(), second.attributes.len()), ("", 0));
    let first = span.span.links.remove(0);
    assert_eq!((first.trace_id[0], first.span_id[7], first.trace_state.as_str()), (1, 0xb7, "a=1"));
    assert_eq!(crate::otlp::texts(&first.attributes), map([("k", "x|y")]));
    assert_eq!(first.dropped_attributes_count, 3);
}

#[test]
fn tags_that_are_no_links_stay_attributes() {
    for (key, value) in [
        ("otlp.link.1", format!("{LINK}||{{}}|0")),
        ("otlp.link.0", "nothing".into()),
        ("otlp.link.0", format!("{LINK}||{{}}|x")),
        ("otlp.link.0", "01|02||{}|0".into()),
        ("otlp.link.00", format!("{LINK}||{{}}|0")),
        ("otlp.link.128", format!("{LINK}||{{}}|0")),
        ("otlp.link.", format!("{LINK}||{{}}|0")),
    ] {
        let span = tags(&format!(r#""{key}":"{value}""#));
        assert!(span.span.links.is_empty(), "{key} {value}");
        assert_eq!(span.attributes, map([(key, value.as_str())]));
    }
    let gap = tags(&format!(r#""otlp.link.0":"{LINK}||{{}}|0","otlp.link.2":"{LINK}||{{}}|0""#));
    assert_eq!((gap.span.links.len(), gap.attributes.len()), (1, 1));
}

fn of_service(service: &str, id: u32, tags: &str) -> String {
    format!(
        r#"{{"traceId":"1","id":"{id}","timestamp":1,"localEndpoint":{{"serviceName":"{service}"}},"tags":{{{tags}}}}}"#
    )
}

#[test]
fn spans_are_put_in_order_by_service_and_keep_their_own() {
    let body = [("b", 1), ("a", 2), ("b", 3)].map(|(service, id)| of_service(service, id, "")).join(",");
    let spans = spans(&format!("[{body}]"));
    let order: Vec<_> =
        spans.iter().map(|span| (&*span.resource["service.name"], span.span.span_id[7])).collect();
    assert_eq!(order, [("a", 2), ("b", 1), ("b", 3)]);
}

#[test]
fn spans_of_one_service_with_different_resource_tags_lose_none() {
    let body: Vec<_> = (0..10)
        .map(|i| of_service("svc", i + 1, &format!(r#""host.name":"h{i}","service.version":"1","x":"{i}""#)))
        .collect();
    let spans = spans(&format!("[{}]", body.join(",")));
    assert_eq!(spans.len(), 10);
    for (i, span) in spans.iter().enumerate() {
        let host = format!("h{i}");
        let resource = map([("service.name", "svc"), ("host.name", &host), ("service.version", "1")]);
        assert_eq!(span.resource, resource);
        assert_eq!(span.attributes, map([("x", &*i.to_string())]));
    }
}

#[test]
fn the_same_resource_tags_in_another_order_are_the_same_resource() {
    let body = [r#""host.name":"h","os.type":"linux""#, r#""os.type":"linux","host.name":"h""#];
    let body: Vec<_> = body.iter().zip(1..).map(|(tags, id)| of_service("svc", id, tags)).collect();
    let wire =
        json_v2_to_otlp(format!("[{}]", body.join(",")).as_bytes(), &Options::default(), &Limits::default());
    use sluice_pdata::otlp::{ExportTraceServiceRequest, Message};
    let request = ExportTraceServiceRequest::decode(&wire.unwrap().wire[..]).unwrap();
    assert_eq!(request.resource_spans.len(), 1);
    assert_eq!(request.resource_spans[0].scope_spans.len(), 1);
}

#[test]
fn scopes_of_a_resource_are_apart_and_do_not_leak() {
    let body = [r#""otel.scope.name":"lib""#, "", r#""otel.scope.name":"lib""#];
    let body: Vec<_> = body.iter().zip(1..).map(|(tags, id)| of_service("svc", id, tags)).collect();
    let spans = spans(&format!("[{}]", body.join(",")));
    let order: Vec<_> = spans.iter().map(|span| (span.scope.0.as_str(), span.span.span_id[7])).collect();
    assert_eq!(order, [("", 2), ("lib", 1), ("lib", 3)]);
}

#[test]
fn a_service_name_goes_where_it_came_from() {
    let named = &spans(&format!("[{}]", of_service("fn", 1, r#""otlp.service.name.source":"faas.name""#)))[0];
    assert_eq!((&named.resource, named.attributes.len()), (&map([("faas.name", "fn")]), 0));
    for none in ["", "OTLPResourceNoServiceName", "otlpresourcenoservicename"] {
        assert!(spans(&format!("[{}]", of_service(none, 1, "")))[0].resource.is_empty(), "{none}");
    }
}

/// One of each namespace, and neighbours that are none.
#[test]
fn tags_that_describe_the_resource_are_its_attributes() {
    let resource = [
        "aws.ecs.task.arn",
        "cloud.provider",
        "container.id",
        "deployment.environment",
        "device.id",
        "faas.name",
        "host.name",
        "k8s.pod.name",
        "opencensus.starttime",
        "opencensus.exporterversion",
        "opencensus.resourcetype",
        "os.type",
        "process.pid",
        "service.version",
        "telemetry.sdk.name",
        "webengine.name",
    ];
    let span = ["host", "host.named", "k8s.pod", "os.x", "process", "services", "aws.region", "faas.trigger"];
    let pairs = |keys: &[&str]| keys.iter().map(|key| format!(r#""{key}":"v""#)).collect::<Vec<_>>();
    let tags = [pairs(&resource), pairs(&span)].concat().join(",");
    let read = &spans(&format!("[{}]", of_service("svc", 1, &tags)))[0];
    let mut expected = map(resource.map(|key| (key, "v")));
    expected.extend(map([("service.name", "svc")]));
    assert_eq!(read.resource, expected);
    assert_eq!(read.attributes, map(span.map(|key| (key, "v"))));
}

#[test]
fn a_tag_that_names_the_service_gives_way_to_the_endpoint() {
    let span = &spans(&format!("[{}]", of_service("svc", 1, r#""service.name":"other""#)))[0];
    assert_eq!(span.resource, map([("service.name", "svc")]));
}
