//! Zipkin's clients over HTTP: v2 JSON and protobuf, v1 JSON and Thrift.
//!
//! `settings` -> `receiver` (factory, start, shutdown) -> `http` (paths, media types, every status) -> the crate's
//! `intake` -> next consumer. Translation to OTLP is in `sluice_formats::zipkin`.
//!
//! A request is answered 202 when the pipelines have taken its spans. A span that breaks a rule costs itself, as far as
//! the others can still be told apart.

mod http;
mod receiver;
mod settings;

pub use receiver::Factory;
pub use settings::{Names, Settings};
