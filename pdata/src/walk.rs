//! The walk: reads every field of a request once, allocates nothing, and says what the request is worth.
//!
//! It accepts what prost accepts, except for groups nested deeper than 64. What it finds odd (a string that is not
//! UTF-8, a bad id, a value nested too deeply, anything that is not in canonical form) does not stop it; the caller
//! then has `rewrite` make a clean copy. The code of each message is expanded from `schema`.

use std::mem::size_of;

use crate::otlp::common::v1::*;
use crate::otlp::logs::v1::*;
use crate::otlp::metrics::v1::exponential_histogram_data_point::Buckets;
use crate::otlp::metrics::v1::summary_data_point::ValueAtQuantile;
use crate::otlp::metrics::v1::*;
use crate::otlp::resource::v1::Resource;
use crate::otlp::trace::v1::span::{Event, Link};
use crate::otlp::trace::v1::*;
use crate::otlp::{ExportLogsServiceRequest, ExportMetricsServiceRequest, ExportTraceServiceRequest};
use crate::schema::schema;
use crate::signal::Signal;
use crate::wire::{Fault, Key, Reader, What, WireType};

/// What the walk found in a request that it accepts.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Findings {
    /// Spans, data points or log records.
    pub(crate) items: usize,
    /// Upper bound of the bytes on the heap that decoding would take.
    pub(crate) decoded_bytes: usize,
    /// Whether the bytes must be rewritten before anybody else reads them.
    pub(crate) odd: bool,
}

/// Walks an encoded request. Values nested deeper than `max_depth` are not looked into.
pub(crate) fn walk(signal: Signal, request: &[u8], max_depth: u32) -> Result<Findings, Fault> {
    let mut walk = Walk { found: Findings::default(), max_depth };
    match signal {
        Signal::Traces => ExportTraceServiceRequest::walk(&mut walk, request, 0)?,
        Signal::Metrics => ExportMetricsServiceRequest::walk(&mut walk, request, 0)?,
        Signal::Logs => ExportLogsServiceRequest::walk(&mut walk, request, 0)?,
    }
    Ok(walk.found)
}

struct Walk {
    found: Findings,
    max_depth: u32,
}

impl Walk {
    /// Bytes on the heap: the allocator rounds up, by at most a quarter or to its smallest block.
    #[inline]
    fn heap(&mut self, len: usize) {
        self.found.decoded_bytes += len + len / 4 + 16;
    }

    /// One more element in a `Vec`, which starts with room for four and doubles.
    #[inline]
    fn push<T>(&mut self, first: bool) {
        self.found.decoded_bytes += size_of::<T>() * if first { 4 } else { 2 };
    }

    #[inline]
    fn string(&mut self, bytes: &[u8]) {
        self.heap(bytes.len());
        if !is_utf8(bytes) {
            self.found.odd = true;
            // Each bad byte becomes three.
            self.heap(2 * bytes.len());
        }
    }

    #[inline]
    fn id(&mut self, bytes: &[u8], len: usize) {
        self.heap(bytes.len());
        self.found.odd |= bytes.len() != len && !bytes.is_empty();
    }

    /// Fields that `rewrite` will have to put right; it remembers where each of them is.
    #[inline]
    fn odd(&mut self, fields: usize) {
        self.found.odd |= fields != 0;
        self.found.decoded_bytes += fields * 2 * size_of::<&[u8]>();
    }

    #[cold]
    fn unknown(&mut self, reader: &mut Reader<'_>, key: Key, known: u32) -> Result<(), Fault> {
        if 1u32.checked_shl(key.number()).is_some_and(|bit| known & bit != 0) {
            return Err(Fault::new(reader.rest(), What::UnexpectedWireType));
        }
        reader.value(key).map(drop)
    }
}

/// The lengths of the strings in an attribute as nearly all are: an ASCII key, then an ASCII text or a small number,
/// each in its shortest form and shorter than 128 bytes, and nothing else.
#[inline]
fn plain_pair(pair: &[u8]) -> Option<(usize, Option<usize>)> {
    const FIRST: u8 = 1 << 3 | WireType::Len as u8;
    const SECOND: u8 = 2 << 3 | WireType::Len as u8;
    const BOOL: u8 = 2 << 3 | WireType::Varint as u8;
    const INT: u8 = 3 << 3 | WireType::Varint as u8;
    let &[FIRST, key_len, ref rest @ ..] = pair else { return None };
    let (key, rest) = rest.split_at_checked(usize::from(key_len))?;
    let &[SECOND, value_len, ref value @ ..] = rest else { return None };
    if usize::from(value_len) != value.len() {
        return None;
    }
    match *value {
        // Tags and lengths are ASCII as well.
        [FIRST, text_len, ref text @ ..] if usize::from(text_len) == text.len() && is_ascii(pair) => {
            Some((key.len(), Some(text.len())))
        }
        [BOOL | INT, 0..=0x7F] | [INT, 0x80..=0xFF, 0..=0x7F] if key_len < 0x80 && is_ascii(key) => {
            Some((key.len(), None))
        }
        _ => None,
    }
}

