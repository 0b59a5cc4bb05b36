//! Values that attributes are given.

use prost::Message;

use crate::otlp::common::v1 as common;
use crate::wire::{Write, varint_len};

/// A value to give an attribute.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "named after the members of AnyValue")]
pub enum NewValue<'a> {
    String(&'a str),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(&'a [u8]),
    /// Anything, nested no deeper than 64 levels.
    Any(&'a common::AnyValue),
}

impl NewValue<'_> {
    /// Length of the `AnyValue` in bytes.
    pub(super) fn encoded_len(self) -> usize {
        let text = |len: usize| 1 + varint_len(len as u64) + len;
        match self {
            Self::String(value) => text(value.len()),
            Self::Bool(_) => 2,
            Self::Int(value) => 1 + varint_len(value.cast_unsigned()),
            Self::Double(_) => 9,
            Self::Bytes(value) => text(value.len()),
            Self::Any(value) => value.encoded_len(),
        }
    }

    /// Appends the fields of the `AnyValue`.
    pub(super) fn put(self, out: &mut Vec<u8>) {
        match self {
            Self::String(value) => out.put_bytes_field(1, value.as_bytes()),
            Self::Bool(value) => out.put_varint_field(2, value.into()),
            Self::Int(value) => out.put_varint_field(3, value.cast_unsigned()),
            Self::Double(value) => out.put_fixed64_field(4, value.to_bits()),
            Self::Bytes(value) => out.put_bytes_field(7, value),
            Self::Any(value) => out.extend_from_slice(&value.encode_to_vec()),
        }
    }
}

macro_rules! from {
    ($($member:ident: $from:ty),+) => {$(
        impl<'a> From<$from> for NewValue<'a> {
            fn from(value: $from) -> Self {
                Self::$member(value)
            }
        }
    )+};
}

from!(String: &'a str, Bool: bool, Int: i64, Double: f64, Bytes: &'a [u8], Any: &'a common::AnyValue);
