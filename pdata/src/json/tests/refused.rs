//! What is refused, and where the error points.

use super::*;
use proptest::prelude::*;

#[test]
fn error_names_line_column_and_key() {
    let json =
        "{\"resourceSpans\": [\n  {\"schemaUrl\": \"é\", \"scopeSpans\": [{\"spans\": [{\"kind\": x}]}]}]}";
    let error = error(Signal::Traces, json.as_bytes());
    assert_eq!(error.to_string(), "malformed JSON at line 2, column 57, in `kind`: expected a number");
    let JsonError::Malformed { offset, .. } = error else { panic!() };
    assert_eq!(json.as_bytes()[offset], b'x');
}

#[test]
fn i6_what_is_not_json_is_refused() {
    for (json, what) in [
        ("", "unexpected end of the text"),
        ("   ", "unexpected end of the text"),
        ("null", "expected an object"),
        ("[]", "expected an object"),
        ("\u{feff}{}", "expected an object"),
        ("{} x", "expected nothing more"),
        ("{}{}", "expected nothing more"),
        ("{", "unexpected end of the text"),
        ("{\"a\"", "unexpected end of the text"),
        ("{\"a\":", "unexpected end of the text"),
        ("{\"a\":1,}", "expected a key in double quotes"),
        ("{a:1}", "expected a key in double quotes"),
        ("{'a':1}", "expected a key in double quotes"),
        ("{\"a\":1 \"b\":2}", "expected `,` or `}`"),
        ("{\"a\":[1 2]}", "expected `,` or `]`"),
        ("{\"a\":[1,]}", "expected a value"),
        ("{\"a\":[1}", "expected `,` or `]`"),
        ("{\"a\":{\"b\":1]}", "expected `,` or `}`"),
        ("{\"a\":01}", "expected a number"),
        ("{\"a\":+1}", "expected a value"),
        ("{\"a\":.5}", "expected a value"),
        ("{\"a\":1.}", "expected a digit"),
        ("{\"a\":1e}", "expected a digit"),
        ("{\"a\":-}", "expected a number"),
        ("{\"a\":NaN}", "expected a value"),
        ("{\"a\":nul}", "expected a value"),
        ("{\"a\":tru", "expected a value"),
        ("{\"a\":\"\n\"}", "control character in a string"),
        ("{\"a\":\"\\x\"}", "unknown escape"),
        ("{\"a\":\"\\u12g4\"}", "expected four hex digits"),
        ("{\"a\":\"\\u12", "expected four hex digits"),
        ("{\"a\":\"b", "string is not closed"),
        ("{\"a\":\"b\\", "unexpected end of the text"),
        ("{/* c */}", "expected a key in double quotes"),
    ] {
        let JsonError::Malformed { what: found, .. } = error(Signal::Traces, json.as_bytes()) else {
            panic!()
        };
        assert_eq!(found, what, "{json}");
    }
}

