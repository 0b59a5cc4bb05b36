//! What input may look like, rule by rule.

use super::*;
use crate::otlp::metrics::v1::{exemplar, number_data_point};

#[test]
fn keys_are_camel_case_or_proto_names() {
    let json = r#"{"resource_spans":[{"resource":{"dropped_attributes_count":7},"scope_spans":[{"schema_url":"u",
        "spans":[{"trace_id":"0102","start_time_unix_nano":"5","endTimeUnixNano":6}]}]}]}"#;
    let mut request = traces(json);
    let mut resource = request.resource_spans.remove(0);
    assert_eq!(resource.resource.unwrap().dropped_attributes_count, 7);
    let scope = resource.scope_spans.remove(0);
    assert_eq!(scope.schema_url, "u");
    assert_eq!((scope.spans[0].start_time_unix_nano, scope.spans[0].end_time_unix_nano), (5, 6));
    assert_eq!(scope.spans[0].trace_id, [1, 2]);
    // Neither form, so unknown.
    for key in ["trace_Id", "TraceId", "traceid", "trace__id", "_traceId", "trace_id_", "trace-id"] {
        assert!(span(&format!(r#""{key}":"0102""#)).trace_id.is_empty(), "{key}");
    }
}

#[test]
fn ids_are_hex_of_either_case_everywhere() {
    let id16 = "5B8EFFf798038103D269b633813FC60C";
    let bytes = [0x5b, 0x8e, 0xff, 0xf7, 0x98, 3, 0x81, 3, 0xd2, 0x69, 0xb6, 0x33, 0x81, 0x3f, 0xc6, 0x0c];
    let span = span(&format!(
        r#""traceId":"{id16}","spanId":"EEE19B7EC3C1B174","parentSpanId":"eee19b7ec3c1b173",
        "links":[{{"traceId":"{id16}","spanId":"0000000000000001"}}]"#
    ));
    assert_eq!(span.trace_id, bytes);
    assert_eq!(span.span_id, [0xee, 0xe1, 0x9b, 0x7e, 0xc3, 0xc1, 0xb1, 0x74]);
    assert_eq!(span.parent_span_id, [0xee, 0xe1, 0x9b, 0x7e, 0xc3, 0xc1, 0xb1, 0x73]);
    assert_eq!(span.links[0].trace_id, bytes);
    assert_eq!(span.links[0].span_id, [0, 0, 0, 0, 0, 0, 0, 1]);
    let record = log_record(&format!(r#""traceId":"{id16}","spanId":"0102030405060708""#));
    assert_eq!(record.trace_id, bytes);
    assert_eq!(record.span_id, [1, 2, 3, 4, 5, 6, 7, 8]);
    let point = number_point(&format!(r#""exemplars":[{{"traceId":"{id16}","spanId":"0102030405060708"}}]"#));
    assert_eq!(point.exemplars[0].trace_id, bytes);
    assert_eq!(point.exemplars[0].span_id, [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn empty_id_is_absent() {
    assert_eq!(
        decode(Signal::Traces, &span_json(r#""traceId":"","spanId":"""#)),
        decode(Signal::Traces, &span_json(""))
    );
}

#[test]
fn i7_id_of_wrong_length_costs_its_span_only() {
    let good = r#""traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"good""#;
    let json = span_json(&format!(r#""traceId":"abcd","spanId":"eee19b7ec3c1b174"}},{{{good}"#));
    let (data, repairs) =
        Pdata::from_wire(Signal::Traces, decode(Signal::Traces, &json), &Limits::default()).unwrap();
    assert_eq!((data.items(), repairs.rejected_items), (1, 1));
    assert!(encode(&data).contains("\"good\""));
}

#[test]
fn bytes_are_base64_of_either_alphabet_padded_or_not() {
    let bytes = vec![0xfb, 0xff, 0xfe, 0x01];
    for text in ["+//+AQ==", "-__-AQ==", "+//+AQ", "-__-AQ", "-_/+AQ="] {
        assert_eq!(
            value(&format!(r#"{{"bytesValue":"{text}"}}"#)),
            Some(Value::BytesValue(bytes.clone())),
            "{text}"
        );
    }
    assert_eq!(value(r#"{"bytesValue":""}"#), Some(Value::BytesValue(vec![])));
}

#[test]
fn enumerations_are_numbers_or_names() {
    for kind in ["2", "\"2\"", "\"SPAN_KIND_SERVER\"", "2.0"] {
        assert_eq!(span(&format!(r#""kind":{kind}"#)).kind, 2, "{kind}");
    }
    assert_eq!(span(r#""status":{"code":"STATUS_CODE_ERROR"}"#).status.unwrap().code, 2);
    assert_eq!(log_record(r#""severityNumber":"SEVERITY_NUMBER_WARN2""#).severity_number, 14);
    assert_eq!(log_record(r#""severityNumber":"SEVERITY_NUMBER_FATAL4""#).severity_number, 24);
    // A number that this version has no name for passes.
    assert_eq!(span(r#""kind":77"#).kind, 77);
    assert_eq!(span(r#""kind":-1"#).kind, -1);
}

#[test]
fn temporality_by_name_keeps_the_data() {
    let metric = metric(
        r#""sum":{"aggregationTemporality":"AGGREGATION_TEMPORALITY_DELTA","isMonotonic":true,
        "dataPoints":[{"asInt":"3"}]}"#,
    );
    let Some(metric::Data::Sum(sum)) = metric.data else { panic!("{metric:?}") };
    assert_eq!((sum.aggregation_temporality, sum.is_monotonic, sum.data_points.len()), (1, true, 1));
}

#[test]
fn integers_of_64_bits_are_strings_or_numbers_and_exact() {
    for (text, expected) in [
        ("\"1544712660000000000\"", 1_544_712_660_000_000_000_u64),
        ("1544712660000000001", 1_544_712_660_000_000_001),
        ("9007199254740993", 9_007_199_254_740_993),
        ("9007199254740993.0", 9_007_199_254_740_993),
        ("\"18446744073709551615\"", u64::MAX),
        ("18446744073709551615", u64::MAX),
        ("1.5e3", 1500),
        ("1.5446E18", 1_544_600_000_000_000_000),
        ("150e-1", 15),
        ("0", 0),
        ("-0", 0),
        ("0e400", 0),
        ("5.000000000000000000000000000000000000000000000000000000000000000000", 5),
    ] {
        assert_eq!(span(&format!(r#""startTimeUnixNano":{text}"#)).start_time_unix_nano, expected, "{text}");
    }
    for (text, expected) in [
        ("\"-9223372036854775808\"", i64::MIN),
        ("-9223372036854775808", i64::MIN),
        ("9223372036854775807", i64::MAX),
        ("5.0", 5),
        ("-9007199254740993", -9_007_199_254_740_993),
    ] {
        assert_eq!(value(&format!(r#"{{"intValue":{text}}}"#)), Some(Value::IntValue(expected)), "{text}");
        let point = number_point(&format!(r#""asInt":{text}"#));
        assert_eq!(point.value, Some(number_data_point::Value::AsInt(expected)), "{text}");
    }
}

#[test]
fn integers_of_32_bits_are_numbers_or_strings() {
    for text in ["3", "\"3\"", "3.0", "0.3e1"] {
        assert_eq!(
            span(&format!(r#""droppedAttributesCount":{text}"#)).dropped_attributes_count,
            3,
            "{text}"
        );
    }
    assert_eq!(span(r#""flags":4294967295,"links":[{"flags":"257"}]"#).flags, u32::MAX);
    assert_eq!(span(r#""links":[{"flags":"257"}]"#).links[0].flags, 257);
}

#[test]
fn doubles_are_numbers_or_text_and_nothing_is_lost() {
    let double = |text: &str| match number_point(&format!(r#""asDouble":{text}"#)).value {
        Some(number_data_point::Value::AsDouble(v)) => v,
        other => panic!("{text}: {other:?}"),
    };
    assert_eq!(double("5"), 5.0);
    assert_eq!(double("-0.25e-3"), -0.000_25);
    assert_eq!(double("\"637.704\""), 637.704);
    assert!(double("\"NaN\"").is_nan());
    assert_eq!(double("\"Infinity\""), f64::INFINITY);
    assert_eq!(double("\"-Infinity\""), f64::NEG_INFINITY);
    assert_eq!(double("1e308"), 1e308);
    assert!(matches!(value(r#"{"doubleValue":"NaN"}"#), Some(Value::DoubleValue(v)) if v.is_nan()));
    assert_eq!(value(r#"{"doubleValue":5}"#), Some(Value::DoubleValue(5.0)));
    let exemplars = number_point(r#""exemplars":[{"asDouble":"-Infinity"}]"#).exemplars;
    assert_eq!(exemplars[0].value, Some(exemplar::Value::AsDouble(f64::NEG_INFINITY)));

    let metric = metric(
        r#""histogram":{"dataPoints":[{"sum":"NaN","min":"-Infinity","max":"Infinity","explicitBounds":[1,"Infinity"]}]}"#,
    );
    let Some(metric::Data::Histogram(histogram)) = metric.data else { panic!("{metric:?}") };
    let point = &histogram.data_points[0];
    assert!(point.sum.unwrap().is_nan());
    assert_eq!((point.min, point.max), (Some(f64::NEG_INFINITY), Some(f64::INFINITY)));
    assert_eq!(point.explicit_bounds, [1.0, f64::INFINITY]);
}

#[test]
fn null_is_absent() {
    let empty = decode(Signal::Traces, &span_json(""));
    let members = r#""traceId":null,"spanId":null,"name":null,"kind":null,"startTimeUnixNano":null,"attributes":null,
        "events":null,"links":null,"status":null,"droppedEventsCount":null,"flags":null,"traceState":null"#;
    assert_eq!(decode(Signal::Traces, &span_json(members)), empty);
    assert_eq!(value("null"), None);
    assert_eq!(value(r#"{"stringValue":null}"#), None);
    assert_eq!(value(r#"{"arrayValue":{"values":null}}"#), Some(Value::ArrayValue(Default::default())));
    assert_eq!(log_record(r#""body":null"#), LogRecord::default());
    assert_eq!(traces(r#"{"resourceSpans":null}"#), ExportTraceServiceRequest::default());
    assert_eq!(
        number_point(r#""asInt":null,"asDouble":2"#).value,
        Some(number_data_point::Value::AsDouble(2.0))
    );
    // In a list it is an element without content.
    let Some(Value::ArrayValue(array)) = value(r#"{"arrayValue":{"values":[null,{"intValue":1}]}}"#) else {
        panic!()
    };
    assert_eq!(array.values.len(), 2);
    assert_eq!(array.values[0].value, None);
}

#[test]
fn unknown_keys_are_passed_over_at_any_depth() {
    let junk = r#""x":{"traceId":"zz","a":[1,-2.5e+3,[],{},{"b":[[{"c":null}]]},"\"}]",true,false]}"#;
    let json = format!(
        r#"{{{junk},"resourceSpans":[{{{junk},"resource":{{{junk}}},"scopeSpans":[{{{junk},"scope":{{"name":"s",{junk}}},
        "spans":[{{{junk},"name":"n","status":{{{junk}}},"attributes":[{{{junk},"key":"k","value":{{{junk},"intValue":1,{junk}}}}}]}}]}}]}}],{junk}}}"#
    );
    let mut request = traces(&json);
    let scope = request.resource_spans.remove(0).scope_spans.remove(0);
    assert_eq!(scope.scope.unwrap().name, "s");
    assert_eq!(scope.spans[0].name, "n");
    assert_eq!(scope.spans[0].attributes[0].value.clone().unwrap().value, Some(Value::IntValue(1)));
}

#[test]
fn oneof_is_named_by_its_key_and_may_be_empty() {
    assert_eq!(value("{}"), None);
    assert_eq!(value(r#"{"stringValue":""}"#), Some(Value::StringValue(String::new())));
    assert_eq!(value(r#"{"boolValue":false}"#), Some(Value::BoolValue(false)));
    assert_eq!(value(r#"{"intValue":0}"#), Some(Value::IntValue(0)));
    assert_eq!(value(r#"{"doubleValue":0}"#), Some(Value::DoubleValue(0.0)));
    assert_eq!(value(r#"{"arrayValue":{}}"#), Some(Value::ArrayValue(Default::default())));
    assert_eq!(value(r#"{"kvlistValue":{}}"#), Some(Value::KvlistValue(Default::default())));
    assert_eq!(metric(r#""gauge":{}"#).data, Some(metric::Data::Gauge(Default::default())));
    assert_eq!(metric(r#""summary":{}"#).data, Some(metric::Data::Summary(Default::default())));
    assert_eq!(number_point(r#""asInt":"0""#).value, Some(number_data_point::Value::AsInt(0)));
    assert_eq!(number_point("").value, None);
}

#[test]
fn repeated_key_does_what_a_repeated_field_does() {
    let span = span(
        r#""name":"a","kind":3,"name":"b","kind":0,"attributes":[{"key":"x"}],"attributes":[{"key":"y"}],
        "status":{"message":"m"},"status":{"code":2}"#,
    );
    assert_eq!((span.name.as_str(), span.kind), ("b", 0));
    assert_eq!(span.attributes.len(), 2);
    let status = span.status.unwrap();
    assert_eq!((status.message.as_str(), status.code), ("m", 2));
    assert_eq!(value(r#"{"intValue":1,"stringValue":"x"}"#), Some(Value::StringValue("x".into())));
}

#[test]
fn escapes_are_decoded_in_keys_and_values() {
    let record = log_record(r#""severityText":"\"\\\/\b\f\n\r\t\u0041\u00e9\ud83e\udd80\u0000""#);
    assert_eq!(record.severity_text, "\"\\/\u{8}\u{c}\n\r\tAé🦀\0");
    assert_eq!(log_record(r#""sever\u0069tyText":"x""#).severity_text, "x");
    // Half of a pair, a pair the wrong way round, a half followed by a letter.
    let record = log_record(r#""severityText":"\ud83e|\udd80\ud83e|\ud83eA\ud83e\u0041""#);
    assert_eq!(record.severity_text, "\u{fffd}|\u{fffd}\u{fffd}|\u{fffd}A\u{fffd}A");
}

#[test]
fn i5_text_that_is_not_utf8_is_repaired_by_the_walk() {
    let mut json = span_json(r#""name":"a?b","traceState":"ok""#).into_bytes();
    let at = json.iter().position(|byte| *byte == b'?').unwrap();
    json[at] = 0xff;
    let wire = decode_request(Signal::Traces, &json, &Limits::default()).unwrap();
    let (data, repairs) = Pdata::from_wire(Signal::Traces, wire, &Limits::default()).unwrap();
    assert_eq!(repairs.repaired_strings, 1);
    assert!(encode(&data).contains("\"a\u{fffd}b\""));
}

#[test]
fn i4_values_nested_to_64_pass_and_deeper_ones_cost_their_attribute() {
    let nested = |levels: usize| {
        let arrays = levels - 1;
        format!("{}{{\"intValue\":1}}{}", r#"{"arrayValue":{"values":["#.repeat(arrays), "]}}".repeat(arrays))
    };
    for (levels, cut) in [(1, 0), (64, 0), (65, 1), (66, 1), (10_000, 1), (1_000_000, 1)] {
        let json = span_json(&format!(
            r#""attributes":[{{"key":"deep","value":{}}},{{"key":"after","value":{{"boolValue":true}}}}],"name":"n""#,
            nested(levels)
        ));
        let wire = decode(Signal::Traces, &json);
        assert!(wire.len() < 1000, "{levels} levels took {} bytes", wire.len());
        let (data, repairs) = Pdata::from_wire(Signal::Traces, wire, &Limits::default()).unwrap();
        assert_eq!((data.items(), repairs.cut_attributes), (1, cut), "{levels}");
        let json = encode(&data);
        assert!(json.contains("\"after\"") && json.contains("\"name\":\"n\""), "{levels}");
        assert_eq!(json.contains("\"deep\""), cut == 0, "{levels}");
    }
    // Unknown keys have no limit, and take no stack.
    let json = format!("{{\"x\":{}{}}}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    assert!(decode(Signal::Traces, &json).is_empty());
}

#[test]
fn blanks_are_allowed_everywhere() {
    let json = " \t\r\n{ \"resourceSpans\" : [ { } , { \"schemaUrl\" : \"u\" } ] } \n";
    assert_eq!(traces(json).resource_spans[1].schema_url, "u");
    for empty in ["{}", " { } ", r#"{"resourceSpans":[]}"#, r#"{"resourceSpans": [ ] }"#] {
        assert!(decode(Signal::Traces, empty).is_empty());
    }
}
