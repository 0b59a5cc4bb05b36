//! The compact protocol: numbers as varints, field ids as distances, a `bool` within its field's header.

use super::{Fault, Field, Message, Read, Size, Type, Write, check_len, take, take_len};

/// The first byte of an envelope.
const PROTOCOL: u8 = 0x82;
/// The low five bits of its second byte.
const VERSION: u8 = 1;
/// The type of a field that is a `bool` and true.
const TRUE: u8 = 1;
/// The type of a field that is a `bool` and false.
const FALSE: u8 = 2;

/// Reads the compact protocol.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
    /// What the header of a `bool` field said; its value is not there a second time.
    flag: Option<bool>,
}

#[inline]
fn type_of(code: u8, at: &[u8]) -> Result<Type, Fault> {
    Ok(match code {
        TRUE | FALSE => Type::Bool,
        3 => Type::I8,
        4 => Type::I16,
        5 => Type::I32,
        6 => Type::I64,
        7 => Type::Double,
        8 => Type::Binary,
        9 => Type::List,
        10 => Type::Set,
        11 => Type::Map,
        12 => Type::Struct,
        13 => Type::Uuid,
        _ => return Err(Fault::new(at, "type does not exist")),
    })
}

#[inline]
const fn code_of(ty: Type) -> u8 {
    match ty {
        Type::Bool => TRUE,
        Type::I8 => 3,
        Type::I16 => 4,
        Type::I32 => 5,
        Type::I64 => 6,
        Type::Double => 7,
        Type::Binary => 8,
        Type::List => 9,
        Type::Set => 10,
        Type::Map => 11,
        Type::Struct => 12,
        Type::Uuid => 13,
    }
}

/// The header of a field that is at most 15 behind the `last` one.
#[inline]
fn short_header(last: i16, id: i16, code: u8) -> Option<u8> {
    match u8::try_from(i32::from(id) - i32::from(last)) {
        Ok(distance @ 1..=15) => Some(distance << 4 | code),
        _ => None,
    }
}

impl Reader<'_> {
    /// At most ten bytes and 64 bits.
    #[inline]
    fn varint(&mut self) -> Result<u64, Fault> {
        match *self.rest {
            [byte, ref rest @ ..] if byte < 0x80 => {
                self.rest = rest;
                Ok(byte.into())
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
            if self.rest.len() < 10 { "value is cut off" } else { "number is too long" },
        ))
    }

    /// A length or number of elements, which Thrift keeps below 2^31.
    #[inline]
    fn size(&mut self) -> Result<i64, Fault> {
        let start = self.rest;
        // What is above is what other readers would take for a negative number.
        i32::try_from(self.varint()?)
            .map(i64::from)
            .map_err(|_| Fault::new(start, "size is negative or too large"))
    }
}

#[inline]
const fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

#[inline]
const fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63).cast_unsigned()
}

