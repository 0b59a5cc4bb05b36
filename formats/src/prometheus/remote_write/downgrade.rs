//! A request of version 2.0 as one of 1.0, for a server that turns out to know no other.

use sluice_pdata::wire::{Reader, Value, Write};

/// Rewrites an `io.prometheus.write.v2.Request` as a `prometheus.WriteRequest`. Start times and metadata have no place
/// there. `None` if the bytes are no such request.
#[must_use]
pub fn downgrade(body: &[u8]) -> Option<Vec<u8>> {
    let mut symbols = Vec::new();
    let mut out = Vec::with_capacity(body.len() * 2);
    each_field(body, |number, value| match (number, value) {
        (4, Value::Len(text)) => {
            symbols.push(text);
            Some(())
        }
        (5, Value::Len(series)) => {
            out.put_message_field(1, series.len() * 2, |out: &mut Vec<u8>| put_series(out, series, &symbols))
        }
        _ => Some(()),
    })?;
    Some(out)
}

/// Symbols stand before the series in what we write.
fn put_series(out: &mut Vec<u8>, series: &[u8], symbols: &[&[u8]]) -> Option<()> {
    each_field(series, |number, value| {
        match (number, value) {
            (1, Value::Len(refs)) => put_labels(out, refs, symbols)?,
            (2, Value::Len(sample)) => put_without(out, 2, sample, 3)?,
            (3, Value::Len(histogram)) => put_without(out, 4, histogram, 17)?,
            (4, Value::Len(exemplar)) => {
                out.put_message_field(3, exemplar.len() * 4, |out: &mut Vec<u8>| {
                    each_field(exemplar, |number, value| {
                        match (number, value) {
                            (1, Value::Len(refs)) => put_labels(out, refs, symbols)?,
                            (number, value) => put_value(out, number, value)?,
                        }
                        Some(())
                    })
                })?;
            }
            _ => {}
        }
        Some(())
    })
}

fn put_labels(out: &mut Vec<u8>, refs: &[u8], symbols: &[&[u8]]) -> Option<()> {
    let mut refs = Reader::new(refs);
    while !refs.is_empty() {
        let mut text = || symbols.get(usize::try_from(refs.varint().ok()?).ok()?).copied();
        let (name, value) = (text()?, text()?);
        out.put_message_field(1, name.len() + value.len() + 4, |out: &mut Vec<u8>| {
            out.put_bytes_field(1, name);
            out.put_bytes_field(2, value);
        });
    }
    Some(())
}

/// Copies a message, all but one of its fields.
fn put_without(out: &mut Vec<u8>, number: u32, message: &[u8], left_out: u32) -> Option<()> {
    out.put_message_field(number, message.len(), |out: &mut Vec<u8>| {
        each_field(message, |number, value| match number == left_out {
            true => Some(()),
            false => put_value(out, number, value),
        })
    })
}

fn put_value(out: &mut Vec<u8>, number: u32, value: Value<'_>) -> Option<()> {
    match value {
        Value::Varint(v) => out.put_varint_field(number, v),
        Value::Fixed64(v) => out.put_fixed64_field(number, v),
        Value::Len(bytes) => out.put_bytes_field(number, bytes),
        Value::Fixed32(_) | Value::Group(_) => return None,
    }
    Some(())
}

fn each_field<'a>(message: &'a [u8], mut visit: impl FnMut(u32, Value<'a>) -> Option<()>) -> Option<()> {
    let mut reader = Reader::new(message);
    while !reader.is_empty() {
        let key = reader.key().ok()?;
        visit(key.number(), reader.value(key).ok()?)?;
    }
    Some(())
}
