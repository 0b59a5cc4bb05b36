//! A v2 span to an OTLP span.

use std::borrow::Cow;

use sluice_pdata::Limits;
use sluice_pdata::wire::Write;

use super::attribute::{self, Value};
use super::keys::{self, Role, endpoint, endpoint_bit, role};
use super::request::Request;
use super::span::{Endpoint, Span, Text};
use super::{Options, event};
use crate::{Malformed, Translated};

/// Field of a span's attributes.
pub(super) const ATTRIBUTES: u32 = 9;

/// Writes spans one after the other.
pub(super) struct ToOtlp<'o> {
    options: &'o Options,
    request: Request,
    /// Bodies of the span's resource and scope.
    resource: Vec<u8>,
    scope: Vec<u8>,
}

/// What the tags of a span say of other things than attributes: their places among the tags.
#[derive(Debug, Default)]
struct Told {
    resource: usize,
    service_name_source: Option<usize>,
    scope_name: Option<usize>,
    scope_version: Option<usize>,
    status_code: Option<usize>,
    status_description: Option<usize>,
    error: Option<usize>,
    trace_state: Option<usize>,
    span_kind: Option<usize>,
    links: usize,
}

impl<'o> ToOtlp<'o> {
    pub(super) fn new(options: &'o Options, limits: &Limits, body_len: usize) -> Self {
        Self { options, request: Request::new(limits, body_len), resource: Vec::new(), scope: Vec::new() }
    }

    pub(super) fn finish(self) -> Translated {
        self.request.finish()
    }

    /// Adds `span`, or counts it as rejected.
    pub(super) fn push(&mut self, span: &mut Span<'_>) -> Result<(), Malformed> {
        if let Err(reason) = span.check() {
            self.request.rejected.add(reason);
            return Ok(());
        }
        let start = self.request.spans.len();
        let out = &mut self.request.spans;
        let open = out.open_message(2, 256);
        let told = put_span(out, span, self.options);
        out.close_message(open);
        put_scope(&mut self.scope, span, &told);
        put_resource(&mut self.resource, span, &told);
        let service = if has_service(span) { &*span.local.service_name } else { keys::NO_SERVICE_NAME };
        self.request.place(start, service, &self.resource, &self.scope)
    }
}

/// Appends the fields of the span. What its tags say of the resource and the scope is left for later.
fn put_span(out: &mut Vec<u8>, span: &Span<'_>, options: &Options) -> Told {
    out.put_bytes_field(1, &span.trace_id);
    out.put_bytes_field(2, &span.id);
    if span.parent_id != [0; 8] {
        out.put_bytes_field(4, &span.parent_id);
    }
    if !span.name.is_empty() {
        out.put_bytes_field(5, &span.name);
    }
    // In range: checked with the span.
    let start = span.timestamp * 1000;
    let end = start.saturating_add(span.duration * 1000);
    if start > 0 {
        out.put_fixed64_field(7, start);
    }
    if end > 0 {
        out.put_fixed64_field(8, end);
    }
    if start == 0 {
        attribute::put(out, ATTRIBUTES, keys::START_TIME_ABSENT, Value::Bool(true));
    }
    let endpoint_keys = put_endpoints(out, span, options);
    let told = put_tags(out, span, endpoint_keys, options);
    put_kind(out, span, &told, options);
    if let Some((_, value)) = told.tag(span, told.trace_state) {
        out.put_bytes_field(3, value);
    }
    if told.links > 0 {
        put_links(out, span, options);
    }
    put_status(out, span, &told, options);
    for annotation in &span.annotations {
        let open = out.open_message(11, 64);
        if annotation.timestamp > 0 {
            out.put_fixed64_field(1, annotation.timestamp.saturating_mul(1000));
        }
        event::put_event(out, &annotation.value);
        out.close_message(open);
    }
    told
}

/// What the endpoints say, as attributes. Returns the bits of their keys: tags of the same names give way.
fn put_endpoints(out: &mut Vec<u8>, span: &Span<'_>, options: &Options) -> u8 {
    put_address(out, &span.local, true, options) | put_peer(out, &span.remote, options)
}

