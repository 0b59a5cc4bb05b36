//! `api_v2` protobuf to OTLP, in one pass over the bytes.

use std::collections::HashMap;

use sluice_pdata::Limits;
use sluice_pdata::wire::{Fault, Field, Reader, Value as Wire};

use super::groups::{Groups, Scope};
use super::process;
use super::span::{Reference, Span, clamp_nanos};
use super::tags::{Tags, Value};
use crate::{Malformed, Rejected, Translated};

pub(super) fn post_spans(body: &[u8], limits: &Limits) -> Result<Translated, Malformed> {
    let mut decoder = Decoder {
        limits,
        resources: Vec::new(),
        own_processes: HashMap::new(),
        groups: Groups::default(),
        items: 0,
        rejected: Rejected::default(),
        fields: Tags::default(),
    };
    match decoder.request(body) {
        Ok(()) => Ok(Translated {
            wire: decoder.groups.finish(&decoder.resources),
            items: decoder.items,
            rejected: decoder.rejected,
        }),
        Err(Stop::Fault(fault)) => Err(Malformed::at(fault.offset_in(body), fault.what())),
        Err(Stop::Type(at)) => Err(Malformed::at(at.saturating_sub(body.as_ptr().addr()), "wrong wire type")),
        Err(Stop::TooLarge(what, limit)) => Err(Malformed::TooLarge { what, limit }),
    }
}

enum Stop {
    Fault(Fault),
    /// A known field of another type; its address.
    Type(usize),
    TooLarge(&'static str, usize),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

struct Decoder<'a> {
    limits: &'a Limits,
    /// The bodies of the resources, one per process in the order of their first span.
    resources: Vec<Vec<u8>>,
    /// Processes that came with a span, by their bytes: where in `resources`. No bytes stand for no process.
    own_processes: HashMap<Option<&'a [u8]>, usize>,
    groups: Groups<'a>,
    items: usize,
    rejected: Rejected,
    /// Used for the fields of one log after the other.
    fields: Tags<'a>,
}

impl<'a> Decoder<'a> {
    fn request(&mut self, body: &'a [u8]) -> Result<(), Stop> {
        let mut reader = Reader::new(body);
        while let Some(field) = reader.field()? {
            if field.number == 1 {
                self.batch(bytes(&field)?)?;
            }
        }
        Ok(())
    }

    fn batch(&mut self, body: &'a [u8]) -> Result<(), Stop> {
        // The process stands behind the spans that it belongs to.
        let mut process = None;
        let mut reader = Reader::new(body);
        while let Some(field) = reader.field()? {
            if field.number == 2 {
                process = Some(bytes(&field)?);
            }
        }
        let mut span = Span { has_trace_state: true, ..Span::default() };
        let mut reader = Reader::new(body);
        let mut bare = true;
        while let Some(field) = reader.field()? {
            if field.number == 1 {
                bare = false;
                self.span(bytes(&field)?, process, &mut span)?;
            }
        }
        if bare && process.is_some() {
            self.resource_of(process)?;
        }
        Ok(())
    }

    /// The place of a process among the resources.
    fn resource_of(&mut self, process: Option<&'a [u8]>) -> Result<usize, Stop> {
        if let Some(&index) = self.own_processes.get(&process) {
            return Ok(index);
        }
        let mut tags = Tags::default();
        let mut service = &[][..];
        let mut reader = Reader::new(process.unwrap_or_default());
        while let Some(field) = reader.field()? {
            match field.number {
                1 => service = bytes(&field)?,
                2 => self.tag(bytes(&field)?, &mut tags)?,
                _ => {}
            }
        }
        let index = self.resources.len();
        self.resources.push(process::resource(service, &mut tags));
        self.own_processes.insert(process, index);
        Ok(index)
    }

    /// Reads a span and appends it; a span with a bad id is counted instead.
    fn span(&mut self, body: &'a [u8], shared: Option<&'a [u8]>, span: &mut Span<'a>) -> Result<(), Stop> {
        span.clear();
        let (mut start, mut duration) = (0, 0);
        let mut process = shared;
        let (mut flaw, mut blank) = (None, true);
        let mut reader = Reader::new(body);
        while let Some(field) = reader.field()? {
            blank = false;
            match field.number {
                1 => match trace_id(bytes(&field)?) {
                    Some(id) => span.trace_id = id,
                    None => flaw = flaw.or(Some("trace id is not 16 bytes long")),
                },
                2 => match span_id(bytes(&field)?) {
                    Some(id) => span.span_id = id,
                    None => flaw = flaw.or(Some("span id is not 8 bytes long")),
                },
                3 => span.name = bytes(&field)?,
                4 => match reference(bytes(&field)?)? {
                    Some(reference) => {
                        self.has_room(span.references.len())?;
                        span.references.push(reference);
                    }
                    None => flaw = flaw.or(Some("id of a reference has a wrong length")),
                },
                5 => span.flags = low_half(varint(&field)?),
                6 => start = seconds_and_nanos(bytes(&field)?)?,
                7 => duration = seconds_and_nanos(bytes(&field)?)?,
                8 => self.tag(bytes(&field)?, &mut span.tags)?,
                9 => self.log(bytes(&field)?, span)?,
                10 => process = Some(bytes(&field)?),
                12 => {
                    self.has_room(span.warnings.len())?;
                    span.warnings.push(bytes(&field)?);
                }
                _ => {}
            }
        }
        if let Some(flaw) = flaw {
            self.rejected.add(flaw);
            return Ok(());
        }
        if blank {
            // otelcol passes over these, too; they tell nothing.
            return Ok(());
        }
        if self.items >= self.limits.max_items {
            return Err(Stop::TooLarge("number of items", self.limits.max_items));
        }
        if self.groups.size() + span.events.len() > self.limits.max_decoded_bytes {
            return Err(Stop::TooLarge("decoded size in bytes", self.limits.max_decoded_bytes));
        }
        span.start = clamp_nanos(start);
        span.end = clamp_nanos(start + duration);
        span.tags.unify();
        let scope = match span.tags.take(b"otel.scope.name") {
            Some(name) => {
                let version = span.tags.take(b"otel.scope.version").map(Value::text);
                Scope { name: name.text(), version: version.unwrap_or_default() }
            }
            None => Scope::default(),
        };
        let process = self.resource_of(process)?;
        span.write(body.len(), &mut self.groups.spans);
        self.groups.add(process, scope);
        self.items += 1;
        Ok(())
    }

