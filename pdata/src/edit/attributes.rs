//! The attributes of one message, read in one pass over it, edited in place, written in one pass.

use std::ops::Range;

use super::value::NewValue;
use crate::view::{AnyValueView, AttributeView, Text, View};
use crate::wire::{Fields, Key, Reader, WireType, Write, fields, varint_len};

/// Fields of `KeyValue`.
const KEY: u32 = 1;
const VALUE: u32 = 2;

/// The attributes of one resource or record, to be edited. What is not touched, and unknown fields, stay as they are.
/// What is new comes behind all others.
///
/// Keys should be unique. Where they are not, an edit counts for the first and removes the others.
#[derive(Debug, Default)]
pub struct AttributesEdit<'a> {
    /// The message that has the attributes, and the number of the field that they are in.
    message: &'a [u8],
    number: u32,
    /// In the order of the message; then those that are new.
    entries: Vec<Entry<'a>>,
    /// Fields that replace others or are new.
    made: Vec<u8>,
    /// Room for what is copied from `made` to its own end.
    spare: Vec<u8>,
    edited: bool,
}

/// One of the attributes of an [`AttributesEdit`]. Good until the next edit that removes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(usize);

#[derive(Debug)]
struct Entry<'a> {
    /// The end of the key: nearly always tells it from all others.
    tail: u64,
    key_len: usize,
    /// The `KeyValue` as it was sent; empty if it is new.
    sent: &'a [u8],
    /// Where its field stands in the message; new ones stand at the end.
    at: Range<usize>,
    now: Now,
}

/// What became of an attribute.
#[derive(Debug, Clone, PartialEq)]
enum Now {
    AsSent,
    Gone,
    /// It is a field in `made`, whose `KeyValue` begins behind so many bytes of key and length.
    Made {
        field: Range<usize>,
        header: usize,
    },
}

impl<'a> AttributesEdit<'a> {
    /// The attributes in fields `number` of `message`.
    pub(super) fn of(message: &'a [u8], number: u32) -> Self {
        let mut attributes = Self::default();
        attributes.read(message, number);
        attributes
    }

    /// Begins with another message. Nothing is allocated once there was room for as many attributes.
    #[inline]
    pub(super) fn read(&mut self, message: &'a [u8], number: u32) {
        (self.message, self.number, self.edited) = (message, number, false);
        self.entries.clear();
        self.made.clear();
        let attribute = Key::new(number, WireType::Len);
        let mut reader = Reader::new(message);
        while !reader.is_empty() {
            let start = message.len() - reader.rest().len();
            let Ok(key) = reader.key() else { break };
            if key != attribute {
                if reader.skip(key).is_err() {
                    break;
                }
                continue;
            }
            let Ok(sent) = reader.bytes() else { break };
            let (key, end) = (key_of(sent), message.len() - reader.rest().len());
            self.entries.push(Entry {
                tail: tail(key),
                key_len: key.len(),
                sent,
                at: start..end,
                now: Now::AsSent,
            });
        }
    }

