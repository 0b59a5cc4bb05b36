//! Bodies that are wrong, as a whole or in one span.

use std::fmt::Write as _;

use sluice_formats::Malformed;
use sluice_formats::zipkin::{Options, json_v1_to_otlp, json_v2_to_otlp, proto_to_otlp, thrift_v1_to_otlp};
use sluice_pdata::Limits;

use crate::otlp::{Decode, flat};

fn refused(decode: Decode, body: &[u8]) -> String {
    decode(body, &Options::default(), &Limits::default()).unwrap_err().to_string()
}

const GOOD: &str = r#"{"traceId":"1","id":"2","timestamp":1,"duration":1}"#;

#[test]
fn i10_one_bad_span_in_100_costs_itself() {
    for (bad, reason) in [
        (r#""duration":-5"#, "with a duration that is no count of microseconds"),
        (r#""timestamp":1472470996199000.5"#, "with a timestamp that is no count of microseconds"),
        (r#""timestamp":"now""#, "with a timestamp that is no count of microseconds"),
        (r#""timestamp":99999999999999999999"#, "with a timestamp that is no count of microseconds"),
        (r#""timestamp":18446744073709551615"#, "with a time that is out of range"),
        (r#""name":7"#, "with a name that is no string"),
        (r#""tags":["a"]"#, "with tags that are no object"),
        (r#""annotations":{}"#, "with an annotation that is none"),
        (r#""annotations":[7]"#, "with an annotation that is none"),
        (r#""localEndpoint":"here""#, "with an endpoint that is no object"),
        (r#""remoteEndpoint":{"port":70000}"#, "with a port that is none"),
    ] {
        let mut body = "[".to_owned();
        for i in 0..100 {
            match i {
                50 => write!(body, r#"{{"traceId":"1","id":"2",{bad},"x":{{"y":[1,"]"]}}}},"#).unwrap(),
                _ => write!(body, "{GOOD}{}", if i < 99 { "," } else { "]" }).unwrap(),
            }
        }
        let translated = json_v2_to_otlp(body.as_bytes(), &Options::default(), &Limits::default()).unwrap();
        assert_eq!(flat(&translated).len(), 99, "{bad}");
        assert_eq!(translated.rejected.iter().collect::<Vec<_>>(), [(reason, 1)]);
        assert_eq!(translated.rejected.message().unwrap(), format!("1 span rejected: 1 {reason}"));
    }
}

#[test]
fn i10_elements_that_are_no_spans_cost_themselves() {
    for (decode, body) in [
        (json_v2_to_otlp as Decode, format!("[1,null,[],\"x\",{GOOD}]")),
        (json_v1_to_otlp, format!("[1,null,[],\"x\",{GOOD}]")),
    ] {
        let translated = decode(body.as_bytes(), &Options::default(), &Limits::default()).unwrap();
        assert_eq!((translated.items, translated.rejected.items()), (1, 4));
    }
}

#[test]
fn nothing_is_a_body_without_spans() {
    for body in ["", " \n", "[]", " [ ] "] {
        for decode in [json_v2_to_otlp as Decode, json_v1_to_otlp] {
            let translated = decode(body.as_bytes(), &Options::default(), &Limits::default()).unwrap();
            assert_eq!((translated.items, translated.wire.len()), (0, 0));
        }
    }
    for decode in [proto_to_otlp as Decode, thrift_v1_to_otlp] {
        assert_eq!(decode(b"", &Options::default(), &Limits::default()).unwrap().items, 0);
    }
}

#[test]
fn malformed_json_is_refused_with_its_place() {
    for (body, expected) in [
        ("{}", "malformed request at line 1, column 1 (byte 0): expected an array of spans"),
        ("[{}", "malformed request at line 1, column 4 (byte 3): unexpected end of the text"),
        ("[\n{\"id\":}]", "malformed request at line 2, column 7 (byte 8): expected a value"),
        ("[] x", "malformed request at line 1, column 4 (byte 3): expected nothing more"),
        ("[{\"id\" 1}]", "malformed request at line 1, column 8 (byte 7): expected `:`"),
        ("[{\"name\":\"\\x\"}]", "malformed request at line 1, column 12 (byte 11): unknown escape"),
    ] {
        assert_eq!(refused(json_v2_to_otlp, body.as_bytes()), expected);
        assert_eq!(refused(json_v1_to_otlp, body.as_bytes()), expected);
    }
}

#[test]
fn a_body_of_the_other_version_is_refused() {
    let v1 = [
        r#"[{"traceId":"1","id":"2","binaryAnnotations":[]}]"#,
        r#"[{"traceId":"1","id":"2","annotations":[{"timestamp":1,"value":"sr","endpoint":{}}]}]"#,
    ];
    for body in v1 {
        assert!(refused(json_v2_to_otlp, body.as_bytes()).contains("for /api/v1/spans"), "{body}");
    }
    for member in [r#""tags":{}"#, r#""localEndpoint":{}"#, r#""remoteEndpoint":{}"#] {
        let body = format!(r#"[{{"traceId":"1","id":"2",{member}}}]"#);
        assert!(refused(json_v1_to_otlp, body.as_bytes()).contains("for /api/v2/spans"), "{body}");
    }
}

#[test]
fn json_that_is_cut_off_anywhere_is_refused() {
    let body = include_bytes!("../../testdata/zipkin/v2_messaging.json");
    let body = body.trim_ascii_end();
    for len in 1..body.len() {
        let error = json_v2_to_otlp(&body[..len], &Options::default(), &Limits::default()).unwrap_err();
        assert!(matches!(error, Malformed::Text { .. }), "{len}: {error}");
    }
}

#[test]
fn values_of_any_depth_are_passed_over_without_stack() {
    let deep = "[".repeat(200_000) + &"]".repeat(200_000);
    let body = format!(r#"[{{"traceId":"1","id":"2","x":{deep}}}]"#);
    let translated = json_v2_to_otlp(body.as_bytes(), &Options::default(), &Limits::default()).unwrap();
    assert_eq!(translated.items, 1);
}

#[test]
fn limits_hold() {
    let body = format!("[{}]", [GOOD; 100].join(","));
    let limits = Limits { max_items: 99, ..Limits::default() };
    let error = json_v2_to_otlp(body.as_bytes(), &Options::default(), &limits).unwrap_err();
    assert_eq!(error, Malformed::TooLarge { what: "number of items", limit: 99 });
    let limits = Limits { max_decoded_bytes: 1000, ..Limits::default() };
    let error = json_v2_to_otlp(body.as_bytes(), &Options::default(), &limits).unwrap_err();
    assert_eq!(error, Malformed::TooLarge { what: "decoded size in bytes", limit: 1000 });
}

#[test]
fn text_that_is_not_utf8_is_left_to_the_door() {
    let body = b"[{\"traceId\":\"1\",\"id\":\"2\",\"timestamp\":1,\"name\":\"a\xff\"}]";
    let translated = json_v2_to_otlp(body, &Options::default(), &Limits::default()).unwrap();
    use sluice_pdata::{Pdata, Signal};
    let (data, repairs) = Pdata::from_wire(Signal::Traces, translated.wire, &Limits::default()).unwrap();
    assert_eq!((data.items(), repairs.repaired_strings), (1, 1));
}
