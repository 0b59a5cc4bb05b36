//! `google.rpc.Status` in the body of an answer.

use serde::Deserialize;
use sluice_pdata::wire::Value;

use super::fields::{each_field, text};

/// A `google.rpc.Status`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct RpcStatus {
    pub(super) message: String,
    /// The types of its details.
    pub(super) details: Vec<String>,
}

/// Decodes a `google.rpc.Status`. `None` when it is malformed.
pub(super) fn rpc_status(body: &[u8]) -> Option<RpcStatus> {
    let mut status = RpcStatus::default();
    each_field(body, |number, value| {
        match (number, value) {
            (2, Value::Len(message)) => status.message = text(message),
            (3, Value::Len(any)) => {
                let mut type_url = String::new();
                each_field(any, |number, value| {
                    if let (1, Value::Len(url)) = (number, value) {
                        type_url = text(url);
                    }
                    Some(())
                })?;
                status.details.push(type_url);
            }
            _ => {}
        }
        Some(())
    })?;
    Some(status)
}

/// Reads the JSON form of a `google.rpc.Status`.
pub(super) fn rpc_status_json(body: &[u8]) -> Option<RpcStatus> {
    #[derive(Deserialize)]
    struct Json {
        #[serde(default)]
        message: String,
        #[serde(default)]
        details: Vec<Any>,
    }
    #[derive(Deserialize)]
    struct Any {
        #[serde(rename = "@type", default)]
        type_url: String,
    }
    let json: Json = serde_json::from_slice(body).ok()?;
    let details = json.details.into_iter().map(|any| any.type_url).collect();
    Some(RpcStatus { message: json.message, details })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_in_both_encodings() {
        let status = RpcStatus { message: "no".to_owned(), details: vec!["type.x/A".to_owned()] };
        assert_eq!(rpc_status(b"\x08\x03\x12\x02no\x1a\x0a\x0a\x08type.x/A").as_ref(), Some(&status));
        let json = br#"{"code":3,"message":"no","details":[{"@type":"type.x/A","more":[1]}]}"#;
        assert_eq!(rpc_status_json(json), Some(status));
        assert_eq!(rpc_status(b"\x12\x7fno"), None);
    }
}
