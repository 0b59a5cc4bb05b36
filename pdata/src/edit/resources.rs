//! The attributes of resources: the resource message is spliced, the records are copied as they are.

use super::splice::{Grown, Splice};
use super::{AttributesEdit, NoRoom, Room};
use crate::Pdata;
use crate::wire::{WireType, Write, fields, varint_len};

/// Fields of requests, of `ResourceSpans` and its siblings, and of `Resource`.
const RESOURCES: u32 = 1;
const RESOURCE: u32 = 1;
const ATTRIBUTES: u32 = 1;
/// More than two keys and lengths.
const HEADERS: usize = 24;

impl Pdata {
    /// Lets `edit` change the attributes of each resource, in order. Structs are encoded first. The records are copied
    /// as bytes, and only where something was changed. Gives the bytes by which the data takes more memory.
    ///
    /// # Errors
    /// When what is added finds no `room`. The data is as it was then.
    pub fn edit_resources(
        &mut self,
        room: Room<'_>,
        mut edit: impl FnMut(&mut AttributesEdit<'_>),
    ) -> Result<usize, NoRoom> {
        self.edit_chunks(|chunk| request(chunk, room, &mut edit))
    }
}

/// The request after `edit` saw each of its resources, if anything was changed.
fn request(
    chunk: &[u8],
    room: Room<'_>,
    edit: &mut impl FnMut(&mut AttributesEdit<'_>),
) -> Result<Option<Grown>, NoRoom> {
    let mut splice = Splice::new(chunk, room);
    let mut attributes = AttributesEdit::within(room);
    let mut at = 0;
    for field in fields(chunk) {
        let start = at;
        at += field.raw.len();
        let Some(envelope) = field.len_value().filter(|_| field.number == RESOURCES) else { continue };
        let (before, old, behind) = around_resource(envelope);
        attributes.read(old, ATTRIBUTES);
        edit(&mut attributes);
        if !attributes.is_edited()? {
            continue;
        }
        let len = attributes.len();
        splice.reserve(len + HEADERS)?;
        splice.copy_to(start);
        splice.skip_to(at);
        let (out, message) = (&mut splice.out, 1 + varint_len(len as u64) + len);
        out.put_key(field.number, WireType::Len);
        out.put_varint((before.len() + message + behind.len()) as u64);
        out.extend_from_slice(before);
        out.put_key(RESOURCE, WireType::Len);
        out.put_varint(len as u64);
        attributes.put_message(out);
        out.extend_from_slice(behind);
    }
    Ok(splice.finish())
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