/// The same for the endpoint of the other side.
pub(super) fn put_peer(out: &mut Vec<u8>, peer: &Endpoint<'_>, options: &Options) -> u8 {
    let (current, legacy) = (endpoint::PEER_SERVICE, endpoint::LEGACY_PEER_SERVICE);
    put_both(out, current, legacy, &peer.service_name, options) | put_address(out, peer, false, options)
}

fn put_address(out: &mut Vec<u8>, of: &Endpoint<'_>, is_local: bool, options: &Options) -> u8 {
    let (current, legacy, port) = if is_local {
        (endpoint::LOCAL_ADDRESS, endpoint::LEGACY_LOCAL_ADDRESS, endpoint::LOCAL_PORT)
    } else {
        (endpoint::PEER_ADDRESS, endpoint::LEGACY_PEER_ADDRESS, endpoint::PEER_PORT)
    };
    let written = put_both(out, current, legacy, address(of), options);
    if of.port == 0 {
        return written;
    }
    attribute::put(out, ATTRIBUTES, port, Value::Int(of.port.into()));
    written | endpoint_bit(port)
}

/// Under either name, or both.
fn put_both(out: &mut Vec<u8>, current: &[u8], legacy: &[u8], text: &[u8], options: &Options) -> u8 {
    let mut written = 0;
    for (wanted, key) in [(options.names.has_current(), current), (options.names.has_legacy(), legacy)] {
        if wanted && !text.is_empty() {
            attribute::put_text(out, ATTRIBUTES, key, text);
            written |= endpoint_bit(key);
        }
    }
    written
}

fn address<'a>(endpoint: &'a Endpoint<'_>) -> &'a [u8] {
    if endpoint.ipv6.is_empty() { &endpoint.ipv4 } else { &endpoint.ipv6 }
}

/// Writes the tags that are attributes and takes note of the others.
fn put_tags(out: &mut Vec<u8>, span: &Span<'_>, endpoint_keys: u8, options: &Options) -> Told {
    let mut told = Told::default();
    for (index, (key, value)) in span.tags.iter().enumerate() {
        let place = match role(key) {
            Role::Attribute => {
                put_tag(out, key, value, options);
                continue;
            }
            Role::Endpoint(bit) => {
                if endpoint_keys & bit == 0 {
                    put_tag(out, key, value, options);
                }
                continue;
            }
            Role::StartTimeAbsent => {
                if span.timestamp > 0 {
                    put_tag(out, key, value, options);
                }
                continue;
            }
            Role::Resource => {
                told.resource += 1;
                continue;
            }
            Role::Link(_) => {
                told.links += 1;
                continue;
            }
            // The current name beats the old one.
            Role::ScopeName if told.scope_name.is_some() && **key != *keys::SCOPE_NAME => continue,
            Role::ScopeVersion if told.scope_version.is_some() && **key != *keys::SCOPE_VERSION => continue,
            Role::ScopeName => &mut told.scope_name,
            Role::ScopeVersion => &mut told.scope_version,
            Role::ServiceNameSource => &mut told.service_name_source,
            Role::StatusCode => &mut told.status_code,
            Role::StatusDescription => &mut told.status_description,
            Role::Error => &mut told.error,
            Role::TraceState => &mut told.trace_state,
            Role::SpanKind => &mut told.span_kind,
        };
        *place = Some(index);
    }
    if let Some((key, value)) = told.tag(span, told.service_name_source)
        && !has_service(span)
    {
        put_tag(out, key, value, options);
    }
    told
}

impl Told {
    fn tag<'s>(&self, span: &'s Span<'_>, place: Option<usize>) -> Option<(&'s Text<'s>, &'s Text<'s>)> {
        span.tags.get(place?).map(|(key, value)| (key, value))
    }
}

#[inline]
fn put_tag(out: &mut Vec<u8>, key: &[u8], value: &[u8], options: &Options) {
    if options.parse_string_tags {
        attribute::put(out, ATTRIBUTES, key, Value::parsed(value));
    } else {
        attribute::put_text(out, ATTRIBUTES, key, value);
    }
}

fn put_kind(out: &mut Vec<u8>, span: &Span<'_>, told: &Told, options: &Options) {
    let mut kind = span.kind;
    if let Some((key, value)) = told.tag(span, told.span_kind) {
        if kind == 0 && value.eq_ignore_ascii_case(b"internal") {
            kind = 1;
        } else {
            put_tag(out, key, value, options);
        }
    }
    if kind > 0 {
        out.put_varint_field(6, kind.into());
    }
}

