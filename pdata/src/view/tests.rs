use super::*;
use crate::arbitrary::Arbitrary;
use crate::otlp::common::v1::any_value::Value;
use crate::otlp::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList};
use crate::otlp::trace::v1::{ResourceSpans, ScopeSpans, Span};
use crate::otlp::{ExportTraceServiceRequest, Message};
use crate::wire::Write;
use crate::{Limits, Pdata, Signal};
use bytes::Bytes;
use proptest::prelude::*;

fn from_wire(signal: Signal, body: Vec<u8>) -> Pdata {
    let (data, repairs) = Pdata::from_wire(signal, Bytes::from(body), &Limits::default()).unwrap();
    assert!(repairs.is_empty(), "{repairs:?}");
    data
}

proptest! {
    #[test]
    fn views_of_traces_are_the_same_over_wire_and_structs(seed: u64) {
        let request = Arbitrary::new(seed).traces();
        let wire = from_wire(Signal::Traces, request.encode_to_vec());
        let structs = Pdata::from_traces(request);
        prop_assert_eq!(wire.traces(), structs.traces());
        // `Debug` visits everything, so it also compares what equality might overlook, such as the sign of zero.
        prop_assert_eq!(format!("{:?}", wire.traces()), format!("{:?}", structs.traces()));
    }

    #[test]
    fn views_of_metrics_are_the_same_over_wire_and_structs(seed: u64) {
        let request = Arbitrary::new(seed).metrics();
        let wire = from_wire(Signal::Metrics, request.encode_to_vec());
        let structs = Pdata::from_metrics(request);
        prop_assert_eq!(wire.metrics(), structs.metrics());
        prop_assert_eq!(format!("{:?}", wire.metrics()), format!("{:?}", structs.metrics()));
    }

    #[test]
    fn views_of_logs_are_the_same_over_wire_and_structs(seed: u64) {
        let request = Arbitrary::new(seed).logs();
        let wire = from_wire(Signal::Logs, request.encode_to_vec());
        let structs = Pdata::from_logs(request);
        prop_assert_eq!(wire.logs(), structs.logs());
        prop_assert_eq!(format!("{:?}", wire.logs()), format!("{:?}", structs.logs()));
    }

    #[test]
    fn views_end_quietly_on_bytes_that_no_walk_has_seen(bytes: Vec<u8>) {
        // Printing visits every field of every message.
        let views = (
            ResourceSpansView::from_wire(&bytes),
            ResourceMetricsView::from_wire(&bytes),
            ResourceLogsView::from_wire(&bytes),
            ExponentialHistogramDataPointView::from_wire(&bytes),
            HistogramDataPointView::from_wire(&bytes),
            LogRecordView::from_wire(&bytes),
        );
        let text = format!("{views:?}");
        prop_assert!(!text.is_empty());
    }
}

fn one_span(span: Span) -> Pdata {
    let scope_spans = vec![ScopeSpans { spans: vec![span], ..Default::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..Default::default() }];
    from_wire(Signal::Traces, ExportTraceServiceRequest { resource_spans }.encode_to_vec())
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.into(), value: Some(AnyValue { value: Some(value) }), ..Default::default() }
}

#[test]
fn attribute_is_found_by_key_and_the_first_of_equal_keys_wins() {
    let data = one_span(Span {
        attributes: vec![
            attribute("a", Value::IntValue(1)),
            attribute("service.name", Value::StringValue("shop".into())),
            attribute("a", Value::IntValue(2)),
        ],
        ..Default::default()
    });
    let span =
        data.traces().iter().next().unwrap().scope_spans.iter().next().unwrap().spans.iter().next().unwrap();
    assert_eq!(span.attributes.len(), 3);
    assert_eq!(span.attributes.get("a"), Some(AnyValueView::Int(1)));
    assert_eq!(span.attributes.get(b"service.name").and_then(|v| v.as_text()).unwrap(), "shop");
    assert_eq!(span.attributes.get("b"), None);
}

#[test]
fn resources_of_all_chunks_are_visited_in_order() {
    let mut data = one_span(Span { name: "first".into(), ..Default::default() });
    data.append(one_span(Span { name: "second".into(), ..Default::default() }));
    assert_eq!(data.wire().len(), 2);
    let names: Vec<_> = data
        .traces()
        .iter()
        .flat_map(|resource| resource.scope_spans)
        .flat_map(|scope| scope.spans)
        .map(|span| span.name.as_str())
        .collect::<Vec<_>>()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(names, ["first", "second"]);
}

#[test]
fn view_of_another_signal_is_empty() {
    let data = one_span(Span::default());
    assert!(data.metrics().is_empty());
    assert!(data.logs().is_empty());
    assert!(!data.traces().is_empty());
    assert!(Pdata::from_logs(Default::default()).traces().is_empty());
}

#[test]
fn list_elements_may_have_other_fields_between_them() {
    let mut body = Vec::new();
    body.put_bytes_field(2, b"");
    body.put_bytes_field(3, b"https://schema");
    body.put_bytes_field(1, b"");
    body.put_bytes_field(2, b"");
    body.put_bytes_field(77, b"unknown");
    let view = ResourceSpansView::from_wire(&body);
    assert_eq!(view.scope_spans.len(), 2);
    assert_eq!(view.scope_spans.iter().count(), 2);
    assert_eq!(view.schema_url, "https://schema");
}