impl<'a> Read<'a> for Reader<'a> {
    #[inline]
    fn new(input: &'a [u8]) -> Self {
        Self { rest: input, flag: None }
    }

    #[inline]
    fn rest(&self) -> &'a [u8] {
        self.rest
    }

    #[inline]
    fn rest_mut(&mut self) -> &mut &'a [u8] {
        &mut self.rest
    }

    fn message(&mut self) -> Result<Message<'a>, Fault> {
        let start = self.rest;
        let [protocol, second] = *take(&mut self.rest)?;
        if protocol != PROTOCOL || second & 0x1F != VERSION {
            return Err(Fault::new(start, "not a message of the compact protocol, version 1"));
        }
        let kind = second >> 5;
        if !(1..=4).contains(&kind) {
            return Err(Fault::new(start, "message kind does not exist"));
        }
        // Written as an unsigned varint; clients that count beyond 2^31 make it a negative number.
        let sequence = self.varint()?;
        #[expect(clippy::cast_possible_truncation, reason = "the low 32 bits, as other readers take it")]
        let sequence = (sequence as u32).cast_signed();
        Ok(Message { name: self.bytes()?, kind, sequence })
    }

    #[inline]
    fn field(&mut self, last: &mut i16) -> Result<Option<Field>, Fault> {
        let start = self.rest;
        let Some((&header, rest)) = start.split_first() else {
            return Err(Fault::new(start, "struct is cut off"));
        };
        self.rest = rest;
        if header == 0 {
            return Ok(None);
        }
        let code = header & 0x0F;
        let ty = type_of(code, start)?;
        let id = match i16::from(header >> 4) {
            0 => self.i16()?,
            distance => {
                last.checked_add(distance).ok_or_else(|| Fault::new(start, "field id is too large"))?
            }
        };
        *last = id;
        self.flag = (ty == Type::Bool).then_some(code == TRUE);
        Ok(Some(Field { id, ty }))
    }

    #[inline]
    fn takes(&mut self, last: &mut i16, id: i16, ty: Type) -> bool {
        let rest = short_header(*last, id, code_of(ty)).and_then(|header| self.rest.strip_prefix(&[header]));
        if let Some(rest) = rest {
            self.rest = rest;
            *last = id;
        }
        rest.is_some()
    }

    #[inline]
    fn bool(&mut self) -> Result<bool, Fault> {
        match self.flag.take() {
            Some(flag) => Ok(flag),
            None => take(&mut self.rest).map(|[byte]| *byte == TRUE),
        }
    }

    #[inline]
    fn i16(&mut self) -> Result<i16, Fault> {
        let start = self.rest;
        i16::try_from(self.i64()?).map_err(|_| Fault::new(start, "number does not fit 16 bits"))
    }

    #[inline]
    fn i32(&mut self) -> Result<i32, Fault> {
        let start = self.rest;
        i32::try_from(self.i64()?).map_err(|_| Fault::new(start, "number does not fit 32 bits"))
    }

    #[inline]
    fn i64(&mut self) -> Result<i64, Fault> {
        self.varint().map(unzigzag)
    }

    #[inline]
    fn double(&mut self) -> Result<f64, Fault> {
        // Little endian, unlike what the specification first said, because all libraries do.
        take(&mut self.rest).map(|bytes| f64::from_le_bytes(*bytes))
    }

    #[inline]
    fn bytes(&mut self) -> Result<&'a [u8], Fault> {
        let start = self.rest;
        let len = self.size()?;
        take_len(&mut self.rest, start, len)
    }

    fn list(&mut self) -> Result<(Type, usize), Fault> {
        let start = self.rest;
        let [header] = *take(&mut self.rest)?;
        let len = match header >> 4 {
            15 => self.size()?,
            short => short.into(),
        };
        if len == 0 {
            return Ok((Type::I8, 0));
        }
        let ty = type_of(header & 0x0F, start)?;
        Ok((ty, check_len::<Self>(start, self.rest, len, &[ty])?))
    }

    fn map(&mut self) -> Result<(Type, Type, usize), Fault> {
        let start = self.rest;
        let len = self.size()?;
        if len == 0 {
            return Ok((Type::I8, Type::I8, 0));
        }
        let [types] = *take(&mut self.rest)?;
        let (key, value) = (type_of(types >> 4, start)?, type_of(types & 0x0F, start)?);
        Ok((key, value, check_len::<Self>(start, self.rest, len, &[key, value])?))
    }

    fn size_of(ty: Type) -> Size {
        match ty {
            Type::Bool | Type::I8 => Size::Exactly(1),
            Type::Double => Size::Exactly(8),
            Type::Uuid => Size::Exactly(16),
            _ => Size::AtLeast(1),
        }
    }
}

/// Writes the compact protocol.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    /// Appends to `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    fn header(&mut self, last: &mut i16, id: i16, code: u8) {
        match short_header(*last, id, code) {
            Some(header) => self.out.push(header),
            None => {
                self.out.push(code);
                self.i64(id.into());
            }
        }
        *last = id;
    }

    fn varint(&mut self, value: u64) {
        sluice_pdata::wire::Write::put_varint(self.out, value);
    }
}

impl Write for Writer<'_> {
    fn message(&mut self, name: &[u8], kind: u8, sequence: i32) {
        self.out.extend_from_slice(&[PROTOCOL, kind << 5 | VERSION]);
        self.varint(sequence.cast_unsigned().into());
        self.bytes(name);
    }

    fn field(&mut self, last: &mut i16, id: i16, ty: Type) {
        self.header(last, id, code_of(ty));
    }

    fn bool_field(&mut self, last: &mut i16, id: i16, value: bool) {
        self.header(last, id, if value { TRUE } else { FALSE });
    }

    fn stop(&mut self) {
        self.out.push(0);
    }

    fn i32(&mut self, value: i32) {
        self.i64(value.into());
    }

    fn i64(&mut self, value: i64) {
        self.varint(zigzag(value));
    }

    fn double(&mut self, value: f64) {
        self.out.extend_from_slice(&value.to_le_bytes());
    }

    fn bytes(&mut self, value: &[u8]) {
        let value = value.get(..i32::MAX.unsigned_abs() as usize).unwrap_or(value);
        self.varint(value.len() as u64);
        self.out.extend_from_slice(value);
    }

    fn list(&mut self, element: Type, len: usize) {
        match u8::try_from(len) {
            Ok(short @ 0..15) => self.out.push(short << 4 | code_of(element)),
            _ => {
                self.out.push(0xF0 | code_of(element));
                self.varint(len as u64);
            }
        }
    }
}
