//! A v1 span to an OTLP span.

use sluice_pdata::Limits;
use sluice_pdata::wire::Write;

use super::status::Status;
use super::{Annotation, BinaryAnnotation, Span};
use crate::zipkin::attribute::{self, Value};
use crate::zipkin::request::Request;
use crate::zipkin::span::Endpoint;
use crate::zipkin::to_otlp::{ATTRIBUTES, put_peer, put_status_field};
use crate::zipkin::{Options, keys};
use crate::{Malformed, Translated};

/// What a service is called that is not named.
const UNKNOWN_SERVICE: &[u8] = b"unknown-service";

/// Writes spans one after the other.
pub(in crate::zipkin) struct ToOtlp<'o> {
    options: &'o Options,
    request: Request,
    /// The body of the span's resource.
    resource: Vec<u8>,
}

impl<'o> ToOtlp<'o> {
    pub(in crate::zipkin) fn new(options: &'o Options, limits: &Limits, body_len: usize) -> Self {
        Self { options, request: Request::new(limits, body_len), resource: Vec::new() }
    }

    pub(in crate::zipkin) fn finish(self) -> Translated {
        self.request.finish()
    }

    /// Adds `span`, or counts it as rejected.
    pub(in crate::zipkin) fn push(&mut self, span: &mut Span<'_>) -> Result<(), Malformed> {
        if let Err(reason) = span.check() {
            self.request.rejected.add(reason);
            return Ok(());
        }
        let start = self.request.spans.len();
        let out = &mut self.request.spans;
        let open = out.open_message(2, 256);
        put_span(out, span, self.options);
        out.close_message(open);
        let service = put_resource(&mut self.resource, span);
        self.request.place(start, service, &self.resource, &[])
    }
}

/// What a core annotation says the span is: OTLP's number. `None` for other annotations, which are events.
fn core_kind(value: &[u8]) -> Option<u8> {
    Some(match value {
        b"sr" | b"ss" => 2,
        b"cs" | b"cr" => 3,
        b"ms" => 4,
        b"mr" => 5,
        _ => return None,
    })
}

fn put_span(out: &mut Vec<u8>, span: &Span<'_>, options: &Options) {
    out.put_bytes_field(1, &span.trace_id);
    out.put_bytes_field(2, &span.id);
    if span.parent_id != [0; 8] {
        out.put_bytes_field(4, &span.parent_id);
    }
    if !span.name.is_empty() {
        out.put_bytes_field(5, &span.name);
    }
    // The first one decides, also on a span that client and server share.
    let kind = annotations(span).find_map(|annotation| core_kind(&annotation.value)).unwrap_or(0);
    if kind > 0 {
        out.put_varint_field(6, kind.into());
    }
    let times = Times::of(span, options);
    out.put_fixed64_field(7, times.start);
    out.put_fixed64_field(8, times.end);
    if times.absent {
        attribute::put(out, ATTRIBUTES, keys::START_TIME_ABSENT, Value::Bool(true));
    }
    let mut status = Status::default();
    for annotation in &span.binary_annotations {
        if !status.take(annotation) && *annotation.key != *keys::START_TIME_ABSENT {
            let value = annotation.value.as_attribute(options.parse_string_tags);
            attribute::put(out, ATTRIBUTES, attribute_key(&annotation.key), value);
        }
    }
    if let Some(peer) = peer(span, kind) {
        put_peer(out, peer, options);
    }
    for annotation in annotations(span).filter(|annotation| core_kind(&annotation.value).is_none()) {
        let open = out.open_message(11, annotation.value.len() + 12);
        if annotation.timestamp > 0 {
            out.put_fixed64_field(1, annotation.timestamp.saturating_mul(1000));
        }
        out.put_bytes_field(2, &annotation.value);
        out.close_message(open);
    }
    let (code, message, error) = status.decide();
    if let Some(error) = error {
        attribute::put_text(out, ATTRIBUTES, keys::ERROR, error);
    }
    put_status_field(out, code, message);
}

/// Those that say something.
fn annotations<'s, 'a>(span: &'s Span<'a>) -> impl Iterator<Item = &'s Annotation<'a>> {
    span.annotations.iter().filter(|annotation| !annotation.value.is_empty())
}

fn attribute_key(key: &[u8]) -> &[u8] {
    match key {
        b"lc" => b"component",
        other => other,
    }
}

/// Nanoseconds.
struct Times {
    start: u64,
    end: u64,
    /// The span says nothing of when it was.
    absent: bool,
}

impl Times {
    fn of(span: &Span<'_>, options: &Options) -> Self {
        let known = || annotations(span).map(|annotation| annotation.timestamp).filter(|time| *time > 0);
        let nanos = |micros: u64| micros.saturating_mul(1000);
        let first = if span.timestamp > 0 { Some(span.timestamp) } else { known().min() };
        let absent = first.is_none();
        let start = first.map_or(options.now_unix_nano, nanos);
        let end = if span.duration > 0 || span.timestamp > 0 {
            start.saturating_add(nanos(span.duration))
        } else {
            known().max().map_or(start, nanos)
        };
        Self { start, end, absent }
    }
}

/// The other side, if an address annotation names it: the server of a client, the client of a server, or the broker.
fn peer<'s, 'a>(span: &'s Span<'a>, kind: u8) -> Option<&'s Endpoint<'a>> {
    let key = match kind {
        2 => b"ca",
        4 | 5 => b"ma",
        _ => b"sa",
    };
    let is_peer = |annotation: &&BinaryAnnotation<'_>| *annotation.key == *key && annotation.value.is_true();
    span.binary_annotations.iter().find(is_peer).map(|annotation| &annotation.endpoint)
}

/// The body of the resource. Returns the service name, for the order.
fn put_resource<'s>(body: &mut Vec<u8>, span: &'s Span<'_>) -> &'s [u8] {
    let core = annotations(span)
        .find(|annotation| {
            core_kind(&annotation.value).is_some() && !annotation.endpoint.service_name.is_empty()
        })
        .map(|annotation| &annotation.endpoint);
    let service = core.map_or_else(|| named_by_binary(span), |endpoint| &endpoint.service_name);
    body.clear();
    attribute::put_text(body, 1, keys::SERVICE_NAME, service);
    if let Some(endpoint) = core {
        for (key, text) in [(b"ipv4", &endpoint.ipv4), (b"ipv6", &endpoint.ipv6)] {
            if !text.is_empty() {
                attribute::put_text(body, 1, key, text);
            }
        }
        if endpoint.port > 0 {
            attribute::put_text(body, 1, b"port", itoa::Buffer::new().format(endpoint.port).as_bytes());
        }
    }
    service
}

fn named_by_binary<'s>(span: &'s Span<'_>) -> &'s [u8] {
    let local = |annotation: &&BinaryAnnotation<'_>| !matches!(&*annotation.key, b"ca" | b"sa" | b"ma");
    let endpoints = span.binary_annotations.iter().rev().filter(local);
    let named = endpoints.map(|annotation| &*annotation.endpoint.service_name).find(|name| !name.is_empty());
    let component = || {
        let component = span.binary_annotations.iter().find(|annotation| *annotation.key == *b"lc")?;
        Some(component.value.as_text()).filter(|name| !name.is_empty())
    };
    named.or_else(component).unwrap_or(UNKNOWN_SERVICE)
}
