//! `Export*ServiceResponse`, which the clients bound.

use sluice_pdata::wire::Value;

use super::fields::{each_field, text};
use crate::sending::Outcome;

/// What an `Export*ServiceResponse` says; its default is that of an empty one, complete success.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Answered {
    /// `rejected_spans`, `rejected_data_points` or `rejected_log_records`; a negative number is none.
    rejected: i64,
    message: String,
}

impl From<Answered> for Outcome {
    fn from(answered: Answered) -> Self {
        let message = (!answered.message.is_empty()).then_some(answered.message);
        Self::Accepted { rejected: usize::try_from(answered.rejected).unwrap_or(0), message }
    }
}

/// Decodes an `Export*ServiceResponse`; all three have the same field numbers. `None` when it is malformed.
pub(crate) fn export_response(body: &[u8]) -> Option<Answered> {
    let mut answered = Answered::default();
    each_field(body, |number, value| {
        if let (1, Value::Len(partial_success)) = (number, value) {
            return each_field(partial_success, |number, value| {
                match (number, value) {
                    (1, Value::Varint(rejected)) => answered.rejected = rejected.cast_signed(),
                    (2, Value::Len(message)) => answered.message = text(message),
                    _ => {}
                }
                Some(())
            });
        }
        Some(())
    })?;
    Some(answered)
}

/// Reads the JSON form of an `Export*ServiceResponse`.
#[cfg(feature = "otlphttp-exporter")]
pub(crate) fn export_response_json(body: &[u8]) -> Option<Answered> {
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Json {
        #[serde(rename = "partialSuccess")]
        partial_success: Option<Partial>,
    }
    #[derive(Deserialize)]
    struct Partial {
        #[serde(
            alias = "rejectedSpans",
            alias = "rejectedDataPoints",
            alias = "rejectedLogRecords",
            default
        )]
        rejected: Option<Number>,
        #[serde(rename = "errorMessage", default)]
        message: Option<String>,
    }
    /// 64-bit numbers are strings in protobuf's JSON; both are legal.
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Number {
        Number(i64),
        Text(String),
    }
    let json: Json = serde_json::from_slice(body).ok()?;
    let Some(partial) = json.partial_success else { return Some(Answered::default()) };
    let rejected = match partial.rejected {
        None => 0,
        Some(Number::Number(number)) => number,
        Some(Number::Text(text)) => text.parse().ok()?,
    };
    Some(Answered { rejected, message: partial.message.unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(rejected: i64, message: &str) -> Option<Answered> {
        Some(Answered { rejected, message: message.to_owned() })
    }

    #[test]
    fn e9_a_partial_success_is_read() {
        assert_eq!(export_response(b""), answered(0, ""));
        assert_eq!(export_response(b"\x0a\x00"), answered(0, ""));
        assert_eq!(export_response(b"\x0a\x07\x08\x03\x12\x03old"), answered(3, "old"));
        assert_eq!(
            export_response(b"\x12\x01x\x0a\x05\x12\x03old"),
            answered(0, "old"),
            "unknown fields are skipped"
        );
    }

    #[test]
    fn e13_a_body_that_is_none_is_told() {
        for body in [&b"<html>"[..], b"\x0a\xff\xff\xff\xff\x0f", b"\x0a\x02\x12\x7f"] {
            assert_eq!(export_response(body), None);
        }
    }

    #[test]
    fn a_number_below_zero_rejects_nothing() {
        let body = b"\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
        let outcome = Outcome::from(export_response(body).unwrap());
        assert!(matches!(outcome, Outcome::Accepted { rejected: 0, message: None }), "{outcome:?}");
    }

    #[cfg(feature = "otlphttp-exporter")]
    #[test]
    fn json_answers_are_read() {
        assert_eq!(export_response_json(b"{}"), answered(0, ""));
        assert_eq!(export_response_json(b"{\"partialSuccess\":null,\"x\":1}"), answered(0, ""));
        for word in ["rejectedSpans", "rejectedDataPoints", "rejectedLogRecords"] {
            for number in ["3", "\"3\""] {
                let body = format!("{{\"partialSuccess\":{{\"{word}\":{number},\"errorMessage\":\"old\"}}}}");
                assert_eq!(export_response_json(body.as_bytes()), answered(3, "old"));
            }
        }
        assert_eq!(export_response_json(b"not json"), None);
    }
}
