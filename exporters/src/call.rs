//! One request over gRPC or HTTP: its body, the call, and what the answer means.
//!
//! - `payload`: the body
//! - `grpc`, `http`: the call; a status of failure becomes an [`Outcome`](crate::sending::Outcome) by OTLP's tables,
//!   which serve every backend here
//! - `answer`, `status`: what backends write into the bodies of their answers
//! - `url`: URLs as labels and in messages

#[cfg(any(feature = "otlp-exporter", feature = "otlphttp-exporter"))]
mod answer;
#[cfg(any(feature = "otlp-exporter", feature = "http-client"))]
mod fields;
#[cfg(feature = "grpc-client")]
mod grpc;
#[cfg(feature = "http-client")]
mod http;
mod payload;
#[cfg(feature = "http-client")]
mod status;
#[cfg(feature = "http-client")]
mod url;

#[cfg(any(feature = "otlp-exporter", feature = "otlphttp-exporter"))]
pub(crate) use answer::export_response;
#[cfg(feature = "otlphttp-exporter")]
pub(crate) use answer::export_response_json;
#[cfg(feature = "grpc-client")]
pub(crate) use grpc::{Grpc, destination as grpc_destination};
#[cfg(feature = "http-client")]
pub(crate) use http::Http;
pub(crate) use payload::Payload;
#[cfg(feature = "http-client")]
pub(crate) use url::destination as http_destination;
