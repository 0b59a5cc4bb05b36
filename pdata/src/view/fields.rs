//! Reads the top-level fields of one message whose bytes are known to be good.
//!
//! The bytes were validated when they entered (`Pdata::from_wire`), so nothing here returns an error: bytes that
//! could not have passed validation simply end the message.

use super::{Text, View};
use crate::wire::{Reader, Value};

/// The fields of one message, in wire order.
#[derive(Debug, Clone)]
pub(crate) struct Fields<'a> {
    reader: Reader<'a>,
}

/// One field: its number, its value, and where it starts (lists resume reading from there).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field<'a> {
    pub(crate) number: u32,
    pub(crate) value: Value<'a>,
    /// The message from this field's key to its end.
    pub(crate) tail: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) fn new(message: &'a [u8]) -> Self {
        Self { reader: Reader::new(message) }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    #[inline]
    fn next(&mut self) -> Option<Field<'a>> {
        if self.reader.is_empty() {
            return None;
        }
        let tail = self.reader.rest();
        let key = self.reader.key().ok()?;
        let value = self.reader.value(key).ok()?;
        Some(Field { number: key.number(), value, tail })
    }
}

impl<'a> Field<'a> {
    pub(crate) fn bytes(&self) -> &'a [u8] {
        match self.value {
            Value::Len(bytes) => bytes,
            _ => &[],
        }
    }

    pub(crate) fn text(&self) -> Text<'a> {
        Text::new(self.bytes())
    }

    pub(crate) fn message<V: View<'a>>(&self) -> V {
        V::from_wire(self.bytes())
    }

    pub(crate) fn u64(&self) -> u64 {
        match self.value {
            Value::Varint(v) | Value::Fixed64(v) => v,
            Value::Fixed32(v) => v.into(),
            Value::Len(_) | Value::Group(_) => 0,
        }
    }

    pub(crate) fn i64(&self) -> i64 {
        self.u64().cast_signed()
    }

    pub(crate) fn f64(&self) -> f64 {
        f64::from_bits(self.u64())
    }

    pub(crate) fn bool(&self) -> bool {
        self.u64() != 0
    }

    /// A `uint32` or `fixed32`: protobuf keeps the low 32 bits of a longer varint.
    #[expect(clippy::cast_possible_truncation, reason = "protobuf's rule")]
    pub(crate) fn u32(&self) -> u32 {
        self.u64() as u32
    }

    /// An `int32` or an enum.
    pub(crate) fn i32(&self) -> i32 {
        self.u32().cast_signed()
    }

    /// A `sint32` (zigzag).
    pub(crate) fn sint32(&self) -> i32 {
        let v = self.u32();
        (v >> 1).cast_signed() ^ -((v & 1).cast_signed())
    }
}