/// Links from `otlp.link.0` on without a gap; the tags behind a gap, and those that are no link, are attributes.
fn put_links(out: &mut Vec<u8>, span: &Span<'_>, options: &Options) {
    let mut by_number = [None; keys::MAX_LINKS as usize];
    for (key, value) in &span.tags {
        if let Role::Link(number) = role(key)
            && let Some(place) = by_number.get_mut(usize::from(number))
        {
            *place = Some((key, value));
        }
    }
    let gap = by_number.iter().position(Option::is_none).unwrap_or(by_number.len());
    for (number, tag) in by_number.iter().enumerate() {
        if let Some((key, value)) = tag
            && !(number < gap && event::put_link(out, value))
        {
            put_tag(out, key, value, options);
        }
    }
}

fn put_status(out: &mut Vec<u8>, span: &Span<'_>, told: &Told, options: &Options) {
    let (mut code, mut message) = (0, &[][..]);
    let code_tag = told.tag(span, told.status_code);
    let description = told.tag(span, told.status_description);
    match code_tag.map(|(key, value)| (key, value, status_code(value))) {
        Some((_, _, Some(known))) => {
            code = known;
            message = description.map_or(&[][..], |(_, value)| value);
        }
        unknown => {
            for (key, value) in unknown.map(|(key, value, _)| (key, value)).into_iter().chain(description) {
                put_tag(out, key, value, options);
            }
        }
    }
    if let Some((key, value)) = told.tag(span, told.error) {
        if **value == *b"true" {
            code = 2;
        } else if options.error_tag_is_message {
            code = 2;
            if message.is_empty() {
                message = value;
            }
        } else {
            put_tag(out, key, value, options);
        }
    }
    put_status_field(out, code, message);
}

pub(super) fn put_status_field(out: &mut Vec<u8>, code: u64, message: &[u8]) {
    if code > 0 || !message.is_empty() {
        let open = out.open_message(15, message.len() + 4);
        if !message.is_empty() {
            out.put_bytes_field(2, message);
        }
        if code > 0 {
            out.put_varint_field(3, code);
        }
        out.close_message(open);
    }
}

/// `STATUS_CODE_OK`, `OK` and `Ok` alike.
pub(super) fn status_code(text: &[u8]) -> Option<u64> {
    let name = match text.split_at_checked(12) {
        Some((prefix, name)) if prefix.eq_ignore_ascii_case(b"STATUS_CODE_") => name,
        _ => text,
    };
    [&b"UNSET"[..], b"OK", b"ERROR"]
        .into_iter()
        .zip(0..)
        .find_map(|(known, code)| name.eq_ignore_ascii_case(known).then_some(code))
}

fn has_service(span: &Span<'_>) -> bool {
    let name = &span.local.service_name;
    !name.is_empty() && !name.eq_ignore_ascii_case(keys::NO_SERVICE_NAME)
}

/// The body of the scope.
fn put_scope(body: &mut Vec<u8>, span: &Span<'_>, told: &Told) {
    body.clear();
    for (number, place) in [(1, told.scope_name), (2, told.scope_version)] {
        if let Some((_, value)) = told.tag(span, place)
            && !value.is_empty()
        {
            body.put_bytes_field(number, value);
        }
    }
}

/// The body of the resource: the service, and the tags that describe it in the order of their keys.
fn put_resource(body: &mut Vec<u8>, span: &Span<'_>, told: &Told) {
    body.clear();
    let mut service_key = &b""[..];
    if has_service(span) {
        let source = told.tag(span, told.service_name_source).map_or(&[][..], |(_, value)| value);
        service_key = if source.is_empty() { keys::SERVICE_NAME } else { source };
        attribute::put_text(body, 1, service_key, &span.local.service_name);
    }
    if told.resource > 0 {
        let mut tags: Vec<_> = span
            .tags
            .iter()
            .filter(|(key, _)| role(key) == Role::Resource && **key != *service_key)
            .collect();
        tags.sort_unstable_by(|(a, _), (b, _)| Cow::cmp(a, b));
        for (key, value) in tags {
            attribute::put_text(body, 1, key, value);
        }
    }
}
