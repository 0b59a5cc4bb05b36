//! One Jaeger span as an OTLP `Span`.

use sluice_pdata::wire::{WireType, Write};

use super::tags::{Tag, Tags, Value, put_attribute};
use super::{REF_TYPE, WARNINGS};

/// `ScopeSpans.spans`.
const SPANS: u32 = 2;
/// `Span.events`.
const EVENTS: u32 = 11;

const KIND_SERVER: u8 = 2;
const STATUS_OK: u8 = 1;
const STATUS_ERROR: u8 = 2;

/// A reference to another span.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reference {
    pub(super) trace_id: [u8; 16],
    pub(super) span_id: [u8; 8],
    pub(super) child_of: bool,
}

/// What was read of one span. Reused for the next one.
#[derive(Debug, Default)]
pub(super) struct Span<'a> {
    pub(super) trace_id: [u8; 16],
    pub(super) span_id: [u8; 8],
    /// Zero if only the references could tell.
    pub(super) parent_span_id: [u8; 8],
    pub(super) name: &'a [u8],
    pub(super) flags: u32,
    /// Nanoseconds since 1970.
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) references: Vec<Reference>,
    pub(super) tags: Tags<'a>,
    pub(super) warnings: Vec<&'a [u8]>,
    /// Whether `w3c.tracestate` becomes the trace state.
    pub(super) has_trace_state: bool,
    /// Finished events, as they stand in a span.
    pub(super) events: Vec<u8>,
}

impl<'a> Span<'a> {
    pub(super) fn clear(&mut self) {
        self.trace_id = [0; 16];
        self.span_id = [0; 8];
        self.parent_span_id = [0; 8];
        self.name = &[];
        self.flags = 0;
        self.start = 0;
        self.end = 0;
        self.references.clear();
        self.tags.clear();
        self.warnings.clear();
        self.events.clear();
    }

    /// Adds an event at `time` (nanoseconds since 1970) that `fields` describe.
    pub(super) fn event(&mut self, time: u64, fields: &mut Tags<'a>) {
        fields.unify();
        let name = fields.iter_mut().find(|tag| tag.key == b"event" && matches!(tag.value, Value::String(_)));
        let name = name.map_or(&[][..], |tag| {
            tag.gone = true;
            tag.value.text()
        });
        let event = self.events.open_message(EVENTS, 127);
        put_time(&mut self.events, 1, time);
        put_bytes(&mut self.events, 2, name);
        fields.write(3, &mut self.events);
        self.events.close_message(event);
    }

    /// Appends the span as a field of `ScopeSpans`. `len_hint` is how long it may become.
    pub(super) fn write(&mut self, len_hint: usize, out: &mut Vec<u8>) {
        self.tags.unify();
        let meaning = Meaning::take(&mut self.tags, self.has_trace_state);
        let parent = self.parent();

        let span = out.open_message(SPANS, len_hint);
        put_id(out, 1, &self.trace_id);
        put_id(out, 2, &self.span_id);
        put_bytes(out, 3, meaning.trace_state);
        put_id(out, 4, &parent);
        put_bytes(out, 5, self.name);
        if meaning.kind != 0 {
            out.put_varint_field(6, meaning.kind.into());
        }
        put_time(out, 7, self.start);
        put_time(out, 8, self.end);
        self.tags.write(9, out);
        self.write_warnings(out);
        out.extend_from_slice(&self.events);
        for reference in &self.references {
            if !(reference.child_of && reference.span_id == parent) {
                write_link(reference, out);
            }
        }
        if meaning.status != 0 || !meaning.message.is_empty() {
            let status = out.open_message(15, meaning.message.len());
            put_bytes(out, 2, meaning.message);
            if meaning.status != 0 {
                out.put_varint_field(3, meaning.status.into());
            }
            out.close_message(status);
        }
        if self.flags & 1 != 0 {
            out.put_fixed32_field(16, 1);
        }
        out.close_message(span);
    }

    /// The parent's id; zero if there is none.
    fn parent(&self) -> [u8; 8] {
        if self.parent_span_id != [0; 8] {
            return self.parent_span_id;
        }
        let first = |child_of| {
            self.references.iter().find(|it| it.child_of == child_of && it.trace_id == self.trace_id)
        };
        first(true).or_else(|| first(false)).map_or([0; 8], |reference| reference.span_id)
    }

