//! Views of the trace messages.

use super::fields::Fields;
use super::{Attributes, List, ResourceView, ScopeView, Text, View, decoded};
use crate::otlp::trace::v1 as trace;

/// Spans in the order they were sent.
pub type Spans<'a> = List<'a, SpanView<'a>>;
/// Events of a span in the order they were sent.
pub type Events<'a> = List<'a, EventView<'a>>;
/// Links of a span in the order they were sent.
pub type Links<'a> = List<'a, LinkView<'a>>;

/// The spans of one resource.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ResourceSpansView<'a> {
    /// Who produced them.
    pub resource: ResourceView<'a>,
    /// The spans, by the instrumentation that made them.
    pub scope_spans: List<'a, ScopeSpansView<'a>>,
    /// Schema of the resource.
    pub schema_url: Text<'a>,
}

impl<'a> View<'a> for ResourceSpansView<'a> {
    type Struct = trace::ResourceSpans;

    fn from_wire(message: &'a [u8]) -> Self {
        let mut view = Self::default();
        for field in Fields::new(message) {
            match field.number {
                1 => view.resource = field.message(),
                2 => view.scope_spans.push(field),
                3 => view.schema_url = field.text(),
                _ => {}
            }
        }
        view
    }

    fn from_struct(message: &'a trace::ResourceSpans) -> Self {
        Self {
            resource: decoded(message.resource.as_ref()),
            scope_spans: List::decoded(&message.scope_spans),
            schema_url: message.schema_url.as_str().into(),
        }
    }
}

/// The spans of one instrumentation scope.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ScopeSpansView<'a> {
    /// The instrumentation that made them.
    pub scope: ScopeView<'a>,
    /// The spans.
    pub spans: Spans<'a>,
    /// Schema of the spans and their events.
    pub schema_url: Text<'a>,
}

impl<'a> View<'a> for ScopeSpansView<'a> {
    type Struct = trace::ScopeSpans;

    fn from_wire(message: &'a [u8]) -> Self {
        let mut view = Self::default();
        for field in Fields::new(message) {
            match field.number {
                1 => view.scope = field.message(),
                2 => view.spans.push(field),
                3 => view.schema_url = field.text(),
                _ => {}
            }
        }
        view
    }

    fn from_struct(message: &'a trace::ScopeSpans) -> Self {
        Self {
            scope: decoded(message.scope.as_ref()),
            spans: List::decoded(&message.spans),
            schema_url: message.schema_url.as_str().into(),
        }
    }
}

/// One span.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SpanView<'a> {
    /// 16 bytes, or none.
    pub trace_id: &'a [u8],
    /// 8 bytes, or none.
    pub span_id: &'a [u8],
    /// The W3C `tracestate` header.
    pub trace_state: Text<'a>,
    /// 8 bytes, or none for a root span.
    pub parent_span_id: &'a [u8],
    /// Bits 0–7 are the W3C trace flags; 0x100 says that 0x200, "the parent is remote", is known.
    pub flags: u32,
    /// What the span did.
    pub name: Text<'a>,
    /// 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer; other numbers pass.
    pub kind: i32,
    /// Nanoseconds since the Unix epoch.
    pub start_time_unix_nano: u64,
    /// Nanoseconds since the Unix epoch.
    pub end_time_unix_nano: u64,
    /// What is known of the span.
    pub attributes: Attributes<'a>,
    /// How many attributes the producer left out.
    pub dropped_attributes_count: u32,
    /// What happened during the span.
    pub events: Events<'a>,
    /// How many events the producer left out.
    pub dropped_events_count: u32,
    /// Spans that this one is related to.
    pub links: Links<'a>,
    /// How many links the producer left out.
    pub dropped_links_count: u32,
    /// How the span ended; an absent status reads as unset.
    pub status: StatusView<'a>,
}