    fn log(&mut self, body: &'a [u8], span: &mut Span<'a>) -> Result<(), Stop> {
        let mut fields = std::mem::take(&mut self.fields);
        fields.clear();
        let mut time = 0;
        let mut reader = Reader::new(body);
        while let Some(field) = reader.field()? {
            match field.number {
                1 => time = seconds_and_nanos(bytes(&field)?)?,
                2 => self.tag(bytes(&field)?, &mut fields)?,
                _ => {}
            }
        }
        span.event(clamp_nanos(time), &mut fields);
        self.fields = fields;
        if span.events.len() > self.limits.max_decoded_bytes {
            return Err(Stop::TooLarge("decoded size in bytes", self.limits.max_decoded_bytes));
        }
        Ok(())
    }

    fn tag(&self, body: &'a [u8], tags: &mut Tags<'a>) -> Result<(), Stop> {
        let (mut key, mut kind) = (&[][..], 0);
        let (mut text, mut flag, mut int, mut float, mut binary) = (&[][..], false, 0_u64, 0.0, &[][..]);
        let mut reader = Reader::new(body);
        while let Some(field) = reader.field()? {
            match field.number {
                1 => key = bytes(&field)?,
                2 => kind = low_half(varint(&field)?).cast_signed(),
                3 => text = bytes(&field)?,
                4 => flag = varint(&field)? != 0,
                5 => int = varint(&field)?,
                6 => match field.value {
                    Wire::Fixed64(bits) => float = f64::from_bits(bits),
                    _ => return Err(Stop::Type(field.raw.as_ptr().addr())),
                },
                7 => binary = bytes(&field)?,
                _ => {}
            }
        }
        self.has_room(tags.len())?;
        tags.push(
            key,
            match kind {
                0 => Value::String(text),
                1 => Value::Bool(flag),
                2 => Value::Int(int.cast_signed()),
                3 => Value::Double(float),
                4 => Value::Bytes(binary),
                kind => Value::Unknown(kind),
            },
        );
        Ok(())
    }

    /// Whether one more element may be kept in a list, whose decoded form takes at least 64 bytes each.
    #[inline]
    fn has_room(&self, len: usize) -> Result<(), Stop> {
        if len >= self.limits.max_decoded_bytes / 64 {
            return Err(Stop::TooLarge("decoded size in bytes", self.limits.max_decoded_bytes));
        }
        Ok(())
    }
}

/// `None` if an id has a wrong length.
fn reference(body: &[u8]) -> Result<Option<Reference>, Stop> {
    let (mut trace, mut span, mut kind) = (Some([0; 16]), Some([0; 8]), 0);
    let mut reader = Reader::new(body);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => trace = trace_id(bytes(&field)?),
            2 => span = span_id(bytes(&field)?),
            3 => kind = varint(&field)?,
            _ => {}
        }
    }
    Ok(trace.zip(span).map(|(trace_id, span_id)| Reference { trace_id, span_id, child_of: kind == 0 }))
}

/// 16 bytes; or 8, the lower half; or none, which is zero.
fn trace_id(bytes: &[u8]) -> Option<[u8; 16]> {
    match bytes {
        [] => Some([0; 16]),
        [_, _, _, _, _, _, _, _] => {
            let mut id = [0; 16];
            id.get_mut(8..)?.copy_from_slice(bytes);
            Some(id)
        }
        _ => bytes.try_into().ok(),
    }
}

/// 8 bytes; or none, which is zero.
fn span_id(bytes: &[u8]) -> Option<[u8; 8]> {
    if bytes.is_empty() { Some([0; 8]) } else { bytes.try_into().ok() }
}

/// A `Timestamp` or `Duration` in nanoseconds.
fn seconds_and_nanos(body: &[u8]) -> Result<i128, Stop> {
    let (mut seconds, mut nanos) = (0, 0);
    let mut reader = Reader::new(body);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => seconds = varint(&field)?.cast_signed(),
            2 => nanos = low_half(varint(&field)?).cast_signed(),
            _ => {}
        }
    }
    Ok(i128::from(seconds) * 1_000_000_000 + i128::from(nanos))
}

fn bytes<'a>(field: &Field<'a>) -> Result<&'a [u8], Stop> {
    field.len_value().ok_or_else(|| Stop::Type(field.raw.as_ptr().addr()))
}

fn varint(field: &Field<'_>) -> Result<u64, Stop> {
    match field.value {
        Wire::Varint(value) => Ok(value),
        _ => Err(Stop::Type(field.raw.as_ptr().addr())),
    }
}

/// What protobuf keeps of a varint that is longer than its field.
#[expect(clippy::cast_possible_truncation, reason = "protobuf's rule")]
const fn low_half(value: u64) -> u32 {
    value as u32
}
