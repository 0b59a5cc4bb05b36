use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::Signal;
use crate::otlp::common::v1::any_value::Value;
use crate::otlp::common::v1::{AnyValue, KeyValue};
use crate::otlp::resource::v1::Resource;
use crate::testing::{as_structs, decode, pdata};
use crate::view::AnyValueView;

#[derive(Debug, Clone)]
enum Op {
    Insert(String, i64),
    Update(String, i64),
    Upsert(String, i64),
    Delete(String),
}

/// Keys that the arbitrary resources have, and others.
fn ops() -> impl Strategy<Value = Vec<Op>> {
    let key = || proptest::sample::select(vec!["", "a", "b", "/", "é", "漢", "aa", "service.name"]);
    let op = prop_oneof![
        (key(), any::<i64>()).prop_map(|(key, value)| Op::Insert(key.into(), value)),
        (key(), any::<i64>()).prop_map(|(key, value)| Op::Update(key.into(), value)),
        (key(), any::<i64>()).prop_map(|(key, value)| Op::Upsert(key.into(), value)),
        key().prop_map(|key| Op::Delete(key.into())),
    ];
    vec(op, 0..4)
}

fn apply(ops: &[Op], resource: &mut AttributesEdit<'_>) {
    for op in ops {
        match op {
            Op::Insert(key, value) => assert_ne!(resource.get(key).is_some(), resource.insert(key, *value)),
            Op::Update(key, value) => assert_eq!(resource.get(key).is_some(), resource.update(key, *value)),
            Op::Upsert(key, value) => resource.upsert(key, *value),
            Op::Delete(key) => assert_eq!(resource.get(key).is_some(), resource.delete(key)),
        }
    }
}

/// The same on structs, written without regard to cost.
fn apply_to_struct(ops: &[Op], resource: &mut Option<Resource>) {
    for op in ops {
        let (Op::Insert(key, _) | Op::Update(key, _) | Op::Upsert(key, _) | Op::Delete(key)) = op;
        let attributes = resource.as_ref().map(|r| r.attributes.clone()).unwrap_or_default();
        let at = attributes.iter().position(|attribute| attribute.key == *key);
        let new = |value: &i64| KeyValue {
            key: key.clone(),
            value: Some(AnyValue { value: Some(Value::IntValue(*value)) }),
            ..Default::default()
        };
        let replacement = match (op, at) {
            (Op::Insert(_, value) | Op::Upsert(_, value), None) => {
                resource.get_or_insert_default().attributes.push(new(value));
                continue;
            }
            (Op::Update(_, value) | Op::Upsert(_, value), Some(_)) => Some(new(value)),
            (Op::Delete(_), Some(_)) => None,
            _ => continue,
        };
        let (mut others, at) = (attributes, at.unwrap());
        if let Some(replacement) = &replacement {
            others[at] = replacement.clone();
        }
        let mut index = 0;
        others.retain(|attribute| {
            index += 1;
            attribute.key != *key || (index - 1 == at && replacement.is_some())
        });
        resource.get_or_insert_default().attributes = others;
    }
}

proptest! {
    #[test]
    fn edits_on_the_wire_equal_edits_on_structs(
        signal in proptest::sample::select(&Signal::ALL[..]),
        seeds in vec(any::<u64>(), 1..4),
        ops in ops(),
    ) {
        let whole = pdata(signal, &seeds);
        let mut expected = decode(signal, &whole.wire().concat()).unwrap();
        expected.each_resource(|resource| apply_to_struct(&ops, resource));

        let mut wire = whole.clone();
        wire.edit_resources(|resource| apply(&ops, resource));
        prop_assert_eq!(&decode(signal, &wire.wire().concat()).unwrap(), &expected);
        prop_assert_eq!(wire.items(), whole.items());
        for chunk in wire.wire() {
            prop_assert!(!crate::walk::walk(signal, &chunk, 64).unwrap().odd);
        }

        let mut structs = as_structs(&whole);
        structs.edit_resources(|resource| apply(&ops, resource));
        prop_assert_eq!(&decode(signal, &structs.wire().concat()).unwrap(), &expected);
    }
}

#[test]
fn every_kind_of_value_can_be_read_back() {
    let any = AnyValue { value: Some(Value::StringValue("any".into())) };
    let mut data = pdata(Signal::Logs, &[]);
    data.logs_mut().resource_logs.push(Default::default());
    data.edit_resources(|resource| {
        resource.upsert("string", "text");
        resource.upsert("bool", true);
        resource.upsert("int", -5);
        resource.upsert("double", 0.5);
        resource.upsert("bytes", &b"\xFF"[..]);
        resource.upsert("any", &any);
        assert_eq!(resource.get("int"), Some(AnyValueView::Int(-5)));
        assert_eq!(resource.get("absent"), None);
    });
    let values: Vec<_> = data.logs_mut().resource_logs[0]
        .resource
        .iter()
        .flat_map(|resource| &resource.attributes)
        .map(|attribute| attribute.value.clone().unwrap().value.unwrap())
        .collect();
    let expected = [
        Value::StringValue("text".into()),
        Value::BoolValue(true),
        Value::IntValue(-5),
        Value::DoubleValue(0.5),
        Value::BytesValue(b"\xFF".into()),
        Value::StringValue("any".into()),
    ];
    assert_eq!(values, expected);
}

#[test]
fn bytes_are_not_touched_where_nothing_is_edited() {
    let whole = pdata(Signal::Traces, &[7]);
    let mut same = whole.clone();
    same.edit_resources(|resource| assert!(!resource.update("absent", "value")));
    assert_eq!(same.wire()[0].as_ptr(), whole.wire()[0].as_ptr());
}
