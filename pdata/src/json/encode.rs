//! Protobuf bytes to JSON text, in one pass over the bytes.

use super::schema::{Field, Kind, Label, Message};
use super::write::{push_base64, push_float, push_hex, push_int, push_string};
use crate::view::fields::{Field as WireField, Fields};
use crate::wire::{Reader, Value};
use bytes::Bytes;

/// Messages nest no deeper when they come from outside (64 `AnyValue`s, three messages each); what code of ours
/// nests deeper is cut.
const DEEPEST: usize = 256;

/// One object out of all chunks of a request.
pub(super) fn request(chunks: &[Bytes], schema: &'static Message, out: &mut Vec<u8>) {
    let Some(Field { key, kind: Kind::Message(resource), .. }) = schema.fields.first() else { return };
    out.push(b'{');
    let mut resources =
        chunks.iter().flat_map(|chunk| Fields::new(chunk)).filter(|field| field.number == 1).peekable();
    if resources.peek().is_some() {
        push_key(out, key);
        out.push(b'[');
        for (i, field) in resources.enumerate() {
            if i > 0 {
                out.push(b',');
            }
            message(field.bytes(), resource, out, 0);
        }
        out.push(b']');
    }
    out.push(b'}');
}

fn message(body: &[u8], schema: &Message, out: &mut Vec<u8>, depth: usize) {
    if depth > DEEPEST {
        out.extend_from_slice(b"{}");
        return;
    }
    // No message of OTLP has more than 16 fields. Most are attributes and values, for which 16 slots would cost
    // more than the rest.
    match schema.fields.len() {
        0..=2 => object::<2>(body, schema, out, depth),
        3..=8 => object::<8>(body, schema, out, depth),
        _ => object::<16>(body, schema, out, depth),
    }
}

/// Where a message has a field: the last occurrence, and for lists the first.
#[derive(Clone, Copy, Default)]
struct Found<'a> {
    last: Option<WireField<'a>>,
    first_tail: &'a [u8],
}

fn object<const FIELDS: usize>(body: &[u8], schema: &Message, out: &mut Vec<u8>, depth: usize) {
    let mut found = [Found::default(); FIELDS];
    for field in Fields::new(body) {
        if let Some(slot) = schema.by_number(field.number).and_then(|index| found.get_mut(index)) {
            if slot.last.is_none() {
                slot.first_tail = field.tail;
            }
            slot.last = Some(field);
        }
    }
    out.push(b'{');
    let mut comma = false;
    for (field, found) in schema.fields.iter().zip(found) {
        let Some(last) = found.last else { continue };
        let start = out.len();
        if comma {
            out.push(b',');
        }
        push_key(out, field.key);
        let written = match field.label {
            Label::Repeated => {
                list(found.first_tail, field, out, depth);
                true
            }
            label => value(&last, field.kind, out, depth) || label == Label::Explicit,
        };
        if written {
            comma = true;
        } else {
            out.truncate(start);
        }
    }
    out.push(b'}');
}

fn push_key(out: &mut Vec<u8>, key: &str) {
    out.push(b'"');
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b"\":");
}

fn list(tail: &[u8], field: &Field, out: &mut Vec<u8>, depth: usize) {
    out.push(b'[');
    let start = out.len();
    for occurrence in Fields::new(tail).filter(|candidate| candidate.number == field.number) {
        match (occurrence.value, field.kind) {
            (Value::Len(_), Kind::Message(_) | Kind::String) => {
                comma_after(start, out);
                value(&occurrence, field.kind, out, depth);
            }
            (Value::Len(run), kind) => {
                let mut run = Reader::new(run);
                while let Some(bits) = packed(&mut run, kind) {
                    comma_after(start, out);
                    scalar(bits, kind, out);
                }
            }
            (_, kind) => {
                comma_after(start, out);
                scalar(occurrence.u64(), kind, out);
            }
        }
    }
    out.push(b']');
}

fn comma_after(start: usize, out: &mut Vec<u8>) {
    if out.len() > start {
        out.push(b',');
    }
}

fn packed(run: &mut Reader<'_>, kind: Kind) -> Option<u64> {
    if run.is_empty() {
        return None;
    }
    match kind {
        Kind::Fixed64 | Kind::Sfixed64 | Kind::Double => run.fixed64().ok(),
        _ => run.varint().ok(),
    }
}

/// Writes the value; says whether it differs from the default. A message that is there always does.
fn value(field: &WireField<'_>, kind: Kind, out: &mut Vec<u8>, depth: usize) -> bool {
    let bytes = field.bytes();
    match kind {
        Kind::Message(schema) => {
            message(bytes, schema, out, depth + 1);
            return true;
        }
        Kind::String => push_string(out, bytes),
        Kind::Id => {
            out.push(b'"');
            push_hex(out, bytes);
            out.push(b'"');
        }
        Kind::Bytes => {
            out.push(b'"');
            push_base64(out, bytes);
            out.push(b'"');
        }
        kind => {
            scalar(field.u64(), kind, out);
            return field.u64() != 0;
        }
    }
    !bytes.is_empty()
}

#[expect(clippy::cast_possible_truncation, reason = "protobuf keeps the low 32 bits of a longer varint")]
fn scalar(bits: u64, kind: Kind, out: &mut Vec<u8>) {
    match kind {
        Kind::Bool => out.extend_from_slice(if bits == 0 { b"false" } else { b"true" }),
        Kind::Enum(_) => push_int(out, (bits as u32).cast_signed()),
        Kind::Uint32 | Kind::Fixed32 => push_int(out, bits as u32),
        Kind::Sint32 => {
            let zigzag = bits as u32;
            push_int(out, (zigzag >> 1).cast_signed() ^ -((zigzag & 1).cast_signed()));
        }
        Kind::Int64 | Kind::Sfixed64 => quoted(out, bits.cast_signed()),
        Kind::Double => double(out, f64::from_bits(bits)),
        _ => quoted(out, bits),
    }
}

fn quoted(out: &mut Vec<u8>, v: impl itoa::Integer) {
    out.push(b'"');
    push_int(out, v);
    out.push(b'"');
}

fn double(out: &mut Vec<u8>, v: f64) {
    if v.is_finite() {
        push_float(out, v);
    } else if v.is_nan() {
        out.extend_from_slice(b"\"NaN\"");
    } else if v > 0.0 {
        out.extend_from_slice(b"\"Infinity\"");
    } else {
        out.extend_from_slice(b"\"-Infinity\"");
    }
}
