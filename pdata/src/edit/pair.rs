//! One attribute on the wire: a `KeyValue`, read and written.

use super::value::NewValue;
use crate::view::{AnyValueView, AttributeView, View};
use crate::wire::{Fields, WireType, Write, fields, varint_len};

/// Fields of `KeyValue`.
const KEY: u32 = 1;
const VALUE: u32 = 2;
/// More than the keys and lengths of an attribute's fields.
pub(super) const HEADERS: usize = 40;

/// An attribute encoded once, to be put in many places.
#[derive(Debug, Clone, PartialEq)]
pub struct EncodedAttribute {
    key: KeyTail,
    /// The `KeyValue`.
    pair: Vec<u8>,
}

impl EncodedAttribute {
    /// Encodes an attribute.
    pub fn new<'v>(key: &str, value: impl Into<NewValue<'v>>) -> Self {
        let (value, mut pair) = (value.into(), Vec::new());
        put_pair(key.as_bytes(), value.encoded_len(), &mut pair);
        value.put(&mut pair);
        Self { key: KeyTail::of(key.as_bytes()), pair }
    }

    /// Its value, to look at.
    #[must_use]
    pub fn value(&self) -> AnyValueView<'_> {
        AttributeView::from_wire(&self.pair).value
    }

    /// Length of its `KeyValue` in bytes.
    pub(super) fn len(&self) -> usize {
        self.pair.len()
    }

    pub(super) fn key_tail(&self) -> KeyTail {
        self.key
    }

    /// Appends it as field `number`; tells after how many bytes its `KeyValue` begins.
    #[inline]
    pub(super) fn put(&self, number: u32, out: &mut Vec<u8>) -> usize {
        let header = put_header(number, self.pair.len(), out);
        out.extend_from_slice(&self.pair);
        header
    }
}

/// Length and end of a key: they nearly always tell it from all others of a message, of which many begin alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct KeyTail {
    len: usize,
    last: u64,
}

impl KeyTail {
    const BYTES: usize = 8;

    #[inline]
    pub(super) fn of(key: &[u8]) -> Self {
        let last = match key.last_chunk::<{ Self::BYTES }>() {
            Some(last) => u64::from_le_bytes(*last),
            None => key.iter().fold(0, |last, byte| last << 8 | u64::from(*byte)),
        };
        Self { len: key.len(), last }
    }

    /// Whether it is the whole key.
    pub(super) fn is_all(self) -> bool {
        self.len <= Self::BYTES
    }
}

/// The key of a `KeyValue`, which nearly always comes first and is short.
#[inline]
pub(super) fn key_of(pair: &[u8]) -> &[u8] {
    const FIRST: u8 = 1 << 3 | WireType::Len as u8;
    if let [FIRST, len @ 0..=0x7F, rest @ ..] = pair
        && let Some(key) = rest.get(..usize::from(*len))
    {
        return key;
    }
    field_of(fields(pair), KEY).unwrap_or_default()
}

/// The `AnyValue` of a `KeyValue`, if it has one.
pub(super) fn value_of(pair: &[u8]) -> Option<&[u8]> {
    field_of(fields(pair), VALUE)
}

fn field_of(mut fields: Fields<'_>, number: u32) -> Option<&[u8]> {
    fields.find(|field| field.number == number).and_then(|field| field.len_value())
}

/// Appends an attribute as field `number`; tells after how many bytes its `KeyValue` begins.
pub(super) fn put_attribute(number: u32, key: &[u8], value: NewValue<'_>, out: &mut Vec<u8>) -> usize {
    let len = value.encoded_len();
    let header = put_header(number, field_len(key.len()) + field_len(len), out);
    put_pair(key, len, out);
    value.put(out);
    header
}

/// The same with a value that is encoded already; none where there is no value field.
pub(super) fn put_copy(number: u32, key: &[u8], value: Option<&[u8]>, out: &mut Vec<u8>) -> usize {
    let Some(value) = value else {
        let header = put_header(number, field_len(key.len()), out);
        out.put_bytes_field(KEY, key);
        return header;
    };
    let header = put_header(number, field_len(key.len()) + field_len(value.len()), out);
    put_pair(key, value.len(), out);
    out.extend_from_slice(value);
    header
}

/// Length of a message field with so many bytes.
fn field_len(len: usize) -> usize {
    1 + varint_len(len as u64) + len
}

fn put_header(number: u32, len: usize, out: &mut Vec<u8>) -> usize {
    let start = out.len();
    out.put_key(number, WireType::Len);
    out.put_varint(len as u64);
    out.len() - start
}

/// A `KeyValue` up to the bytes of its value.
fn put_pair(key: &[u8], value_len: usize, out: &mut Vec<u8>) {
    out.put_bytes_field(KEY, key);
    out.put_key(VALUE, WireType::Len);
    out.put_varint(value_len as u64);
}
