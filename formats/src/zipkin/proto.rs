//! `zipkin.proto3.ListOfSpans`.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use sluice_pdata::Limits;
use sluice_pdata::wire::{Fault as WireFault, Reader, Value};

use super::Options;
use super::json::{ANNOTATION_TIMESTAMP, DURATION, TIMESTAMP};
use super::span::{Annotation, Endpoint, Fault, Span, Text};
use super::to_otlp::ToOtlp;
use crate::{Malformed, Translated};

pub(super) fn to_otlp(body: &[u8], options: &Options, limits: &Limits) -> Result<Translated, Malformed> {
    let malformed = |fault: WireFault| Malformed::at(fault.offset_in(body), fault.what());
    let mut out = ToOtlp::new(options, limits, body.len());
    let mut span = Span::default();
    let mut list = Reader::new(body);
    while let Some(field) = list.field().map_err(malformed)? {
        if let (1, Value::Len(message)) = (field.number, field.value) {
            span.clear();
            read_span(message, &mut span).map_err(malformed)?;
            out.push(&mut span)?;
        }
    }
    Ok(out.finish())
}

fn read_span<'a>(message: &'a [u8], span: &mut Span<'a>) -> Result<(), WireFault> {
    let mut fields = Reader::new(message);
    let fault = &mut span.fault;
    while let Some(field) = fields.field()? {
        match (field.number, field.value) {
            (1, Value::Len(id)) => span.trace_id = trace_id(id, fault),
            (2, Value::Len(id)) => span.parent_id = span_id(id, fault),
            (3, Value::Len(id)) => span.id = span_id(id, fault),
            (4, Value::Varint(kind)) => {
                span.kind = match kind {
                    1 => 3,
                    2 => 2,
                    3 => 4,
                    4 => 5,
                    _ => 0,
                }
            }
            (5, Value::Len(name)) => span.name = Cow::Borrowed(name),
            (6, Value::Fixed64(timestamp)) => span.timestamp = timestamp,
            (7, Value::Varint(duration)) => span.duration = duration,
            (8, Value::Len(message)) => span.local = endpoint(message, fault)?,
            (9, Value::Len(message)) => span.remote = endpoint(message, fault)?,
            (10, Value::Len(message)) => span.annotations.push(annotation(message, fault)?),
            (11, Value::Len(message)) => span.tags.push(tag(message, fault)?),
            (6, _) => fault.set(TIMESTAMP),
            (7, _) => fault.set(DURATION),
            (1..=5 | 8..=11, _) => fault.set(TYPE),
            _ => {}
        }
    }
    Ok(())
}

const TYPE: &str = "with a field of another type";
const ADDRESS: &str = "with an address that is none";

/// 16 bytes, or the low 8 of them.
fn trace_id(bytes: &[u8], fault: &mut Fault) -> [u8; 16] {
    let mut id = [0; 16];
    match bytes.len() {
        0 | 8 | 16 => {
            for (place, byte) in id.iter_mut().rev().zip(bytes.iter().rev()) {
                *place = *byte;
            }
        }
        _ => fault.set("with a trace id that is none"),
    }
    id
}

fn span_id(bytes: &[u8], fault: &mut Fault) -> [u8; 8] {
    if !bytes.is_empty() && bytes.len() != 8 {
        fault.set("with a span id that is none");
    }
    bytes.try_into().unwrap_or_default()
}

fn endpoint<'a>(message: &'a [u8], fault: &mut Fault) -> Result<Endpoint<'a>, WireFault> {
    let mut endpoint = Endpoint::default();
    let mut fields = Reader::new(message);
    while let Some(field) = fields.field()? {
        match (field.number, field.value) {
            (1, Value::Len(name)) => endpoint.service_name = Cow::Borrowed(name),
            (2, Value::Len(bytes)) => endpoint.ipv4 = ipv4(bytes, fault),
            (3, Value::Len(bytes)) => endpoint.ipv6 = ipv6(bytes, fault),
            (4, Value::Varint(port)) => {
                endpoint.port = u16::try_from(port).unwrap_or_else(|_| {
                    fault.set("with a port that is none");
                    0
                });
            }
            (1..=4, _) => fault.set(TYPE),
            _ => {}
        }
    }
    Ok(endpoint)
}

fn ipv4<'a>(bytes: &[u8], fault: &mut Fault) -> Text<'a> {
    match <[u8; 4]>::try_from(bytes) {
        Ok(octets) => Cow::Owned(Ipv4Addr::from(octets).to_string().into()),
        Err(_) => no_address(bytes, fault),
    }
}

pub(super) fn ipv6<'a>(bytes: &[u8], fault: &mut Fault) -> Text<'a> {
    match <[u8; 16]>::try_from(bytes) {
        Ok(octets) => Cow::Owned(Ipv6Addr::from(octets).to_string().into()),
        Err(_) => no_address(bytes, fault),
    }
}

fn no_address<'a>(bytes: &[u8], fault: &mut Fault) -> Text<'a> {
    if !bytes.is_empty() {
        fault.set(ADDRESS);
    }
    Cow::Borrowed(&[])
}

fn annotation<'a>(message: &'a [u8], fault: &mut Fault) -> Result<Annotation<'a>, WireFault> {
    let mut annotation = Annotation::default();
    let mut fields = Reader::new(message);
    while let Some(field) = fields.field()? {
        match (field.number, field.value) {
            (1, Value::Fixed64(timestamp)) => annotation.timestamp = timestamp,
            (2, Value::Len(value)) => annotation.value = Cow::Borrowed(value),
            (1, _) => fault.set(ANNOTATION_TIMESTAMP),
            (2, _) => fault.set(TYPE),
            _ => {}
        }
    }
    Ok(annotation)
}

/// An entry of the map.
fn tag<'a>(message: &'a [u8], fault: &mut Fault) -> Result<(Text<'a>, Text<'a>), WireFault> {
    let mut tag = (Text::default(), Text::default());
    let mut fields = Reader::new(message);
    while let Some(field) = fields.field()? {
        match (field.number, field.value) {
            (1, Value::Len(key)) => tag.0 = Cow::Borrowed(key),
            (2, Value::Len(value)) => tag.1 = Cow::Borrowed(value),
            (1 | 2, _) => fault.set(TYPE),
            _ => {}
        }
    }
    Ok(tag)
}
