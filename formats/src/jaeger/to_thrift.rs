//! OTLP views to `jaeger.thrift`, span by span onto one `Vec<u8>`.

use sluice_pdata::view::{AnyValueView, EventView, ResourceSpansView, ScopeView, SpanView, TextWriter};

use super::Protocol;
use super::outward::{Tag, log_fields, process, references, span_tags};
use crate::thrift::{Type, Write, binary, compact};

/// `TagType`.
const STRING: i32 = 0;
const DOUBLE: i32 = 1;
const BOOL: i32 = 2;
const LONG: i32 = 3;
const BINARY: i32 = 4;

/// The kind of message that has no answer.
const ONEWAY: u8 = 4;

pub(super) fn batch<'v>(
    resources: &[ResourceSpansView<'v>],
    protocol: Protocol,
    out: &mut Vec<u8>,
) -> Option<usize> {
    match protocol {
        Protocol::Binary => Encoder::new(binary::Writer::new(out)).batch(resources),
        Protocol::Compact => Encoder::new(compact::Writer::new(out)).batch(resources),
    }
}

pub(super) fn emit_batch<'v>(
    resources: &[ResourceSpansView<'v>],
    protocol: Protocol,
    out: &mut Vec<u8>,
) -> Option<usize> {
    match protocol {
        Protocol::Binary => Encoder::new(binary::Writer::new(out)).emit_batch(resources),
        Protocol::Compact => Encoder::new(compact::Writer::new(out)).emit_batch(resources),
    }
}

struct Encoder<'v, W> {
    out: W,
    /// For one list or map after the other.
    json: Vec<u8>,
    values: TextWriter<'v>,
}

impl<'v, W: Write> Encoder<'v, W> {
    fn new(out: W) -> Self {
        Self { out, json: Vec::new(), values: TextWriter::default() }
    }

    /// The call with its one argument.
    fn emit_batch(&mut self, resources: &[ResourceSpansView<'v>]) -> Option<usize> {
        // Nothing is written for what has no batch.
        let _process = process(resources.first()?)?;
        self.out.message(b"emitBatch", ONEWAY, 0);
        self.out.field(&mut 0, 1, Type::Struct);
        let spans = self.batch(resources)?;
        self.out.stop();
        Some(spans)
    }

    fn batch(&mut self, resources: &[ResourceSpansView<'v>]) -> Option<usize> {
        let (service, tags_len, tags) = process(resources.first()?)?;
        let last = &mut 0;
        self.out.field(last, 1, Type::Struct);
        {
            let last = &mut 0;
            self.out.field(last, 1, Type::Binary);
            self.out.bytes(service);
            self.tags(last, 2, tags_len, tags);
            self.out.stop();
        }
        let scopes = || resources.iter().flat_map(|resource| resource.scope_spans);
        let spans = scopes().map(|scope| scope.spans.len()).sum();
        self.out.field(last, 2, Type::List);
        self.out.list(Type::Struct, spans);
        for scope in scopes() {
            for span in scope.spans {
                self.span(&scope.scope, &span);
            }
        }
        self.out.stop();
        Some(spans)
    }

    fn span(&mut self, scope: &ScopeView<'v>, span: &SpanView<'v>) {
        let last = &mut 0;
        let (high, low) = halves(span.trace_id);
        self.i64_field(last, 1, low);
        self.i64_field(last, 2, high);
        self.i64_field(last, 3, half(span.span_id));
        self.i64_field(last, 4, half(span.parent_span_id));
        self.out.field(last, 5, Type::Binary);
        self.out.bytes(span.name.as_bytes());
        self.references(last, span);
        self.out.field(last, 7, Type::I32);
        self.out.i32(i32::from(span.flags & 1 != 0));
        let duration = span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano);
        self.i64_field(last, 8, micros(span.start_time_unix_nano));
        self.i64_field(last, 9, micros(duration));
        let (len, tags) = span_tags(scope, span);
        self.tags(last, 10, len, tags);
        if !span.events.is_empty() {
            self.out.field(last, 11, Type::List);
            self.out.list(Type::Struct, span.events.len());
            for event in span.events {
                self.log(&event);
            }
        }
        self.out.stop();
    }

    fn references(&mut self, last: &mut i16, span: &SpanView<'_>) {
        let len = references(span).count();
        if len == 0 {
            return;
        }
        self.out.field(last, 6, Type::List);
        self.out.list(Type::Struct, len);
        for reference in references(span) {
            let last = &mut 0;
            self.out.field(last, 1, Type::I32);
            self.out.i32(reference.follows_from.into());
            let (high, low) = halves(reference.trace_id);
            self.i64_field(last, 2, low);
            self.i64_field(last, 3, high);
            self.i64_field(last, 4, half(reference.span_id));
            self.out.stop();
        }
    }

    fn log(&mut self, event: &EventView<'v>) {
        let last = &mut 0;
        self.i64_field(last, 1, micros(event.time_unix_nano));
        let (len, fields) = log_fields(event);
        self.out.field(last, 2, Type::List);
        self.list_of_tags(len, fields);
        self.out.stop();
    }

    /// An optional list.
    fn tags(&mut self, last: &mut i16, id: i16, len: usize, tags: impl Iterator<Item = Tag<'v>>) {
        if len > 0 {
            self.out.field(last, id, Type::List);
            self.list_of_tags(len, tags);
        }
    }

    fn list_of_tags(&mut self, len: usize, tags: impl Iterator<Item = Tag<'v>>) {
        self.out.list(Type::Struct, len);
        tags.for_each(|tag| self.tag(&tag));
    }

    fn tag(&mut self, tag: &Tag<'v>) {
        let Self { out, json, values } = self;
        let last = &mut 0;
        out.field(last, 1, Type::Binary);
        out.bytes(tag.key.as_bytes());
        out.field(last, 2, Type::I32);
        let mut text = |out: &mut W, text: &[u8]| {
            out.i32(STRING);
            out.field(last, 3, Type::Binary);
            out.bytes(text);
        };
        match tag.value {
            AnyValueView::Empty => text(out, &[]),
            AnyValueView::String(value) => text(out, value.as_bytes()),
            AnyValueView::Array(_) | AnyValueView::Kvlist(_) => {
                json.clear();
                values.json(&tag.value, json);
                text(out, json);
            }
            AnyValueView::Double(value) => {
                out.i32(DOUBLE);
                out.field(last, 4, Type::Double);
                out.double(value);
            }
            AnyValueView::Bool(value) => {
                out.i32(BOOL);
                out.bool_field(last, 5, value);
            }
            AnyValueView::Int(value) => {
                out.i32(LONG);
                out.field(last, 6, Type::I64);
                out.i64(value);
            }
            AnyValueView::Bytes(value) => {
                out.i32(BINARY);
                out.field(last, 7, Type::Binary);
                out.bytes(value);
            }
        }
        out.stop();
    }

    fn i64_field(&mut self, last: &mut i16, id: i16, value: i64) {
        self.out.field(last, id, Type::I64);
        self.out.i64(value);
    }
}

/// Bytes of an id as Thrift's signed number; none is zero.
fn half(id: &[u8]) -> i64 {
    id.try_into().map_or(0, i64::from_be_bytes)
}

/// The upper and the lower half of a trace id.
fn halves(id: &[u8]) -> (i64, i64) {
    let (high, low) = id.split_at_checked(8).unwrap_or_default();
    (half(high), half(low))
}

fn micros(nanos: u64) -> i64 {
    (nanos / 1000).cast_signed()
}
