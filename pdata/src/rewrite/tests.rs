//! A scrambler writes arbitrary messages in every odd way that protobuf allows and breaks some of them. Beside them
//! it writes what the outcome must be, so that prost, reading that, says what the rewriter must arrive at.

use proptest::prelude::*;

use super::*;
use crate::arbitrary::Arbitrary;
use crate::testing::{UNLIMITED, decode, request};
use crate::wire::{Reader, WireType};
use crate::{Pdata, WireError};

/// How the messages of one test are scrambled.
struct Scrambler {
    random: Arbitrary,
    /// Also break strings, ids and depth.
    breaking: bool,
    broken: Repairs,
}

/// A message as sent and as it must come out.
#[derive(Default, Clone)]
struct Pair {
    sent: Vec<u8>,
    meant: Vec<u8>,
}

impl Pair {
    fn both(&mut self, write: impl Fn(&mut Vec<u8>)) {
        write(&mut self.sent);
        write(&mut self.meant);
    }

    fn child(&mut self, number: u32, child: &Self) {
        self.sent.put_bytes_field(number, &child.sent);
        self.meant.put_bytes_field(number, &child.meant);
    }
}

impl Scrambler {
    fn below(&mut self, n: usize) -> usize {
        self.random.below(n as u64).try_into().unwrap()
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn message(&mut self, table: &Table, body: &[u8], depth: u32) -> Pair {
        let mut pair = Pair::default();
        let mut own: Vec<_> = fields(body).collect();
        if self.one_in(4) {
            // Repeated fields change their order, and so the meaning: both sides see the same order.
            for index in (1..own.len()).rev() {
                own.swap(index, self.below(index + 1));
            }
        }
        for field in own {
            if self.one_in(20) {
                self.unknown(&mut pair);
            }
            match table.entry(field.number) {
                Some(entry) => self.field(entry, &field, depth, &mut pair),
                None => pair.both(|out| out.extend_from_slice(field.raw)),
            }
        }
        pair
    }

    fn field(&mut self, entry: &Entry, field: &Field<'_>, depth: u32, pair: &mut Pair) {
        let number = entry.number;
        let twice = self.one_in(6);
        match (entry.shape, field.value) {
            (Shape::Scalar, _) => {
                if twice {
                    pair.sent.extend_from_slice(field.raw);
                }
                pair.both(|out| out.extend_from_slice(field.raw));
            }
            (Shape::Id(_), Value::Len(_)) => {
                if twice {
                    // Overruled, so its length does not matter.
                    pair.sent.put_bytes_field(number, b"abc");
                }
                pair.both(|out| out.extend_from_slice(field.raw));
            }
            (Shape::String | Shape::Strings, Value::Len(string)) => {
                if twice && matches!(entry.shape, Shape::String) {
                    pair.sent.put_bytes_field(
                        number,
                        if self.breaking { b"overruled \xFF" } else { b"overruled" },
                    );
                }
                if self.breaking && self.one_in(15) {
                    let broken = [string, b"\xF0\x9F\x92", string].concat();
                    pair.sent.put_bytes_field(number, &broken);
                    pair.meant.put_bytes_field(number, String::from_utf8_lossy(&broken).as_bytes());
                    self.broken.repaired_strings += 1;
                } else {
                    pair.both(|out| out.extend_from_slice(field.raw));
                }
            }
            (Shape::Packed(scalar), Value::Len(list)) => {
                pair.meant.extend_from_slice(field.raw);
                self.unpack(number, scalar, list, &mut pair.sent);
            }
            (Shape::Attributes, Value::Len(attribute)) => {
                if self.breaking && self.one_in(20) {
                    pair.sent
                        .put_message_field(number, 0, |out| out.put_message_field(2, 0, |out| nest(out, 65)));
                    self.broken.cut_attributes += 1;
                } else {
                    let attribute = self.message(KeyValue::table(), attribute, depth);
                    pair.child(number, &attribute);
                }
            }
            (Shape::Body, Value::Len(body)) => {
                let body = self.message(AnyValue::table(), body, depth);
                pair.child(number, &body);
            }
            (Shape::Many(table), Value::Len(body)) => {
                let child = self.message(table(), body, depth);
                if table().role == Role::Item && self.breaking && self.one_in(8) && has_own_id(table()) {
                    let mut bad = child.sent;
                    let (id, _) = own_id(table()).unwrap();
                    bad.put_bytes_field(id, b"abc");
                    pair.sent.put_bytes_field(number, &bad);
                    self.broken.rejected_items += 1;
                } else {
                    pair.child(number, &child);
                }
            }
            (Shape::One(table) | Shape::Leading(table), Value::Len(body)) => {
                let child = self.message(table(), body, depth);
                if entry.oneof && twice {
                    // A member that the last one overrules. Members that are messages are told apart by number.
                    let other = if number == 5 { 7 } else { 5 };
                    pair.sent.put_bytes_field(other, b"");
                }
                if twice {
                    // In two parts, which the reader must merge.
                    let at = split_point(&child.sent, self.below(8));
                    pair.sent.put_bytes_field(number, &child.sent[..at]);
                    pair.sent.put_bytes_field(number, &child.sent[at..]);
                    pair.meant.put_bytes_field(number, &child.meant);
                } else {
                    pair.child(number, &child);
                }
            }
            (shape, value) => panic!("{value:?} is no {}", std::any::type_name_of_val(&shape)),
        }
    }

    /// Splits a packed list into packed and unpacked runs.
    fn unpack(&mut self, number: u32, scalar: Scalar, list: &[u8], out: &mut Vec<u8>) {
        let mut reader = Reader::new(list);
        while !reader.is_empty() {
            let before = reader.rest();
            let value = match scalar {
                Scalar::Varint => reader.varint().unwrap(),
                Scalar::Fixed64 => reader.fixed64().unwrap(),
            };
            match (self.one_in(2), scalar) {
                (true, _) => out.put_bytes_field(number, &before[..before.len() - reader.rest().len()]),
                (false, Scalar::Varint) => out.put_varint_field(number, value),
                (false, Scalar::Fixed64) => out.put_fixed64_field(number, value),
            }
        }
    }

    /// A field of a newer OTLP, which must survive; prost drops it.
    fn unknown(&mut self, pair: &mut Pair) {
        let number = [1000, 1001, 17][self.below(3)];
        let kind = self.below(5);
        pair.both(|out| match kind {
            0 => out.put_varint_field(number, 7),
            1 => out.put_fixed64_field(number, 7),
            2 => out.put_fixed32_field(number, 7),
            3 => out.put_bytes_field(number, b"\xFF"),
            _ => {
                out.put_key(number, WireType::StartGroup);
                out.put_varint_field(1, 7);
                out.put_key(number, WireType::EndGroup);
            }
        });
    }
}

fn own_id(table: &Table) -> Option<(u32, usize)> {
    table.fields.iter().find_map(|entry| match entry.shape {
        Shape::Id(len) => Some((entry.number, len)),
        _ => None,
    })
}

fn has_own_id(table: &Table) -> bool {
    own_id(table).is_some()
}

/// Where the first `count` fields end.
fn split_point(body: &[u8], count: usize) -> usize {
    fields(body).take(count).map(|field| field.raw.len()).sum()
}

/// The fields of an `AnyValue` of `levels` levels.
pub(crate) fn nest(out: &mut Vec<u8>, levels: usize) {
    let mut value = Vec::new();
    value.put_bytes_field(1, b"x");
    for _ in 1..levels {
        let mut array = Vec::new();
        array.put_bytes_field(1, &value);
        value.clear();
        value.put_bytes_field(5, &array);
    }
    out.extend_from_slice(&value);
}

fn table(signal: Signal) -> &'static Table {
    match signal {
        Signal::Traces => ExportTraceServiceRequest::table(),
        Signal::Metrics => ExportMetricsServiceRequest::table(),
        Signal::Logs => ExportLogsServiceRequest::table(),
    }
}

