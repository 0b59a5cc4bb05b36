//! Editing the attributes of resources on the wire: the resource message is spliced, the records are copied as they
//! are.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use bytes::Bytes;
use prost::Message;

use crate::otlp::common::v1 as common;
use crate::otlp::resource::v1::Resource;
use crate::view::{AnyValueView, Attributes, ResourceView, View};
use crate::wire::{Field, Write, fields};

/// Fields of `ResourceSpans` and its siblings, of `Resource`, `KeyValue` and `AnyValue`.
const RESOURCE: u32 = 1;
const ATTRIBUTES: u32 = 1;
const KEY: u32 = 1;
const VALUE: u32 = 2;

/// The attributes of one resource, to be edited. What is not touched, and unknown fields, stay as they are.
///
/// Keys should be unique. Where they are not, an edit counts for the first and removes the others.
#[derive(Debug)]
pub struct ResourceEdit<'a> {
    /// The `Resource` message; owned once it was edited.
    message: Cow<'a, [u8]>,
}

impl<'a> ResourceEdit<'a> {
    fn new(message: &'a [u8]) -> Self {
        Self { message: Cow::Borrowed(message) }
    }

    /// All attributes, as they are now.
    #[must_use]
    pub fn attributes(&self) -> Attributes<'_> {
        ResourceView::from_wire(&self.message).attributes
    }

    /// The value of an attribute, if there is one.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<AnyValueView<'_>> {
        self.attributes().get(key)
    }

    /// Adds an attribute unless there is one. Says whether it did.
    pub fn insert<'v>(&mut self, key: &str, value: impl Into<NewValue<'v>>) -> bool {
        let absent = self.get(key).is_none();
        if absent {
            self.append(key, value.into());
        }
        absent
    }

    /// Replaces the value of an attribute if there is one. Says whether it did.
    pub fn update<'v>(&mut self, key: &str, value: impl Into<NewValue<'v>>) -> bool {
        let present = self.get(key).is_some();
        if present {
            self.replace(key, Some(value.into()));
        }
        present
    }

    /// Replaces the value of an attribute, or adds it at the end.
    pub fn upsert<'v>(&mut self, key: &str, value: impl Into<NewValue<'v>>) {
        if self.get(key).is_some() {
            self.replace(key, Some(value.into()));
        } else {
            self.append(key, value.into());
        }
    }

    /// Removes an attribute. Says whether there was one.
    pub fn delete(&mut self, key: &str) -> bool {
        let present = self.get(key).is_some();
        if present {
            self.replace(key, None);
        }
        present
    }

    fn append(&mut self, key: &str, value: NewValue<'_>) {
        value.put(key, self.message.to_mut());
    }

    fn replace(&mut self, key: &str, value: Option<NewValue<'_>>) {
        let mut out = Vec::with_capacity(self.message.len() + 64);
        let mut value = value;
        for field in fields(&self.message) {
            if field.number != ATTRIBUTES || !has_key(&field, key) {
                out.extend_from_slice(field.raw);
            } else if let Some(value) = value.take() {
                value.put(key, &mut out);
            }
        }
        self.message = Cow::Owned(out);
    }

    fn into_edited(self) -> Option<Vec<u8>> {
        match self.message {
            Cow::Borrowed(_) => None,
            Cow::Owned(message) => Some(message),
        }
    }
}

fn has_key(attribute: &Field<'_>, key: &str) -> bool {
    let own = attribute.len_value().and_then(|attribute| fields(attribute).find(|field| field.number == KEY));
    own.and_then(|field| field.len_value()).unwrap_or_default() == key.as_bytes()
}

/// A value to give an attribute.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "named after the members of AnyValue")]
pub enum NewValue<'a> {
    String(&'a str),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(&'a [u8]),
    /// Anything, nested no deeper than 64 levels.
    Any(&'a common::AnyValue),
}

impl NewValue<'_> {
    /// Appends the attribute `key` with this value.
    fn put(self, key: &str, out: &mut Vec<u8>) {
        out.put_message_field(ATTRIBUTES, key.len(), |out| {
            out.put_bytes_field(KEY, key.as_bytes());
            out.put_message_field(VALUE, 0, |out| match self {
                Self::String(value) => out.put_bytes_field(1, value.as_bytes()),
                Self::Bool(value) => out.put_varint_field(2, value.into()),
                Self::Int(value) => out.put_varint_field(3, value.cast_unsigned()),
                Self::Double(value) => out.put_fixed64_field(4, value.to_bits()),
                Self::Bytes(value) => out.put_bytes_field(7, value),
                Self::Any(value) => out.extend_from_slice(&value.encode_to_vec()),
            });
        });
    }
}

macro_rules! from {
    ($($member:ident: $from:ty),+) => {$(
        impl<'a> From<$from> for NewValue<'a> {
            fn from(value: $from) -> Self {
                Self::$member(value)
            }
        }
    )+};
}

from!(String: &'a str, Bool: bool, Int: i64, Double: f64, Bytes: &'a [u8], Any: &'a common::AnyValue);

/// The request after `edit` saw each of its resources, or `None` if nothing was changed.
pub(crate) fn request(chunk: &[u8], edit: &mut impl FnMut(&mut ResourceEdit<'_>)) -> Option<Bytes> {
    let mut out = Vec::new();
    let (mut at, mut copied) = (0, 0);
    for field in fields(chunk) {
        let start = at;
        at += field.raw.len();
        let Some(envelope) = field.len_value().filter(|_| field.number == RESOURCE) else { continue };
        // Canonical form: there is at most one.
        let old = fields(envelope).find(|field| field.number == RESOURCE);
        let mut resource = ResourceEdit::new(old.and_then(|field| field.len_value()).unwrap_or_default());
        edit(&mut resource);
        let Some(new) = resource.into_edited() else { continue };
        if out.is_empty() {
            out.reserve(chunk.len() + new.len());
        }
        out.extend_from_slice(chunk.get(copied..start).unwrap_or_default());
        copied = at;
        out.put_message_field(field.number, envelope.len(), |out| {
            out.put_bytes_field(RESOURCE, &new);
            fields(envelope)
                .filter(|field| field.number != RESOURCE)
                .for_each(|field| out.extend_from_slice(field.raw));
        });
    }
    if copied == 0 {
        return None;
    }
    out.extend_from_slice(chunk.get(copied..).unwrap_or_default());
    Some(out.into())
}

/// The same on a struct.
pub(crate) fn resource(resource: &mut Option<Resource>, edit: &mut impl FnMut(&mut ResourceEdit<'_>)) {
    let message = resource.as_ref().map(Message::encode_to_vec).unwrap_or_default();
    let mut edited = ResourceEdit::new(&message);
    edit(&mut edited);
    if let Some(message) = edited.into_edited() {
        #[expect(clippy::expect_used, reason = "encoded here, from structs and valid edits")]
        let new = Resource::decode(message.as_slice()).expect("an edited resource decodes");
        *resource = Some(new);
    }
}
