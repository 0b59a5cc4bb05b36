//! Events and links, as otelcol encodes them in text: `name|{json}|dropped` and
//! `trace id|span id|tracestate|{json}|dropped`. What does not read as one is not one.

use sluice_pdata::json::JsonError;
use sluice_pdata::json::read::Parser;
use sluice_pdata::wire::Write;

use super::attribute::{self, Value};
use super::span::id_from_hex;

/// Appends the fields of an `Event` but its time.
pub(super) fn put_event(out: &mut Vec<u8>, text: &[u8]) {
    let start = out.len();
    if put_encoded_event(out, text).is_none() {
        out.truncate(start);
        put_name(out, text);
    }
}

fn put_name(out: &mut Vec<u8>, name: &[u8]) {
    if !name.is_empty() {
        out.put_bytes_field(2, name);
    }
}

fn put_encoded_event(out: &mut Vec<u8>, text: &[u8]) -> Option<()> {
    let (name, json, dropped) = parts(text)?;
    put_name(out, name);
    put_attributes(out, 3, json)?;
    if dropped > 0 {
        out.put_varint_field(4, dropped.into());
    }
    Some(())
}

/// Appends a `Link` as field 13 of a span. Says whether `text` was one; if not, nothing was written.
pub(super) fn put_link(out: &mut Vec<u8>, text: &[u8]) -> bool {
    let start = out.len();
    let open = out.open_message(13, 48);
    let put = put_link_fields(out, text);
    out.close_message(open);
    if put.is_none() {
        out.truncate(start);
    }
    put.is_some()
}

fn put_link_fields(out: &mut Vec<u8>, text: &[u8]) -> Option<()> {
    let (head, json, dropped) = parts(text)?;
    let mut head = head.splitn(3, |byte| *byte == b'|');
    let (trace_id, span_id, trace_state) = (head.next()?, head.next()?, head.next()?);
    put_link_id::<16>(out, 1, trace_id)?;
    put_link_id::<8>(out, 2, span_id)?;
    if !trace_state.is_empty() {
        out.put_bytes_field(3, trace_state);
    }
    put_attributes(out, 4, json)?;
    if dropped > 0 {
        out.put_varint_field(5, dropped.into());
    }
    Some(())
}

fn put_link_id<const N: usize>(out: &mut Vec<u8>, number: u32, hex: &[u8]) -> Option<()> {
    if !hex.is_empty() {
        let id = (hex.len() == 2 * N).then(|| id_from_hex::<N>(hex))??;
        out.put_bytes_field(number, &id);
    }
    Some(())
}

/// What stands before the JSON object, the object, and the number behind it. The object may hold `|` and so may what
/// is before it.
fn parts(text: &[u8]) -> Option<(&[u8], &[u8], u32)> {
    let last = memchr::memrchr(b'|', text)?;
    let dropped = std::str::from_utf8(text.get(last + 1..)?).ok()?.parse().ok()?;
    let text = text.get(..last)?;
    let json = text.windows(2).position(|pair| pair == b"|{")?;
    Some((text.get(..json)?, text.get(json + 1..)?, dropped))
}

/// Appends the members of a JSON object as attributes.
fn put_attributes(out: &mut Vec<u8>, number: u32, json: &[u8]) -> Option<()> {
    members(&mut Parser::new(json), json, &mut |key, value| attribute::put(out, number, key, value)).ok()
}

fn members(
    text: &mut Parser<'_>,
    json: &[u8],
    put: &mut dyn FnMut(&[u8], Value<'_>),
) -> Result<(), JsonError> {
    text.expect(b'{', "expected an object")?;
    if text.take(b'}') {
        return text.end();
    }
    let mut key = Vec::new();
    loop {
        let name = text.key()?;
        key.clear();
        key.extend_from_slice(text.bytes(name));
        match text.peek() {
            b'"' => {
                let value = text.string()?;
                put(&key, Value::Text(text.bytes(value)));
            }
            b't' | b'f' => put(&key, Value::Bool(text.bool()?)),
            b'-' | b'0'..=b'9' => put(&key, number(text.number()?)),
            b'n' => {
                text.take_null()?;
            }
            // Lists and maps stay readable, as the JSON that they are.
            _ => {
                let start = text.position();
                text.skip()?;
                put(&key, Value::Text(json.get(start..text.offset()).unwrap_or_default()));
            }
        }
        if !text.more(b'}')? {
            return text.end();
        }
    }
}

/// An integer if it is one, however it is written.
fn number(text: &[u8]) -> Value<'_> {
    let Ok(text) = std::str::from_utf8(text) else { return Value::Text(text) };
    if let Ok(value) = text.parse() {
        return Value::Int(value);
    }
    match text.parse::<f64>() {
        Ok(value) if value.fract() == 0.0 && value.abs() < 9_007_199_254_740_992.0 =>
        {
            #[expect(clippy::cast_possible_truncation, reason = "just checked")]
            Value::Int(value as i64)
        }
        Ok(value) if value.is_finite() => Value::Double(value),
        _ => Value::Text(text.as_bytes()),
    }
}