    /// All attributes, as they are now.
    pub fn iter(&self) -> impl Iterator<Item = AttributeView<'_>> {
        let present = self.entries.iter().filter(|entry| entry.now != Now::Gone);
        present.map(|entry| AttributeView::from_wire(self.pair(entry)))
    }

    /// Where an attribute is, if there is one.
    #[must_use]
    #[inline]
    pub fn find(&self, key: &str) -> Option<Place> {
        self.find_from(0, key.as_bytes())
    }

    /// The first attribute whose key `matches`, behind that at `after` if one is given.
    pub fn find_where(&self, after: Option<Place>, matches: impl Fn(Text<'_>) -> bool) -> Option<Place> {
        let from = after.map_or(0, |Place(place)| place + 1);
        let rest = self.entries.get(from..).unwrap_or_default();
        let found = rest
            .iter()
            .position(|entry| entry.now != Now::Gone && matches(Text::new(key_of(self.pair(entry)))))?;
        Some(Place(from + found))
    }

    /// The value of the attribute at `place`.
    #[must_use]
    pub fn value(&self, place: Place) -> AnyValueView<'_> {
        let pair = self.entries.get(place.0).map(|entry| self.pair(entry)).unwrap_or_default();
        AttributeView::from_wire(pair).value
    }

    /// Gives the attribute at `place` another value.
    pub fn set<'v>(&mut self, place: Place, value: impl Into<NewValue<'v>>) {
        let Some(entry) = self.entries.get(place.0) else { return };
        let made = self.made.len();
        let header = match &entry.now {
            Now::Gone => return,
            Now::AsSent => put_attribute(self.number, key_of(entry.sent), value.into(), &mut self.made),
            Now::Made { field, header } => {
                let pair = self.made.get(field.start + header..field.end).unwrap_or_default();
                self.spare.clear();
                self.spare.extend_from_slice(key_of(pair));
                put_attribute(self.number, &self.spare, value.into(), &mut self.made)
            }
        };
        self.becomes(place, Now::Made { field: made..self.made.len(), header });
    }

    /// Removes the attribute at `place`.
    pub fn remove(&mut self, place: Place) {
        self.becomes(place, Now::Gone);
    }

    /// The value of an attribute, if there is one.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<AnyValueView<'_>> {
        self.find(key).map(|place| self.value(place))
    }

    /// Adds an attribute unless there is one. Says whether it did.
    #[inline]
    pub fn insert<'v>(&mut self, key: &str, value: impl Into<NewValue<'v>>) -> bool {
        let absent = self.find(key).is_none();
        if absent {
            self.add(key, value);
        }
        absent
    }

    /// Replaces the value of an attribute if there is one. Says whether it did.
    #[inline]
    pub fn update<'v>(&mut self, key: &str, value: impl Into<NewValue<'v>>) -> bool {
        let place = self.find(key);
        if let Some(place) = place {
            self.set(place, value);
        }
        place.is_some()
    }

    /// Replaces the value of an attribute, or adds it at the end.
    #[inline]
    pub fn upsert<'v>(&mut self, key: &str, value: impl Into<NewValue<'v>>) {
        match self.find(key) {
            Some(place) => self.set(place, value),
            None => self.add(key, value),
        }
    }

    /// Removes an attribute. Says whether there was one.
    #[inline]
    pub fn delete(&mut self, key: &str) -> bool {
        let place = self.find(key);
        if let Some(place) = place {
            self.remove(place);
        }
        place.is_some()
    }

    /// Gives the attribute `key`, which is at `to` or else is added, the value of the one at `from`.
    pub fn copy(&mut self, from: Place, key: &str, to: Option<Place>) {
        let Some(source) = self.entries.get(from.0) else { return };
        let start = self.made.len();
        let header = match &source.now {
            Now::Gone => return,
            Now::AsSent => put_copy(self.number, key.as_bytes(), value_of(source.sent), &mut self.made),
            Now::Made { field, header } => {
                let pair = self.made.get(field.start + header..field.end).unwrap_or_default();
                self.spare.clear();
                let value = value_of(pair).map(|value| self.spare.extend_from_slice(value));
                put_copy(self.number, key.as_bytes(), value.map(|()| &self.spare[..]), &mut self.made)
            }
        };
        let now = Now::Made { field: start..self.made.len(), header };
        match to {
            Some(to) => self.becomes(to, now),
            None => self.is_new(key, now),
        }
    }

    /// Adds an attribute that is not there yet.
    pub fn add<'v>(&mut self, key: &str, value: impl Into<NewValue<'v>>) {
        let start = self.made.len();
        let header = put_attribute(self.number, key.as_bytes(), value.into(), &mut self.made);
        self.is_new(key, Now::Made { field: start..self.made.len(), header });
    }

    fn is_new(&mut self, key: &str, now: Now) {
        let (end, key) = (self.message.len(), key.as_bytes());
        self.entries.push(Entry { tail: tail(key), key_len: key.len(), sent: &[], at: end..end, now });
        self.edited = true;
    }

    /// What is at `place` becomes something else; those behind it with the same key go.
    fn becomes(&mut self, place: Place, now: Now) {
        let Some(entry) = self.entries.get(place.0) else { return };
        let (tail, key_len) = (entry.tail, entry.key_len);
        let rest = self.entries.get(place.0 + 1..).unwrap_or_default();
        if rest.iter().any(|entry| entry.tail == tail && entry.key_len == key_len) {
            let key = key_of(self.pair(entry)).to_vec();
            let mut from = place.0 + 1;
            while let Some(Place(other)) = self.find_from(from, &key) {
                if let Some(entry) = self.entries.get_mut(other) {
                    entry.now = Now::Gone;
                }
                from = other + 1;
            }
        }
        if let Some(entry) = self.entries.get_mut(place.0) {
            entry.now = now;
            self.edited = true;
        }
    }

    #[inline]
    fn find_from(&self, from: usize, key: &[u8]) -> Option<Place> {
        let (tail, entries) = (tail(key), self.entries.get(from..).unwrap_or_default());
        let found = entries.iter().position(|entry| {
            entry.tail == tail
                && entry.key_len == key.len()
                && entry.now != Now::Gone
                && (key.len() <= TAIL || key_of(self.pair(entry)) == key)
        })?;
        Some(Place(from + found))
    }

    /// The `KeyValue` of an attribute as it is now.
    fn pair(&self, entry: &Entry<'a>) -> &[u8] {
        match &entry.now {
            Now::AsSent => entry.sent,
            Now::Gone => &[],
            Now::Made { field, header } => self.made.get(field.start + header..field.end).unwrap_or_default(),
        }
    }

    /// Whether anything was changed.
    pub(super) fn is_edited(&self) -> bool {
        self.edited
    }

    /// Length of the message in bytes after the edits.
    pub(super) fn len(&self) -> usize {
        self.entries.iter().fold(self.message.len(), |len, entry| match &entry.now {
            Now::AsSent => len,
            Now::Gone => len - entry.at.len(),
            Now::Made { field, .. } => len - entry.at.len() + field.len(),
        })
    }

    /// Appends the message after the edits.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        let mut copied = 0;
        for entry in &self.entries {
            let new = match &entry.now {
                Now::AsSent => continue,
                Now::Gone => &[],
                Now::Made { field, .. } => self.made.get(field.clone()).unwrap_or_default(),
            };
            out.extend_from_slice(self.message.get(copied..entry.at.start).unwrap_or_default());
            out.extend_from_slice(new);
            copied = entry.at.end;
        }
        out.extend_from_slice(self.message.get(copied..).unwrap_or_default());
    }
}

