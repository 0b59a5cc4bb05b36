//! `jaeger.thrift` by the `thrift` crate, with the messages of `api_v2` as the structs of both forms.

use std::collections::BTreeMap;

use sluice_formats::jaeger::Protocol;
use sluice_formats::jaeger::api_v2::{Batch, KeyValue, Log, Process, Span, SpanRef};
use thrift::protocol::{
    TBinaryInputProtocol, TBinaryOutputProtocol, TCompactInputProtocol, TCompactOutputProtocol,
    TFieldIdentifier, TInputProtocol, TListIdentifier, TMessageIdentifier, TMessageType, TOutputProtocol,
    TStructIdentifier, TType,
};

type Out<'a> = &'a mut dyn TOutputProtocol;

fn write(protocol: Protocol, write: impl FnOnce(Out<'_>) -> thrift::Result<()>) -> Vec<u8> {
    let mut out = Vec::new();
    match protocol {
        Protocol::Binary => write(&mut TBinaryOutputProtocol::new(&mut out, true)),
        Protocol::Compact => write(&mut TCompactOutputProtocol::new(&mut out)),
    }
    .expect("a Vec takes everything");
    out
}

/// A bare `Batch`. The spans' `parentSpanId` is `parent`.
pub(crate) fn batch(batch: &Batch, parent: i64, protocol: Protocol) -> Vec<u8> {
    write(protocol, |out| write_batch(out, batch, parent))
}

/// A call of `method` with a batch.
pub(crate) fn call(batch: &Batch, method: &str, kind: TMessageType, protocol: Protocol) -> Vec<u8> {
    write(protocol, |out| {
        out.write_message_begin(&TMessageIdentifier::new(method, kind, 7))?;
        out.write_struct_begin(&TStructIdentifier::new("args"))?;
        field(out, 1, TType::Struct, |out| write_batch(out, batch, 0))?;
        end(out)?;
        out.write_message_end()
    })
}

fn field(
    out: Out<'_>,
    id: i16,
    ty: TType,
    value: impl FnOnce(Out<'_>) -> thrift::Result<()>,
) -> thrift::Result<()> {
    out.write_field_begin(&TFieldIdentifier::new("f", ty, id))?;
    value(out)?;
    out.write_field_end()
}

fn end(out: Out<'_>) -> thrift::Result<()> {
    out.write_field_stop()?;
    out.write_struct_end()
}

fn list<T>(
    out: Out<'_>,
    id: i16,
    elements: &[T],
    write: impl Fn(Out<'_>, &T) -> thrift::Result<()>,
) -> thrift::Result<()> {
    field(out, id, TType::List, |out| {
        out.write_list_begin(&TListIdentifier::new(TType::Struct, elements.len() as i32))?;
        for element in elements {
            out.write_struct_begin(&TStructIdentifier::new("e"))?;
            write(out, element)?;
            end(out)?;
        }
        out.write_list_end()
    })
}

fn write_batch(out: Out<'_>, batch: &Batch, parent: i64) -> thrift::Result<()> {
    out.write_struct_begin(&TStructIdentifier::new("Batch"))?;
    if let Some(process) = &batch.process {
        field(out, 1, TType::Struct, |out| {
            out.write_struct_begin(&TStructIdentifier::new("Process"))?;
            field(out, 1, TType::String, |out| out.write_string(&process.service_name))?;
            if !process.tags.is_empty() {
                list(out, 2, &process.tags, write_tag)?;
            }
            end(out)
        })?;
    }
    list(out, 2, &batch.spans, |out, span| write_span(out, span, parent))?;
    field(out, 3, TType::I64, |out| out.write_i64(42))?;
    field(out, 4, TType::Struct, |out| {
        out.write_struct_begin(&TStructIdentifier::new("ClientStats"))?;
        for id in 1..=3 {
            field(out, id, TType::I64, |out| out.write_i64(0))?;
        }
        end(out)
    })?;
    end(out)
}

fn number(id: &[u8]) -> i64 {
    id.try_into().map_or(0, i64::from_be_bytes)
}

fn write_ids(out: Out<'_>, first: i16, trace: &[u8], span: &[u8]) -> thrift::Result<()> {
    let (high, low) = trace.split_at(trace.len() / 2);
    field(out, first, TType::I64, |out| out.write_i64(number(low)))?;
    field(out, first + 1, TType::I64, |out| out.write_i64(number(high)))?;
    field(out, first + 2, TType::I64, |out| out.write_i64(number(span)))
}

fn write_span(out: Out<'_>, span: &Span, parent: i64) -> thrift::Result<()> {
    write_ids(out, 1, &span.trace_id, &span.span_id)?;
    field(out, 4, TType::I64, |out| out.write_i64(parent))?;
    field(out, 5, TType::String, |out| out.write_string(&span.operation_name))?;
    if !span.references.is_empty() {
        list(out, 6, &span.references, |out, reference| {
            field(out, 1, TType::I32, |out| out.write_i32(reference.ref_type))?;
            write_ids(out, 2, &reference.trace_id, &reference.span_id)
        })?;
    }
    field(out, 7, TType::I32, |out| out.write_i32(span.flags as i32))?;
    let start = span.start_time.unwrap_or_default();
    field(out, 8, TType::I64, |out| out.write_i64(micros(start.seconds, start.nanos)))?;
    let duration = span.duration.unwrap_or_default();
    field(out, 9, TType::I64, |out| out.write_i64(micros(duration.seconds, duration.nanos)))?;
    if !span.tags.is_empty() {
        list(out, 10, &span.tags, write_tag)?;
    }
    if !span.logs.is_empty() {
        list(out, 11, &span.logs, |out, log| {
            let time = log.timestamp.unwrap_or_default();
            field(out, 1, TType::I64, |out| out.write_i64(micros(time.seconds, time.nanos)))?;
            list(out, 2, &log.fields, write_tag)
        })?;
    }
    Ok(())
}

fn micros(seconds: i64, nanos: i32) -> i64 {
    seconds * 1_000_000 + i64::from(nanos / 1000)
}

/// `TagType` has another order than `ValueType`.
const TAG_TYPES: [i32; 5] = [0, 2, 3, 1, 4];

fn write_tag(out: Out<'_>, tag: &KeyValue) -> thrift::Result<()> {
    let ty = TAG_TYPES.get(tag.v_type as usize).copied().unwrap_or(tag.v_type);
    field(out, 1, TType::String, |out| out.write_string(&tag.key))?;
    field(out, 2, TType::I32, |out| out.write_i32(ty))?;
    match tag.v_type {
        0 => field(out, 3, TType::String, |out| out.write_string(&tag.v_str)),
        1 => field(out, 5, TType::Bool, |out| out.write_bool(tag.v_bool)),
        2 => field(out, 6, TType::I64, |out| out.write_i64(tag.v_int64)),
        3 => field(out, 4, TType::Double, |out| out.write_double(tag.v_float64)),
        4 => field(out, 7, TType::String, |out| out.write_bytes(&tag.v_binary)),
        _ => Ok(()),
    }
}

/// Anything that Thrift can say, as read without a schema.
#[derive(Debug, Clone)]
enum Any {
    Bool(bool),
    I32(i32),
    I64(i64),
    Double(f64),
    Bytes(Vec<u8>),
    Struct(BTreeMap<i16, Any>),
    List(Vec<Any>),
}

fn read_any(input: &mut dyn TInputProtocol, ty: TType) -> thrift::Result<Any> {
    Ok(match ty {
        TType::Bool => Any::Bool(input.read_bool()?),
        TType::I32 => Any::I32(input.read_i32()?),
        TType::I64 => Any::I64(input.read_i64()?),
        TType::Double => Any::Double(input.read_double()?),
        TType::String | TType::Utf7 => Any::Bytes(input.read_bytes()?),
        TType::Struct => {
            input.read_struct_begin()?;
            let mut fields = BTreeMap::new();
            loop {
                let field = input.read_field_begin()?;
                if field.field_type == TType::Stop {
                    break;
                }
                fields.insert(field.id.expect("an id"), read_any(input, field.field_type)?);
                input.read_field_end()?;
            }
            input.read_struct_end()?;
            Any::Struct(fields)
        }
        TType::List => {
            let list = input.read_list_begin()?;
            let elements =
                (0..list.size).map(|_| read_any(input, list.element_type)).collect::<Result<_, _>>()?;
            input.read_list_end()?;
            Any::List(elements)
        }
        other => panic!("jaeger.thrift has no {other:?}"),
    })
}

/// Reads a bare `Batch`: what it says, and the spans' `parentSpanId`s.
pub(crate) fn read_batch(bytes: &[u8], protocol: Protocol) -> (Batch, Vec<i64>) {
    let batch = match protocol {
        Protocol::Binary => read_any(&mut TBinaryInputProtocol::new(bytes, true), TType::Struct),
        Protocol::Compact => read_any(&mut TCompactInputProtocol::new(bytes), TType::Struct),
    }
    .expect("a struct");
    let process = Process { service_name: batch.at(1).text(1), tags: batch.at(1).list(2).map(tag).collect() };
    let parents = batch.list(2).map(|span| span.i64(4)).collect();
    (Batch { spans: batch.list(2).map(span).collect(), process: Some(process) }, parents)
}

fn span(span: &Any) -> Span {
    let (seconds, nanos) = split(span.i64(8));
    let (duration, fraction) = split(span.i64(9));
    Span {
        trace_id: [span.i64(2).to_be_bytes(), span.i64(1).to_be_bytes()].concat(),
        span_id: span.i64(3).to_be_bytes().to_vec(),
        operation_name: span.text(5),
        references: span
            .list(6)
            .map(|reference| SpanRef {
                trace_id: [reference.i64(3).to_be_bytes(), reference.i64(2).to_be_bytes()].concat(),
                span_id: reference.i64(4).to_be_bytes().to_vec(),
                ref_type: reference.i32(1),
            })
            .collect(),
        flags: span.i32(7) as u32,
        start_time: Some(prost_types::Timestamp { seconds, nanos }),
        duration: Some(prost_types::Duration { seconds: duration, nanos: fraction }),
        tags: span.list(10).map(tag).collect(),
        logs: span
            .list(11)
            .map(|log| {
                let (seconds, nanos) = split(log.i64(1));
                let timestamp = Some(prost_types::Timestamp { seconds, nanos });
                Log { timestamp, fields: log.list(2).map(tag).collect() }
            })
            .collect(),
        ..Span::default()
    }
}

fn split(micros: i64) -> (i64, i32) {
    (micros / 1_000_000, (micros % 1_000_000 * 1000) as i32)
}

fn tag(tag: &Any) -> KeyValue {
    let v_type = TAG_TYPES.iter().position(|ty| *ty == tag.i32(2)).expect("a type") as i32;
    let mut out = KeyValue { key: tag.text(1), v_type, ..KeyValue::default() };
    match v_type {
        0 => out.v_str = tag.text(3),
        1 => out.v_bool = matches!(tag.at(5), Any::Bool(true)),
        2 => out.v_int64 = tag.i64(6),
        3 => out.v_float64 = if let Any::Double(value) = tag.at(4) { *value } else { panic!("no double") },
        _ => {
            out.v_binary = if let Any::Bytes(value) = tag.at(7) { value.clone() } else { panic!("no bytes") }
        }
    }
    out
}

impl Any {
    fn get(&self, id: i16) -> Option<&Self> {
        match self {
            Self::Struct(fields) => fields.get(&id),
            other => panic!("{other:?} is no struct"),
        }
    }

    fn at(&self, id: i16) -> &Self {
        self.get(id).unwrap_or_else(|| panic!("no field {id} in {self:?}"))
    }

    fn i64(&self, id: i16) -> i64 {
        if let Self::I64(value) = self.at(id) { *value } else { panic!("{id} is no i64") }
    }

    fn i32(&self, id: i16) -> i32 {
        if let Self::I32(value) = self.at(id) { *value } else { panic!("{id} is no i32") }
    }

    fn text(&self, id: i16) -> String {
        if let Self::Bytes(text) = self.at(id) {
            String::from_utf8(text.clone()).expect("UTF-8")
        } else {
            panic!("{id} is no string")
        }
    }

    /// An absent list is empty.
    fn list(&self, id: i16) -> impl Iterator<Item = &Self> {
        match self.get(id) {
            Some(Self::List(elements)) => elements.iter(),
            None => [].iter(),
            other => panic!("{other:?} is no list"),
        }
    }
}
