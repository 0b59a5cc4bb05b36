//! The attributes of one message, read in one pass over it, edited in place, written in one pass.

use std::ops::Range;

use super::pair::{EncodedAttribute, HEADERS, KeyTail, key_of, put_attribute, put_copy, value_of};
use super::room::{NoRoom, Room};
use super::value::NewValue;
use crate::view::{AnyValueView, AttributeView, Text, View};
use crate::wire::{Key, Reader, WireType};

/// The attributes of one resource or record, to be edited. What is not touched, and unknown fields, stay as they are.
/// What is new comes behind all others.
///
/// Keys should be unique. Where they are not, an edit by key counts for the first and removes the others.
///
/// An edit for which there is no memory is not made, and with it the whole edit of the data fails.
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
    /// The memory that it may take, and that it was given no more.
    room: Room<'a>,
    fault: Option<NoRoom>,
}

/// One of the attributes of an [`AttributesEdit`]. Good until the next edit that removes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(usize);

#[derive(Debug)]
struct Entry<'a> {
    key: KeyTail,
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
    /// No attributes yet, and the memory that they may take.
    pub(super) fn within(room: Room<'a>) -> Self {
        Self { room, ..Self::default() }
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
            let end = message.len() - reader.rest().len();
            let key = KeyTail::of(key_of(sent));
            if !has_room(self.room, &mut self.entries, 1, &mut self.fault) {
                break;
            }
            self.entries.push(Entry { key, sent, at: start..end, now: Now::AsSent });
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

    /// Gives the attribute at `place` another value. Others with its key stay; see [`keep_first`](Self::keep_first).
    pub fn set<'v>(&mut self, place: Place, value: impl Into<NewValue<'v>>) {
        let Some(entry) = self.entries.get(place.0) else { return };
        let (value, start, key) = (value.into(), self.made.len(), key_of(self.pair(entry)).len());
        if !has_room(self.room, &mut self.made, HEADERS + key + value.encoded_len(), &mut self.fault) {
            return;
        }
        let header = match &entry.now {
            Now::Gone => return,
            Now::AsSent => put_attribute(self.number, key_of(entry.sent), value, &mut self.made),
            Now::Made { field, header } => {
                let pair = self.made.get(field.start + header..field.end).unwrap_or_default();
                self.spare.clear();
                if !has_room(self.room, &mut self.spare, key, &mut self.fault) {
                    return;
                }
                self.spare.extend_from_slice(key_of(pair));
                put_attribute(self.number, &self.spare, value, &mut self.made)
            }
        };
        self.becomes(place, Now::Made { field: start..self.made.len(), header });
    }

    /// Removes the attribute at `place`. Others with its key stay.
    pub fn remove(&mut self, place: Place) {
        self.becomes(place, Now::Gone);
    }

    /// Removes those behind `place` that have the same key.
    pub fn keep_first(&mut self, place: Place) {
        let Some(entry) = self.entries.get(place.0) else { return };
        let rest = self.entries.get(place.0 + 1..).unwrap_or_default();
        if !rest.iter().any(|other| other.key == entry.key) {
            return;
        }
        let key = key_of(self.pair(entry)).to_vec();
        let mut from = place.0 + 1;
        while let Some(other) = self.find_from(from, &key) {
            self.remove(other);
            from = other.0 + 1;
        }
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
            self.keep_first(place);
            self.set(place, value);
        }
        place.is_some()
    }

    /// Replaces the value of an attribute, or adds it at the end.
    #[inline]
    pub fn upsert<'v>(&mut self, key: &str, value: impl Into<NewValue<'v>>) {
        match self.find(key) {
            Some(place) => {
                self.keep_first(place);
                self.set(place, value);
            }
            None => self.add(key, value),
        }
    }

    /// Removes an attribute. Says whether there was one.
    #[inline]
    pub fn delete(&mut self, key: &str) -> bool {
        let place = self.find(key);
        if let Some(place) = place {
            self.keep_first(place);
            self.remove(place);
        }
        place.is_some()
    }

    /// Gives the attribute `key`, which is at `to` or else is added, the value of the one at `from`.
    pub fn copy(&mut self, from: Place, key: &str, to: Option<Place>) {
        let Some(source) = self.entries.get(from.0) else { return };
        let (start, pair) = (self.made.len(), self.pair(source).len());
        if !has_room(self.room, &mut self.made, HEADERS + key.len() + pair, &mut self.fault) {
            return;
        }
        let header = match &source.now {
            Now::Gone => return,
            Now::AsSent => put_copy(self.number, key.as_bytes(), value_of(source.sent), &mut self.made),
            Now::Made { field, header } => {
                let made = self.made.get(field.start + header..field.end).unwrap_or_default();
                self.spare.clear();
                if !has_room(self.room, &mut self.spare, pair, &mut self.fault) {
                    return;
                }
                let value = value_of(made).map(|value| self.spare.extend_from_slice(value));
                put_copy(self.number, key.as_bytes(), value.map(|()| &self.spare[..]), &mut self.made)
            }
        };
        let now = Now::Made { field: start..self.made.len(), header };
        self.put_made(KeyTail::of(key.as_bytes()), to, now);
    }

    /// Puts an attribute that was encoded before in the place `to`, where there is one with its key, or else adds it.
    #[inline]
    pub fn put(&mut self, attribute: &EncodedAttribute, to: Option<Place>) {
        if !has_room(self.room, &mut self.made, HEADERS + attribute.len(), &mut self.fault) {
            return;
        }
        let start = self.made.len();
        let header = attribute.put(self.number, &mut self.made);
        let now = Now::Made { field: start..self.made.len(), header };
        self.put_made(attribute.key_tail(), to, now);
    }

    fn put_made(&mut self, key: KeyTail, to: Option<Place>, now: Now) {
        let Some(to) = to else { return self.is_new(key, now) };
        self.keep_first(to);
        self.becomes(to, now);
    }

    fn add<'v>(&mut self, key: &str, value: impl Into<NewValue<'v>>) {
        let (value, start) = (value.into(), self.made.len());
        if !has_room(self.room, &mut self.made, HEADERS + key.len() + value.encoded_len(), &mut self.fault) {
            return;
        }
        let header = put_attribute(self.number, key.as_bytes(), value, &mut self.made);
        self.is_new(KeyTail::of(key.as_bytes()), Now::Made { field: start..self.made.len(), header });
    }

    fn is_new(&mut self, key: KeyTail, now: Now) {
        if has_room(self.room, &mut self.entries, 1, &mut self.fault) {
            let end = self.message.len();
            self.entries.push(Entry { key, sent: &[], at: end..end, now });
            self.edited = true;
        }
    }

    fn becomes(&mut self, place: Place, now: Now) {
        if let Some(entry) = self.entries.get_mut(place.0) {
            entry.now = now;
            self.edited = true;
        }
    }

    #[inline]
    fn find_from(&self, from: usize, key: &[u8]) -> Option<Place> {
        let (tail, entries) = (KeyTail::of(key), self.entries.get(from..).unwrap_or_default());
        let found = entries.iter().position(|entry| {
            entry.key == tail && entry.now != Now::Gone && (tail.is_all() || key_of(self.pair(entry)) == key)
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

    /// Whether anything was changed. Fails if there was no room for it.
    #[inline]
    pub(super) fn is_edited(&self) -> Result<bool, NoRoom> {
        self.fault.map_or(Ok(self.edited), Err)
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
    pub(super) fn put_message(&self, out: &mut Vec<u8>) {
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

/// Whether `list` can take so many elements `more`; if not, the edit is at fault, which [`AttributesEdit::is_edited`]
/// tells.
#[inline]
fn has_room<T>(room: Room<'_>, list: &mut Vec<T>, more: usize, fault: &mut Option<NoRoom>) -> bool {
    match room.reserve(list, more) {
        Ok(()) => true,
        Err(error) => {
            *fault = Some(error);
            false
        }
    }
}
