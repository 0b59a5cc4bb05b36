//! JSON text to protobuf bytes, in one pass over the text.
//!
//! A message's length stands in front of it on the wire but is known only behind it. So messages are first written
//! without lengths, and a list says where each begins and how long it is; one copy at the end puts the lengths in.
//! That is linear however deep the messages nest.

use super::JsonError;
use super::number;
use super::read::{Parser, Str};
use super::schema::{ANY_VALUE, Field, Kind, Label, Message};
use crate::Limits;
use crate::door::MAX_DEPTH;
use crate::wire::{WireType, Write, varint_len};
use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Writes the request that `text` describes, as protobuf.
pub(super) fn request(text: &[u8], schema: &'static Message, limits: &Limits) -> Result<Vec<u8>, JsonError> {
    let mut decoder = Decoder {
        text: Parser::new(text),
        out: Vec::with_capacity(text.len() / 2),
        lengths: Vec::new(),
        length_bytes: 0,
        limits,
        field: None,
        binary: Vec::new(),
    };
    let decoded = decoder.message(schema, 0).and_then(|()| decoder.text.end());
    match decoded {
        Ok(()) => Ok(decoder.finish()),
        Err(error) => Err(error.in_field(decoder.field)),
    }
}

struct Decoder<'a> {
    text: Parser<'a>,
    /// The request without the lengths of its messages and packed lists.
    out: Vec<u8>,
    lengths: Vec<Length>,
    /// How many bytes the lengths take that are known by now.
    length_bytes: usize,
    limits: &'a Limits,
    /// The key whose value is being read, for errors.
    field: Option<&'static str>,
    /// Bytes out of base64.
    binary: Vec<u8>,
}

/// A length that belongs into `out` at `at`.
struct Length {
    at: u32,
    len: u32,
}

/// A message whose end is not written yet.
struct Open {
    index: usize,
    length_bytes: usize,
}

