//! v1 JSON to OTLP.

use sluice_formats::zipkin::{Options, json_v1_to_otlp};
use sluice_pdata::Limits;
use sluice_pdata::otlp::trace::v1::Status;

use crate::otlp::{Flat, map, one};

fn span_with(members: &str, options: &Options) -> Flat {
    let body = format!(r#"[{{"traceId":"000000000000000a","id":"000000000000000b"{members}}}]"#);
    one(json_v1_to_otlp, body.as_bytes(), options)
}

fn span(members: &str) -> Flat {
    span_with(members, &Options::default())
}

/// Annotations as `value@timestamp`.
fn annotated(annotations: &str, more: &str) -> Flat {
    let annotations: Vec<_> = annotations
        .split_whitespace()
        .map(|text| {
            let (value, timestamp) = text.split_once('@').unwrap();
            format!(
                r#"{{"value":"{value}","timestamp":{timestamp},"endpoint":{{"serviceName":"svc-{value}"}}}}"#
            )
        })
        .collect();
    span(&format!(r#","annotations":[{}]{more}"#, annotations.join(",")))
}

/// Binary annotations as `"key":value`.
fn binary_with(pairs: &[(&str, &str)], options: &Options) -> Flat {
    let annotations: Vec<_> =
        pairs.iter().map(|(key, value)| format!(r#"{{"key":"{key}","value":{value}}}"#)).collect();
    span_with(&format!(r#","timestamp":1,"binaryAnnotations":[{}]"#, annotations.join(",")), options)
}

fn binary(pairs: &[(&str, &str)]) -> Flat {
    binary_with(pairs, &Options::default())
}

#[test]
fn core_annotations_tell_kind_and_times() {
    for (annotations, more, kind, start, end) in [
        ("cs@1 cr@5", "", 3, 1, 5),
        ("sr@2 ss@4", "", 2, 2, 4),
        ("cs@1", "", 3, 1, 1),
        ("cs@1", r#","duration":7"#, 3, 1, 8),
        ("ms@3", "", 4, 3, 3),
        ("mr@3", "", 5, 3, 3),
        ("cs@1 sr@2 ss@4 cr@5", "", 3, 1, 5),
        ("sr@2 cs@1 ss@4 cr@5", "", 2, 1, 5),
        ("x@4 y@2", "", 0, 2, 4),
        ("cs@10 cr@15", r#","timestamp":9"#, 3, 9, 9),
        ("cs@10 cr@15", r#","timestamp":9,"duration":2"#, 3, 9, 11),
    ] {
        let span = annotated(annotations, more).span;
        let micros = (span.start_time_unix_nano / 1000, span.end_time_unix_nano / 1000);
        assert_eq!((span.kind, micros), (kind, (start, end)), "{annotations} {more}");
    }
}

#[test]
fn annotations_that_are_not_core_are_events() {
    let events: Vec<_> = annotated("cs@1 ws@2 wr@3 csf@4 crf@5 ssf@6 srf@7 a|{}|1@8 cr@9", "").span.events;
    let events: Vec<_> =
        events.iter().map(|event| (event.name.as_str(), event.time_unix_nano / 1000)).collect();
    let expected = [("ws", 2), ("wr", 3), ("csf", 4), ("crf", 5), ("ssf", 6), ("srf", 7), ("a|{}|1", 8)];
    assert_eq!(events, expected);
}

#[test]
fn a_span_without_any_time_is_now_and_says_so() {
    let options = Options { now_unix_nano: 42, ..Options::default() };
    let span = span_with("", &options);
    assert_eq!((span.span.start_time_unix_nano, span.span.end_time_unix_nano), (42, 42));
    assert_eq!(span.attributes, map([("otel.zipkin.absentField.startTime", "bool:true")]));
}

#[test]
fn the_service_is_found_in_order() {
    let endpoint = |name: &str| format!(r#""endpoint":{{"serviceName":"{name}"}}"#);
    let core = format!(r#"{{"value":"sr","timestamp":1,{}}}"#, endpoint("core"));
    let plain = format!(r#"{{"value":"x","timestamp":1,{}}}"#, endpoint("plain"));
    let binary = format!(
        r#"{{"key":"a","value":"","endpoint":{{"serviceName":"first"}}}},{{"key":"b","value":"",{}}}"#,
        endpoint("last")
    );
    let component = r#"{"key":"lc","value":"component"}"#;
    for (annotations, binaries, service) in [
        (format!("{plain},{core}"), format!("{binary},{component}"), "core"),
        (plain.clone(), format!("{component},{binary}"), "last"),
        (plain.clone(), component.to_owned(), "component"),
        (plain, String::new(), "unknown-service"),
    ] {
        let span = span(&format!(
            r#","timestamp":1,"annotations":[{annotations}],"binaryAnnotations":[{binaries}]"#
        ));
        assert_eq!(span.resource, map([("service.name", service)]));
    }
}

#[test]
fn the_endpoint_of_the_service_is_the_resources() {
    let span = span(
        r#","annotations":[{"value":"sr","timestamp":1,
        "endpoint":{"serviceName":"svc","ipv4":"127.0.0.1","ipv6":"::1","port":8080}}]"#,
    );
    let expected = map([("service.name", "svc"), ("ipv4", "127.0.0.1"), ("ipv6", "::1"), ("port", "8080")]);
    assert_eq!(span.resource, expected);
}

#[test]
fn binary_annotations_are_attributes_with_their_type() {
    let pairs = [
        ("lc", "\"c\""),
        ("s", "\"7\""),
        ("n", "7"),
        ("d", "1.5"),
        ("b", "true"),
        ("l", "[1]"),
        ("z", "null"),
    ];
    let mut expected = map([
        ("component", "c"),
        ("s", "7"),
        ("n", "int:7"),
        ("d", "double:1.5"),
        ("b", "bool:true"),
        ("l", "[1]"),
        ("z", ""),
    ]);
    assert_eq!(binary(&pairs).attributes, expected);
    let parse = Options { parse_string_tags: true, ..Options::default() };
    expected.extend(map([("s", "int:7")]));
    assert_eq!(binary_with(&pairs, &parse).attributes, expected);
}

#[test]
fn of_binary_annotations_with_one_key_the_last_holds() {
    assert_eq!(binary(&[("a", "1"), ("a", "2")]).attributes, map([("a", "int:2")]));
}

#[test]
fn address_annotations_name_the_peer() {
    for (annotation, key) in [("cs", "sa"), ("sr", "ca"), ("ms", "ma"), ("mr", "ma"), ("x", "sa")] {
        let span = span(&format!(
            r#","annotations":[{{"value":"{annotation}","timestamp":1}}],
            "binaryAnnotations":[{{"key":"{key}","value":true,
            "endpoint":{{"serviceName":"other","ipv4":"10.0.0.2","port":9}}}}]"#
        ));
        let expected = map([
            (key, "bool:true"),
            ("service.peer.name", "other"),
            ("network.peer.address", "10.0.0.2"),
            ("net.peer.port", "int:9"),
        ]);
        assert_eq!((span.attributes, span.resource), (expected, map([("service.name", "unknown-service")])));
    }
}

#[test]
fn the_first_source_of_a_status_decides() {
    for (pairs, code, message, left) in [
        (&[("census.status_code", "0"), ("opencensus.status_description", "\"m\"")][..], 1, "m", 0),
        (&[("census.status_code", "\"13\""), ("error", "\"\"")], 2, "", 0),
        (&[("census.status_code", "7"), ("otel.status_code", "1")], 2, "", 0),
        (&[("otel.status_code", "1"), ("error", "\"true\"")], 1, "", 0),
        (&[("otel.status_code", "2"), ("otel.status_description", "\"m\"")], 2, "m", 0),
        (&[("otel.status_code", "\"OK\"")], 1, "", 0),
        (&[("otel.status_code", "9")], 0, "", 1),
        (&[("error", "\"true\"")], 2, "", 0),
        (&[("error", "\"false\"")], 2, "", 0),
        (&[("error", "\"boom\"")], 2, "boom", 0),
        // Its text is not lost beside another source: the message if there is none, else an attribute.
        (&[("otel.status_code", "2"), ("error", "\"boom\"")], 2, "boom", 0),
        (
            &[("otel.status_code", "2"), ("otel.status_description", "\"m\""), ("error", "\"boom\"")],
            2,
            "m",
            1,
        ),
        (&[("otel.status_code", "2"), ("otel.status_description", "\"m\""), ("error", "\"m\"")], 2, "m", 0),
        (&[("otel.status_code", "1"), ("error", "\"boom\"")], 1, "", 1),
        (&[("census.status_code", "13"), ("error", "\"boom\"")], 2, "boom", 0),
        (&[("error", "\"boom\""), ("otel.status_description", "\"m\"")], 2, "m", 1),
        (&[("error", "true"), ("otel.status_description", "\"m\"")], 2, "m", 0),
        (&[("error", "true"), ("http.status_code", "200")], 2, "", 1),
        (&[("http.status_code", "200")], 0, "", 1),
        (&[("http.status_code", "\"404\""), ("http.status_message", "\"no\"")], 2, "no", 2),
        (&[("http.status_code", "99")], 2, "", 1),
        (&[("otel.status_description", "\"m\"")], 0, "", 0),
    ] {
        let span = binary(pairs);
        let expected = Status { code, message: message.into() };
        assert_eq!(span.span.status.unwrap_or_default(), expected, "{pairs:?}");
        assert_eq!(span.attributes.len(), left, "{pairs:?}");
    }
}

#[test]
fn i10_ids_that_are_none_cost_their_span() {
    let good = r#"{"traceId":"000000000000000a","id":"000000000000000b"}"#;
    for (ids, reason) in [
        (r#""id":"000000000000000b""#, "without a trace id"),
        (r#""traceId":"0000000000000000","id":"000000000000000b""#, "without a trace id"),
        (r#""traceId":"000000000000000g","id":"000000000000000b""#, "with a trace id that is none"),
        (r#""traceId":"000000000000000a""#, "without an id"),
        (r#""traceId":"000000000000000a","id":"0000000000000000""#, "without an id"),
        (r#""traceId":"000000000000000a","id":"0000000000000000b""#, "with an id that is none"),
        (r#""traceId":"000000000000000a","id":"b","parentId":"x""#, "with a parent id that is none"),
    ] {
        let body = format!("[{{{ids}}},{good}]");
        let translated = json_v1_to_otlp(body.as_bytes(), &Options::default(), &Limits::default()).unwrap();
        assert_eq!(translated.items, 1, "{ids}");
        assert_eq!(translated.rejected.iter().collect::<Vec<_>>(), [(reason, 1)], "{ids}");
    }
}

#[test]
fn ids_of_64_and_128_bits_are_read() {
    for (trace_id, first) in [("000000000000000a", 0), ("0f00000000000000000000000000000a", 15)] {
        let body =
            format!(r#"[{{"traceId":"{trace_id}","id":"000000000000000b","parentId":"000000000000000c"}}]"#);
        let span = one(json_v1_to_otlp, body.as_bytes(), &Options::default()).span;
        assert_eq!((span.trace_id[0], span.trace_id[15]), (first, 10));
        assert_eq!((span.span_id[7], span.parent_span_id[7]), (11, 12));
    }
}

#[test]
fn annotations_without_value_are_nothing() {
    let span = span(r#","annotations":[null,{"timestamp":1,"value":""},{"timestamp":5,"value":"x"}]"#);
    assert_eq!((span.span.events.len(), span.span.start_time_unix_nano), (1, 5000));
}
