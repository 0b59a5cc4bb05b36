//! The two forms that spans are written in. Both are told the same in the same order: head, annotations, tags,
//! endpoints.

use sluice_pdata::json::write::{push_escaped, push_hex, push_int, push_string};
use sluice_pdata::wire::{OpenMessage, WireType, Write};

use super::attribute::field_len;
use super::endpoints::Endpoint;
use std::net::IpAddr;

/// What a span has exactly one of.
#[derive(Debug)]
pub(super) struct Head<'a> {
    pub(super) trace_id: &'a [u8; 16],
    pub(super) id: &'a [u8],
    /// Empty for a root.
    pub(super) parent_id: &'a [u8],
    /// OTLP's number.
    pub(super) kind: i32,
    /// Lower case.
    pub(super) name: &'a [u8],
    /// Microseconds since the epoch, or 0.
    pub(super) timestamp: u64,
    /// Microseconds, or 0.
    pub(super) duration: u64,
}

pub(super) trait Form {
    /// A span that was begun.
    type Open;

    /// `is_first`: of its request.
    fn open_span(out: &mut Vec<u8>, is_first: bool, head: &Head<'_>) -> Self::Open;
    fn open_annotations(out: &mut Vec<u8>);
    fn annotation(out: &mut Vec<u8>, timestamp: u64, text: &[u8]);
    fn close_annotations(out: &mut Vec<u8>);
    fn open_tags(out: &mut Vec<u8>);
    fn tag(out: &mut Vec<u8>, key: &[u8], text: &[u8]);
    fn close_tags(out: &mut Vec<u8>);
    fn endpoint(out: &mut Vec<u8>, is_local: bool, endpoint: &Endpoint<'_>);
    fn close_span(out: &mut Vec<u8>, open: Self::Open);
    fn end_list(out: &mut Vec<u8>);
    /// Makes a span that was written as a later one into the first one of another request.
    fn to_first(span: &[u8]) -> Vec<u8>;
}

/// An array of spans.
#[derive(Debug)]
pub(super) struct Json;

impl Form for Json {
    type Open = ();

    fn open_span(out: &mut Vec<u8>, is_first: bool, head: &Head<'_>) {
        out.push(if is_first { b'[' } else { b',' });
        out.extend_from_slice(b"{\"traceId\":\"");
        let trace_id = match head.trace_id {
            [0, 0, 0, 0, 0, 0, 0, 0, low @ ..] => low,
            all => &all[..],
        };
        push_hex(out, trace_id);
        out.extend_from_slice(b"\",\"id\":\"");
        push_hex(out, head.id);
        if !head.parent_id.is_empty() {
            out.extend_from_slice(b"\",\"parentId\":\"");
            push_hex(out, head.parent_id);
        }
        out.push(b'"');
        out.extend_from_slice(match head.kind {
            2 => b",\"kind\":\"SERVER\"",
            3 => b",\"kind\":\"CLIENT\"",
            4 => b",\"kind\":\"PRODUCER\"",
            5 => b",\"kind\":\"CONSUMER\"",
            _ => b"",
        });
        if !head.name.is_empty() {
            out.extend_from_slice(b",\"name\":");
            push_string(out, head.name);
        }
        if head.timestamp > 0 {
            out.extend_from_slice(b",\"timestamp\":");
            push_int(out, head.timestamp);
        }
        if head.duration > 0 {
            out.extend_from_slice(b",\"duration\":");
            push_int(out, head.duration);
        }
    }

    fn open_annotations(out: &mut Vec<u8>) {
        out.extend_from_slice(b",\"annotations\":[");
    }

    fn annotation(out: &mut Vec<u8>, timestamp: u64, text: &[u8]) {
        out.extend_from_slice(b"{\"timestamp\":");
        push_int(out, timestamp);
        out.extend_from_slice(b",\"value\":");
        push_string(out, text);
        out.extend_from_slice(b"},");
    }

    fn close_annotations(out: &mut Vec<u8>) {
        close(out, b']');
    }

    fn open_tags(out: &mut Vec<u8>) {
        out.extend_from_slice(b",\"tags\":{");
    }

    #[inline]
    fn tag(out: &mut Vec<u8>, key: &[u8], text: &[u8]) {
        out.reserve(key.len() + text.len() + 6);
        out.push(b'"');
        push_escaped(out, key);
        out.extend_from_slice(b"\":\"");
        push_escaped(out, text);
        out.extend_from_slice(b"\",");
    }

    fn close_tags(out: &mut Vec<u8>) {
        close(out, b'}');
    }

    fn endpoint(out: &mut Vec<u8>, is_local: bool, endpoint: &Endpoint<'_>) {
        out.extend_from_slice(if is_local { b",\"localEndpoint\":{" } else { b",\"remoteEndpoint\":{" });
        if !endpoint.service.is_empty() {
            out.extend_from_slice(b"\"serviceName\":");
            push_string(out, endpoint.service);
            out.push(b',');
        }
        if let Some((address, text)) = endpoint.address {
            out.extend_from_slice(if address.is_ipv4() { b"\"ipv4\":" } else { b"\"ipv6\":" });
            push_string(out, text);
            out.push(b',');
        }
        if endpoint.port > 0 {
            out.extend_from_slice(b"\"port\":");
            push_int(out, endpoint.port);
            out.push(b',');
        }
        close(out, b'}');
    }

    fn close_span(out: &mut Vec<u8>, (): ()) {
        out.push(b'}');
    }

    fn end_list(out: &mut Vec<u8>) {
        out.push(b']');
    }

    fn to_first(span: &[u8]) -> Vec<u8> {
        let mut first = span.to_vec();
        if let Some(comma) = first.first_mut() {
            *comma = b'[';
        }
        first
    }
}

/// Ends an object or array whose members all have a comma behind them.
fn close(out: &mut Vec<u8>, bracket: u8) {
    match out.last_mut() {
        Some(comma) if *comma == b',' => *comma = bracket,
        _ => out.push(bracket),
    }
}

/// `zipkin.proto3.ListOfSpans`.
#[derive(Debug)]
pub(super) struct Proto;

impl Form for Proto {
    type Open = OpenMessage;

    fn open_span(out: &mut Vec<u8>, _: bool, head: &Head<'_>) -> OpenMessage {
        let open = out.open_message(1, 512);
        // Always 16 bytes: zipkin-go does not read 8.
        out.put_bytes_field(1, head.trace_id);
        if !head.parent_id.is_empty() {
            out.put_bytes_field(2, head.parent_id);
        }
        out.put_bytes_field(3, head.id);
        let kind = match head.kind {
            2 => 2,
            3 => 1,
            4 => 3,
            5 => 4,
            _ => 0,
        };
        if kind > 0 {
            out.put_varint_field(4, kind);
        }
        if !head.name.is_empty() {
            out.put_bytes_field(5, head.name);
        }
        if head.timestamp > 0 {
            out.put_fixed64_field(6, head.timestamp);
        }
        if head.duration > 0 {
            out.put_varint_field(7, head.duration);
        }
        open
    }

    fn open_annotations(_: &mut Vec<u8>) {}

    fn annotation(out: &mut Vec<u8>, timestamp: u64, text: &[u8]) {
        out.put_key(10, WireType::Len);
        out.put_varint((9 + field_len(text.len())) as u64);
        out.put_fixed64_field(1, timestamp);
        out.put_bytes_field(2, text);
    }

    fn close_annotations(_: &mut Vec<u8>) {}

    fn open_tags(_: &mut Vec<u8>) {}

    #[inline]
    fn tag(out: &mut Vec<u8>, key: &[u8], text: &[u8]) {
        let body = field_len(key.len()) + field_len(text.len());
        out.reserve(body + 6);
        out.put_key(11, WireType::Len);
        out.put_varint(body as u64);
        out.put_bytes_field(1, key);
        out.put_bytes_field(2, text);
    }

    fn close_tags(_: &mut Vec<u8>) {}

    fn endpoint(out: &mut Vec<u8>, is_local: bool, endpoint: &Endpoint<'_>) {
        let open = out.open_message(if is_local { 8 } else { 9 }, endpoint.service.len() + 24);
        if !endpoint.service.is_empty() {
            out.put_bytes_field(1, endpoint.service);
        }
        match endpoint.address {
            Some((IpAddr::V4(address), _)) => out.put_bytes_field(2, &address.octets()),
            Some((IpAddr::V6(address), _)) => out.put_bytes_field(3, &address.octets()),
            None => {}
        }
        if endpoint.port > 0 {
            out.put_varint_field(4, endpoint.port.into());
        }
        out.close_message(open);
    }

    fn close_span(out: &mut Vec<u8>, open: OpenMessage) {
        out.close_message(open);
    }

    fn end_list(_: &mut Vec<u8>) {}

    fn to_first(span: &[u8]) -> Vec<u8> {
        span.to_vec()
    }
}