impl<'a> View<'a> for SpanView<'a> {
    type Struct = trace::Span;

    #[inline]
    fn from_wire(message: &'a [u8]) -> Self {
        let mut view = Self::default();
        for field in Fields::new(message) {
            match field.number {
                1 => view.trace_id = field.bytes(),
                2 => view.span_id = field.bytes(),
                3 => view.trace_state = field.text(),
                4 => view.parent_span_id = field.bytes(),
                5 => view.name = field.text(),
                6 => view.kind = field.i32(),
                7 => view.start_time_unix_nano = field.u64(),
                8 => view.end_time_unix_nano = field.u64(),
                9 => view.attributes.push(field),
                10 => view.dropped_attributes_count = field.u32(),
                11 => view.events.push(field),
                12 => view.dropped_events_count = field.u32(),
                13 => view.links.push(field),
                14 => view.dropped_links_count = field.u32(),
                15 => view.status = field.message(),
                16 => view.flags = field.u32(),
                _ => {}
            }
        }
        view
    }

    fn from_struct(message: &'a trace::Span) -> Self {
        Self {
            trace_id: &message.trace_id,
            span_id: &message.span_id,
            trace_state: message.trace_state.as_str().into(),
            parent_span_id: &message.parent_span_id,
            flags: message.flags,
            name: message.name.as_str().into(),
            kind: message.kind,
            start_time_unix_nano: message.start_time_unix_nano,
            end_time_unix_nano: message.end_time_unix_nano,
            attributes: Attributes::decoded(&message.attributes),
            dropped_attributes_count: message.dropped_attributes_count,
            events: List::decoded(&message.events),
            dropped_events_count: message.dropped_events_count,
            links: List::decoded(&message.links),
            dropped_links_count: message.dropped_links_count,
            status: decoded(message.status.as_ref()),
        }
    }
}

/// Something that happened during a span.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct EventView<'a> {
    /// Nanoseconds since the Unix epoch.
    pub time_unix_nano: u64,
    /// What happened.
    pub name: Text<'a>,
    /// What is known of it.
    pub attributes: Attributes<'a>,
    /// How many attributes the producer left out.
    pub dropped_attributes_count: u32,
}

impl<'a> View<'a> for EventView<'a> {
    type Struct = trace::span::Event;

    fn from_wire(message: &'a [u8]) -> Self {
        let mut view = Self::default();
        for field in Fields::new(message) {
            match field.number {
                1 => view.time_unix_nano = field.u64(),
                2 => view.name = field.text(),
                3 => view.attributes.push(field),
                4 => view.dropped_attributes_count = field.u32(),
                _ => {}
            }
        }
        view
    }

    fn from_struct(message: &'a trace::span::Event) -> Self {
        Self {
            time_unix_nano: message.time_unix_nano,
            name: message.name.as_str().into(),
            attributes: Attributes::decoded(&message.attributes),
            dropped_attributes_count: message.dropped_attributes_count,
        }
    }
}

/// A reference to another span.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LinkView<'a> {
    /// 16 bytes, or none.
    pub trace_id: &'a [u8],
    /// 8 bytes, or none.
    pub span_id: &'a [u8],
    /// The W3C `tracestate` header of the other span.
    pub trace_state: Text<'a>,
    /// What is known of the link.
    pub attributes: Attributes<'a>,
    /// How many attributes the producer left out.
    pub dropped_attributes_count: u32,
    /// As [`SpanView::flags`], of the other span.
    pub flags: u32,
}

impl<'a> View<'a> for LinkView<'a> {
    type Struct = trace::span::Link;

    fn from_wire(message: &'a [u8]) -> Self {
        let mut view = Self::default();
        for field in Fields::new(message) {
            match field.number {
                1 => view.trace_id = field.bytes(),
                2 => view.span_id = field.bytes(),
                3 => view.trace_state = field.text(),
                4 => view.attributes.push(field),
                5 => view.dropped_attributes_count = field.u32(),
                6 => view.flags = field.u32(),
                _ => {}
            }
        }
        view
    }

    fn from_struct(message: &'a trace::span::Link) -> Self {
        Self {
            trace_id: &message.trace_id,
            span_id: &message.span_id,
            trace_state: message.trace_state.as_str().into(),
            attributes: Attributes::decoded(&message.attributes),
            dropped_attributes_count: message.dropped_attributes_count,
            flags: message.flags,
        }
    }
}

/// How a span ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StatusView<'a> {
    /// Why, for an error.
    pub message: Text<'a>,
    /// 0 unset, 1 ok, 2 error; other numbers pass.
    pub code: i32,
}

impl<'a> View<'a> for StatusView<'a> {
    type Struct = trace::Status;

    fn from_wire(message: &'a [u8]) -> Self {
        let mut view = Self::default();
        for field in Fields::new(message) {
            match field.number {
                2 => view.message = field.text(),
                3 => view.code = field.i32(),
                _ => {}
            }
        }
        view
    }

    fn from_struct(message: &'a trace::Status) -> Self {
        Self { message: message.message.as_str().into(), code: message.code }
    }
}
