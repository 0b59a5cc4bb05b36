//! There and back again.

use super::*;
use crate::arbitrary::Arbitrary;
use proptest::prelude::*;

const EXAMPLES: [(Signal, &str); 4] = [
    (Signal::Traces, include_str!("../../../testdata/otlp/trace.json")),
    (Signal::Metrics, include_str!("../../../testdata/otlp/metrics.json")),
    (Signal::Logs, include_str!("../../../testdata/otlp/logs.json")),
    (Signal::Logs, include_str!("../../../testdata/otlp/events.json")),
];

#[test]
fn examples_of_the_specification_round_trip() {
    for (signal, json) in EXAMPLES {
        let wire = decode(signal, json);
        let (data, repairs) = Pdata::from_wire(signal, wire.clone(), &Limits::default()).unwrap();
        assert!(repairs.is_empty());
        let again = decode(signal, &encode(&data));
        // The order of fields is the text's, so compare what was said and not the bytes.
        let (again, _) = Pdata::from_wire(signal, again, &Limits::default()).unwrap();
        assert_eq!(data.traces(), again.traces());
        assert_eq!(data.metrics(), again.metrics());
        assert_eq!(data.logs(), again.logs());
        assert_eq!(encode(&data), encode(&again));
        assert_eq!(data.items(), if signal == Signal::Metrics { 4 } else { 1 });
    }
}

#[test]
fn example_trace_is_written_canonically() {
    let (signal, json) = EXAMPLES[0];
    let (data, _) = Pdata::from_wire(signal, decode(signal, json), &Limits::default()).unwrap();
    assert_eq!(
        encode(&data),
        concat!(
            r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"my.service"}}]},"#,
            r#""scopeSpans":[{"scope":{"name":"my.library","version":"1.0.0","attributes":[{"key":"my.scope.attribute","#,
            r#""value":{"stringValue":"some scope attribute"}}]},"spans":[{"traceId":"5b8efff798038103d269b633813fc60c","#,
            r#""spanId":"eee19b7ec3c1b174","parentSpanId":"eee19b7ec3c1b173","name":"I'm a server span","kind":2,"#,
            r#""startTimeUnixNano":"1544712660000000000","endTimeUnixNano":"1544712661000000000","#,
            r#""attributes":[{"key":"my.span.attr","value":{"stringValue":"some value"}}]}]}]}]}"#
        )
    );
}

#[test]
fn chunks_are_written_as_one_request() {
    let (signal, json) = EXAMPLES[0];
    let (mut data, _) = Pdata::from_wire(signal, decode(signal, json), &Limits::default()).unwrap();
    data.append(data.clone());
    assert_eq!(data.wire().len(), 2);
    assert_eq!(traces(&encode(&data)).resource_spans.len(), 2);
    assert_eq!(encode(&Pdata::from_traces(Default::default())), "{}");
}

#[test]
fn unknown_fields_of_a_newer_version_are_left_out() {
    use crate::wire::Write;
    let mut body = Vec::new();
    body.put_message_field(1, 0, |resource| {
        resource.put_bytes_field(3, b"u");
        resource.put_bytes_field(99, b"new");
        resource.put_varint_field(98, 1);
    });
    let (data, _) = Pdata::from_wire(Signal::Logs, body.into(), &Limits::default()).unwrap();
    assert_eq!(encode(&data), r#"{"resourceLogs":[{"schemaUrl":"u"}]}"#);
}

#[test]
fn nan_is_written_as_text() {
    let json = span_json(r#""attributes":[{"key":"k","value":{"doubleValue":"NaN"}}]"#);
    let (data, _) =
        Pdata::from_wire(Signal::Traces, decode(Signal::Traces, &json), &Limits::default()).unwrap();
    assert_eq!(encode(&data), json);
}

proptest! {
    #[test]
    fn traces_round_trip(seed: u64) {
        let request = Arbitrary::new(seed).traces();
        prop_assert_eq!(traces(&encode(&Pdata::from_traces(request.clone()))), request);
    }

    #[test]
    fn metrics_round_trip(seed: u64) {
        let request = Arbitrary::new(seed).metrics();
        prop_assert_eq!(metrics(&encode(&Pdata::from_metrics(request.clone()))), request);
    }

    #[test]
    fn logs_round_trip(seed: u64) {
        let request = Arbitrary::new(seed).logs();
        prop_assert_eq!(logs(&encode(&Pdata::from_logs(request.clone()))), request);
    }

    #[test]
    fn floats_are_written_shortest_and_read_back_exactly(bits: u64) {
        let v = f64::from_bits(bits);
        prop_assume!(v.is_finite());
        let mut out = Vec::new();
        crate::json::write::push_float(&mut out, v);
        let text = String::from_utf8(out).unwrap();
        prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), bits);
        prop_assert!(text.parse::<f64>().is_ok());
    }
}
