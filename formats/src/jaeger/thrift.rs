//! `jaeger.thrift` to OTLP, in one pass over the bytes.
//!
//! Fields that the IDL requires must be there, as generated readers have it; a field of another type than the IDL's
//! is passed over.

use sluice_pdata::Limits;

use super::groups::{Groups, Scope};
use super::span::{Reference, Span, clamp_nanos};
use super::tags::{Tags, Value};
use super::{Protocol, ZIPKIN_BATCH, process};
use crate::thrift::{Fault, Read, Type, binary, compact};
use crate::{Malformed, Rejected, Translated};

pub(super) fn emit_batch(
    packet: &[u8],
    protocol: Protocol,
    limits: &Limits,
) -> Result<Translated, Malformed> {
    match protocol {
        Protocol::Binary => run::<binary::Reader<'_>>(packet, limits, Decoder::call),
        Protocol::Compact => run::<compact::Reader<'_>>(packet, limits, Decoder::call),
    }
}

pub(super) fn batch(body: &[u8], protocol: Protocol, limits: &Limits) -> Result<Translated, Malformed> {
    match protocol {
        Protocol::Binary => run::<binary::Reader<'_>>(body, limits, Decoder::batch),
        Protocol::Compact => run::<compact::Reader<'_>>(body, limits, Decoder::batch),
    }
}

