//! Apache Thrift on bytes: a bounded reader and a writer for the [binary] and the [compact] protocol.
//!
//! Nothing here knows a schema. A reader walks a struct field by field and skips what its caller does not know:
//!
//! ```
//! use sluice_formats::thrift::{Read, Type, binary};
//!
//! // struct Process { 1: string serviceName }
//! let bytes = b"\x0b\x00\x01\x00\x00\x00\x03svc\x00";
//! let mut reader = binary::Reader::new(bytes);
//! let (mut name, mut last) = (&b""[..], 0);
//! while let Some(field) = reader.field(&mut last)? {
//!     match (field.id, field.ty) {
//!         (1, Type::Binary) => name = reader.bytes()?,
//!         _ => reader.skip(field.ty)?,
//!     }
//! }
//! assert_eq!(name, b"svc");
//! # Ok::<(), sluice_formats::thrift::Fault>(())
//! ```
//!
//! Input is not trusted. A size is compared with the bytes left before anybody can allocate for it: `n` elements need
//! at least `n` times the size of their smallest form. What is skipped may nest 64 levels deep.

pub mod binary;
pub mod compact;
#[cfg(test)]
mod tests;

/// How deep structs and containers may nest in what is skipped.
const MAX_DEPTH: u32 = 64;

/// The type of a field, of an element, or of a map's keys and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "Thrift's own names")]
pub enum Type {
    Bool,
    I8,
    I16,
    I32,
    I64,
    Double,
    /// A `string` or `binary`: the protocols do not tell them apart, and neither need be UTF-8.
    Binary,
    Struct,
    Map,
    Set,
    List,
    Uuid,
}

/// A field's header. Its value follows and must be read or skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// As in the IDL.
    pub id: i16,
    /// What follows. A caller that expects something else skips it, as generated code does.
    pub ty: Type,
}

/// What stands before the arguments of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// The method's name.
    pub name: &'a [u8],
    /// 1 call, 2 reply, 3 exception, 4 one-way call.
    pub kind: u8,
    /// Chosen by the client.
    pub sequence: i32,
}

/// Where and why reading stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Address of the byte at fault, so that nothing need be counted while reading.
    at: usize,
    what: &'static str,
}

impl Fault {
    /// A fault at the first byte of `rest`, which is a part of the input.
    #[cold]
    #[must_use]
    pub fn new(rest: &[u8], what: &'static str) -> Self {
        Self { at: rest.as_ptr().addr(), what }
    }

    /// What is wrong there.
    #[must_use]
    pub const fn what(&self) -> &'static str {
        self.what
    }

    /// The fault's distance from the start of `input`, which must be the buffer that was being read.
    #[must_use]
    pub fn offset_in(&self, input: &[u8]) -> usize {
        self.at.saturating_sub(input.as_ptr().addr()).min(input.len())
    }
}

/// A position in a struct or message of one protocol. A copy is a bookmark.
pub trait Read<'a>: Copy {
    /// Starts at the first byte of `input`.
    fn new(input: &'a [u8]) -> Self;

    /// What was not read yet.
    fn rest(&self) -> &'a [u8];

    /// The same, to be shortened.
    #[doc(hidden)]
    fn rest_mut(&mut self) -> &mut &'a [u8];

    /// The envelope of a call; its arguments follow as a struct.
    ///
    /// # Errors
    /// When it is cut off, of another protocol or version, or of a kind that does not exist.
    fn message(&mut self) -> Result<Message<'a>, Fault>;

    /// The header of the struct's next field, or `None` behind its last one.
    ///
    /// `last` belongs to the struct: a fresh 0 where the struct begins.
    ///
    /// # Errors
    /// When it is cut off, or the type or id does not exist.
    fn field(&mut self, last: &mut i16) -> Result<Option<Field>, Fault>;

    /// Takes the header of field `id` if it comes next, and says whether it did. Costs less than
    /// [`field`](Self::field) for a field whose place is known; not for a `bool`, whose header is not always the same.
    fn takes(&mut self, last: &mut i16, id: i16, ty: Type) -> bool;

    /// A `bool`.
    ///
    /// # Errors
    /// When it is cut off.
    fn bool(&mut self) -> Result<bool, Fault>;

    /// A `byte`.
    ///
    /// # Errors
    /// When it is cut off.
    #[inline]
    fn i8(&mut self) -> Result<i8, Fault> {
        take(self.rest_mut()).map(|bytes| i8::from_be_bytes(*bytes))
    }

    /// An `i16`.
    ///
    /// # Errors
    /// When it is cut off or too large.
    fn i16(&mut self) -> Result<i16, Fault>;

    /// An `i32`, or an enum.
    ///
    /// # Errors
    /// When it is cut off or too large.
    fn i32(&mut self) -> Result<i32, Fault>;

    /// An `i64`.
    ///
    /// # Errors
    /// When it is cut off or too large.
    fn i64(&mut self) -> Result<i64, Fault>;

    /// A `double`.
    ///
    /// # Errors
    /// When it is cut off.
    fn double(&mut self) -> Result<f64, Fault>;

    /// A `string` or `binary`, borrowed from the input.
    ///
    /// # Errors
    /// When its length is negative or more than what is left.
    fn bytes(&mut self) -> Result<&'a [u8], Fault>;

    /// The header of a list or set: the elements' type and how many follow. The type of no elements means nothing.
    ///
    /// # Errors
    /// When the number is negative, or more than could follow in the bytes left.
    fn list(&mut self) -> Result<(Type, usize), Fault>;

    /// The header of a map: the types of keys and values and how many pairs follow.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    fn map(&mut self) -> Result<(Type, Type, usize), Fault>;

    /// How many bytes a value of this type takes, if they all take the same; else how many at least.
    #[doc(hidden)]
    fn size_of(ty: Type) -> Size;

    /// The header of a list whose elements have to be of type `element`, if there are any.
    ///
    /// # Errors
    /// As [`list`](Self::list), and when they are of another type.
    #[inline]
    fn list_of(&mut self, element: Type) -> Result<usize, Fault> {
        let start = self.rest();
        match self.list()? {
            (_, 0) => Ok(0),
            (ty, len) if ty == element => Ok(len),
            _ => Err(Fault::new(start, "list elements are of another type")),
        }
    }

    /// Passes over a value.
    ///
    /// # Errors
    /// When it is malformed or nested deeper than 64 levels.
    fn skip(&mut self, ty: Type) -> Result<(), Fault> {
        skip(self, ty, MAX_DEPTH)
    }
}