/// Nearly all strings are short and ASCII, which is cheaper to see than to validate.
#[inline]
fn is_utf8(bytes: &[u8]) -> bool {
    is_ascii(bytes) || simdutf8::basic::from_utf8(bytes).is_ok()
}

/// By words that may overlap, where the standard library's goes byte by byte below 32.
#[inline]
fn is_ascii(bytes: &[u8]) -> bool {
    const HIGH_BITS: u128 = 0x8080_8080_8080_8080_8080_8080_8080_8080;
    if let Some(last) = bytes.last_chunk::<16>() {
        let words = bytes.as_chunks::<16>().0.iter().map(|&word| u128::from_le_bytes(word));
        return words.fold(u128::from_le_bytes(*last), |all, word| all | word) & HIGH_BITS == 0;
    }
    let high_bits = match (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        (Some(first), Some(last)) => u64::from_le_bytes(*first) | u64::from_le_bytes(*last),
        _ => match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
            (Some(first), Some(last)) => u64::from(u32::from_le_bytes(*first) | u32::from_le_bytes(*last)),
            _ => return bytes.iter().all(u8::is_ascii),
        },
    };
    u128::from(high_bits) & HIGH_BITS == 0
}

/// A message that can be walked. `depth` is the number of `AnyValue`s around it.
trait Walked {
    fn walk(walk: &mut Walk, body: &[u8], depth: u32) -> Result<(), Fault>;
}

/// The bit that stands for a message's oneof among the fields seen; field numbers end below it.
const ONEOF: u32 = 1 << 31;
/// The bit of field 2, which holds the children of an envelope.
const CHILDREN: u32 = 1 << 2;

/// The fields of one message: those met so far, as bits, and how many of them are not in canonical form.
#[derive(Default)]
struct Seen {
    fields: u32,
    odd: usize,
}

impl Seen {
    /// Meets a field that may not follow any of `after`.
    #[inline]
    fn once(&mut self, bit: u32, after: u32) {
        self.odd += usize::from(self.fields & after != 0);
        self.fields |= bit;
    }

    /// Meets a repeated field: is this the first?
    #[inline]
    fn first(&mut self, bit: u32) -> bool {
        let first = self.fields & bit == 0;
        self.fields |= bit;
        first
    }
}

/// A key as a pattern.
struct Expect<const NUMBER: u32, const WIRE: u32>;

impl<const NUMBER: u32, const WIRE: u32> Expect<NUMBER, WIRE> {
    const KEY: Key = Key(NUMBER << 3 | WIRE);
}

macro_rules! wire_type {
    (varint) => {
        WireType::Varint as u32
    };
    (fixed64) => {
        WireType::Fixed64 as u32
    };
    (fixed32) => {
        WireType::Fixed32 as u32
    };
    (oneof($($shape:tt)+)) => {
        wire_type!($($shape)+)
    };
    (unpacked($shape:tt)) => {
        wire_type!($shape)
    };
    ($($len:tt)+) => {
        WireType::Len as u32
    };
}

/// Reads a value that needs no bookkeeping.
macro_rules! value {
    ($walk:ident, $reader:ident, $depth:ident; varint) => {
        $reader.varint()?
    };
    ($walk:ident, $reader:ident, $depth:ident; fixed64) => {
        $reader.fixed64()?
    };
    ($walk:ident, $reader:ident, $depth:ident; fixed32) => {
        $reader.fixed32()?
    };
    ($walk:ident, $reader:ident, $depth:ident; string) => {
        $walk.string($reader.bytes()?)
    };
    ($walk:ident, $reader:ident, $depth:ident; bytes) => {
        $walk.heap($reader.bytes()?.len())
    };
    ($walk:ident, $reader:ident, $depth:ident; id($len:literal)) => {
        $walk.id($reader.bytes()?, $len)
    };
    ($walk:ident, $reader:ident, $depth:ident; one($message:ty)) => {
        <$message>::walk($walk, $reader.bytes()?, $depth)?
    };
}

