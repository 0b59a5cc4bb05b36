//! Writing protobuf onto the end of a `Vec<u8>`.

use super::read::{Key, WireType};

/// How many bytes `value` takes as a varint: 1 to 10.
#[must_use]
#[inline]
pub const fn varint_len(value: u64) -> usize {
    // One byte per started seven bits.
    ((64 - (value | 1).leading_zeros() as usize) * 9 + 64) / 64
}

/// Appends protobuf fields. Implemented for `Vec<u8>` alone.
pub trait Write {
    /// A bare varint.
    fn put_varint(&mut self, value: u64);
    /// A field's key.
    fn put_key(&mut self, number: u32, wire: WireType);
    /// A varint field. Signed numbers are cast (`int32`, `int64`) or zigzagged (`sint32`) by the caller.
    fn put_varint_field(&mut self, number: u32, value: u64);
    /// A `fixed64`, `sfixed64` or `double` field.
    fn put_fixed64_field(&mut self, number: u32, value: u64);
    /// A `fixed32` field.
    fn put_fixed32_field(&mut self, number: u32, value: u32);
    /// A string, bytes or finished message.
    fn put_bytes_field(&mut self, number: u32, value: &[u8]);
    /// Begins a message of unknown length: what is appended until [`close_message`](Self::close_message) is its body.
    ///
    /// `len_hint` is the expected length in bytes; a hint whose varint has the right width saves moving the body.
    fn open_message(&mut self, number: u32, len_hint: usize) -> OpenMessage;
    /// Ends the innermost message that is open.
    fn close_message(&mut self, open: OpenMessage);
    /// A message whose fields `body` writes; see [`open_message`](Self::open_message).
    fn put_message_field<R>(&mut self, number: u32, len_hint: usize, body: impl FnOnce(&mut Self) -> R) -> R {
        let open = self.open_message(number, len_hint);
        let result = body(self);
        self.close_message(open);
        result
    }
}

/// A message that was begun and not ended.
#[derive(Debug)]
#[must_use]
pub struct OpenMessage {
    /// Where its length goes.
    at: usize,
    /// How many bytes are kept free for it.
    reserved: usize,
}

impl Write for Vec<u8> {
    #[inline]
    fn put_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.push(low_seven_bits(value) | 0x80);
            value >>= 7;
        }
        self.push(low_seven_bits(value));
    }

    #[inline]
    fn put_key(&mut self, number: u32, wire: WireType) {
        self.put_varint(u64::from(Key::new(number, wire).0));
    }

    fn put_varint_field(&mut self, number: u32, value: u64) {
        self.put_key(number, WireType::Varint);
        self.put_varint(value);
    }

    fn put_fixed64_field(&mut self, number: u32, value: u64) {
        self.put_key(number, WireType::Fixed64);
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn put_fixed32_field(&mut self, number: u32, value: u32) {
        self.put_key(number, WireType::Fixed32);
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn put_bytes_field(&mut self, number: u32, value: &[u8]) {
        self.put_key(number, WireType::Len);
        self.put_varint(value.len() as u64);
        self.extend_from_slice(value);
    }

    fn open_message(&mut self, number: u32, len_hint: usize) -> OpenMessage {
        self.put_key(number, WireType::Len);
        let (at, reserved) = (self.len(), varint_len(len_hint as u64));
        self.extend(std::iter::repeat_n(0, reserved));
        OpenMessage { at, reserved }
    }

    fn close_message(&mut self, OpenMessage { at, reserved }: OpenMessage) {
        let len = (self.len() - at - reserved) as u64;
        let width = varint_len(len);
        if width != reserved {
            // The body moves to where it belongs.
            self.splice(at..at + reserved, std::iter::repeat_n(0, width));
        }
        for (index, byte) in self.iter_mut().skip(at).take(width).enumerate() {
            let more = if index + 1 < width { 0x80 } else { 0 };
            *byte = low_seven_bits(len >> (7 * index)) | more;
        }
    }
}

/// What one byte of a varint holds.
#[inline]
const fn low_seven_bits(value: u64) -> u8 {
    value.to_le_bytes()[0] & 0x7F
}
