//! The binary protocol: fixed sizes, big endian.

use super::{Fault, Field, Message, Read, Size, Type, Write, check_len, take, take_len};

/// The first two bytes of an envelope that has a version ("strict").
const VERSION_1: u16 = 0x8001;

/// Reads the binary protocol; envelopes with and without a version.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

/// Thrift's code for a type; 0, the end of a struct, is none.
#[inline]
fn type_of(code: u8, at: &[u8]) -> Result<Type, Fault> {
    Ok(match code {
        2 => Type::Bool,
        3 => Type::I8,
        4 => Type::Double,
        6 => Type::I16,
        8 => Type::I32,
        10 => Type::I64,
        11 => Type::Binary,
        12 => Type::Struct,
        13 => Type::Map,
        14 => Type::Set,
        15 => Type::List,
        16 => Type::Uuid,
        _ => return Err(Fault::new(at, "type does not exist")),
    })
}

#[inline]
const fn code_of(ty: Type) -> u8 {
    match ty {
        Type::Bool => 2,
        Type::I8 => 3,
        Type::Double => 4,
        Type::I16 => 6,
        Type::I32 => 8,
        Type::I64 => 10,
        Type::Binary => 11,
        Type::Struct => 12,
        Type::Map => 13,
        Type::Set => 14,
        Type::List => 15,
        Type::Uuid => 16,
    }
}

impl<'a> Read<'a> for Reader<'a> {
    #[inline]
    fn new(input: &'a [u8]) -> Self {
        Self { rest: input }
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
        let first = self.i32()?;
        let (name, kind) = if first < 0 {
            let [high, low, _, kind] = first.to_be_bytes();
            if u16::from_be_bytes([high, low]) != VERSION_1 {
                return Err(Fault::new(start, "not a message of the binary protocol, version 1"));
            }
            (self.bytes()?, kind)
        } else {
            let name = take_len(&mut self.rest, start, first.into())?;
            let [kind] = *take(&mut self.rest)?;
            (name, kind)
        };
        if !(1..=4).contains(&kind) {
            return Err(Fault::new(start, "message kind does not exist"));
        }
        Ok(Message { name, kind, sequence: self.i32()? })
    }

    #[inline]
    fn field(&mut self, _: &mut i16) -> Result<Option<Field>, Fault> {
        match *self.rest {
            [0, ref rest @ ..] => {
                self.rest = rest;
                Ok(None)
            }
            [code, high, low, ref rest @ ..] => {
                let ty = type_of(code, self.rest)?;
                self.rest = rest;
                Ok(Some(Field { id: i16::from_be_bytes([high, low]), ty }))
            }
            _ => Err(Fault::new(self.rest, "struct is cut off")),
        }
    }

    #[inline]
    fn takes(&mut self, _: &mut i16, id: i16, ty: Type) -> bool {
        let [high, low] = id.to_be_bytes();
        let rest = self.rest.strip_prefix(&[code_of(ty), high, low]);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    #[inline]
    fn bool(&mut self) -> Result<bool, Fault> {
        self.i8().map(|byte| byte != 0)
    }

    #[inline]
    fn i16(&mut self) -> Result<i16, Fault> {
        take(&mut self.rest).map(|bytes| i16::from_be_bytes(*bytes))
    }

    #[inline]
    fn i32(&mut self) -> Result<i32, Fault> {
        take(&mut self.rest).map(|bytes| i32::from_be_bytes(*bytes))
    }

    #[inline]
    fn i64(&mut self) -> Result<i64, Fault> {
        take(&mut self.rest).map(|bytes| i64::from_be_bytes(*bytes))
    }

    #[inline]
    fn double(&mut self) -> Result<f64, Fault> {
        take(&mut self.rest).map(|bytes| f64::from_be_bytes(*bytes))
    }

    #[inline]
    fn bytes(&mut self) -> Result<&'a [u8], Fault> {
        let start = self.rest;
        let len = self.i32()?;
        take_len(&mut self.rest, start, len.into())
    }

    fn list(&mut self) -> Result<(Type, usize), Fault> {
        let start = self.rest;
        let [code] = *take(&mut self.rest)?;
        let len = self.i32()?;
        if len == 0 {
            return Ok((Type::I8, 0));
        }
        let ty = type_of(code, start)?;
        Ok((ty, check_len::<Self>(start, self.rest, len.into(), &[ty])?))
    }

    fn map(&mut self) -> Result<(Type, Type, usize), Fault> {
        let start = self.rest;
        let [key, value] = *take(&mut self.rest)?;
        let len = self.i32()?;
        if len == 0 {
            return Ok((Type::I8, Type::I8, 0));
        }
        let (key, value) = (type_of(key, start)?, type_of(value, start)?);
        Ok((key, value, check_len::<Self>(start, self.rest, len.into(), &[key, value])?))
    }

    fn size_of(ty: Type) -> Size {
        match ty {
            Type::Bool | Type::I8 => Size::Exactly(1),
            Type::I16 => Size::Exactly(2),
            Type::I32 => Size::Exactly(4),
            Type::I64 | Type::Double => Size::Exactly(8),
            Type::Uuid => Size::Exactly(16),
            Type::Struct => Size::AtLeast(1),
            Type::Binary => Size::AtLeast(4),
            Type::Set | Type::List => Size::AtLeast(5),
            Type::Map => Size::AtLeast(6),
        }
    }
}

/// Writes the binary protocol; envelopes with a version.
#[derive(Debug)]
pub struct Writer<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Writer<'a> {
    /// Appends to `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }
}

impl Write for Writer<'_> {
    fn message(&mut self, name: &[u8], kind: u8, sequence: i32) {
        self.out.extend_from_slice(&VERSION_1.to_be_bytes());
        self.out.extend_from_slice(&[0, kind]);
        self.bytes(name);
        self.i32(sequence);
    }

    #[inline]
    fn field(&mut self, _: &mut i16, id: i16, ty: Type) {
        let [high, low] = id.to_be_bytes();
        self.out.extend_from_slice(&[code_of(ty), high, low]);
    }

    #[inline]
    fn bool_field(&mut self, last: &mut i16, id: i16, value: bool) {
        self.field(last, id, Type::Bool);
        self.out.push(value.into());
    }

    #[inline]
    fn stop(&mut self) {
        self.out.push(0);
    }

    #[inline]
    fn i32(&mut self, value: i32) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    #[inline]
    fn i64(&mut self, value: i64) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    #[inline]
    fn double(&mut self, value: f64) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    #[inline]
    fn bytes(&mut self, value: &[u8]) {
        let len = i32::try_from(value.len()).unwrap_or(i32::MAX);
        self.i32(len);
        self.out.extend_from_slice(value.get(..len.unsigned_abs() as usize).unwrap_or(value));
    }

    fn list(&mut self, element: Type, len: usize) {
        self.out.push(code_of(element));
        self.i32(i32::try_from(len).unwrap_or(i32::MAX));
    }
}
