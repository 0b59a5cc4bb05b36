//! On the way out nothing is allocated per span, tag, reference or log: the buffer and no more.

use allocation_counter::measure;
use sluice_formats::jaeger::{encode_post_spans, encode_thrift_batch};
use sluice_pdata::otlp::common::v1::any_value::Value;
use sluice_pdata::otlp::common::v1::{AnyValue, ArrayValue, KeyValueList};
use sluice_pdata::otlp::trace::v1 as otlp;

use crate::support::{
    BINARY, COMPACT, attribute, data, int, otlp_span, resource_spans, span_id, text, trace_id,
};

fn spans(count: usize) -> otlp::ResourceSpans {
    let list = ArrayValue { values: vec![AnyValue { value: Some(Value::IntValue(1)) }] };
    // With its keys in no order, and too large for a sort without memory.
    let members = (0..100).map(|index| int(&format!("k{}", (index * 71) % 100), 1)).collect();
    let map = KeyValueList { values: members };
    let maps = KeyValueList { values: vec![attribute("b", Value::KvlistValue(map)), int("a", 1)] };
    let attributes = vec![
        text("t", "x"),
        int("i", 1),
        attribute("b", Value::BoolValue(true)),
        attribute("d", Value::DoubleValue(0.5)),
        attribute("y", Value::BytesValue(vec![1])),
        attribute("l", Value::ArrayValue(list)),
        attribute("m", Value::KvlistValue(maps)),
    ];
    let event = otlp::span::Event { name: "e".into(), attributes: attributes.clone(), ..Default::default() };
    let link = otlp::span::Link { trace_id: trace_id(1), span_id: span_id(9), ..Default::default() };
    let status = Some(otlp::Status { code: 2, message: "m".into() });
    let span = otlp::Span {
        attributes,
        parent_span_id: span_id(2),
        events: vec![event; 3],
        links: vec![link; 3],
        status,
        ..otlp_span()
    };
    resource_spans(vec![span; count])
}

/// Doublings from nothing to 4 KiB of JSON and 101 members.
const GROWTH: u64 = 20;

#[test]
fn nothing_is_allocated_per_tag() {
    for data in data(spans(500)) {
        let resource = data.traces().iter().next().expect("one resource");
        let mut out = Vec::with_capacity(4 << 20);
        let info = measure(|| {
            encode_post_spans(&[resource], &mut out);
            out.clear();
            encode_thrift_batch(&[resource], BINARY, &mut out);
            out.clear();
            encode_thrift_batch(&[resource], COMPACT, &mut out);
        });
        assert!(!out.is_empty());
        // In each call one buffer for the JSON of lists and maps, and one for the members of maps, which grow to the
        // size of the largest.
        assert!(info.count_total <= 3 * GROWTH, "{info:?}");
    }
}
