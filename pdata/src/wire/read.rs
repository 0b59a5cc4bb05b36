//! Reading protobuf without trusting it: every length is compared with the bytes left.

/// How many groups may be nested in each other. OTLP has none; unknown ones are skipped.
const MAX_GROUP_DEPTH: u32 = 64;

/// The low three bits of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "protobuf's own names")]
pub enum WireType {
    Varint = 0,
    Fixed64 = 1,
    Len = 2,
    StartGroup = 3,
    EndGroup = 4,
    Fixed32 = 5,
}

/// Where and why reading stopped. Two words, so that results are returned in registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Address of the byte at fault, so that [`Fault::offset_in`] needs no bookkeeping while reading.
    at: usize,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    VarintCutOff,
    VarintTooLong,
    FieldNumber,
    Fixed64CutOff,
    Fixed32CutOff,
    Length,
    EndGroup,
    InvalidWireType,
    GroupDepth,
    UnexpectedWireType,
}

impl Fault {
    /// A fault at the first byte of `rest`.
    #[cold]
    pub(crate) fn new(rest: &[u8], what: What) -> Self {
        Self { at: rest.as_ptr().addr(), what }
    }

    /// What is wrong there.
    #[must_use]
    pub const fn what(&self) -> &'static str {
        match self.what {
            What::VarintCutOff => "varint is cut off",
            What::VarintTooLong => "varint is too long",
            What::FieldNumber => "invalid field number",
            What::Fixed64CutOff => "64-bit value is cut off",
            What::Fixed32CutOff => "32-bit value is cut off",
            What::Length => "length exceeds the enclosing message",
            What::EndGroup => "end of a group that was not started",
            What::InvalidWireType => "invalid wire type",
            What::GroupDepth => "groups are nested too deeply",
            What::UnexpectedWireType => "wrong wire type",
        }
    }

    /// The fault's distance from the start of `body`, which must be the buffer that was being read.
    #[must_use]
    pub fn offset_in(&self, body: &[u8]) -> usize {
        self.at.saturating_sub(body.as_ptr().addr()).min(body.len())
    }
}

/// A field's number and wire type as they stand on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key(pub u32);

impl Key {
    /// The key of field `number` with wire type `wire`.
    #[must_use]
    pub const fn new(number: u32, wire: WireType) -> Self {
        Self(number << 3 | wire as u32)
    }

    /// The field number; never 0 when the key was read by [`Reader::key`].
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0 >> 3
    }

    /// The wire type, or `None` for the two values that protobuf does not define.
    #[must_use]
    pub const fn wire_type(self) -> Option<WireType> {
        Some(match self.0 & 7 {
            0 => WireType::Varint,
            1 => WireType::Fixed64,
            2 => WireType::Len,
            3 => WireType::StartGroup,
            4 => WireType::EndGroup,
            5 => WireType::Fixed32,
            _ => return None,
        })
    }
}

/// One field's value, not interpreted further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "named after the wire types")]
pub enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    /// A string, bytes, message or packed list.
    Len(&'a [u8]),
    /// What stands between the two group keys.
    Group(&'a [u8]),
    Fixed32(u32),
}

/// One field of a message.
#[derive(Debug, Clone, Copy)]
pub struct Field<'a> {
    /// Field number, 1 or above.
    pub number: u32,
    /// Its value.
    pub value: Value<'a>,
    /// The field as it stands: key, length and value. Copy it to keep the field as it is.
    pub raw: &'a [u8],
}