impl Decoder<'_> {
    /// An object as the body of a message. `depth` is the number of `AnyValue`s around it.
    fn message(&mut self, schema: &'static Message, depth: u32) -> Result<(), JsonError> {
        self.text.expect(b'{', "expected an object")?;
        if self.text.take(b'}') {
            return Ok(());
        }
        let mut seen = 0_u32;
        loop {
            let key = self.text.key()?;
            match schema.by_key(self.text.bytes(key)) {
                None => self.text.skip()?,
                Some((index, field)) => {
                    let outer = self.field.replace(field.key);
                    let again = seen & 1 << index != 0;
                    seen |= 1 << index;
                    if !self.text.take_null()? {
                        // A zero is left out, unless it has to replace what the same key gave before.
                        let keep_zero = again || field.label == Label::Explicit;
                        match field.label {
                            Label::Repeated => self.list(field, depth)?,
                            _ => self.value(field, keep_zero, depth)?,
                        }
                    }
                    self.field = outer;
                }
            }
            if !self.text.more(b'}')? {
                return Ok(());
            }
        }
    }

    fn list(&mut self, field: &Field, depth: u32) -> Result<(), JsonError> {
        self.text.expect(b'[', "expected an array")?;
        if self.text.take(b']') {
            return Ok(());
        }
        let packed = !matches!(field.kind, Kind::Message(_) | Kind::String);
        let open = if packed { Some(self.open(field.number)?) } else { None };
        loop {
            match field.kind {
                Kind::Message(_) | Kind::String => self.value(field, true, depth)?,
                kind => {
                    let bits = self.scalar(kind)?;
                    match wire_type(kind) {
                        WireType::Fixed64 => self.out.extend_from_slice(&bits.to_le_bytes()),
                        _ => self.out.put_varint(bits),
                    }
                }
            }
            if !self.text.more(b']')? {
                break;
            }
        }
        if let Some(open) = open {
            self.close(&open)?;
        }
        Ok(())
    }

    /// One value with its key on the wire.
    fn value(&mut self, field: &Field, keep_zero: bool, depth: u32) -> Result<(), JsonError> {
        match field.kind {
            Kind::Message(schema) => self.nested(field.number, schema, depth),
            Kind::String => {
                let text = self.text.string()?;
                let text = self.text.bytes(text);
                if keep_zero || !text.is_empty() {
                    self.out.put_bytes_field(field.number, text);
                }
                Ok(())
            }
            Kind::Id => self.id(field.number, keep_zero),
            Kind::Bytes => self.base64(field.number, keep_zero),
            kind => {
                let bits = self.scalar(kind)?;
                if bits == 0 && !keep_zero {
                    return Ok(());
                }
                match wire_type(kind) {
                    WireType::Fixed64 => self.out.put_fixed64_field(field.number, bits),
                    WireType::Fixed32 => {
                        self.out.put_fixed32_field(field.number, u32::try_from(bits).unwrap_or_default());
                    }
                    _ => self.out.put_varint_field(field.number, bits),
                }
                Ok(())
            }
        }
    }

    fn nested(&mut self, number: u32, schema: &'static Message, depth: u32) -> Result<(), JsonError> {
        let depth = depth + u32::from(std::ptr::eq(schema, &raw const ANY_VALUE));
        let open = self.open(number)?;
        if self.text.take_null()? {
            // In an array: an element without content.
        } else if depth > self.limits.max_depth.min(MAX_DEPTH) + 1 {
            // One level more than is allowed is written, so that the walk sees what it has to cut; not what is below.
            self.text.skip()?;
        } else {
            self.message(schema, depth)?;
        }
        self.close(&open)
    }

    /// A number or boolean, as the bits that go onto the wire.
    fn scalar(&mut self, kind: Kind) -> Result<u64, JsonError> {
        if matches!(kind, Kind::Bool) {
            return self.text.bool().map(u64::from);
        }
        let at = self.text.position();
        let text = match self.text.peek() {
            b'"' => self.text.string()?,
            b'-' | b'0'..=b'9' => Str::Plain(self.text.number()?),
            _ => return Err(self.text.error("expected a number")),
        };
        let text = self.text.bytes(text);
        let (bits, expected) = match kind {
            Kind::Double => {
                (number::double(text).map(f64::to_bits), "expected a number that a double can hold")
            }
            Kind::Enum(names) => (enum_number(text, names), "expected a number or name of the enumeration"),
            Kind::Uint32 | Kind::Fixed32 => {
                (integer::<u32>(text).map(u64::from), "expected an unsigned 32-bit integer")
            }
            Kind::Sint32 => (integer::<i32>(text).map(zigzag), "expected a 32-bit integer"),
            Kind::Int64 | Kind::Sfixed64 => {
                (integer::<i64>(text).map(i64::cast_unsigned), "expected a 64-bit integer")
            }
            _ => (integer::<u64>(text), "expected an unsigned 64-bit integer"),
        };
        bits.ok_or_else(|| self.text.error_at(at, expected))
    }

    /// Hex. A length that is not an id's is left to the walk, which cuts the item.
    fn id(&mut self, number: u32, keep_zero: bool) -> Result<(), JsonError> {
        let at = self.text.position();
        let text = self.text.string()?;
        let text = self.text.bytes(text);
        if text.is_empty() && !keep_zero {
            return Ok(());
        }
        let start = self.out.len();
        self.out.put_key(number, WireType::Len);
        self.out.put_varint(text.len() as u64 / 2);
        let (pairs, odd) = text.as_chunks::<2>();
        for pair in pairs {
            let [high, low] =
                pair.map(|digit| char::from(digit).to_digit(16).and_then(|v| u8::try_from(v).ok()));
            let (Some(high), Some(low)) = (high, low) else {
                self.out.truncate(start);
                return Err(self.text.error_at(at, "expected hex digits"));
            };
            self.out.push(high << 4 | low);
        }
        if odd.is_empty() {
            Ok(())
        } else {
            Err(self.text.error_at(at, "expected an even number of hex digits"))
        }
    }

    /// Base64 of either alphabet, padded or not.
    fn base64(&mut self, number: u32, keep_zero: bool) -> Result<(), JsonError> {
        const LENIENT: GeneralPurpose = GeneralPurpose::new(
            &base64::alphabet::STANDARD,
            GeneralPurposeConfig::new()
                .with_decode_padding_mode(DecodePaddingMode::Indifferent)
                .with_decode_allow_trailing_bits(true),
        );
        let at = self.text.position();
        let text = self.text.string()?;
        let standard: Vec<u8> = self
            .text
            .bytes(text)
            .iter()
            .map(|byte| match byte {
                b'-' => b'+',
                b'_' => b'/',
                other => *other,
            })
            .collect();
        self.binary.clear();
        LENIENT
            .decode_vec(&standard, &mut self.binary)
            .map_err(|_| self.text.error_at(at, "expected base64"))?;
        if keep_zero || !self.binary.is_empty() {
            self.out.put_bytes_field(number, &self.binary);
        }
        Ok(())
    }

    /// Starts a message or packed list.
    fn open(&mut self, number: u32) -> Result<Open, JsonError> {
        self.out.put_key(number, WireType::Len);
        let used = self.out.len() + self.lengths.len() * size_of::<Length>();
        match u32::try_from(self.out.len()) {
            Ok(at) if used <= self.limits.max_decoded_bytes => self.lengths.push(Length { at, len: 0 }),
            _ => {
                let limit = self.limits.max_decoded_bytes;
                return Err(JsonError::TooLarge { what: "the decoded size", limit });
            }
        }
        Ok(Open { index: self.lengths.len() - 1, length_bytes: self.length_bytes })
    }

    /// Ends it: its length is what was written since, and the lengths of what it contains.
    fn close(&mut self, open: &Open) -> Result<(), JsonError> {
        let end = self.out.len() + self.length_bytes - open.length_bytes;
        let Some(length) = self.lengths.get_mut(open.index) else { return Ok(()) };
        let Ok(len) = u32::try_from(end - length.at as usize) else {
            return Err(JsonError::TooLarge { what: "the encoded size", limit: u32::MAX as usize });
        };
        length.len = len;
        self.length_bytes += varint_len(len.into());
        Ok(())
    }

    /// Puts the lengths in.
    fn finish(self) -> Vec<u8> {
        let mut whole = Vec::with_capacity(self.out.len() + self.length_bytes);
        let mut from = 0;
        for length in &self.lengths {
            let at = length.at as usize;
            whole.extend_from_slice(self.out.get(from..at).unwrap_or_default());
            whole.put_varint(length.len.into());
            from = at;
        }
        whole.extend_from_slice(self.out.get(from..).unwrap_or_default());
        whole
    }
}

fn wire_type(kind: Kind) -> WireType {
    match kind {
        Kind::Fixed64 | Kind::Sfixed64 | Kind::Double => WireType::Fixed64,
        Kind::Fixed32 => WireType::Fixed32,
        Kind::Message(_) | Kind::String | Kind::Id | Kind::Bytes => WireType::Len,
        _ => WireType::Varint,
    }
}

fn integer<T: TryFrom<i128>>(text: &[u8]) -> Option<T> {
    T::try_from(number::integer(text)?).ok()
}

fn enum_number(text: &[u8], names: &[(&str, i32)]) -> Option<u64> {
    let named = names.iter().find(|(name, _)| name.as_bytes() == text).map(|(_, number)| *number);
    // An int32 is sign-extended on the wire.
    named.or_else(|| integer::<i32>(text)).map(|number| i64::from(number).cast_unsigned())
}

fn zigzag(v: i32) -> u64 {
    ((v << 1) ^ (v >> 31)).cast_unsigned().into()
}
