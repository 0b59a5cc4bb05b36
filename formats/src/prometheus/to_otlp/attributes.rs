//! OTLP attributes with text values, as the fields of a message.

use std::hash::{DefaultHasher, Hasher};

use sluice_pdata::wire::{Value, WireType, Write, fields, varint_len};

/// The field that attributes are kept under: that of number and summary points. [`put_as`] writes them under another.
pub(super) const KEPT_AS: u32 = 7;

/// Appends a `KeyValue` as field `number`.
pub(super) fn put(out: &mut Vec<u8>, number: u32, key: &str, text: &str) {
    let value = field_len(text.len());
    out.put_key(number, WireType::Len);
    out.put_varint((field_len(key.len()) + field_len(value)) as u64);
    out.put_bytes_field(1, key.as_bytes());
    out.put_key(2, WireType::Len);
    out.put_varint(value as u64);
    out.put_bytes_field(1, text.as_bytes());
}

/// Bytes that [`put`] appends for a field number below 16.
pub(super) const fn len(key: &str, text: &str) -> usize {
    field_len(field_len(key.len()) + field_len(field_len(text.len())))
}

/// Appends attributes that are kept under [`KEPT_AS`] as fields `number`.
pub(super) fn put_as(out: &mut Vec<u8>, number: u32, attributes: &[u8]) {
    for field in fields(attributes) {
        if let Value::Len(body) = field.value {
            out.put_bytes_field(number, body);
        }
    }
}

/// Visits keys and values.
pub(super) fn each<'a>(attributes: &'a [u8], mut visit: impl FnMut(&'a str, &'a str)) {
    let text =
        |bytes: Option<&'a [u8]>| bytes.and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
    let first = |message: &'a [u8], number| {
        fields(message).find(|field| field.number == number).and_then(|field| field.len_value())
    };
    for attribute in fields(attributes).filter_map(|field| field.len_value()) {
        let value = first(attribute, 2).and_then(|value| first(value, 1));
        visit(text(first(attribute, 1)), text(value));
    }
}

/// A hash that is the same for the same attributes.
pub(super) fn hash(attributes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(attributes);
    hasher.finish()
}

/// Bytes of a length-delimited field below number 16 whose body has `len` bytes.
pub(super) const fn field_len(len: usize) -> usize {
    1 + varint_len(len as u64) + len
}
