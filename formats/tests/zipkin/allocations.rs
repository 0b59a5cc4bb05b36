//! Outwards, allocations are for the result: their number does not grow with spans or tags.

use allocation_counter::measure;
use sluice_formats::zipkin::{Encoding, otlp_to_json_v2, otlp_to_proto};
use sluice_pdata::otlp::common::v1::{AnyValue, ArrayValue, KeyValue, KeyValueList, any_value::Value};
use sluice_pdata::otlp::trace::v1::{ResourceSpans, ScopeSpans, Span, span};
use sluice_pdata::otlp::{ExportTraceServiceRequest, Message};
use sluice_pdata::{Limits, Pdata, Signal};

/// A map of maps and lists, with its keys in no order, that is too large for a sort without memory.
fn map(depth: usize) -> Value {
    let inner = if depth == 0 { Value::IntValue(1) } else { map(depth - 1) };
    let member = |index: usize| KeyValue {
        key: format!("key.{}", (index * 71) % 100),
        value: Some(AnyValue { value: Some(Value::IntValue(7)) }),
        ..KeyValue::default()
    };
    let mut values: Vec<_> = (0..100).map(member).collect();
    let list = ArrayValue { values: vec![AnyValue { value: Some(inner) }; 2] };
    values.push(KeyValue {
        key: "inner".into(),
        value: Some(AnyValue { value: Some(Value::ArrayValue(list)) }),
        ..KeyValue::default()
    });
    Value::KvlistValue(KeyValueList { values })
}

fn attributes(count: usize) -> Vec<KeyValue> {
    let value = |index: usize| match index % 5 {
        0 => Value::StringValue("a \"text\" that is somewhat longer".into()),
        1 => Value::IntValue(i64::MIN),
        2 => Value::DoubleValue(0.1),
        3 => Value::BytesValue(vec![7; 20]),
        _ => map(1),
    };
    (0..count)
        .map(|index| KeyValue {
            key: format!("attribute.{index}"),
            value: Some(AnyValue { value: Some(value(index)) }),
            ..KeyValue::default()
        })
        .collect()
}

fn data(spans: usize, tags: usize) -> Pdata {
    let span = Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        name: "MixedCase".into(),
        attributes: attributes(tags),
        events: vec![span::Event { name: "e".into(), attributes: attributes(tags), ..Default::default() }; 3],
        links: vec![
            span::Link { trace_id: vec![1; 16], attributes: attributes(tags), ..Default::default() };
            3
        ],
        ..Default::default()
    };
    let scope_spans = vec![ScopeSpans { spans: vec![span; spans], ..Default::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..Default::default() }];
    let wire = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
    Pdata::from_wire(Signal::Traces, wire.into(), &Limits::default()).unwrap().0
}

#[test]
fn nothing_is_allocated_per_span_or_tag() {
    // Doubling the output, the text that is worked on, and the list of keys, each a few times.
    const GROWTH: u64 = 60;
    for data in [data(1, 5), data(50, 20), data(5, 60)] {
        for encode in [otlp_to_json_v2, otlp_to_proto] {
            let encoding = Encoding::default();
            let info = measure(|| drop(encode(data.traces(), &encoding)));
            assert!(info.count_total < GROWTH, "{data:?}: {info:?}");
        }
    }
}
