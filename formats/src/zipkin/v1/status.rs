//! The status that binary annotations tell.

use super::{BinaryAnnotation, Value};
use crate::zipkin::to_otlp::status_code;

/// Where a status can come from, in otelcol's order.
#[derive(Debug, Default)]
pub(super) struct Status<'s> {
    census_code: Option<i64>,
    census_message: &'s [u8],
    otel_code: Option<i64>,
    otel_message: &'s [u8],
    error: Option<&'s [u8]>,
    http_code: Option<i64>,
    http_message: &'s [u8],
}

impl<'s> Status<'s> {
    /// Takes note of the annotation. Says whether it is no attribute.
    pub(super) fn take(&mut self, annotation: &'s BinaryAnnotation<'_>) -> bool {
        let value = &annotation.value;
        match &*annotation.key {
            b"census.status_code" => take_code(&mut self.census_code, value.to_int()),
            b"census.status_description" | b"opencensus.status_description" => {
                self.census_message = value.as_text();
                true
            }
            b"otel.status_code" => {
                let code = value.to_int().or_else(|| status_code(value.as_text())?.try_into().ok());
                take_code(&mut self.otel_code, code.filter(|code| (0..3).contains(code)))
            }
            b"otel.status_description" => {
                self.otel_message = value.as_text();
                true
            }
            b"error" => {
                self.error = Some(value.as_text());
                true
            }
            b"http.status_code" => {
                self.http_code = value.to_int();
                false
            }
            b"http.status_message" => {
                self.http_message = value.as_text();
                false
            }
            _ => false,
        }
    }

    /// OTLP's code, the message, and what `error` says beside them: that stays an attribute.
    pub(super) fn decide(&self) -> (u64, &'s [u8], Option<&'s [u8]>) {
        let (code, message) = self.told();
        // A text that is more than a flag says why.
        match self.error {
            None | Some(b"" | b"true" | b"false") => (code, message, None),
            Some(why) if code == 2 && message.is_empty() => (code, why, None),
            Some(why) => (code, message, (why != message).then_some(why)),
        }
    }

    fn told(&self) -> (u64, &'s [u8]) {
        if let Some(code) = self.census_code {
            return (if code == 0 { 1 } else { 2 }, self.census_message);
        }
        if let Some(code) = self.otel_code {
            return (code.try_into().unwrap_or(0), self.otel_message);
        }
        if self.error.is_some() {
            let messages = [self.census_message, self.otel_message];
            return (2, messages.into_iter().find(|message| !message.is_empty()).unwrap_or_default());
        }
        match self.http_code {
            Some(100..400) => (0, self.http_message),
            Some(_) => (2, self.http_message),
            None => (0, &[]),
        }
    }
}

/// A code that is none stays an attribute.
fn take_code(place: &mut Option<i64>, code: Option<i64>) -> bool {
    *place = code;
    code.is_some()
}

impl Value<'_> {
    /// Whether it says yes, as the value of an address annotation does.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Bool(v) => *v,
            Self::Text(text) => matches!(&**text, b"" | b"true" | b"1" | b"\x01"),
            Self::Int(v) => *v == 1,
            Self::Double(_) => false,
        }
    }
}
