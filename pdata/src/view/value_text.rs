//! The string form of a value, as otelcol writes it: text as it is, numbers as JSON writes them, bytes in base64,
//! lists and maps as JSON with the keys of a map in order.

use super::{AnyValueView, AttributeView};
use crate::json::write::{push_base64, push_float, push_string};
use std::borrow::Cow;
use std::fmt;

/// Values nest no deeper than this when they come from outside; what code of ours nests deeper is cut.
const DEEPEST: usize = 128;

impl<'a> AnyValueView<'a> {
    /// The string form. Text is borrowed; everything else is written into new bytes, which are UTF-8.
    pub fn to_text(&self) -> Cow<'a, [u8]> {
        match self {
            Self::Empty => Cow::Borrowed(&[]),
            Self::String(text) => Cow::Borrowed(text.as_bytes()),
            _ => {
                let mut out = Vec::new();
                self.write_text(&mut out);
                Cow::Owned(out)
            }
        }
    }

    /// Appends the string form to `out`.
    pub fn write_text(&self, out: &mut Vec<u8>) {
        match self {
            Self::Empty => {}
            Self::String(text) => out.extend_from_slice(text.as_bytes()),
            Self::Bytes(bytes) => push_base64(out, bytes),
            Self::Double(v) if !v.is_finite() => out.extend_from_slice(not_a_json_number(*v).as_bytes()),
            _ => write_json(self, out, 0),
        }
    }

    /// Appends the value as plain JSON (`{"a":[1,"x"]}`, not OTLP's tagged form): an empty value is `null`, bytes
    /// are a base64 string, numbers that JSON lacks are strings.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        write_json(self, out, 0);
    }
}

fn write_json(value: &AnyValueView<'_>, out: &mut Vec<u8>, depth: usize) {
    match value {
        AnyValueView::Empty => out.extend_from_slice(b"null"),
        AnyValueView::String(text) => push_string(out, text.as_bytes()),
        AnyValueView::Bool(v) => out.extend_from_slice(if *v { b"true" } else { b"false" }),
        AnyValueView::Int(v) => out.extend_from_slice(itoa::Buffer::new().format(*v).as_bytes()),
        AnyValueView::Double(v) if v.is_finite() => push_float(out, *v),
        AnyValueView::Double(v) => push_string(out, not_a_json_number(*v).as_bytes()),
        AnyValueView::Bytes(bytes) => {
            out.push(b'"');
            push_base64(out, bytes);
            out.push(b'"');
        }
        AnyValueView::Array(_) | AnyValueView::Kvlist(_) if depth >= DEEPEST => {
            out.extend_from_slice(b"null");
        }
        AnyValueView::Array(values) => {
            out.push(b'[');
            for (i, value) in values.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_json(&value, out, depth + 1);
            }
            out.push(b']');
        }
        AnyValueView::Kvlist(attributes) => {
            let mut sorted: Vec<AttributeView<'_>> = attributes.iter().collect();
            sorted.sort_by_key(|attribute| attribute.key);
            out.push(b'{');
            for (i, attribute) in sorted.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                push_string(out, attribute.key.as_bytes());
                out.push(b':');
                write_json(&attribute.value, out, depth + 1);
            }
            out.push(b'}');
        }
    }
}

fn not_a_json_number(v: f64) -> &'static str {
    if v.is_nan() {
        "NaN"
    } else if v > 0.0 {
        "+Inf"
    } else {
        "-Inf"
    }
}

impl fmt::Display for AnyValueView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(text) => fmt::Display::fmt(text, f),
            _ => f.pad(&String::from_utf8_lossy(&self.to_text())),
        }
    }
}
