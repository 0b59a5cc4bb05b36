//! Writing OTLP attributes.

use sluice_pdata::wire::{WireType, Write, varint_len};

/// A value out of a tag.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'a> {
    Text(&'a [u8]),
    Bool(bool),
    Int(i64),
    Double(f64),
}

impl<'a> Value<'a> {
    /// What `text` looks like: `-?\d+` is an integer, `-?\d+\.\d+` a double, `true` and `false` are booleans. What
    /// does not fit 64 bits stays text.
    pub(super) fn parsed(text: &'a [u8]) -> Self {
        match text {
            b"true" => return Self::Bool(true),
            b"false" => return Self::Bool(false),
            _ => {}
        }
        let magnitude = text.strip_prefix(b"-").unwrap_or(text);
        let whole = magnitude.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let parsed = match magnitude.split_at_checked(whole) {
            Some(([_, ..], [])) => number(text).map(Self::Int),
            Some(([_, ..], [b'.', fraction @ ..]))
                if !fraction.is_empty() && fraction.iter().all(u8::is_ascii_digit) =>
            {
                number(text).map(Self::Double)
            }
            _ => None,
        };
        parsed.unwrap_or(Self::Text(text))
    }
}

fn number<T: std::str::FromStr>(text: &[u8]) -> Option<T> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Appends a `KeyValue` as field `number`, which is below 16.
#[inline]
pub(super) fn put(out: &mut Vec<u8>, number: u32, key: &[u8], value: Value<'_>) {
    match value {
        Value::Text(text) => put_text(out, number, key, text),
        Value::Bool(v) => {
            open(out, number, key, 2);
            out.put_varint_field(2, v.into());
        }
        Value::Int(v) => {
            let v = v.cast_unsigned();
            open(out, number, key, 1 + varint_len(v));
            out.put_varint_field(3, v);
        }
        Value::Double(v) => {
            open(out, number, key, 9);
            out.put_fixed64_field(4, v.to_bits());
        }
    }
}

/// The same for text, which most are.
#[inline]
pub(super) fn put_text(out: &mut Vec<u8>, number: u32, key: &[u8], text: &[u8]) {
    let any_value = field_len(text.len());
    open(out, number, key, any_value);
    out.put_bytes_field(1, text);
}

/// Everything of a `KeyValue` up to the inside of its `AnyValue`, which takes `value_len` bytes.
#[inline]
fn open(out: &mut Vec<u8>, number: u32, key: &[u8], value_len: usize) {
    let body = field_len(key.len()) + field_len(value_len);
    out.reserve(body + 6);
    out.put_key(number, WireType::Len);
    out.put_varint(body as u64);
    out.put_bytes_field(1, key);
    out.put_key(2, WireType::Len);
    out.put_varint(value_len as u64);
}

/// The length of a length-delimited field below 16 with `len` bytes in it.
#[inline]
pub(super) const fn field_len(len: usize) -> usize {
    1 + varint_len(len as u64) + len
}
