//! OTLP views to `api_v2` protobuf, span by span onto one `Vec<u8>`.

use sluice_pdata::view::{
    AnyValueView, EventView, ResourceSpansView, ScopeView, SpanView, TextWriter, Values,
};
use sluice_pdata::wire::{WireType, Write, varint_len};

use super::WARNINGS;
use super::outward::{Reference, Tag, log_fields, process as process_of, references, span_tags};
use super::tags::put_lengths;

/// `PostSpansRequest.batch`, `Batch.spans`, `Batch.process`.
const BATCH: u32 = 1;
const SPANS: u32 = 1;
const PROCESS: u32 = 2;

/// `ValueType`.
const BOOL: u8 = 1;
const INT64: u8 = 2;
const FLOAT64: u8 = 3;
const BINARY: u8 = 4;

pub(super) fn post_spans<'v>(resources: &[ResourceSpansView<'v>], out: &mut Vec<u8>) -> Option<usize> {
    let (first, mut spans) = (resources.first()?, 0);
    drop(process_of(first)?);
    let mut encoder = Encoder::new(out);
    // Mostly a batch takes three bytes for its length, and a span two.
    let batch = encoder.out.open_message(BATCH, 1 << 14);
    for scope in resources.iter().flat_map(|resource| resource.scope_spans) {
        for span in scope.spans {
            encoder.span(&scope.scope, &span);
            spans += 1;
        }
    }
    let open = encoder.out.open_message(PROCESS, 1 << 7);
    encoder.process(first);
    encoder.out.close_message(open);
    encoder.out.close_message(batch);
    Some(spans)
}

/// Appends the fields of the `Process` that `resource` becomes.
pub(super) fn process(resource: &ResourceSpansView<'_>, out: &mut Vec<u8>) {
    Encoder::new(out).process(resource);
}

struct Encoder<'o, 'v> {
    out: &'o mut Vec<u8>,
    /// For one list or map after the other.
    json: Vec<u8>,
    values: TextWriter<'v>,
}

impl<'o, 'v> Encoder<'o, 'v> {
    fn new(out: &'o mut Vec<u8>) -> Self {
        Self { out, json: Vec::new(), values: TextWriter::default() }
    }

    fn process(&mut self, resource: &ResourceSpansView<'v>) {
        let Some((service, _, tags)) = process_of(resource) else { return };
        self.out.put_bytes_field(1, service);
        for tag in tags {
            self.tag(2, &tag);
        }
    }