impl<'a> Field<'a> {
    /// The value's bytes, if it is length-delimited.
    #[must_use]
    pub fn len_value(&self) -> Option<&'a [u8]> {
        match self.value {
            Value::Len(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// A position in one message. Cloning it is free.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads the fields of the message whose body is `body`.
    #[must_use]
    #[inline]
    pub const fn new(body: &'a [u8]) -> Self {
        Self { rest: body }
    }

    /// What was not read yet.
    #[must_use]
    #[inline]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether the message ends here.
    #[must_use]
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// A varint of at most ten bytes and 64 bits. A longer form than necessary is legal.
    ///
    /// # Errors
    /// When it is cut off or does not fit 64 bits.
    #[inline]
    pub fn varint(&mut self) -> Result<u64, Fault> {
        match *self.rest {
            [byte, ref rest @ ..] if byte < 0x80 => {
                self.rest = rest;
                Ok(u64::from(byte))
            }
            [low, high, ref rest @ ..] if high < 0x80 => {
                self.rest = rest;
                Ok(u64::from(low & 0x7F) | u64::from(high) << 7)
            }
            _ => self.long_varint(),
        }
    }

    #[inline(never)]
    fn long_varint(&mut self) -> Result<u64, Fault> {
        let mut value = 0;
        for (index, &byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7F) << (7 * index);
            if byte < 0x80 {
                if index == 9 && byte > 1 {
                    break;
                }
                self.rest = self.rest.get(index + 1..).unwrap_or_default();
                return Ok(value);
            }
        }
        Err(Fault::new(
            self.rest,
            if self.rest.len() < 10 { What::VarintCutOff } else { What::VarintTooLong },
        ))
    }

    /// A field's key.
    ///
    /// # Errors
    /// When it is cut off, does not fit 32 bits, or the field number is 0. The wire type is not checked.
    #[inline]
    pub fn key(&mut self) -> Result<Key, Fault> {
        let start = self.rest;
        let key = self.varint()?;
        match u32::try_from(key) {
            Ok(key) if key > 7 => Ok(Key(key)),
            _ => Err(Fault::new(start, What::FieldNumber)),
        }
    }

    /// Eight bytes, little endian.
    ///
    /// # Errors
    /// When fewer are left.
    #[inline]
    pub fn fixed64(&mut self) -> Result<u64, Fault> {
        let Some((value, rest)) = self.rest.split_first_chunk() else {
            return Err(Fault::new(self.rest, What::Fixed64CutOff));
        };
        self.rest = rest;
        Ok(u64::from_le_bytes(*value))
    }

    /// Four bytes, little endian.
    ///
    /// # Errors
    /// When fewer are left.
    #[inline]
    pub fn fixed32(&mut self) -> Result<u32, Fault> {
        let Some((value, rest)) = self.rest.split_first_chunk() else {
            return Err(Fault::new(self.rest, What::Fixed32CutOff));
        };
        self.rest = rest;
        Ok(u32::from_le_bytes(*value))
    }

    /// A length and that many bytes.
    ///
    /// # Errors
    /// When fewer are left.
    #[inline]
    pub fn bytes(&mut self) -> Result<&'a [u8], Fault> {
        let start = self.rest;
        let len = self.varint()?;
        let Some((value, rest)) = usize::try_from(len).ok().and_then(|len| self.rest.split_at_checked(len))
        else {
            return Err(Fault::new(start, What::Length));
        };
        self.rest = rest;
        Ok(value)
    }

    /// The value that follows `key`. Groups must be balanced and not nested deeper than 64.
    ///
    /// # Errors
    /// When it is cut off or its wire type does not exist.
    pub fn value(&mut self, key: Key) -> Result<Value<'a>, Fault> {
        Ok(match key.wire_type() {
            Some(WireType::Varint) => Value::Varint(self.varint()?),
            Some(WireType::Fixed64) => Value::Fixed64(self.fixed64()?),
            Some(WireType::Len) => Value::Len(self.bytes()?),
            Some(WireType::Fixed32) => Value::Fixed32(self.fixed32()?),
            Some(WireType::StartGroup) => Value::Group(self.group(key.number(), MAX_GROUP_DEPTH)?),
            Some(WireType::EndGroup) => {
                return Err(Fault::new(self.rest, What::EndGroup));
            }
            None => return Err(Fault::new(self.rest, What::InvalidWireType)),
        })
    }

    /// Passes over the value that follows `key`: as [`Reader::value`], and quicker.
    ///
    /// # Errors
    /// As [`Reader::value`].
    #[inline]
    pub fn skip(&mut self, key: Key) -> Result<(), Fault> {
        match key.wire_type() {
            Some(WireType::Len) => self.bytes().map(drop),
            Some(WireType::Fixed64) => self.fixed64().map(drop),
            Some(WireType::Varint) => self.varint().map(drop),
            _ => self.value(key).map(drop),
        }
    }

    /// The next field, or `None` at the end of the message.
    ///
    /// # Errors
    /// As [`Reader::key`] and [`Reader::value`].
    pub fn field(&mut self) -> Result<Option<Field<'a>>, Fault> {
        if self.is_empty() {
            return Ok(None);
        }
        let start = self.rest;
        let key = self.key()?;
        let value = self.value(key)?;
        let raw = start.get(..start.len() - self.rest.len()).unwrap_or_default();
        Ok(Some(Field { number: key.number(), value, raw }))
    }

    #[cold]
    fn group(&mut self, number: u32, depth: u32) -> Result<&'a [u8], Fault> {
        let start = self.rest;
        let Some(depth) = depth.checked_sub(1) else {
            return Err(Fault::new(start, What::GroupDepth));
        };
        loop {
            let end = self.rest;
            let key = self.key()?;
            match key.wire_type() {
                Some(WireType::EndGroup) if key.number() == number => {
                    return Ok(start.get(..start.len() - end.len()).unwrap_or_default());
                }
                Some(WireType::StartGroup) => {
                    self.group(key.number(), depth)?;
                }
                _ => {
                    self.value(key)?;
                }
            }
        }
    }
}

/// The fields of a message whose bytes were checked before. Ends early if they were not.
#[must_use]
pub fn fields(body: &[u8]) -> Fields<'_> {
    Fields { reader: Reader::new(body) }
}

/// Iterator of [`fields`].
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a> {
    reader: Reader<'a>,
}

impl<'a> Fields<'a> {
    /// What was not yielded yet.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.reader.rest()
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    #[inline]
    fn next(&mut self) -> Option<Field<'a>> {
        self.reader.field().ok().flatten()
    }
}
