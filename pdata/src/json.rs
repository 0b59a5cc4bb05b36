//! OTLP/JSON, both ways, between JSON text and protobuf bytes. No structs and no tree in between.
//!
//! OTLP/JSON is protobuf's JSON mapping with changes: ids are hex, enumerations are numbers. Input may be looser, as
//! otelcol's is: keys in lowerCamelCase or as in the `.proto` files, integers as numbers or strings (exact also
//! beyond 2^53), enumerations by number or name, `NaN` and infinities as strings, base64 of either alphabet with or
//! without padding, `null` for absent. Unknown keys are passed over at any depth. A repeated key does what a repeated
//! field does in protobuf: lists grow, messages merge, otherwise the last one holds. Half of a surrogate pair becomes
//! U+FFFD. What is not JSON is refused: a byte order mark, comments, trailing commas, single quotes.
//!
//! Output is compact, with lowerCamelCase keys and without default values.
//!
//! `schema` (the messages) and `read` (tokens) -> `decode`; `schema` and `write` (pieces of text) -> `encode`.

mod decode;
mod encode;
mod number;
pub mod read;
mod schema;
#[cfg(test)]
mod tests;
pub mod write;

use crate::{Limits, Pdata, Signal};
use bytes::Bytes;

/// Reads the JSON form of an `Export*ServiceRequest` and writes its protobuf form.
///
/// The bytes still have to pass [`Pdata::from_wire`], which cuts items whose ids have a wrong length and attributes
/// that are nested too deeply, repairs text that is not UTF-8, and counts. What is nested deeper than one level
/// beyond `limits.max_depth` is not written at all.
///
/// # Errors
/// When the text is not JSON, or a value does not fit its field; or when the result would exceed
/// `limits.max_decoded_bytes`. Sending it again cannot help.
pub fn decode_request(signal: Signal, text: &[u8], limits: &Limits) -> Result<Bytes, JsonError> {
    decode::request(text, schema_of(signal), limits).map(Bytes::from)
}

/// Appends the JSON form of the whole batch, one object without line breaks, to `out`.
///
/// Works on the bytes; a batch that is held as structs is encoded to bytes first (once: they are kept).
pub fn encode_request(data: &Pdata, out: &mut Vec<u8>) {
    encode::request(&data.wire(), schema_of(data.signal()), out);
}

fn schema_of(signal: Signal) -> &'static schema::Message {
    match signal {
        Signal::Traces => &schema::TRACES,
        Signal::Metrics => &schema::METRICS,
        Signal::Logs => &schema::LOGS,
    }
}

/// Why a JSON request was refused. Sending it again cannot help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The text is not JSON, or a value does not fit its field: `INVALID_ARGUMENT`, 400.
    #[error("malformed JSON at line {line}, column {column}{}: {what}", in_field(*field))]
    Malformed {
        /// Bytes before the fault.
        offset: usize,
        /// Counted from 1.
        line: usize,
        /// Characters, counted from 1.
        column: usize,
        /// The key whose value is at fault, if inside one.
        field: Option<&'static str>,
        /// What is wrong there.
        what: &'static str,
    },
    /// Well-formed as far as it was read, but above a limit: `RESOURCE_EXHAUSTED` without `RetryInfo`, 413.
    #[error("too large: {what} exceeds the limit of {limit}")]
    TooLarge {
        /// Which limit.
        what: &'static str,
        /// Its value.
        limit: usize,
    },
}

fn in_field(field: Option<&'static str>) -> String {
    field.map(|field| format!(", in `{field}`")).unwrap_or_default()
}

impl JsonError {
    fn in_field(self, key: Option<&'static str>) -> Self {
        match self {
            Self::Malformed { offset, line, column, what, .. } => {
                Self::Malformed { offset, line, column, field: key, what }
            }
            too_large @ Self::TooLarge { .. } => too_large,
        }
    }
}
