//! The bodies of successful responses, in the encoding of the request.

use bytes::Bytes;
use sluice_net::http::Encoding;
use sluice_pdata::{Repairs, Signal, wire::Write};

/// An `Export*ServiceResponse`: empty when every item passed as it was sent, else with `partial_success`.
pub(super) fn response(encoding: Encoding, signal: Signal, repairs: &Repairs) -> Bytes {
    let rejected = repairs.rejected_items;
    match (encoding, repairs.message()) {
        (Encoding::Protobuf, None) => Bytes::new(),
        (Encoding::Json, None) => Bytes::from_static(b"{\"partialSuccess\":{}}"),
        (Encoding::Protobuf, Some(message)) => {
            let mut response = Vec::new();
            response.put_message_field(1, message.len() + 4, |partial| {
                partial.put_varint_field(1, rejected as u64);
                partial.put_bytes_field(2, message.as_bytes());
            });
            response.into()
        }
        (Encoding::Json, Some(message)) => {
            let key = match signal {
                Signal::Traces => "rejectedSpans",
                Signal::Metrics => "rejectedDataPoints",
                Signal::Logs => "rejectedLogRecords",
            };
            let partial = serde_json::json!({ key: rejected.to_string(), "errorMessage": message });
            serde_json::json!({ "partialSuccess": partial }).to_string().into()
        }
    }
}
