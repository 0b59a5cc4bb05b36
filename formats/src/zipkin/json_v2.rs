//! Version 2 JSON: an array of spans.

use std::borrow::Cow;

use sluice_pdata::Limits;

use super::json::{ANNOTATION_TIMESTAMP, DURATION, Reader, TIMESTAMP};
use super::span::{Annotation, Span};
use super::to_otlp::ToOtlp;
use super::{Options, keys};
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
    let is_object = reader.object(|reader, key| {
        match &*key {
            b"traceId" => reader.id(&mut span.trace_id, &mut span.fault, "with a trace id that is none")?,
            b"id" => reader.id(&mut span.id, &mut span.fault, "with an id that is none")?,
            b"parentId" => {
                reader.id(&mut span.parent_id, &mut span.fault, "with a parent id that is none")?;
            }
            b"name" => span.name = reader.string(&mut span.fault, "with a name that is no string")?,
            b"kind" => {
                let name = reader.string(&mut span.fault, "with a kind that is no string")?;
                match kind(&name) {
                    Some(kind) => span.kind = kind,
                    None => span.tags.push((Cow::Borrowed(keys::SPAN_KIND), name)),
                }
            }
            b"timestamp" => {
                span.timestamp = reader.unsigned(&mut span.fault, TIMESTAMP)?;
            }
            b"duration" => {
                span.duration = reader.unsigned(&mut span.fault, DURATION)?;
            }
            b"localEndpoint" => span.local = reader.endpoint(&mut span.fault)?,
            b"remoteEndpoint" => span.remote = reader.endpoint(&mut span.fault)?,
            b"annotations" => read_annotations(reader, span)?,
            b"tags" => read_tags(reader, span)?,
            b"binaryAnnotations" => return Err(version_1(reader)),
            _ => reader.text.skip()?,
        }
        Ok(())
    })?;
    if !is_object {
        span.fault.set("that are no object");
    }
    Ok(())
}

fn kind(name: &[u8]) -> Option<u8> {
    Some(match name {
        b"" => 0,
        b"SERVER" => 2,
        b"CLIENT" => 3,
        b"PRODUCER" => 4,
        b"CONSUMER" => 5,
        _ => return None,
    })
}

fn read_annotations<'a>(reader: &mut Reader<'a>, span: &mut Span<'a>) -> Result<(), Malformed> {
    let Span { annotations, fault, .. } = span;
    reader.objects(fault, "with an annotation that is none", |reader, fault| {
        let mut annotation = Annotation::default();
        let is_object = reader.object(|reader, key| {
            match &*key {
                b"timestamp" => annotation.timestamp = reader.unsigned(fault, ANNOTATION_TIMESTAMP)?,
                b"value" => {
                    annotation.value = reader.string(fault, "with an annotation that is no string")?;
                }
                b"endpoint" => return Err(version_1(reader)),
                _ => reader.text.skip()?,
            }
            Ok(())
        })?;
        annotations.push(annotation);
        Ok(is_object)
    })
}

/// Zipkin's server, too, takes each version at its own address only: read as version 2, this would lose most of what
/// it says.
#[cold]
fn version_1(reader: &Reader<'_>) -> Malformed {
    reader.text.error("this is version 1 of Zipkin's format, for /api/v1/spans").into()
}

fn read_tags<'a>(reader: &mut Reader<'a>, span: &mut Span<'a>) -> Result<(), Malformed> {
    if reader.text.take_null()? {
        return Ok(());
    }
    let tags = &mut span.tags;
    let is_object = reader.object(|reader, key| {
        if let Some(value) = reader.tag()? {
            tags.push((key, value));
        }
        Ok(())
    })?;
    if !is_object {
        span.fault.set("with tags that are no object");
    }
    Ok(())
}