#[test]
fn numbers_are_read_packed_unpacked_and_mixed() {
    let mut body = Vec::new();
    body.put_bytes_field(6, &[1_u64.to_le_bytes(), 2_u64.to_le_bytes()].concat());
    body.put_bytes_field(6, b"");
    body.put_fixed64_field(6, 3);
    body.put_bytes_field(7, &1.5_f64.to_le_bytes());
    let view = HistogramDataPointView::from_wire(&body);
    assert_eq!(view.bucket_counts.iter().collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(view.bucket_counts.len(), 3);
    assert_eq!(view.explicit_bounds.iter().collect::<Vec<_>>(), [1.5]);

    let mut body = Vec::new();
    body.put_bytes_field(2, &[1, 0xac, 0x02]);
    body.put_varint_field(2, 7);
    let view = BucketsView::from_wire(&body);
    assert_eq!(view.bucket_counts.iter().collect::<Vec<_>>(), [1, 300, 7]);
    assert_eq!(view.bucket_counts.len(), 3);
}

#[test]
fn text_that_is_not_utf8_never_panics() {
    let text = Text::new(b"ab\xffcd");
    assert_eq!(text.as_str(), "ab");
    assert_eq!(text.to_string(), "ab\u{fffd}cd");
    assert_eq!(text.as_bytes(), b"ab\xffcd");
}

#[test]
fn string_form_of_values_is_otelcols() {
    let text = |value: Value| AnyValueView::from_struct(&AnyValue { value: Some(value) }).to_string();
    assert_eq!(text(Value::StringValue("a \"b\"".into())), "a \"b\"");
    assert_eq!(text(Value::BoolValue(true)), "true");
    assert_eq!(text(Value::IntValue(-5)), "-5");
    assert_eq!(text(Value::BytesValue(vec![1, 2, 3, 4])), "AQIDBA==");
    assert_eq!(AnyValueView::Empty.to_string(), "");
    for (v, expected) in [
        (5.0, "5"),
        (0.1, "0.1"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1.5e-6, "0.0000015"),
        (1.5e-7, "1.5e-7"),
        (-0.0, "-0"),
        (f64::NAN, "NaN"),
        (f64::NEG_INFINITY, "-Inf"),
    ] {
        assert_eq!(text(Value::DoubleValue(v)), expected);
    }
    let nested = Value::KvlistValue(KeyValueList {
        values: vec![
            attribute("z", Value::DoubleValue(1.0)),
            attribute(
                "a",
                Value::ArrayValue(ArrayValue {
                    values: vec![
                        AnyValue::default(),
                        AnyValue { value: Some(Value::StringValue("\"".into())) },
                    ],
                }),
            ),
        ],
    });
    assert_eq!(text(nested), r#"{"a":[null,"\""],"z":1}"#);
}

#[test]
fn i4_values_that_our_own_code_nested_too_deeply_are_cut_not_followed() {
    let mut value = AnyValue::default();
    for _ in 0..10_000 {
        value = AnyValue { value: Some(Value::ArrayValue(ArrayValue { values: vec![value] })) };
    }
    let text = AnyValueView::from_struct(&value).to_string();
    assert!(text.starts_with("[[[[") && text.contains("[null]"), "{text}");
    // Dropping it naively would overflow the stack, as would anything else that follows it down.
    while let Some(Value::ArrayValue(array)) = value.value.take() {
        value = array.values.into_iter().next().unwrap_or_default();
    }
}

/// Keeps every third item, counted in visiting order.
fn thin(data: &mut Pdata) -> usize {
    let mut seen = 0;
    let mut keep = || {
        seen += 1;
        seen % 3 == 0
    };
    match data.signal() {
        Signal::Traces => data.retain_spans(|_, _, _| keep()),
        Signal::Metrics => data.retain_data_points(|_, _, _, _| keep()),
        Signal::Logs => data.retain_log_records(|_, _, _| keep()),
    }
    seen
}

proptest! {
    #[test]
    fn retaining_by_view_is_the_same_on_wire_and_structs(seed: u64) {
        let mut random = Arbitrary::new(seed);
        let (traces, metrics, logs) = (random.traces(), random.metrics(), random.logs());
        for (mut wire, mut structs) in [
            (from_wire(Signal::Traces, traces.encode_to_vec()), Pdata::from_traces(traces)),
            (from_wire(Signal::Metrics, metrics.encode_to_vec()), Pdata::from_metrics(metrics)),
            (from_wire(Signal::Logs, logs.encode_to_vec()), Pdata::from_logs(logs)),
        ] {
            let items = wire.items();
            prop_assert_eq!(thin(&mut wire), items);
            prop_assert_eq!(thin(&mut structs), items);
            prop_assert_eq!((wire.items(), structs.items()), (items / 3, items / 3));
            if wire.is_empty() {
                // Envelopes that were empty before may stay or go.
                continue;
            }
            prop_assert_eq!(wire.traces(), structs.traces());
            prop_assert_eq!(wire.metrics(), structs.metrics());
            prop_assert_eq!(wire.logs(), structs.logs());
        }
    }
}

#[test]
fn retain_sees_resource_scope_and_metric() {
    let mut data = one_span(Span { name: "health".into(), ..Default::default() });
    data.append(one_span(Span { name: "checkout".into(), ..Default::default() }));
    data.retain_spans(|resource, scope, span| {
        assert!(resource.attributes.is_empty() && scope.name.is_empty());
        span.name != "health"
    });
    assert_eq!(data.items(), 1);
    let untouched = data.wire();
    data.retain_log_records(|_, _, _| false);
    data.retain_spans(|_, _, _| true);
    assert_eq!(data.wire(), untouched);
}