#[test]
fn i6_what_does_not_fit_its_field_is_refused() {
    for (members, what) in [
        (r#""traceId":"abc""#, "expected an even number of hex digits"),
        (r#""traceId":"zz""#, "expected hex digits"),
        (r#""traceId":5"#, "expected a string"),
        (r#""name":5"#, "expected a string"),
        (r#""name":{}"#, "expected a string"),
        (r#""kind":"SPAN_KIND_NOBODY""#, "expected a number or name of the enumeration"),
        (r#""kind":"STATUS_CODE_OK""#, "expected a number or name of the enumeration"),
        (r#""kind":3000000000"#, "expected a number or name of the enumeration"),
        (r#""kind":true"#, "expected a number"),
        (r#""startTimeUnixNano":-1"#, "expected an unsigned 64-bit integer"),
        (r#""startTimeUnixNano":18446744073709551616"#, "expected an unsigned 64-bit integer"),
        (r#""startTimeUnixNano":1.5"#, "expected an unsigned 64-bit integer"),
        (r#""startTimeUnixNano":"""#, "expected an unsigned 64-bit integer"),
        (r#""startTimeUnixNano":"1x""#, "expected an unsigned 64-bit integer"),
        (r#""startTimeUnixNano":1e999999999999"#, "expected an unsigned 64-bit integer"),
        (r#""startTimeUnixNano":1e9999999999999999999999"#, "expected an unsigned 64-bit integer"),
        (r#""startTimeUnixNano":[]"#, "expected a number"),
        (r#""droppedEventsCount":4294967296"#, "expected an unsigned 32-bit integer"),
        (r#""attributes":{}"#, "expected an array"),
        (r#""attributes":[5]"#, "expected an object"),
        (r#""status":[]"#, "expected an object"),
        (r#""attributes":[{"value":{"doubleValue":1e999}}]"#, "expected a number that a double can hold"),
        (r#""attributes":[{"value":{"doubleValue":"1e999"}}]"#, "expected a number that a double can hold"),
        (r#""attributes":[{"value":{"doubleValue":"five"}}]"#, "expected a number that a double can hold"),
        (r#""attributes":[{"value":{"doubleValue":""}}]"#, "expected a number that a double can hold"),
        (r#""attributes":[{"value":{"intValue":9223372036854775808}}]"#, "expected a 64-bit integer"),
        (r#""attributes":[{"value":{"boolValue":1}}]"#, "expected true or false"),
        (r#""attributes":[{"value":{"bytesValue":"a"}}]"#, "expected base64"),
        (r#""attributes":[{"value":{"bytesValue":"a*aa"}}]"#, "expected base64"),
        (r#""attributes":[{"value":{"arrayValue":[]}}]"#, "expected an object"),
    ] {
        let JsonError::Malformed { what: found, .. } = error(Signal::Traces, span_json(members).as_bytes())
        else {
            panic!("{members}")
        };
        assert_eq!(found, what, "{members}");
    }
    let buckets = r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"histogram":{"dataPoints":[{"bucketCounts":[null]}]}}]}]}]}"#;
    assert!(matches!(
        error(Signal::Metrics, buckets.as_bytes()),
        JsonError::Malformed { what: "expected a number", .. }
    ));
}

#[test]
fn i3_element_bomb_is_refused_before_it_is_built() {
    let spans = vec!["{}"; 1_000_000].join(",");
    let json = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{spans}]}}]}}]}}"#);
    let limits = Limits { max_decoded_bytes: 1 << 20, ..Limits::default() };
    let error = decode_request(Signal::Traces, json.as_bytes(), &limits).unwrap_err();
    assert_eq!(error, JsonError::TooLarge { what: "the decoded size", limit: 1 << 20 });
}

proptest! {
    #[test]
    fn i6_random_text_never_panics(text: Vec<u8>, near in "[{}\\[\\]:,\"\\\\a-f0-9eE.+ -]{0,60}") {
        for signal in [Signal::Traces, Signal::Metrics, Signal::Logs] {
            for text in [&text[..], near.as_bytes()] {
                if let Ok(wire) = decode_request(signal, text, &Limits::default()) {
                    prop_assert!(Pdata::from_wire(signal, wire, &Limits::default()).is_ok());
                }
            }
        }
    }

    #[test]
    fn i6_damaged_requests_never_panic_and_what_passes_is_protobuf(seed: u64, damage: [(u16, u8); 3], cut: u16) {
        let mut random = crate::arbitrary::Arbitrary::new(seed);
        let data = match seed % 3 {
            0 => Pdata::from_traces(random.traces()),
            1 => Pdata::from_metrics(random.metrics()),
            _ => Pdata::from_logs(random.logs()),
        };
        let mut json = encode(&data).into_bytes();
        for (at, byte) in damage {
            let at = usize::from(at) % json.len();
            json[at] = byte;
        }
        if cut % 4 == 0 {
            json.truncate(usize::from(cut) % json.len());
        }
        if let Ok(wire) = decode_request(data.signal(), &json, &Limits::default()) {
            prop_assert!(Pdata::from_wire(data.signal(), wire, &Limits::default()).is_ok());
        }
    }
}
