//! The tags of one span, process or log on their way to attributes.

use sluice_pdata::wire::{WireType, Write, varint_len};

/// Up to this many tags are compared with each other; more are sorted, so that a flood of them costs no more each.
const FEW: usize = 32;

/// A tag's value, picked by its type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'a> {
    String(&'a [u8]),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(&'a [u8]),
    /// A type that does not exist.
    Unknown(i32),
}

impl<'a> Value<'a> {
    /// The text; a value of another type reads as none.
    pub(super) fn text(self) -> &'a [u8] {
        match self {
            Self::String(text) => text,
            _ => &[],
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Tag<'a> {
    pub(super) key: &'a [u8],
    pub(super) value: Value<'a>,
    /// Does not become an attribute.
    pub(super) gone: bool,
}

/// The tags of one span, process or log. Reused for the next one.
#[derive(Debug, Default)]
pub(super) struct Tags<'a> {
    list: Vec<Tag<'a>>,
    sorted: Vec<u32>,
}

impl<'a> Tags<'a> {
    pub(super) fn clear(&mut self) {
        self.list.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.list.len()
    }

    #[inline]
    pub(super) fn push(&mut self, key: &'a [u8], value: Value<'a>) {
        self.list.push(Tag { key, value, gone: false });
    }

    /// Of tags with the same key, the value of the last one at the place of the first stays.
    pub(super) fn unify(&mut self) {
        if self.list.len() > FEW {
            return self.unify_many();
        }
        // Says for each key whether an earlier one could be equal.
        let mut seen = 0_u64;
        for index in 0..self.list.len() {
            let Some((tag, earlier)) = self.list.get_mut(..=index).and_then(|upto| upto.split_last_mut())
            else {
                return;
            };
            let bit = fingerprint(tag.key);
            if seen & bit != 0
                && let Some(first) = earlier.iter_mut().find(|first| first.key == tag.key)
            {
                first.value = tag.value;
                tag.gone = true;
            }
            seen |= bit;
        }
    }

    fn unify_many(&mut self) {
        let Self { list, sorted } = self;
        let key = |index: &u32| list.get(*index as usize).map(|tag| tag.key);
        sorted.clear();
        sorted.extend(0..u32::try_from(list.len()).unwrap_or(u32::MAX));
        sorted.sort_unstable_by(|a, b| key(a).cmp(&key(b)).then(a.cmp(b)));
        let mut runs = Vec::new();
        for run in sorted.chunk_by(|a, b| key(a) == key(b)).filter(|run| run.len() > 1) {
            runs.push(run);
        }
        for run in runs {
            let Some(last) = run.last().and_then(|last| list.get(*last as usize)).map(|tag| tag.value) else {
                continue;
            };
            for (place, index) in run.iter().enumerate() {
                if let Some(tag) = list.get_mut(*index as usize) {
                    match place {
                        0 => tag.value = last,
                        _ => tag.gone = true,
                    }
                }
            }
        }
    }

    /// The tags that are still there.
    #[inline]
    pub(super) fn iter(&self) -> impl Iterator<Item = &Tag<'a>> {
        self.list.iter().filter(|tag| !tag.gone)
    }

    /// As [`iter`](Self::iter), to take some of them away.
    #[inline]
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Tag<'a>> {
        self.list.iter_mut().filter(|tag| !tag.gone)
    }

    /// Takes away the tag with this key.
    pub(super) fn take(&mut self, key: &[u8]) -> Option<Value<'a>> {
        let tag = self.iter_mut().find(|tag| tag.key == key)?;
        tag.gone = true;
        Some(tag.value)
    }

    pub(super) fn has(&self, key: &[u8]) -> bool {
        self.iter().any(|tag| tag.key == key)
    }

    /// Appends what is there as attributes, each as field `number`.
    pub(super) fn write(&self, number: u32, out: &mut Vec<u8>) {
        for tag in self.iter() {
            put_attribute(out, number, tag.key, tag.value);
        }
    }
}

/// One of 64 bits.
#[inline]
fn fingerprint(key: &[u8]) -> u64 {
    let (first, last) = (key.first().copied().unwrap_or(0), key.last().copied().unwrap_or(0));
    let middle = key.get(key.len() / 2).copied().unwrap_or(0);
    let mixed = usize::from(first) + 5 * usize::from(middle) + 23 * usize::from(last) + 11 * (key.len() % 64);
    1 << (mixed % 64)
}

/// Appends one `KeyValue` as field `number`, which is below 16.
#[inline]
pub(super) fn put_attribute(out: &mut Vec<u8>, number: u32, key: &[u8], value: Value<'_>) {
    let unknown;
    let value = match value {
        Value::Unknown(ty) => {
            unknown = format!("<Unknown Jaeger TagType \"{ty}\">");
            Value::String(unknown.as_bytes())
        }
        value => value,
    };
    let value_len = match value {
        Value::String(bytes) | Value::Bytes(bytes) => 1 + varint_len(bytes.len() as u64) + bytes.len(),
        Value::Bool(_) => 2,
        Value::Int(v) => 1 + varint_len(v.cast_unsigned()),
        Value::Double(_) => 9,
        Value::Unknown(_) => 0,
    };
    let len = 1 + varint_len(key.len() as u64) + key.len() + 1 + varint_len(value_len as u64) + value_len;
    out.reserve(len + 11);
    put_lengths(out, number, len, key);
    out.extend_from_slice(key);
    if let Value::String(text) = value
        && let (Ok(value_len @ 0..0x80), Ok(text_len)) = (u8::try_from(value_len), u8::try_from(text.len()))
    {
        // As most are.
        out.extend_from_slice(&[VALUE, value_len, STRING, text_len]);
        out.extend_from_slice(text);
        return;
    }
    out.push(VALUE);
    out.put_varint(value_len as u64);
    match value {
        Value::String(text) => {
            out.push(STRING);
            out.put_varint(text.len() as u64);
            out.extend_from_slice(text);
        }
        Value::Bool(v) => out.extend_from_slice(&[BOOL, v.into()]),
        Value::Int(v) => {
            out.push(INT);
            out.put_varint(v.cast_unsigned());
        }
        Value::Double(v) => {
            out.push(DOUBLE);
            out.extend_from_slice(&v.to_le_bytes());
        }
        Value::Bytes(bytes) => {
            out.push(BYTES);
            out.put_varint(bytes.len() as u64);
            out.extend_from_slice(bytes);
        }
        Value::Unknown(_) => {}
    }
}

/// The key and length of a field below 16 that is a `KeyValue` of `len` bytes, and those of its own key. Mostly these
/// are four bytes.
#[inline]
pub(super) fn put_lengths(out: &mut Vec<u8>, number: u32, len: usize, key: &[u8]) {
    let field = number << 3 | WireType::Len as u32;
    match (u8::try_from(field), u8::try_from(len), u8::try_from(key.len())) {
        (Ok(field @ 0..0x80), Ok(len @ 0..0x80), Ok(key_len)) => {
            out.extend_from_slice(&[field, len, KEY, key_len]);
        }
        _ => {
            out.put_varint(field.into());
            out.put_varint(len as u64);
            out.push(KEY);
            out.put_varint(key.len() as u64);
        }
    }
}

/// Keys of `KeyValue`'s fields (1 and 2, both lengths).
const KEY: u8 = 0x0A;
const VALUE: u8 = 0x12;
/// Keys of `AnyValue`'s fields.
const STRING: u8 = 0x0A;
const BOOL: u8 = 0x10;
const INT: u8 = 0x18;
const DOUBLE: u8 = 0x21;
const BYTES: u8 = 0x3A;
