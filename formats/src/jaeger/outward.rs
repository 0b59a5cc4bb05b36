//! What a span, an event and a resource become in Jaeger, whatever the wire. Everything is borrowed.

use sluice_pdata::view::{
    AnyValueView, AttributeView, EventView, LinkView, ResourceSpansView, ScopeView, SpanView,
};

use super::{NO_SERVICE_NAME, REF_TYPE};

/// One tag; its value is still OTLP's.
pub(super) type Tag<'a> = AttributeView<'a>;

/// Tags before, between and behind what a message itself has.
#[derive(Debug, Clone, Copy)]
struct Around<'a, const BEFORE: usize, const BEHIND: usize> {
    before: [Option<Tag<'a>>; BEFORE],
    behind: [Option<Tag<'a>>; BEHIND],
}

impl<'a, const BEFORE: usize, const BEHIND: usize> Around<'a, BEFORE, BEHIND> {
    fn len(&self) -> usize {
        self.before.iter().chain(&self.behind).flatten().count()
    }

    #[inline]
    fn of(self, own: impl Iterator<Item = Tag<'a>>) -> impl Iterator<Item = Tag<'a>> {
        self.before.into_iter().flatten().chain(own).chain(self.behind.into_iter().flatten())
    }
}

/// How many tags a span has, and which.
#[inline]
pub(super) fn span_tags<'a>(
    scope: &ScopeView<'a>,
    span: &SpanView<'a>,
) -> (usize, impl Iterator<Item = Tag<'a>>) {
    let status = match span.status.code {
        1 => Some("OK"),
        2 => Some("ERROR"),
        _ => None,
    };
    let around = Around {
        before: [
            unless_empty("otel.scope.name", scope.name.as_bytes()),
            unless_empty("otel.scope.version", scope.version.as_bytes()),
        ],
        behind: [
            kind(span.kind).map(|kind| text("span.kind", kind.as_bytes())),
            status.map(|status| text("otel.status_code", status.as_bytes())),
            (span.status.code == 2).then(|| tag("error", AnyValueView::Bool(true))),
            unless_empty("otel.status_description", span.status.message.as_bytes()),
            unless_empty("w3c.tracestate", span.trace_state.as_bytes()),
            unless_zero("otel.dropped_attributes_count", span.dropped_attributes_count),
            unless_zero("otel.dropped_events_count", span.dropped_events_count),
            unless_zero("otel.dropped_links_count", span.dropped_links_count),
        ],
    };
    (around.len() + span.attributes.len(), around.of(span.attributes.iter()))
}

/// How many fields the log of an event has, and which.
#[inline]
pub(super) fn log_fields<'a>(event: &EventView<'a>) -> (usize, impl Iterator<Item = Tag<'a>>) {
    let named = !event.name.is_empty() && event.attributes.get("event").is_none();
    let around = Around {
        before: [named.then(|| text("event", event.name.as_bytes()))],
        behind: [unless_zero("otel.event.dropped_attributes_count", event.dropped_attributes_count)],
    };
    (around.len() + event.attributes.len(), around.of(event.attributes.iter()))
}

/// A reference to another span.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Reference<'a> {
    /// 16 bytes, or none.
    pub(super) trace_id: &'a [u8],
    /// 8 bytes, or none.
    pub(super) span_id: &'a [u8],
    pub(super) follows_from: bool,
}

/// The parent, then the links. A link to the parent says of what type the reference to the parent is.
pub(super) fn references<'a>(span: &SpanView<'a>) -> impl Iterator<Item = Reference<'a>> {
    let (trace_id, parent) = (span.trace_id, span.parent_span_id);
    let has_parent = parent.iter().any(|byte| *byte != 0);
    let is_parent =
        move |link: &LinkView<'a>| has_parent && link.trace_id == trace_id && link.span_id == parent;
    let to_parent = has_parent.then(|| Reference {
        trace_id,
        span_id: parent,
        follows_from: span.links.iter().filter(is_parent).last().is_some_and(|link| follows_from(&link)),
    });
    let others = span.links.iter().filter(move |link| !is_parent(link)).map(|link| Reference {
        trace_id: link.trace_id,
        span_id: link.span_id,
        follows_from: follows_from(&link),
    });
    to_parent.into_iter().chain(others)
}

fn follows_from(link: &LinkView<'_>) -> bool {
    link.attributes.get(REF_TYPE).and_then(|value| value.as_text()).is_none_or(|text| text != "child_of")
}

/// The service's name, how many tags its process has, and which; `None` if the resource says nothing at all.
pub(super) fn process<'a>(
    resource: &ResourceSpansView<'a>,
) -> Option<(&'a [u8], usize, impl Iterator<Item = Tag<'a>>)> {
    let attributes = resource.resource.attributes;
    if attributes.is_empty() && resource.scope_spans.is_empty() {
        return None;
    }
    // A name that is no text stays a tag.
    let is_name = |tag: &Tag<'_>| tag.key == "service.name" && tag.value.as_text().is_some();
    let name = attributes.iter().find(is_name).and_then(|tag| tag.value.as_text());
    let name = name.map_or(&[][..], |text| text.as_bytes());
    let len = attributes.iter().filter(|tag| !is_name(tag)).count();
    let tags = attributes.iter().filter(move |tag| !is_name(tag));
    Some((if name.is_empty() { NO_SERVICE_NAME } else { name }, len, tags))
}

fn kind(kind: i32) -> Option<&'static str> {
    Some(match kind {
        1 => "internal",
        2 => "server",
        3 => "client",
        4 => "producer",
        5 => "consumer",
        _ => return None,
    })
}

fn tag<'a>(key: &'static str, value: AnyValueView<'a>) -> Tag<'a> {
    Tag { key: key.into(), value }
}

fn text<'a>(key: &'static str, text: &'a [u8]) -> Tag<'a> {
    tag(key, AnyValueView::String(sluice_pdata::view::Text::new(text)))
}

fn unless_empty<'a>(key: &'static str, value: &'a [u8]) -> Option<Tag<'a>> {
    (!value.is_empty()).then(|| text(key, value))
}

fn unless_zero<'a>(key: &'static str, count: u32) -> Option<Tag<'a>> {
    (count > 0).then(|| tag(key, AnyValueView::Int(count.into())))
}
