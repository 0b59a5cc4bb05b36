//! A Zipkin v1 span, borrowed from the body it was read from, and its way to OTLP.

mod status;
mod translate;

pub(super) use translate::ToOtlp;

use std::borrow::Cow;

use super::attribute::Value as AttributeValue;
use super::span::{Endpoint, Fault, Text, check_ids, keep_last_of_equal};

/// One span. The readers fill it and clear it for the next, so that its lists are allocated once.
#[derive(Debug, Default)]
pub(super) struct Span<'a> {
    pub(super) trace_id: [u8; 16],
    pub(super) id: [u8; 8],
    pub(super) parent_id: [u8; 8],
    pub(super) name: Text<'a>,
    /// Microseconds since the epoch; 0 is unknown.
    pub(super) timestamp: u64,
    /// Microseconds; 0 is unknown.
    pub(super) duration: u64,
    pub(super) annotations: Vec<Annotation<'a>>,
    pub(super) binary_annotations: Vec<BinaryAnnotation<'a>>,
    pub(super) fault: Fault,
}

#[derive(Debug, Default)]
pub(super) struct Annotation<'a> {
    /// Microseconds since the epoch.
    pub(super) timestamp: u64,
    pub(super) value: Text<'a>,
    pub(super) endpoint: Endpoint<'a>,
}

#[derive(Debug, Default)]
pub(super) struct BinaryAnnotation<'a> {
    pub(super) key: Text<'a>,
    pub(super) value: Value<'a>,
    pub(super) endpoint: Endpoint<'a>,
}

/// The value of a binary annotation.
#[derive(Debug)]
pub(super) enum Value<'a> {
    Text(Text<'a>),
    Bool(bool),
    Int(i64),
    Double(f64),
}

impl Default for Value<'_> {
    fn default() -> Self {
        Self::Text(Cow::Borrowed(&[]))
    }
}

impl Value<'_> {
    fn as_attribute(&self, parse_text: bool) -> AttributeValue<'_> {
        match self {
            Self::Text(text) if parse_text => AttributeValue::parsed(text),
            Self::Text(text) => AttributeValue::Text(text),
            Self::Bool(v) => AttributeValue::Bool(*v),
            Self::Int(v) => AttributeValue::Int(*v),
            Self::Double(v) => AttributeValue::Double(*v),
        }
    }

    fn as_text(&self) -> &[u8] {
        match self {
            Self::Text(text) => text,
            _ => &[],
        }
    }

    /// A number, also as text.
    fn to_int(&self) -> Option<i64> {
        match self {
            Self::Int(v) => Some(*v),
            Self::Text(text) => match AttributeValue::parsed(text) {
                AttributeValue::Int(v) => Some(v),
                _ => None,
            },
            _ => None,
        }
    }
}

impl Span<'_> {
    /// Forgets everything but the memory.
    pub(super) fn clear(&mut self) {
        let mut annotations = std::mem::take(&mut self.annotations);
        let mut binary_annotations = std::mem::take(&mut self.binary_annotations);
        annotations.clear();
        binary_annotations.clear();
        *self = Self { annotations, binary_annotations, ..Self::default() };
    }

    /// What the rules forbid, found by a reader or here.
    fn check(&mut self) -> Result<(), &'static str> {
        check_ids(self.trace_id, self.id, &mut self.parent_id, &mut self.fault);
        if self.timestamp.max(self.duration) > u64::MAX / 1000 {
            self.fault.set("with a time that is out of range");
        }
        keep_last_of_equal(&mut self.binary_annotations, |annotation| &annotation.key);
        self.fault.0.map_or(Ok(()), Err)
    }
}