    fn write_warnings(&self, out: &mut Vec<u8>) {
        if self.warnings.is_empty() {
            return;
        }
        let len: usize = self.warnings.iter().map(|text| text.len() + 4).sum();
        out.put_message_field(9, len, |out| {
            out.put_bytes_field(1, WARNINGS);
            out.put_message_field(2, len, |out| {
                out.put_message_field(5, len, |out| {
                    for text in &self.warnings {
                        out.put_message_field(1, text.len(), |out| out.put_bytes_field(1, text));
                    }
                });
            });
        });
    }
}

fn write_link(reference: &Reference, out: &mut Vec<u8>) {
    let link = out.open_message(13, 0);
    put_id(out, 1, &reference.trace_id);
    put_id(out, 2, &reference.span_id);
    let kind: &[u8] = if reference.child_of { b"child_of" } else { b"follows_from" };
    put_attribute(out, 4, REF_TYPE, Value::String(kind));
    out.close_message(link);
}

/// What some tags stand for.
struct Meaning<'a> {
    kind: u8,
    status: u8,
    message: &'a [u8],
    trace_state: &'a [u8],
}

impl<'a> Meaning<'a> {
    /// Reads the tags that have one, and takes away those that OTLP has fields for.
    fn take(tags: &mut Tags<'a>, has_trace_state: bool) -> Self {
        let (mut error, mut status_code, mut description) = (None, None, None);
        let (mut http_code, mut http_code_old, mut http_message) = (None, None, None);
        let (mut kind, mut trace_state) = (0, &[][..]);
        for tag in tags.iter_mut() {
            match tag.key {
                b"span.kind" => {
                    tag.gone = true;
                    kind = kind_of(tag.value.text());
                }
                b"error" => error = Some(tag),
                b"otel.status_code" => {
                    tag.gone = true;
                    status_code = Some(tag.value.text());
                }
                b"otel.status_description" => description = Some(tag),
                b"http.status_code" => http_code_old = Some(tag.value),
                b"http.response.status_code" => http_code = Some(tag.value),
                b"http.status_message" => http_message = Some(tag.value.text()),
                b"w3c.tracestate" if has_trace_state => {
                    tag.gone = true;
                    trace_state = tag.value.text();
                }
                _ => {}
            }
        }
        let http_message = http_message.unwrap_or_default();
        let mut take_description = || {
            let tag: &mut Tag<'a> = description.take()?;
            tag.gone = true;
            Some(tag.value.text())
        };

        let (status, message) = if let Some(error) = error.filter(|tag| tag.value == Value::Bool(true)) {
            error.gone = true;
            (STATUS_ERROR, take_description().unwrap_or(http_message))
        } else if let Some(code) = status_code {
            let message = take_description().unwrap_or_default();
            if code.eq_ignore_ascii_case(b"OK") {
                (STATUS_OK, message)
            } else if code.eq_ignore_ascii_case(b"ERROR") {
                (STATUS_ERROR, message)
            } else {
                (0, message)
            }
        } else if http_code_old.or(http_code).and_then(number).is_some_and(|code| is_http_error(code, kind)) {
            (STATUS_ERROR, http_message)
        } else {
            (0, &[][..])
        };
        Self { kind, status, message, trace_state }
    }
}

fn kind_of(text: &[u8]) -> u8 {
    match text {
        b"internal" => 1,
        b"server" => KIND_SERVER,
        b"client" => 3,
        b"producer" => 4,
        b"consumer" => 5,
        _ => 0,
    }
}

fn number(value: Value<'_>) -> Option<i64> {
    match value {
        Value::Int(v) => Some(v),
        Value::String(text) => std::str::from_utf8(text).ok()?.parse().ok(),
        _ => None,
    }
}

/// As the semantic conventions have it: what a client did wrong is no error of the server.
fn is_http_error(code: i64, kind: u8) -> bool {
    match code {
        100..=399 => false,
        400..=499 => kind != KIND_SERVER,
        _ => true,
    }
}

/// An id, unless it is zero: OTLP leaves an invalid one out.
#[inline]
fn put_id<const N: usize>(out: &mut Vec<u8>, number: u32, id: &[u8; N]) {
    if *id != [0; N] {
        out.put_bytes_field(number, id);
    }
}

#[inline]
fn put_bytes(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    if !bytes.is_empty() {
        out.put_bytes_field(number, bytes);
    }
}

#[inline]
fn put_time(out: &mut Vec<u8>, number: u32, time: u64) {
    if time != 0 {
        out.put_key(number, WireType::Fixed64);
        out.extend_from_slice(&time.to_le_bytes());
    }
}

/// Nanoseconds as OTLP holds them; what it cannot hold becomes the nearest that it can.
#[inline]
pub(super) fn clamp_nanos(nanos: i128) -> u64 {
    u64::try_from(nanos.max(0)).unwrap_or(u64::MAX)
}