/// The encoded size of a type.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub enum Size {
    Exactly(usize),
    AtLeast(usize),
}

impl Size {
    const fn least(self) -> usize {
        match self {
            Self::Exactly(bytes) | Self::AtLeast(bytes) => bytes,
        }
    }
}

fn skip<'a, R: Read<'a>>(reader: &mut R, ty: Type, depth: u32) -> Result<(), Fault> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(Fault::new(reader.rest(), "nested too deeply"));
    };
    match ty {
        Type::Bool => reader.bool().map(drop),
        Type::I8 => reader.i8().map(drop),
        Type::I16 => reader.i16().map(drop),
        Type::I32 => reader.i32().map(drop),
        Type::I64 => reader.i64().map(drop),
        Type::Double => reader.double().map(drop),
        Type::Binary => reader.bytes().map(drop),
        Type::Uuid => advance(reader, 16),
        Type::Struct => {
            let mut last = 0;
            while let Some(field) = reader.field(&mut last)? {
                skip(reader, field.ty, depth)?;
            }
            Ok(())
        }
        Type::List | Type::Set => {
            let (ty, len) = reader.list()?;
            skip_all(reader, &[ty], len, depth)
        }
        Type::Map => {
            let (key, value, len) = reader.map()?;
            skip_all(reader, &[key, value], len, depth)
        }
    }
}

/// Passes over `len` elements; each is made of one value per type.
fn skip_all<'a, R: Read<'a>>(reader: &mut R, types: &[Type], len: usize, depth: u32) -> Result<(), Fault> {
    if let [ty] = types
        && let Size::Exactly(bytes) = R::size_of(*ty)
    {
        return advance(reader, bytes * len);
    }
    for _ in 0..len {
        for ty in types {
            skip(reader, *ty, depth)?;
        }
    }
    Ok(())
}

fn advance<'a, R: Read<'a>>(reader: &mut R, bytes: usize) -> Result<(), Fault> {
    let rest = reader.rest_mut();
    *rest = rest.get(bytes..).ok_or_else(|| Fault::new(rest, "value is cut off"))?;
    Ok(())
}

/// Compares a container's size with the bytes left.
fn check_len<'a, R: Read<'a>>(start: &[u8], rest: &[u8], len: i64, types: &[Type]) -> Result<usize, Fault> {
    let len = usize::try_from(len).map_err(|_| Fault::new(start, "negative number of elements"))?;
    let least: usize = types.iter().map(|ty| R::size_of(*ty).least()).sum();
    match len.checked_mul(least) {
        Some(bytes) if bytes <= rest.len() => Ok(len),
        _ => Err(Fault::new(start, "more elements than bytes left")),
    }
}

/// Takes the first `N` bytes off `rest`.
#[inline]
fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Result<&'a [u8; N], Fault> {
    match rest.split_first_chunk() {
        Some((bytes, after)) => {
            *rest = after;
            Ok(bytes)
        }
        None => Err(Fault::new(rest, "value is cut off")),
    }
}

/// Takes the first `len` bytes off `rest`; a fault is at `start`, where the length stands.
#[inline]
fn take_len<'a>(rest: &mut &'a [u8], start: &[u8], len: i64) -> Result<&'a [u8], Fault> {
    let len = usize::try_from(len).map_err(|_| Fault::new(start, "negative length"))?;
    match rest.split_at_checked(len) {
        Some((bytes, after)) => {
            *rest = after;
            Ok(bytes)
        }
        None => Err(Fault::new(start, "length exceeds the input")),
    }
}

/// Appends one protocol to a `Vec<u8>`.
///
/// Structs are written as `last = 0`, fields, [`stop`](Self::stop); `last` belongs to the struct, as when reading.
pub trait Write {
    /// The envelope of a call; its arguments follow as a struct.
    fn message(&mut self, name: &[u8], kind: u8, sequence: i32);
    /// A field's header; the value follows. A `bool` field is [`bool_field`](Self::bool_field).
    fn field(&mut self, last: &mut i16, id: i16, ty: Type);
    /// A `bool` field with its value.
    fn bool_field(&mut self, last: &mut i16, id: i16, value: bool);
    /// The end of a struct.
    fn stop(&mut self);
    /// An `i32` or enum.
    fn i32(&mut self, value: i32);
    /// An `i64`.
    fn i64(&mut self, value: i64);
    /// A `double`.
    fn double(&mut self, value: f64);
    /// A `string` or `binary` of less than 2 GiB; what is longer is cut.
    fn bytes(&mut self, value: &[u8]);
    /// The header of a list; `len` elements follow, which are not `bool`.
    fn list(&mut self, element: Type, len: usize);
}