/// Reads one field of a message; `$seen` remembers its `$bit`.
macro_rules! field {
    ($walk:ident, $reader:ident, $depth:ident, $seen:ident, $bit:expr; many($message:ty)) => {
        $walk.push::<$message>($seen.first($bit));
        <$message>::walk($walk, $reader.bytes()?, $depth)?
    };
    ($walk:ident, $reader:ident, $depth:ident, $seen:ident, $bit:expr; attributes) => {
        field!($walk, $reader, $depth, $seen, $bit; many(KeyValue))
    };
    ($walk:ident, $reader:ident, $depth:ident, $seen:ident, $bit:expr; strings) => {
        $walk.push::<String>($seen.first($bit));
        $walk.string($reader.bytes()?)
    };
    ($walk:ident, $reader:ident, $depth:ident, $seen:ident, $bit:expr; packed($scalar:tt)) => {
        $seen.once($bit, $bit);
        let mut list = Reader::new($reader.bytes()?);
        $walk.heap(64);
        while !list.is_empty() {
            value!($walk, list, $depth; $scalar);
            $walk.push::<u64>(false);
        }
    };
    ($walk:ident, $reader:ident, $depth:ident, $seen:ident, $bit:expr; unpacked($scalar:tt)) => {
        $seen.odd += 1;
        $walk.heap(64);
        value!($walk, $reader, $depth; $scalar)
    };
    ($walk:ident, $reader:ident, $depth:ident, $seen:ident, $bit:expr; leading($message:ty)) => {
        $seen.once($bit, $bit | CHILDREN);
        value!($walk, $reader, $depth; one($message))
    };
    ($walk:ident, $reader:ident, $depth:ident, $seen:ident, $bit:expr; body) => {
        field!($walk, $reader, $depth, $seen, $bit; one(AnyValue))
    };
    ($walk:ident, $reader:ident, $depth:ident, $seen:ident, $bit:expr; oneof($($shape:tt)+)) => {
        field!($walk, $reader, $depth, $seen, ONEOF; $($shape)+)
    };
    ($walk:ident, $reader:ident, $depth:ident, $seen:ident, $bit:expr; $($shape:tt)+) => {
        $seen.once($bit, $bit);
        value!($walk, $reader, $depth; $($shape)+)
    };
}

/// What a message's role asks for when it is entered; `pair` and `level` may leave it.
macro_rules! enter {
    (item, $walk:ident, $body:ident, $depth:ident) => {
        $walk.found.items += 1;
    };
    (pair, $walk:ident, $body:ident, $depth:ident) => {
        if $depth < $walk.max_depth
            && let Some((key, text)) = plain_pair($body)
        {
            $walk.heap(key);
            if let Some(text) = text {
                $walk.heap(text);
            }
            return Ok(());
        }
    };
    (level, $walk:ident, $body:ident, $depth:ident) => {
        let $depth = $depth + 1;
        if $depth > $walk.max_depth {
            $walk.found.odd = true;
            return Ok(());
        }
    };
    ($role:ident, $walk:ident, $body:ident, $depth:ident) => {};
}

macro_rules! walked {
    ($($role:ident $message:ident { $($name:ident = $number:literal: $($shape:ident)+ $(($($of:tt)+))?;)+ })+) => {$(
        #[allow(unused_variables, unused_mut, reason = "few messages use everything")]
        impl Walked for $message {
            fn walk(walk: &mut Walk, body: &[u8], depth: u32) -> Result<(), Fault> {
                const KNOWN: u32 = 0 $(| 1 << $number)+;
                enter!($role, walk, body, depth);
                let mut seen = Seen::default();
                let mut reader = Reader::new(body);
                while !reader.is_empty() {
                    match reader.key()? {
                        $(Expect::<$number, { wire_type!($($shape)+ $(($($of)+))?) }>::KEY => {
                            field!(walk, reader, depth, seen, 1u32 << $number; $($shape)+ $(($($of)+))?);
                        })+
                        key => walk.unknown(&mut reader, key, KNOWN)?,
                    }
                }
                walk.odd(seen.odd);
                Ok(())
            }
        }
    )+};
}

schema!(walked);

#[cfg(test)]
mod tests {
    use any_value::Value;
    use prost::Message;

    use super::*;

    fn findings(pair: &[u8], max_depth: u32) -> (usize, bool) {
        let mut walk = Walk { found: Findings::default(), max_depth };
        KeyValue::walk(&mut walk, pair, 0).unwrap();
        (walk.found.decoded_bytes, walk.found.odd)
    }

    #[test]
    fn the_short_way_through_an_attribute_finds_what_the_long_one_finds() {
        const UNKNOWN_FIELD: [u8; 2] = [15 << 3, 0];
        let texts = ["", "GET", "naïve", "é"].map(str::to_owned).into_iter();
        let texts: Vec<String> =
            texts.chain([15, 16, 17, 125, 126, 127, 128, 300].map(|n| "x".repeat(n))).collect();
        let values = texts.iter().cloned().map(Value::StringValue);
        let values = values.chain([0, 1, 127, 128, 16_383, 16_384, -1].map(Value::IntValue));
        let values = values.chain([Value::BoolValue(true), Value::DoubleValue(0.5)]);
        let mut short = 0;
        for (value, key) in values.flat_map(|value| texts.iter().map(move |key| (value.clone(), key))) {
            let value = Some(AnyValue { value: Some(value) });
            let pair = KeyValue { key: key.clone(), value, ..KeyValue::default() }.encode_to_vec();
            short += usize::from(plain_pair(&pair).is_some());
            let long = [&pair[..], &UNKNOWN_FIELD].concat();
            assert!(plain_pair(&long).is_none());
            for max_depth in [0, 1, 64] {
                assert_eq!(findings(&pair, max_depth), findings(&long, max_depth), "{pair:x?}");
            }
        }
        assert!(short > 50, "{short} attributes took the short way");
    }
}
