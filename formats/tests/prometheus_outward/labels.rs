//! A2: labels and their collisions.

use sluice_formats::prometheus::from_otlp::Options;
use sluice_formats::prometheus::names::{Namer, Strategy};
use sluice_pdata::otlp::common::v1::{ArrayValue, KeyValue, KeyValueList, any_value::Value};

use crate::foreign::{sent, sent_and_lost, sent_with};
use crate::otlp::{gauge, number, of, value};

fn labels_of(attributes: &[(&str, &str)]) -> String {
    let line = sent(&of(vec![gauge("g", vec![number(attributes, 1, 1.0)])])).remove(0);
    line.strip_prefix('g').unwrap().strip_suffix(" 1@1 : gauge").unwrap().to_owned()
}

#[test]
fn labels_are_sorted_by_the_bytes_of_their_names() {
    let labels = labels_of(&[
        ("b", "1"),
        ("a", "2"),
        ("Z", "3"),
        ("_x", "4"),
        ("abcdefghij", "5"),
        ("abcdefgh", "6"),
        ("abcdefgha", "7"),
        ("zz", "8"),
    ]);
    assert_eq!(labels, r#"{Z="3",_x="4",a="2",abcdefgh="6",abcdefgha="7",abcdefghij="5",b="1",zz="8"}"#);
}

#[test]
fn keys_that_become_one_label_are_joined_in_the_order_of_the_keys() {
    assert_eq!(labels_of(&[("a_b", "2"), ("a.b", "1"), ("c", "3")]), r#"{a_b="1;2",c="3"}"#);
    assert_eq!(labels_of(&[("a/b", "3"), ("a_b", "1"), ("a.b", "2")]), r#"{a_b="2;3;1"}"#);
    assert_eq!(labels_of(&[("a_b", "same"), ("a.b", "same")]), r#"{a_b="same"}"#);
}

#[test]
fn an_empty_value_is_no_label_and_neither_is_the_metric_s_name() {
    assert_eq!(labels_of(&[("a", ""), ("__name__", "x")]), "");
}

#[test]
fn values_that_are_no_text_are_written_as_json_writes_them() {
    let attribute = |key: &str, v| KeyValue { key: key.to_owned(), value: value(v), ..KeyValue::default() };
    let mut point = number(&[], 1, 1.0);
    let values = vec![value(Value::IntValue(1)).unwrap(), value(Value::StringValue("x".into())).unwrap()];
    let map = vec![attribute("z", Value::IntValue(1)), attribute("a", Value::StringValue("x".into()))];
    point.attributes = vec![
        attribute("i", Value::IntValue(-5)),
        attribute("d", Value::DoubleValue(0.5)),
        attribute("t", Value::BoolValue(true)),
        attribute("l", Value::ArrayValue(ArrayValue { values })),
        attribute("m", Value::KvlistValue(KeyValueList { values: map })),
        attribute("b", Value::BytesValue(vec![0, 255])),
        attribute("none", Value::StringValue(String::new())),
    ];
    let line = sent(&of(vec![gauge("g", vec![point])])).remove(0);
    assert_eq!(
        line,
        r#"g{b="AP8=",d="0.5",i="-5",l="[1,\"x\"]",m="{\"a\":\"x\",\"z\":1}",t="true"} 1@1 : gauge"#
    );
}

#[test]
fn a_point_with_a_key_of_which_nothing_is_left_is_lost() {
    let points = vec![number(&[("@", "x")], 1, 1.0), number(&[("ok", "x")], 1, 2.0)];
    let (lines, lost) = sent_and_lost(&of(vec![gauge("g", points)]), &Options::default(), None);
    assert_eq!(lines, [r#"g{ok="x"} 2@1 : gauge"#]);
    assert_eq!(lost, ["g: invalid_label 1"]);
}

#[test]
fn a_metric_with_a_name_of_which_nothing_is_left_is_lost() {
    let points = vec![number(&[], 1, 1.0), number(&[("a", "b")], 1, 1.0)];
    let (lines, lost) = sent_and_lost(&of(vec![gauge("@#", points)]), &Options::default(), None);
    assert!(lines.is_empty());
    assert_eq!(lost, ["@#: invalid_name 2"]);
}

#[test]
fn without_escaping_names_stay_as_they_are() {
    let data = of(vec![gauge(
        "my.metric",
        vec![number(&[("http.méthode", "x"), ("a.b", "1"), ("a_b", "2")], 1, 1.0)],
    )]);
    let options = Options { namer: Namer::new(Strategy::NoTranslation, ""), ..Options::default() };
    assert_eq!(sent_with(&data, &options), [r#"my.metric{a.b="1",a_b="2",http.méthode="x"} 1@1 : gauge"#]);
}

#[test]
fn external_labels_are_added_where_they_are_missing() {
    let external_labels = vec![("region.name".to_owned(), "eu".to_owned()), ("a".to_owned(), "x".to_owned())];
    let options = Options { external_labels, ..Options::default() };
    let points = vec![number(&[("a", "1")], 1, 1.0), number(&[], 1, 2.0)];
    let lines = sent_with(&of(vec![gauge("g", points)]), &options);
    assert_eq!(
        lines,
        [r#"g{a="1",region_name="eu"} 1@1 : gauge"#, r#"g{a="x",region_name="eu"} 2@1 : gauge"#,]
    );
}

#[test]
fn what_was_read_for_one_point_does_not_reach_the_next() {
    let points = vec![
        number(&[("a", "1"), ("b", "2")], 1, 1.0),
        number(&[("b", "3")], 1, 2.0),
        number(&[("b", "2"), ("a", "1")], 2, 3.0),
    ];
    let lines = sent(&of(vec![gauge("g", points)]));
    assert_eq!(lines, [r#"g{a="1",b="2"} 1@1 3@2 : gauge"#, r#"g{b="3"} 2@1 : gauge"#]);
}
