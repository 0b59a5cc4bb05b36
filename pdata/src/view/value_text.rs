//! The string form of a value, as otelcol writes it: text as it is, numbers as JSON writes them, bytes in base64,
//! lists and maps as JSON with the keys of a map in order.

use super::{AnyValueView, AttributeView, Attributes};
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
                TextWriter::default().text(self, &mut out);
                Cow::Owned(out)
            }
        }
    }
}

/// Writes one value after the other. What it takes to put the keys of a map in order is kept for the next map, so that
/// nothing is allocated per value.
#[derive(Debug, Default)]
pub struct TextWriter<'a> {
    /// Of the maps that are being written, the innermost last: each member with its place in its map.
    members: Vec<(usize, AttributeView<'a>)>,
}

impl<'a> TextWriter<'a> {
    /// Appends the string form of `value` to `out`.
    pub fn text(&mut self, value: &AnyValueView<'a>, out: &mut Vec<u8>) {
        match value {
            AnyValueView::Empty => {}
            AnyValueView::String(text) => out.extend_from_slice(text.as_bytes()),
            AnyValueView::Bytes(bytes) => push_base64(out, bytes),
            AnyValueView::Double(v) if !v.is_finite() => {
                out.extend_from_slice(not_a_json_number(*v).as_bytes());
            }
            _ => self.json(value, out),
        }
    }

    /// Appends `value` as plain JSON (`{"a":[1,"x"]}`, not OTLP's tagged form): an empty value is `null`, bytes are a
    /// base64 string, numbers that JSON lacks are strings.
    pub fn json(&mut self, value: &AnyValueView<'a>, out: &mut Vec<u8>) {
        self.value(value, out, 0);
    }

    fn value(&mut self, value: &AnyValueView<'a>, out: &mut Vec<u8>, depth: usize) {
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
                for (place, value) in values.iter().enumerate() {
                    if place > 0 {
                        out.push(b',');
                    }
                    self.value(&value, out, depth + 1);
                }
                out.push(b']');
            }
            AnyValueView::Kvlist(attributes) => self.map(*attributes, out, depth),
        }
    }

    fn map(&mut self, attributes: Attributes<'a>, out: &mut Vec<u8>, depth: usize) {
        let first = self.members.len();
        self.members.extend(attributes.iter().enumerate());
        // Of equal keys the first one stays first.
        let own = self.members.get_mut(first..).unwrap_or_default();
        own.sort_unstable_by(|(place, one), (other_place, other)| {
            one.key.cmp(&other.key).then(place.cmp(other_place))
        });
        out.push(b'{');
        let mut next = first;
        while let Some((_, member)) = self.members.get(next).copied() {
            if next > first {
                out.push(b',');
            }
            push_string(out, member.key.as_bytes());
            out.push(b':');
            self.value(&member.value, out, depth + 1);
            next += 1;
        }
        out.push(b'}');
        self.members.truncate(first);
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
