//! The attributes of resources: the resource message is spliced, the records are copied as they are.

use bytes::Bytes;
use prost::Message;

use super::AttributesEdit;
use crate::otlp::resource::v1::Resource;
use crate::wire::{WireType, Write, fields, varint_len};

/// Fields of requests, of `ResourceSpans` and its siblings, and of `Resource`.
const RESOURCES: u32 = 1;
const RESOURCE: u32 = 1;
const ATTRIBUTES: u32 = 1;

/// The request after `edit` saw each of its resources, or `None` if nothing was changed.
pub(crate) fn request(chunk: &[u8], edit: &mut impl FnMut(&mut AttributesEdit<'_>)) -> Option<Bytes> {
    let mut out = Vec::new();
    let (mut at, mut copied) = (0, 0);
    for field in fields(chunk) {
        let start = at;
        at += field.raw.len();
        let Some(envelope) = field.len_value().filter(|_| field.number == RESOURCES) else { continue };
        let (before, old, behind) = around_resource(envelope);
        let mut attributes = AttributesEdit::of(old, ATTRIBUTES);
        edit(&mut attributes);
        if !attributes.is_edited() {
            continue;
        }
        let len = attributes.len();
        let message = 1 + varint_len(len as u64) + len;
        if out.is_empty() {
            out.reserve(chunk.len() + message);
        }
        out.extend_from_slice(chunk.get(copied..start).unwrap_or_default());
        copied = at;
        out.put_key(field.number, WireType::Len);
        out.put_varint((before.len() + message + behind.len()) as u64);
        out.extend_from_slice(before);
        out.put_key(RESOURCE, WireType::Len);
        out.put_varint(len as u64);
        attributes.put_message(&mut out);
        out.extend_from_slice(behind);
    }
    if copied == 0 {
        return None;
    }
    out.extend_from_slice(chunk.get(copied..).unwrap_or_default());
    Some(out.into())
}

/// What stands before the resource of an envelope, its message, and what stands behind it. Canonical form: there is at
/// most one, and it stands before the scopes. Where there is none it comes first.
fn around_resource(envelope: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let mut all = fields(envelope);
    let mut at = 0;
    while let Some(field) = all.next() {
        if let Some(resource) = field.len_value().filter(|_| field.number == RESOURCE) {
            return (envelope.get(..at).unwrap_or_default(), resource, all.rest());
        }
        at += field.raw.len();
    }
    (&[], &[], envelope)
}

/// The same on a struct.
pub(crate) fn resource(resource: &mut Option<Resource>, edit: &mut impl FnMut(&mut AttributesEdit<'_>)) {
    let message = resource.as_ref().map(Message::encode_to_vec).unwrap_or_default();
    let mut attributes = AttributesEdit::of(&message, ATTRIBUTES);
    edit(&mut attributes);
    if attributes.is_edited() {
        let mut new = Vec::with_capacity(attributes.len());
        attributes.put_message(&mut new);
        #[expect(clippy::expect_used, reason = "encoded here, from structs and valid edits")]
        let new = Resource::decode(new.as_slice()).expect("an edited resource decodes");
        *resource = Some(new);
    }
}
