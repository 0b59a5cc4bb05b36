//! Pieces of JSON text, written onto the end of a `Vec<u8>`. They know nothing of OTLP.

use super::read::plain_len;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::io::Write;

/// A quoted string. `text` is expected to be UTF-8 and is copied as it is, but for what JSON must have escaped.
#[inline]
pub fn push_string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    push_escaped(out, text);
    out.push(b'"');
}

/// What stands between the quotes of [`push_string`].
#[inline]
pub fn push_escaped(out: &mut Vec<u8>, text: &[u8]) {
    let plain = plain_len(text);
    if plain == text.len() {
        out.extend_from_slice(text);
    } else {
        push_escapes(out, text, plain);
    }
}

/// `text` whose first `plain` bytes need no escape.
#[inline(never)]
fn push_escapes(out: &mut Vec<u8>, text: &[u8], mut plain: usize) {
    let mut rest = text;
    loop {
        let (run, escaped) = rest.split_at_checked(plain).unwrap_or((rest, &[]));
        out.extend_from_slice(run);
        let Some((byte, after)) = escaped.split_first() else { return };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            control => {
                out.extend_from_slice(b"\\u00");
                push_hex(out, &[*control]);
            }
        }
        rest = after;
        plain = plain_len(rest);
    }
}

/// Lower-case hex, without quotes.
pub fn push_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
    out.reserve(bytes.len() * 2);
    for byte in bytes {
        out.extend_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
    }
}

/// Padded standard base64, without quotes.
pub fn push_base64(out: &mut Vec<u8>, bytes: &[u8]) {
    let start = out.len();
    out.resize(start + base64::encoded_len(bytes.len(), true).unwrap_or(0), 0);
    let written = out.get_mut(start..).map_or(0, |room| STANDARD.encode_slice(bytes, room).unwrap_or(0));
    out.truncate(start + written);
}

/// An integer.
pub fn push_int(out: &mut Vec<u8>, v: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(v).as_bytes());
}

/// The shortest text that reads back as this finite number, as ECMAScript (and Go's JSON) writes it: no exponent
/// from 1e-6 up to 1e21, no trailing `.0`.
pub fn push_float(out: &mut Vec<u8>, v: f64) {
    let mut buffer = ryu::Buffer::new();
    let short = buffer.format_finite(v);
    if !short.contains('e') {
        out.extend_from_slice(short.strip_suffix(".0").unwrap_or(short).as_bytes());
        return;
    }
    let written = if (1e-6..1e21).contains(&v.abs()) {
        write!(out, "{v}")
    } else {
        match short.split_once('e') {
            Some((mantissa, exponent)) if !exponent.starts_with('-') => write!(out, "{mantissa}e+{exponent}"),
            _ => write!(out, "{short}"),
        }
    };
    debug_assert!(written.is_ok(), "a Vec takes everything");
}
