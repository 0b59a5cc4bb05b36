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
pub(super) enum Op {
    Insert(String, i64),
    Update(String, i64),
    Upsert(String, i64),
    Delete(String),
    Copy(String, String),
    /// All whose key has so many bytes.
    SetWhere(usize, i64),
    DeleteWhere(usize),
}

/// On keys that the arbitrary messages have, and others.
pub(super) fn ops() -> impl Strategy<Value = Vec<Op>> {
    let key = || {
        let keys = ["", "a", "b", "/", "é", "漢", "aa", "service.name", "a key of more than 127 bytes"];
        proptest::sample::select(keys.map(|key| key.repeat(key.len() / 28 * 4 + 1)).to_vec())
    };
    let op = prop_oneof![
        (key(), any::<i64>()).prop_map(|(key, value)| Op::Insert(key, value)),
        (key(), any::<i64>()).prop_map(|(key, value)| Op::Update(key, value)),
        (key(), any::<i64>()).prop_map(|(key, value)| Op::Upsert(key, value)),
        key().prop_map(Op::Delete),
        (key(), key()).prop_map(|(from, to)| Op::Copy(from, to)),
        (0usize..4, any::<i64>()).prop_map(|(len, value)| Op::SetWhere(len, value)),
        (0usize..4).prop_map(Op::DeleteWhere),
    ];
    vec(op, 0..6)
}

pub(super) fn apply(ops: &[Op], attributes: &mut AttributesEdit<'_>) {
    for op in ops {
        match op {
            Op::Insert(key, value) => {
                assert_ne!(attributes.get(key).is_some(), attributes.insert(key, *value));
            }
            Op::Update(key, value) => {
                assert_eq!(attributes.get(key).is_some(), attributes.update(key, *value));
            }
            Op::Upsert(key, value) => attributes.upsert(key, *value),
            Op::Delete(key) => assert_eq!(attributes.get(key).is_some(), attributes.delete(key)),
            Op::Copy(from, key) => {
                if let Some(from) = attributes.find(from) {
                    attributes.copy(from, key, attributes.find(key));
                }
            }
            Op::SetWhere(len, value) => {
                each(attributes, *len, |attributes, place| attributes.set(place, *value));
            }
            Op::DeleteWhere(len) => each(attributes, *len, |attributes, place| attributes.remove(place)),
        }
    }
}

fn each(attributes: &mut AttributesEdit<'_>, len: usize, what: impl Fn(&mut AttributesEdit<'_>, Place)) {
    let mut next = attributes.find_where(None, |key| key.len() == len);
    while let Some(place) = next {
        what(attributes, place);
        next = attributes.find_where(Some(place), |key| key.len() == len);
    }
}

/// The same on structs, written without regard to cost. Says whether anything was done.
pub(super) fn apply_to_list(ops: &[Op], list: &mut Vec<KeyValue>) -> bool {
    let int = |value: i64| Some(AnyValue { value: Some(Value::IntValue(value)) });
    let mut acted = false;
    for op in ops {
        acted |= match op {
            Op::Insert(key, value) => !has(list, key) && put(list, key, int(*value)),
            Op::Update(key, value) => has(list, key) && put(list, key, int(*value)),
            Op::Upsert(key, value) => put(list, key, int(*value)),
            Op::Delete(key) => {
                let had = has(list, key);
                list.retain(|attribute| attribute.key != *key);
                had
            }
            Op::Copy(from, key) => {
                let from = list.iter().find(|attribute| attribute.key == *from).cloned();
                from.is_some_and(|from| put(list, key, from.value))
            }
            Op::SetWhere(len, value) => {
                let chosen = list.iter_mut().filter(|attribute| attribute.key.len() == *len);
                let set = |attribute: &mut KeyValue| {
                    let key = attribute.key.clone();
                    *attribute = KeyValue { key, value: int(*value), ..KeyValue::default() };
                };
                chosen.map(set).count() > 0
            }
            Op::DeleteWhere(len) => {
                let had = list.len();
                list.retain(|attribute| attribute.key.len() != *len);
                list.len() < had
            }
        };
    }
    acted
}

fn has(list: &[KeyValue], key: &str) -> bool {
    list.iter().any(|attribute| attribute.key == key)
}

/// In the place of the first, and the others go; else at the end.
fn put(list: &mut Vec<KeyValue>, key: &str, value: Option<AnyValue>) -> bool {
    let new = KeyValue { key: key.to_owned(), value, ..KeyValue::default() };
    let at = list.iter().position(|attribute| attribute.key == key).unwrap_or(list.len());
    list.retain(|attribute| attribute.key != key);
    list.insert(at, new);
    true
}

/// A resource that was not there comes to be when something is done to it.
fn apply_to_resource(ops: &[Op], resource: &mut Option<Resource>) {
    let mut list = resource.as_ref().map(|resource| resource.attributes.clone()).unwrap_or_default();
    if apply_to_list(ops, &mut list) {
        resource.get_or_insert_default().attributes = list;
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
        expected.each_resource(|resource| apply_to_resource(&ops, resource));

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
