//! Version 1 JSON: an array of spans.

use std::borrow::Cow;

use sluice_pdata::Limits;

use super::Options;
use super::json::{ANNOTATION_TIMESTAMP, DURATION, Reader, TIMESTAMP};
use super::span::Fault;
use super::v1::{Annotation, BinaryAnnotation, Span, ToOtlp, Value};
use crate::{Malformed, Translated};

pub(super) fn to_otlp(body: &[u8], options: &Options, limits: &Limits) -> Result<Translated, Malformed> {
    let mut out = ToOtlp::new(options, limits, body.len());
    let mut span = Span::default();
    Reader::new(body).spans(|reader| {
        span.clear();
        read_span(reader, &mut span)?;
        out.push(&mut span)
    })?;
    Ok(out.finish())
}

fn read_span<'a>(reader: &mut Reader<'a>, span: &mut Span<'a>) -> Result<(), Malformed> {
    let Span { annotations, binary_annotations, fault, .. } = span;
    let is_object = reader.object(|reader, key| {
        match &*key {
            b"traceId" => reader.id(&mut span.trace_id, fault, "with a trace id that is none")?,
            b"id" => reader.id(&mut span.id, fault, "with an id that is none")?,
            b"parentId" => reader.id(&mut span.parent_id, fault, "with a parent id that is none")?,
            b"name" => span.name = reader.string(fault, "with a name that is no string")?,
            b"timestamp" => span.timestamp = reader.unsigned(fault, TIMESTAMP)?,
            b"duration" => span.duration = reader.unsigned(fault, DURATION)?,
            b"annotations" => {
                reader.objects(fault, "with an annotation that is none", |reader, fault| {
                    let mut annotation = Annotation::default();
                    let is_object = read_annotation(reader, &mut annotation, fault)?;
                    annotations.push(annotation);
                    Ok(is_object)
                })?;
            }
            b"binaryAnnotations" => {
                reader.objects(fault, "with a binary annotation that is none", |reader, fault| {
                    let mut annotation = BinaryAnnotation::default();
                    let is_object = read_binary_annotation(reader, &mut annotation, fault)?;
                    binary_annotations.push(annotation);
                    Ok(is_object)
                })?;
            }
            b"tags" | b"localEndpoint" | b"remoteEndpoint" => {
                // Zipkin's server, too, takes each version at its own address only.
                let what = "this is version 2 of Zipkin's format, for /api/v2/spans";
                return Err(reader.text.error(what).into());
            }
            _ => reader.text.skip()?,
        }
        Ok(())
    })?;
    if !is_object {
        span.fault.set("that are no object");
    }
    Ok(())
}

fn read_annotation<'a>(
    reader: &mut Reader<'a>,
    annotation: &mut Annotation<'a>,
    fault: &mut Fault,
) -> Result<bool, Malformed> {
    reader.object(|reader, key| {
        match &*key {
            b"timestamp" => annotation.timestamp = reader.unsigned(fault, ANNOTATION_TIMESTAMP)?,
            b"value" => annotation.value = reader.string(fault, "with an annotation that is no string")?,
            b"endpoint" => annotation.endpoint = reader.endpoint(fault)?,
            _ => reader.text.skip()?,
        }
        Ok(())
    })
}

fn read_binary_annotation<'a>(
    reader: &mut Reader<'a>,
    annotation: &mut BinaryAnnotation<'a>,
    fault: &mut Fault,
) -> Result<bool, Malformed> {
    reader.object(|reader, key| {
        match &*key {
            b"key" => annotation.key = reader.string(fault, "with a key that is no string")?,
            b"value" => annotation.value = value(reader)?,
            b"endpoint" => annotation.endpoint = reader.endpoint(fault)?,
            // The JSON value has a type of its own.
            _ => reader.text.skip()?,
        }
        Ok(())
    })
}

/// As it is given; `null` is the empty text, lists and objects are the text that they are.
fn value<'a>(reader: &mut Reader<'a>) -> Result<Value<'a>, Malformed> {
    Ok(match reader.text.peek() {
        b't' | b'f' => Value::Bool(reader.text.bool()?),
        b'-' | b'0'..=b'9' => {
            let text = reader.text.number()?;
            let number = std::str::from_utf8(text).unwrap_or_default();
            match (number.parse(), number.parse::<f64>()) {
                (Ok(int), _) => Value::Int(int),
                (_, Ok(double)) if double.is_finite() => Value::Double(double),
                _ => Value::Text(Cow::Borrowed(text)),
            }
        }
        _ => Value::Text(reader.tag()?.unwrap_or_default()),
    })
}