/// How many bytes of a key [`tail`] tells.
const TAIL: usize = 8;

/// The last bytes of a key, of which many begin alike.
#[inline]
fn tail(key: &[u8]) -> u64 {
    match key.last_chunk::<TAIL>() {
        Some(last) => u64::from_le_bytes(*last),
        None => key.iter().fold(0, |tail, byte| tail << 8 | u64::from(*byte)),
    }
}

/// The key of a `KeyValue`, which nearly always comes first and is short.
#[inline]
fn key_of(pair: &[u8]) -> &[u8] {
    const FIRST: u8 = 1 << 3 | WireType::Len as u8;
    if let [FIRST, len @ 0..=0x7F, rest @ ..] = pair
        && let Some(key) = rest.get(..usize::from(*len))
    {
        return key;
    }
    field_of(fields(pair), KEY).unwrap_or_default()
}

/// The `AnyValue` of a `KeyValue`, if it has one.
fn value_of(pair: &[u8]) -> Option<&[u8]> {
    field_of(fields(pair), VALUE)
}

fn field_of(mut fields: Fields<'_>, number: u32) -> Option<&[u8]> {
    fields.find(|field| field.number == number).and_then(|field| field.len_value())
}

/// Appends the attribute as field `number`; tells where its `KeyValue` begins.
fn put_attribute(number: u32, key: &[u8], value: NewValue<'_>, out: &mut Vec<u8>) -> usize {
    let value_len = value.encoded_len();
    let header = put_header(number, key, Some(value_len), out);
    out.put_key(VALUE, WireType::Len);
    out.put_varint(value_len as u64);
    value.put(out);
    header
}

/// The same with a value that is encoded already.
fn put_copy(number: u32, key: &[u8], value: Option<&[u8]>, out: &mut Vec<u8>) -> usize {
    let header = put_header(number, key, value.map(<[u8]>::len), out);
    if let Some(value) = value {
        out.put_bytes_field(VALUE, value);
    }
    header
}

/// Appends the beginning of an attribute up to its value; tells where its `KeyValue` begins.
fn put_header(number: u32, key: &[u8], value_len: Option<usize>, out: &mut Vec<u8>) -> usize {
    let len = |len: usize| 1 + varint_len(len as u64) + len;
    let start = out.len();
    out.put_key(number, WireType::Len);
    out.put_varint((len(key.len()) + value_len.map_or(0, len)) as u64);
    let header = out.len() - start;
    out.put_bytes_field(KEY, key);
    header
}