fn run<'a, R: Read<'a>>(
    input: &'a [u8],
    limits: &'a Limits,
    read: impl FnOnce(&mut Decoder<'a, R>) -> Result<(), Stop>,
) -> Result<Translated, Malformed> {
    let mut decoder = Decoder {
        reader: R::new(input),
        limits,
        resource: Vec::new(),
        groups: Groups::default(),
        items: 0,
        rejected: Rejected::default(),
        span: Span::default(),
        fields: Tags::default(),
    };
    match read(&mut decoder) {
        Ok(()) => Ok(Translated {
            wire: decoder.groups.finish(&[decoder.resource]),
            items: decoder.items,
            rejected: decoder.rejected,
        }),
        Err(Stop::Fault(fault)) => Err(Malformed::at(fault.offset_in(input), fault.what())),
        Err(Stop::TooLarge(what, limit)) => Err(Malformed::TooLarge { what, limit }),
    }
}

enum Stop {
    Fault(Fault),
    TooLarge(&'static str, usize),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

struct Decoder<'a, R> {
    reader: R,
    limits: &'a Limits,
    resource: Vec<u8>,
    groups: Groups<'a>,
    items: usize,
    rejected: Rejected,
    /// Used for one span after the other.
    span: Span<'a>,
    /// Used for the tags of one log after the other.
    fields: Tags<'a>,
}

/// Which fields of a struct were met, as bits.
#[derive(Clone, Copy, Default)]
struct Seen(u16);

impl Seen {
    fn meet(&mut self, id: i16) {
        self.0 |= u32::try_from(id).ok().and_then(|id| 1u16.checked_shl(id)).unwrap_or(0);
    }

    const fn all(self, bits: u16) -> bool {
        self.0 & bits == bits
    }
}

/// Fields 1 to 5 and 7 to 9 of a span.
const SPAN_REQUIRED: u16 = 0b11_1011_1110;
/// Fields 1 to 4 of a reference.
const REFERENCE_REQUIRED: u16 = 0b1_1110;
/// Fields 1 and 2: of a tag, a log, a batch.
const FIRST_TWO: u16 = 0b110;

/// Why a span is left out.
type Flaw = Option<&'static str>;

impl<'a, R: Read<'a>> Decoder<'a, R> {
    /// The envelope and the arguments of `emitBatch`.
    fn call(&mut self) -> Result<(), Stop> {
        let start = self.reader.rest();
        match self.reader.message()?.name {
            b"emitBatch" => {}
            b"emitZipkinBatch" => return Err(Fault::new(start, ZIPKIN_BATCH).into()),
            _ => return Err(Fault::new(start, "method is not emitBatch").into()),
        }
        let start = self.reader.rest();
        let (mut last, mut found) = (0, false);
        while let Some(field) = self.reader.field(&mut last)? {
            match (field.id, field.ty) {
                (1, Type::Struct) if !found => {
                    found = true;
                    self.batch()?;
                }
                _ => self.reader.skip(field.ty)?,
            }
        }
        if found { Ok(()) } else { Err(Fault::new(start, "call without a batch").into()) }
    }

    fn batch(&mut self) -> Result<(), Stop> {
        let start = self.reader.rest();
        let (mut last, mut seen) = (0, Seen::default());
        while let Some(field) = self.reader.field(&mut last)? {
            match (field.id, field.ty) {
                (1, Type::Struct) => self.process()?,
                (2, Type::List) => {
                    for _ in 0..self.reader.list_of(Type::Struct)? {
                        self.span()?;
                    }
                }
                _ => {
                    self.reader.skip(field.ty)?;
                    continue;
                }
            }
            seen.meet(field.id);
        }
        if seen.all(FIRST_TWO) {
            Ok(())
        } else {
            Err(Fault::new(start, "batch without process or spans").into())
        }
    }

    fn process(&mut self) -> Result<(), Stop> {
        let start = self.reader.rest();
        let (mut last, mut service) = (0, None);
        let mut tags = Tags::default();
        while let Some(field) = self.reader.field(&mut last)? {
            match (field.id, field.ty) {
                (1, Type::Binary) => service = Some(self.reader.bytes()?),
                (2, Type::List) => {
                    if self.tags(&mut tags)?.is_some() {
                        return Err(Fault::new(start, "tag of the process without a required field").into());
                    }
                }
                _ => self.reader.skip(field.ty)?,
            }
        }
        let Some(service) = service else {
            return Err(Fault::new(start, "process without serviceName").into());
        };
        self.resource = process::resource(service, &mut tags);
        Ok(())
    }

    /// Reads a span and appends it; a span with a flaw is counted instead.
    fn span(&mut self) -> Result<(), Stop> {
        let mut span = std::mem::take(&mut self.span);
        span.clear();
        let read = self.read_span(&mut span);
        if let Ok(None) = read {
            if self.groups.size() + span.events.len() > self.limits.max_decoded_bytes {
                return Err(Stop::TooLarge("decoded size in bytes", self.limits.max_decoded_bytes));
            }
            if self.items >= self.limits.max_items {
                return Err(Stop::TooLarge("number of items", self.limits.max_items));
            }
            // Spans of a client are much alike, and most take two bytes for their length.
            span.write(128, &mut self.groups.spans);
            self.groups.add(0, Scope::default());
            self.items += 1;
        }
        self.span = span;
        if let Some(flaw) = read? {
            self.rejected.add(flaw);
        }
        Ok(())
    }

    fn read_span(&mut self, span: &mut Span<'a>) -> Result<Flaw, Stop> {
        let (mut last, mut seen, mut flaw) = (0, Seen::default(), None);
        let (mut low, mut high) = (0, 0);
        let (mut start, mut duration) = (0, 0);
        while let Some(field) = self.reader.field(&mut last)? {
            match (field.id, field.ty) {
                (1, Type::I64) => low = self.reader.i64()?,
                (2, Type::I64) => high = self.reader.i64()?,
                (3, Type::I64) => span.span_id = self.reader.i64()?.to_be_bytes(),
                (4, Type::I64) => span.parent_span_id = self.reader.i64()?.to_be_bytes(),
                (5, Type::Binary) => span.name = self.reader.bytes()?,
                (6, Type::List) => flaw = flaw.or(self.references(span)?),
                (7, Type::I32) => span.flags = self.reader.i32()?.cast_unsigned(),
                (8, Type::I64) => start = self.reader.i64()?,
                (9, Type::I64) => duration = self.reader.i64()?,
                (10, Type::List) => {
                    span.tags.clear();
                    flaw = flaw.or(self.tags(&mut span.tags)?);
                }
                (11, Type::List) => flaw = flaw.or(self.logs(span)?),
                _ => {
                    self.reader.skip(field.ty)?;
                    continue;
                }
            }
            seen.meet(field.id);
        }
        span.trace_id = trace_id(high, low);
        span.start = clamp_nanos(i128::from(start) * 1000);
        span.end = clamp_nanos((i128::from(start) + i128::from(duration)) * 1000);
        Ok(flaw.or_else(|| (!seen.all(SPAN_REQUIRED)).then_some("span without a required field")))
    }

    fn references(&mut self, span: &mut Span<'a>) -> Result<Flaw, Stop> {
        let mut flaw = None;
        for _ in 0..self.reader.list_of(Type::Struct)? {
            let (mut last, mut seen) = (0, Seen::default());
            let (mut kind, mut low, mut high, mut span_id) = (0, 0, 0, 0);
            while let Some(field) = self.reader.field(&mut last)? {
                match (field.id, field.ty) {
                    (1, Type::I32) => kind = self.reader.i32()?,
                    (2, Type::I64) => low = self.reader.i64()?,
                    (3, Type::I64) => high = self.reader.i64()?,
                    (4, Type::I64) => span_id = self.reader.i64()?,
                    _ => {
                        self.reader.skip(field.ty)?;
                        continue;
                    }
                }
                seen.meet(field.id);
            }
            if !seen.all(REFERENCE_REQUIRED) {
                flaw = Some("reference without a required field");
            }
            self.has_room(span.references.len())?;
            span.references.push(Reference {
                trace_id: trace_id(high, low),
                span_id: span_id.to_be_bytes(),
                child_of: kind == 0,
            });
        }
        Ok(flaw)
    }

    fn logs(&mut self, span: &mut Span<'a>) -> Result<Flaw, Stop> {
        let mut flaw = None;
        let mut fields = std::mem::take(&mut self.fields);
        for _ in 0..self.reader.list_of(Type::Struct)? {
            fields.clear();
            let (mut last, mut seen, mut time) = (0, Seen::default(), 0);
            while let Some(field) = self.reader.field(&mut last)? {
                match (field.id, field.ty) {
                    (1, Type::I64) => time = self.reader.i64()?,
                    (2, Type::List) => flaw = flaw.or(self.tags(&mut fields)?),
                    _ => {
                        self.reader.skip(field.ty)?;
                        continue;
                    }
                }
                seen.meet(field.id);
            }
            if !seen.all(FIRST_TWO) {
                flaw = Some("log without a required field");
            }
            span.event(clamp_nanos(i128::from(time) * 1000), &mut fields);
            if span.events.len() > self.limits.max_decoded_bytes {
                return Err(Stop::TooLarge("decoded size in bytes", self.limits.max_decoded_bytes));
            }
        }
        self.fields = fields;
        Ok(flaw)
    }

    fn tags(&mut self, tags: &mut Tags<'a>) -> Result<Flaw, Stop> {
        let mut flaw = None;
        for _ in 0..self.reader.list_of(Type::Struct)? {
            let (key, value) = match plain_tag(self.reader) {
                Some((key, value, after)) => {
                    self.reader = after;
                    (key, value)
                }
                None => {
                    let (key, value, is_whole) = self.tag()?;
                    if !is_whole {
                        flaw = Some("tag without a required field");
                    }
                    (key, value)
                }
            };
            self.has_room(tags.len())?;
            tags.push(key, value);
        }
        Ok(flaw)
    }

    /// A tag with its fields in any order, and whether those are there that must be.
    fn tag(&mut self) -> Result<(&'a [u8], Value<'a>, bool), Stop> {
        let (mut last, mut seen) = (0, Seen::default());
        let (mut key, mut kind) = (&[][..], 0);
        let (mut text, mut double, mut flag, mut long, mut binary) = (&[][..], 0.0, false, 0, &[][..]);
        while let Some(field) = self.reader.field(&mut last)? {
            match (field.id, field.ty) {
                (1, Type::Binary) => key = self.reader.bytes()?,
                (2, Type::I32) => kind = self.reader.i32()?,
                (3, Type::Binary) => text = self.reader.bytes()?,
                (4, Type::Double) => double = self.reader.double()?,
                (5, Type::Bool) => flag = self.reader.bool()?,
                (6, Type::I64) => long = self.reader.i64()?,
                (7, Type::Binary) => binary = self.reader.bytes()?,
                _ => {
                    self.reader.skip(field.ty)?;
                    continue;
                }
            }
            seen.meet(field.id);
        }
        let value = match kind {
            0 => Value::String(text),
            1 => Value::Double(double),
            2 => Value::Bool(flag),
            3 => Value::Int(long),
            4 => Value::Bytes(binary),
            kind => Value::Unknown(kind),
        };
        Ok((key, value, seen.all(FIRST_TWO)))
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

/// A tag as clients write it: the key, the type, the one value, and what follows. `None` for any other, whatever is
/// wrong with it.
#[inline]
fn plain_tag<'a, R: Read<'a>>(mut reader: R) -> Option<(&'a [u8], Value<'a>, R)> {
    let last = &mut 0;
    let key = reader.takes(last, 1, Type::Binary).then(|| reader.bytes().ok())??;
    let kind = reader.takes(last, 2, Type::I32).then(|| reader.i32().ok())??;
    let value = match kind {
        0 if reader.takes(last, 3, Type::Binary) => Value::String(reader.bytes().ok()?),
        1 if reader.takes(last, 4, Type::Double) => Value::Double(reader.double().ok()?),
        3 if reader.takes(last, 6, Type::I64) => Value::Int(reader.i64().ok()?),
        _ => return None,
    };
    reader.field(last).ok()?.is_none().then_some((key, value, reader))
}

fn trace_id(high: i64, low: i64) -> [u8; 16] {
    (u128::from(high.cast_unsigned()) << 64 | u128::from(low.cast_unsigned())).to_be_bytes()
}
