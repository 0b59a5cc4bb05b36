//! §Tags: one attribute each, typed as the tag says.

use sluice_formats::jaeger::api_v2::{KeyValue, Span};
use sluice_pdata::otlp::common::v1::KeyValue as Attribute;
use sluice_pdata::otlp::common::v1::any_value::Value;

use crate::support::{attribute, decode_span, int, rows, span, tag, text};

fn attributes(tags: &[KeyValue], expected: &[Attribute]) {
    assert_eq!(decode_span(Span { tags: tags.to_vec(), ..span() }).attributes, expected);
}

rows! { attributes {
    string: &[tag("k", "v")], &[text("k", "v")];
    string_that_looks_like_a_bool_stays_text: &[tag("k", "true")], &[text("k", "true")];
    empty_string: &[tag("", "")], &[text("", "")];
    bool: &[tag("t", true), tag("f", false)], &[attribute("t", Value::BoolValue(true)), attribute("f", Value::BoolValue(false))];
    long: &[tag("k", i64::MIN), tag("m", i64::MAX), tag("z", 0)], &[int("k", i64::MIN), int("m", i64::MAX), int("z", 0)];
    double: &[tag("k", -0.25)], &[attribute("k", Value::DoubleValue(-0.25))];
    binary: &[tag("k", &b"\x00\xFF"[..])], &[attribute("k", Value::BytesValue(vec![0, 0xFF]))];
    unknown_type: &[KeyValue { key: "k".into(), v_type: 9, ..KeyValue::default() }], &[text("k", "<Unknown Jaeger TagType \"9\">")];
    unicode: &[tag("ключ", "värde ✓")], &[text("ключ", "värde ✓")];
    duplicates_keep_the_first_place_and_the_last_value: &[tag("a", 1), tag("b", 2), tag("a", 3), tag("a", "4")],
        &[text("a", "4"), int("b", 2)];
    client_tags_stay: &[tag("ip", "10.0.0.1"), tag("hostname", "h"), tag("jaeger.version", "x")],
        &[text("ip", "10.0.0.1"), text("hostname", "h"), text("jaeger.version", "x")];
} }

#[test]
fn duplicates_among_many_are_found() {
    let tags: Vec<_> = (0..500).map(|i| tag(&format!("key-{}", i % 100), i)).collect();
    let expected: Vec<_> = (0..100).map(|i| int(&format!("key-{i}"), i + 400)).collect();
    attributes(&tags, &expected);
}
