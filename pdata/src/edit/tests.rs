use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::decoded::Structs;
use crate::otlp::common::v1::any_value::Value;
use crate::otlp::common::v1::{AnyValue, KeyValue};
use crate::otlp::resource::v1::Resource;
use crate::testing::{as_structs, decode, pdata};
use crate::view::AnyValueView;
use crate::walk::walk;
use crate::{Pdata, Signal};

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

/// What was edited decodes to `expected`, has as many items as before, and its bytes are in canonical form.
pub(super) fn is_edited(data: &Pdata, expected: &Structs, items: usize) -> Result<(), TestCaseError> {
    prop_assert_eq!(&decode(data.signal(), &data.wire().concat()).unwrap(), expected);
    prop_assert_eq!(data.items(), items);
    for chunk in data.wire() {
        prop_assert!(!walk(data.signal(), &chunk, 64).unwrap().odd);
    }
    Ok(())
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

        for mut data in [whole.clone(), as_structs(&whole)] {
            data.edit_resources(Room::unlimited(), |resource| apply(&ops, resource)).unwrap();
            is_edited(&data, &expected, whole.items())?;
        }
    }
}

#[test]
fn every_kind_of_value_can_be_read_back() {
    let any = AnyValue { value: Some(Value::StringValue("any".into())) };
    let mut data = pdata(Signal::Logs, &[]);
    data.logs_mut().resource_logs.push(Default::default());
    data.edit_resources(Room::unlimited(), |resource| {
        resource.upsert("string", "text");
        resource.upsert("bool", true);
        resource.upsert("int", -5);
        resource.upsert("double", 0.5);
        resource.upsert("bytes", &b"\xFF"[..]);
        resource.upsert("any", &any);
        assert_eq!(resource.get("int"), Some(AnyValueView::Int(-5)));
        assert_eq!(resource.get("absent"), None);
    })
    .unwrap();
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
    same.edit_resources(Room::unlimited(), |resource| assert!(!resource.update("absent", "value"))).unwrap();
    assert_eq!(same.wire()[0].as_ptr(), whole.wire()[0].as_ptr());
}

#[test]
fn structs_stay_where_nothing_is_edited() {
    let whole = as_structs(&pdata(Signal::Traces, &[7]));
    let mut same = whole.clone();
    let encoded = whole.wire()[0].as_ptr();
    same.edit_resources(Room::unlimited(), |resource| assert!(!resource.delete("absent"))).unwrap();
    assert_eq!(same.wire()[0].as_ptr(), encoded, "the encoding is still shared");
    assert!(matches!(same.form(), crate::pdata::Form::Decoded(_)));
}

/// What may be taken, and the most that was.
struct Purse(std::cell::Cell<usize>);

impl Purse {
    fn pay(&self, bytes: usize) -> bool {
        let left = self.0.get().checked_sub(bytes);
        left.is_some_and(|left| {
            self.0.set(left);
            true
        })
    }
}

struct Puts<'a>(&'a EncodedAttribute, usize);

impl RecordEditor for Puts<'_> {
    fn record(&mut self, _: &[u8], attributes: &mut AttributesEdit<'_>) {
        (0..self.1).for_each(|_| attributes.put(self.0, None));
    }
}

/// Sends `bytes` through both edits with so much room, each of which adds an attribute of 1 KiB so many times.
fn grown(signal: Signal, bytes: Vec<u8>, room: usize, times: usize) -> [Result<usize, NoRoom>; 2] {
    let large = EncodedAttribute::new("large", "x".repeat(1024).as_str());
    let whole = crate::testing::admit(signal, bytes.into());
    let run = |edit: &dyn Fn(&mut crate::Pdata, Room<'_>) -> Result<usize, NoRoom>| {
        let (purse, mut data) = (Purse(room.into()), whole.clone());
        let result = edit(&mut data, Room::new(&|bytes| purse.pay(bytes)));
        match result {
            // At its highest it took at least what is left of it.
            Ok(grown) => {
                assert!(data.size() <= whole.size() + grown && grown <= room - purse.0.get());
            }
            Err(_) => assert_eq!(data.wire(), whole.wire(), "it is as it was"),
        }
        result
    };
    let puts = |attributes: &mut AttributesEdit<'_>| (0..times).for_each(|_| attributes.put(&large, None));
    [
        run(&|data, room| data.edit_resources(room, puts)),
        run(&|data, room| data.edit_records(room, &mut Puts(&large, times))),
    ]
}

/// A request with so many empty records in one resource.
fn empty_records(signal: Signal, count: usize) -> Vec<u8> {
    use crate::wire::Write as _;
    let mut out = Vec::new();
    out.put_message_field(1, 0, |out| {
        out.put_message_field(2, 0, |out| match signal {
            Signal::Metrics => out.put_message_field(2, 0, |out| {
                out.put_message_field(5, 0, |out| out.extend(b"\x0a\x00".repeat(count)));
            }),
            _ => out.extend(b"\x12\x00".repeat(count)),
        });
    });
    out
}

#[test]
fn what_is_added_to_very_many_empty_elements_stays_within_the_room() {
    for signal in Signal::ALL {
        let resources = b"\x0a\x00".repeat(10_000);
        let [refused, untouched] = grown(signal, resources.clone(), 1 << 20, 1);
        assert!(refused.is_err() && untouched == Ok(0));
        let [refused, untouched] = grown(signal, resources, 1 << 30, 1);
        assert!((10 << 20..30 << 20).contains(&refused.unwrap()) && untouched == Ok(0));

        let records = empty_records(signal, 10_000);
        let [one_resource, refused] = grown(signal, records.clone(), 1 << 20, 1);
        assert!((1..64 << 10).contains(&one_resource.unwrap()) && refused.is_err(), "{signal}");
        let [_, made] = grown(signal, records, 1 << 30, 1);
        assert!((10 << 20..30 << 20).contains(&made.unwrap()), "{signal}");
    }
}

#[test]
fn what_is_added_to_one_element_stays_within_the_room() {
    for signal in Signal::ALL {
        let records = empty_records(signal, 1);
        assert!(grown(signal, records.clone(), 1 << 20, 10_000).iter().all(Result::is_err), "{signal}");
        assert!(grown(signal, records, 1 << 30, 10_000).iter().all(Result::is_ok), "{signal}");
    }
}

#[test]
fn the_list_of_very_many_attributes_stays_within_the_room() {
    use crate::wire::Write as _;
    let mut request = Vec::new();
    request.put_message_field(1, 0, |out| {
        out.put_message_field(1, 0, |out| out.extend(b"\x0a\x00".repeat(100_000)));
    });
    let [resources, records] = grown(Signal::Logs, request, 1 << 20, 0);
    assert!(resources.is_err() && records == Ok(0));
}