    fn span(&mut self, scope: &ScopeView<'v>, span: &SpanView<'v>) {
        let open = self.out.open_message(SPANS, 1 << 7);
        put_id::<16>(self.out, 1, span.trace_id);
        put_id::<8>(self.out, 2, span.span_id);
        if !span.name.is_empty() {
            self.out.put_bytes_field(3, span.name.as_bytes());
        }
        for reference in references(span) {
            put_reference(self.out, &reference);
        }
        if span.flags & 1 != 0 {
            self.out.put_varint_field(5, 1);
        }
        put_nanos(self.out, 6, span.start_time_unix_nano);
        put_nanos(self.out, 7, span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano));
        let mut warnings = None;
        // Folding a chain costs less than asking it for one tag after the other.
        span_tags(scope, span).1.for_each(|tag| match as_warnings(&tag) {
            Some(texts) => warnings = Some(texts),
            None => self.tag(8, &tag),
        });
        for event in span.events {
            self.log(&event);
        }
        for text in warnings.into_iter().flatten().filter_map(|value| value.as_text()) {
            self.out.put_bytes_field(12, text.as_bytes());
        }
        self.out.close_message(open);
    }

    fn log(&mut self, event: &EventView<'v>) {
        let open = self.out.open_message(9, 0);
        put_nanos(self.out, 1, event.time_unix_nano);
        log_fields(event).1.for_each(|field| self.tag(2, &field));
        self.out.close_message(open);
    }

    /// A `KeyValue` as field `number`, which is below 16.
    #[inline]
    fn tag(&mut self, number: u32, tag: &Tag<'v>) {
        let key = tag.key.as_bytes();
        let key_len = 1 + varint_len(key.len() as u64) + key.len();
        let text_len = |text: &[u8]| match text.len() {
            0 => 0,
            len => 1 + varint_len(len as u64) + len,
        };
        let out = &mut *self.out;
        let open = |out: &mut Vec<u8>, value_len: usize| {
            out.reserve(key_len + value_len + 11);
            put_lengths(out, number, key_len + value_len, key);
            out.extend_from_slice(key);
        };
        let put_text = |out: &mut Vec<u8>, text: &[u8]| {
            open(out, text_len(text));
            if !text.is_empty() {
                out.push(3 << 3 | WireType::Len as u8);
                out.put_varint(text.len() as u64);
                out.extend_from_slice(text);
            }
        };
        match tag.value {
            AnyValueView::Empty => put_text(out, &[]),
            AnyValueView::String(text) => put_text(out, text.as_bytes()),
            AnyValueView::Bool(value) => {
                open(out, 2 + 2 * usize::from(value));
                out.extend_from_slice(&[TYPE, BOOL]);
                if value {
                    out.extend_from_slice(&[4 << 3 | WireType::Varint as u8, 1]);
                }
            }
            AnyValueView::Int(value) => {
                open(out, 3 + varint_len(value.cast_unsigned()));
                out.extend_from_slice(&[TYPE, INT64, 5 << 3 | WireType::Varint as u8]);
                out.put_varint(value.cast_unsigned());
            }
            AnyValueView::Double(value) => {
                open(out, 11);
                out.extend_from_slice(&[TYPE, FLOAT64, 6 << 3 | WireType::Fixed64 as u8]);
                out.extend_from_slice(&value.to_le_bytes());
            }
            AnyValueView::Bytes(bytes) => {
                open(out, 2 + text_len(bytes));
                out.extend_from_slice(&[TYPE, BINARY]);
                if !bytes.is_empty() {
                    out.put_bytes_field(7, bytes);
                }
            }
            AnyValueView::Array(_) | AnyValueView::Kvlist(_) => {
                self.json.clear();
                self.values.json(&tag.value, &mut self.json);
                put_text(out, &self.json);
            }
        }
    }
}

/// The key of `KeyValue.v_type`.
const TYPE: u8 = 2 << 3;

/// The texts, if this is the attribute that holds a span's warnings.
#[inline]
fn as_warnings<'a>(tag: &Tag<'a>) -> Option<Values<'a>> {
    match tag.value {
        AnyValueView::Array(texts) if tag.key.as_bytes() == WARNINGS => {
            texts.iter().all(|value| value.as_text().is_some()).then_some(texts)
        }
        _ => None,
    }
}

/// Jaeger writes ids in full, zeros too.
fn put_id<const N: usize>(out: &mut Vec<u8>, number: u32, id: &[u8]) {
    out.put_bytes_field(number, if id.is_empty() { &[0; N] } else { id });
}

fn put_reference(out: &mut Vec<u8>, reference: &Reference<'_>) {
    let open = out.open_message(4, 0);
    put_id::<16>(out, 1, reference.trace_id);
    put_id::<8>(out, 2, reference.span_id);
    if reference.follows_from {
        out.put_varint_field(3, 1);
    }
    out.close_message(open);
}

/// A `Timestamp` or `Duration`.
fn put_nanos(out: &mut Vec<u8>, number: u32, nanos: u64) {
    let (seconds, nanos) = (nanos / 1_000_000_000, nanos % 1_000_000_000);
    let len = |value: u64| if value == 0 { 0 } else { 1 + varint_len(value) };
    out.put_key(number, WireType::Len);
    out.put_varint((len(seconds) + len(nanos)) as u64);
    if seconds != 0 {
        out.push(1 << 3);
        out.put_varint(seconds);
    }
    if nanos != 0 {
        out.push(2 << 3);
        out.put_varint(nanos);
    }
}
