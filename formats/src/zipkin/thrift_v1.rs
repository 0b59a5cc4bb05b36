//! Version 1 Thrift: a list of `zipkincore.Span` in the binary protocol, without an envelope.

use std::borrow::Cow;
use std::net::Ipv4Addr;

use sluice_pdata::Limits;
use sluice_pdata::json::write::push_base64;

use super::Options;
use super::json::{ANNOTATION_TIMESTAMP, DURATION, TIMESTAMP};
use super::proto::ipv6;
use super::span::{Endpoint, Fault};
use super::v1::{Annotation, BinaryAnnotation, Span, ToOtlp, Value};
use crate::thrift::binary::Reader;
use crate::thrift::{Fault as ThriftFault, Field, Read, Type};
use crate::{Malformed, Translated};

pub(super) fn to_otlp(body: &[u8], options: &Options, limits: &Limits) -> Result<Translated, Malformed> {
    let malformed = |fault: ThriftFault| Malformed::at(fault.offset_in(body), fault.what());
    let mut out = ToOtlp::new(options, limits, body.len());
    if body.is_empty() {
        return Ok(out.finish());
    }
    let mut span = Span::default();
    let mut reader = Reader::new(body);
    for _ in 0..reader.list_of(Type::Struct).map_err(malformed)? {
        span.clear();
        read_span(&mut reader, &mut span).map_err(malformed)?;
        out.push(&mut span)?;
    }
    if reader.rest().is_empty() {
        Ok(out.finish())
    } else {
        Err(malformed(ThriftFault::new(reader.rest(), "expected nothing more")))
    }
}

/// The fields of a struct; `read` takes the value, or says that it does not know the field.
fn fields<'a>(
    reader: &mut Reader<'a>,
    mut read: impl FnMut(&mut Reader<'a>, Field) -> Result<bool, ThriftFault>,
) -> Result<(), ThriftFault> {
    let mut last = 0;
    while let Some(field) = reader.field(&mut last)? {
        if !read(reader, field)? {
            reader.skip(field.ty)?;
        }
    }
    Ok(())
}

fn read_span<'a>(reader: &mut Reader<'a>, span: &mut Span<'a>) -> Result<(), ThriftFault> {
    let (mut high, mut low) = (0, 0);
    fields(reader, |reader, field| {
        match (field.id, field.ty) {
            (1, Type::I64) => low = reader.i64()?,
            (3, Type::Binary) => span.name = Cow::Borrowed(reader.bytes()?),
            (4, Type::I64) => span.id = reader.i64()?.to_be_bytes(),
            (5, Type::I64) => span.parent_id = reader.i64()?.to_be_bytes(),
            (6, Type::List) => {
                for _ in 0..reader.list_of(Type::Struct)? {
                    let annotation = read_annotation(reader, &mut span.fault)?;
                    span.annotations.push(annotation);
                }
            }
            (8, Type::List) => {
                for _ in 0..reader.list_of(Type::Struct)? {
                    let annotation = read_binary_annotation(reader, &mut span.fault)?;
                    span.binary_annotations.push(annotation);
                }
            }
            (10, Type::I64) => span.timestamp = unsigned(reader.i64()?, &mut span.fault, TIMESTAMP),
            (11, Type::I64) => span.duration = unsigned(reader.i64()?, &mut span.fault, DURATION),
            (12, Type::I64) => high = reader.i64()?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    let [high, low] = [high, low].map(|half: i64| u128::from(half.cast_unsigned()));
    span.trace_id = (high << 64 | low).to_be_bytes();
    Ok(())
}

fn unsigned(value: i64, fault: &mut Fault, what: &'static str) -> u64 {
    u64::try_from(value).unwrap_or_else(|_| {
        fault.set(what);
        0
    })
}

fn read_annotation<'a>(reader: &mut Reader<'a>, fault: &mut Fault) -> Result<Annotation<'a>, ThriftFault> {
    let mut annotation = Annotation::default();
    fields(reader, |reader, field| {
        match (field.id, field.ty) {
            (1, Type::I64) => annotation.timestamp = unsigned(reader.i64()?, fault, ANNOTATION_TIMESTAMP),
            (2, Type::Binary) => annotation.value = Cow::Borrowed(reader.bytes()?),
            (3, Type::Struct) => annotation.endpoint = read_endpoint(reader, fault)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(annotation)
}

fn read_binary_annotation<'a>(
    reader: &mut Reader<'a>,
    fault: &mut Fault,
) -> Result<BinaryAnnotation<'a>, ThriftFault> {
    let mut annotation = BinaryAnnotation::default();
    let (mut bytes, mut ty) = (&[][..], 0);
    fields(reader, |reader, field| {
        match (field.id, field.ty) {
            (1, Type::Binary) => annotation.key = Cow::Borrowed(reader.bytes()?),
            (2, Type::Binary) => bytes = reader.bytes()?,
            (3, Type::I32) => ty = reader.i32()?,
            (4, Type::Struct) => annotation.endpoint = read_endpoint(reader, fault)?,
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    annotation.value = value(bytes, ty);
    Ok(annotation)
}

/// A value by its `AnnotationType`. Numbers that are cut off, and types that do not exist, become otelcol's texts.
fn value(bytes: &[u8], ty: i32) -> Value<'_> {
    let number = match ty {
        0 => return Value::Bool(bytes == [1]),
        1 => {
            let mut text = Vec::new();
            push_base64(&mut text, bytes);
            return Value::Text(Cow::Owned(text));
        }
        // Signed, which otelcol overlooks.
        2 => bytes.first_chunk().map(|bytes| Value::Int(i16::from_be_bytes(*bytes).into())),
        3 => bytes.first_chunk().map(|bytes| Value::Int(i32::from_be_bytes(*bytes).into())),
        4 => bytes.first_chunk().map(|bytes| Value::Int(i64::from_be_bytes(*bytes))),
        5 => bytes.first_chunk().map(|bytes| Value::Double(f64::from_be_bytes(*bytes))),
        6 => return Value::Text(Cow::Borrowed(bytes)),
        unknown => {
            let text = format!("<unknown zipkin v1 binary annotation type ({unknown})>");
            return Value::Text(Cow::Owned(text.into()));
        }
    };
    number.unwrap_or(Value::Text(Cow::Borrowed(b"<not enough bytes representing the number>")))
}

fn read_endpoint<'a>(reader: &mut Reader<'a>, fault: &mut Fault) -> Result<Endpoint<'a>, ThriftFault> {
    let mut endpoint = Endpoint::default();
    fields(reader, |reader, field| {
        match (field.id, field.ty) {
            (1, Type::I32) => match reader.i32()? {
                0 => {}
                bits => {
                    let address = Ipv4Addr::from_bits(bits.cast_unsigned());
                    endpoint.ipv4 = Cow::Owned(address.to_string().into());
                }
            },
            // Thrift has no unsigned numbers.
            (2, Type::I16) => endpoint.port = reader.i16()?.cast_unsigned(),
            (3, Type::Binary) => endpoint.service_name = Cow::Borrowed(reader.bytes()?),
            (4, Type::Binary) => endpoint.ipv6 = ipv6(reader.bytes()?, fault),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    Ok(endpoint)
}
