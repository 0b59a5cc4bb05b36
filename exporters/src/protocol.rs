//! What OTLP says of requests and answers, whichever transport carries them.

mod answer;
mod payload;

pub(crate) use answer::export_response;
#[cfg(feature = "otlphttp-exporter")]
pub(crate) use answer::{RpcStatus, export_response_json, rpc_status, rpc_status_json};
pub(crate) use payload::Payload;
