//! Attributes and their values.

use super::fields::Fields;
use super::{List, Text, View, decoded};
use crate::otlp::common::v1 as common;
use crate::otlp::common::v1::any_value::Value;

/// Attributes in the order they were sent. Keys should be unique; if they are not, [`get`](List::get) finds the first.
pub type Attributes<'a> = List<'a, AttributeView<'a>>;
/// The elements of a list value.
pub type Values<'a> = List<'a, AnyValueView<'a>>;

impl<'a> List<'a, AttributeView<'a>> {
    /// Finds an attribute by key. Reads the list from its start; nothing is allocated.
    ///
    /// ```
    /// # use sluice_pdata::view::Attributes;
    /// # let attributes = Attributes::default();
    /// let service = attributes.get("service.name");
    /// ```
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<AnyValueView<'a>> {
        let key = key.as_ref();
        self.iter().find(|attribute| attribute.key.as_bytes() == key).map(|attribute| attribute.value)
    }
}

/// One attribute.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct AttributeView<'a> {
    /// Its key.
    pub key: Text<'a>,
    /// Its value; absent reads as [`AnyValueView::Empty`].
    pub value: AnyValueView<'a>,
}

impl<'a> View<'a> for AttributeView<'a> {
    type Struct = common::KeyValue;

    #[inline]
    fn from_wire(message: &'a [u8]) -> Self {
        let mut view = Self::default();
        for field in Fields::new(message) {
            match field.number {
                1 => view.key = field.text(),
                2 => view.value = field.message(),
                _ => {}
            }
        }
        view
    }

    fn from_struct(message: &'a common::KeyValue) -> Self {
        Self { key: message.key.as_str().into(), value: decoded(message.value.as_ref()) }
    }
}

/// The value of an attribute or the body of a log record.
///
/// [`to_text`](Self::to_text) and `Display` give otelcol's string form.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum AnyValueView<'a> {
    /// No value.
    #[default]
    Empty,
    /// Text.
    String(Text<'a>),
    /// A boolean.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// A floating point number.
    Double(f64),
    /// A list of values.
    Array(Values<'a>),
    /// Keys and values.
    Kvlist(Attributes<'a>),
    /// Raw bytes.
    Bytes(&'a [u8]),
}

impl<'a> AnyValueView<'a> {
    /// The text, if that is what the value is.
    pub fn as_text(&self) -> Option<Text<'a>> {
        match self {
            Self::String(text) => Some(*text),
            _ => None,
        }
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Empty)
    }
}

impl<'a> View<'a> for AnyValueView<'a> {
    type Struct = common::AnyValue;

    #[inline]
    fn from_wire(message: &'a [u8]) -> Self {
        let mut view = Self::Empty;
        for field in Fields::new(message) {
            match field.number {
                1 => view = Self::String(field.text()),
                2 => view = Self::Bool(field.bool()),
                3 => view = Self::Int(field.i64()),
                4 => view = Self::Double(field.f64()),
                5 => view = Self::Array(field.message::<Elements<'a, AnyValueView<'a>>>().0),
                6 => view = Self::Kvlist(field.message::<Elements<'a, AttributeView<'a>>>().0),
                7 => view = Self::Bytes(field.bytes()),
                _ => {}
            }
        }
        view
    }

    fn from_struct(message: &'a common::AnyValue) -> Self {
        match &message.value {
            None | Some(Value::StringValueStrindex(_)) => Self::Empty,
            Some(Value::StringValue(text)) => Self::String(text.as_str().into()),
            Some(Value::BoolValue(v)) => Self::Bool(*v),
            Some(Value::IntValue(v)) => Self::Int(*v),
            Some(Value::DoubleValue(v)) => Self::Double(*v),
            Some(Value::ArrayValue(array)) => Self::Array(List::decoded(&array.values)),
            Some(Value::KvlistValue(kvlist)) => Self::Kvlist(List::decoded(&kvlist.values)),
            Some(Value::BytesValue(bytes)) => Self::Bytes(bytes),
        }
    }
}

/// `ArrayValue` and `KeyValueList`: one repeated field, number 1. Only read from the wire.
#[derive(Clone, Copy)]
struct Elements<'a, V: View<'a>>(List<'a, V>);

impl<'a, V: View<'a>> Default for Elements<'a, V> {
    fn default() -> Self {
        Self(List::default())
    }
}

impl<'a, V: View<'a>> View<'a> for Elements<'a, V> {
    type Struct = Vec<V::Struct>;

    #[inline]
    fn from_wire(message: &'a [u8]) -> Self {
        let mut values = List::default();
        for field in Fields::new(message) {
            if field.number == 1 {
                values.push(field);
            }
        }
        Self(values)
    }

    fn from_struct(message: &'a Self::Struct) -> Self {
        Self(List::decoded(message))
    }
}