fn scramble(signal: Signal, seed: u64, breaking: bool) -> (Pair, Repairs) {
    let random = Arbitrary::new(seed.wrapping_add(1));
    let mut scrambler = Scrambler { random, breaking, broken: Repairs::default() };
    let pair = scrambler.message(table(signal), &request(signal, seed), 0);
    (pair, scrambler.broken)
}

/// Unknown fields anywhere in a message, which prost cannot tell us about.
fn unknown_fields(table: &Table, body: &[u8]) -> usize {
    let of = |field: Field<'_>| match (table.entry(field.number).map(|entry| entry.shape), field.value) {
        (None, _) => 1,
        (Some(Shape::One(table) | Shape::Leading(table) | Shape::Many(table)), Value::Len(body)) => {
            unknown_fields(table(), body)
        }
        (Some(Shape::Attributes), Value::Len(body)) => unknown_fields(KeyValue::table(), body),
        (Some(Shape::Body), Value::Len(body)) => unknown_fields(AnyValue::table(), body),
        _ => 0,
    };
    fields(body).map(of).sum()
}

/// Canonical form, checked without the walk.
fn assert_canonical(table: &Table, body: &[u8]) {
    let mut seen = Vec::new();
    for field in fields(body) {
        let Some(entry) = table.entry(field.number) else { continue };
        let slot = if entry.oneof { 0 } else { entry.number };
        match entry.shape {
            Shape::Many(_) | Shape::Attributes | Shape::Strings => {}
            _ => assert!(!seen.contains(&slot), "field {} is there twice", field.number),
        }
        if matches!(entry.shape, Shape::Leading(_)) {
            assert!(!seen.contains(&2), "resource and scope come first");
        }
        if matches!(entry.shape, Shape::Packed(_)) {
            assert!(field.len_value().is_some(), "lists are packed");
        }
        seen.push(slot);
        let child = match entry.shape {
            Shape::One(table) | Shape::Leading(table) | Shape::Many(table) => table(),
            Shape::Attributes => KeyValue::table(),
            Shape::Body => AnyValue::table(),
            _ => continue,
        };
        assert_canonical(child, field.len_value().unwrap());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn odd_but_legal_input_means_what_prost_says(
        signal in proptest::sample::select(&Signal::ALL[..]),
        seed: u64,
    ) {
        let (pair, _) = scramble(signal, seed, false);
        let meant = decode(signal, &pair.meant).unwrap();
        let sent = decode(signal, &pair.sent);
        prop_assert!(sent.as_ref() == Some(&meant), "the scrambler is wrong");
        let (data, repairs) = Pdata::from_wire(signal, pair.sent.into(), &UNLIMITED).unwrap();
        prop_assert_eq!(repairs, Repairs::default());
        prop_assert!(decode(signal, &data.wire().concat()) == Some(meant));
        for chunk in data.wire() {
            assert_canonical(table(signal), &chunk);
        }
    }

    #[test]
    fn i4_i5_i7_what_is_broken_costs_itself_alone(
        signal in proptest::sample::select(&Signal::ALL[..]),
        seed: u64,
    ) {
        let (pair, broken) = scramble(signal, seed, true);
        let (data, repairs) = Pdata::from_wire(signal, pair.sent.into(), &UNLIMITED).unwrap();
        let out = data.wire().concat();
        prop_assert!(decode(signal, &out) == Some(decode(signal, &pair.meant).unwrap()));
        prop_assert_eq!(unknown_fields(table(signal), &out), unknown_fields(table(signal), &pair.meant));
        prop_assert_eq!(repairs.rejected_items, broken.rejected_items);
        // Repairs inside what was rejected or overruled are not reported.
        prop_assert!(repairs.cut_attributes <= broken.cut_attributes);
        prop_assert!(repairs.repaired_strings <= broken.repaired_strings);
        if broken.rejected_items == 0 && broken.cut_attributes == 0 {
            prop_assert_eq!(repairs.repaired_strings, broken.repaired_strings);
        }
        for chunk in data.wire() {
            assert_canonical(table(signal), &chunk);
        }
    }
}

#[test]
fn many_parts_are_priced_before_they_are_listed() {
    // A resource given in a million empty parts.
    let mut body = Vec::new();
    body.put_message_field(1, 0, |out| (0..1_000_000).for_each(|_| out.put_bytes_field(1, b"")));
    let limits = crate::Limits { max_decoded_bytes: 8 << 20, ..UNLIMITED };
    let refused = Pdata::from_wire(Signal::Logs, body.into(), &limits).unwrap_err();
    assert!(matches!(refused, WireError::TooLarge { .. }));
}
