//! `convert`: another type for a value that can have it.

use serde::{Deserialize, Serialize};
use sluice_pdata::{
    AttributesEdit, Place,
    view::{AnyValueView, TextWriter},
};

/// The types that a value can be converted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConvertedType {
    /// A signed integer of 64 bits.
    Int,
    /// A floating point number.
    Double,
    /// Text.
    String,
}

impl ConvertedType {
    /// Converts the value at `place`; it stays as it is if that cannot be done. `text` is room for its text.
    pub(super) fn convert(self, attributes: &mut AttributesEdit<'_>, place: Place, text: &mut Vec<u8>) {
        let value = attributes.value(place);
        match self {
            Self::Int => {
                if let Some(int) = int(&value) {
                    attributes.set(place, int);
                }
            }
            Self::Double => {
                if let Some(double) = double(&value) {
                    attributes.set(place, double);
                }
            }
            Self::String if value.as_text().is_some() => {}
            Self::String => {
                text.clear();
                TextWriter::default().text(&value, text);
                attributes.set(place, str::from_utf8(text).unwrap_or_default());
            }
        }
    }
}

/// The value as an integer, unless it is one.
fn int(value: &AnyValueView<'_>) -> Option<i64> {
    match value {
        AnyValueView::Bool(value) => Some((*value).into()),
        AnyValueView::Double(value) => whole(*value),
        AnyValueView::String(text) => text.as_str().parse().ok(),
        _ => None,
    }
}

/// A number without its fraction, if an `i64` can hold it.
#[expect(clippy::cast_possible_truncation, reason = "the fraction is to go, and the range was looked at")]
fn whole(value: f64) -> Option<i64> {
    const END: f64 = 9_223_372_036_854_775_808.0;
    (-END..END).contains(&value).then_some(value as i64)
}

/// The value as a floating point number, unless it is one.
#[expect(clippy::cast_precision_loss, reason = "as every conversion of integers to floating point")]
fn double(value: &AnyValueView<'_>) -> Option<f64> {
    match value {
        AnyValueView::Bool(value) => Some((*value).into()),
        AnyValueView::Int(value) => Some(*value as f64),
        AnyValueView::String(text) => {
            let text = text.as_str();
            let value: f64 = text.parse().ok()?;
            // Digits that come to infinity are beyond what it can hold.
            (value.is_finite() || !text.bytes().any(|byte| byte.is_ascii_digit())).then_some(value)
        }
        _ => None,
    }
}
