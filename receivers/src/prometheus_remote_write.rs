//! Prometheus's remote write over HTTP: versions 1.0 and 2.0.
//!
//! `settings` -> `receiver` (factory, start, shutdown) -> `http` (path, version, every status) -> the crate's `intake`
//! -> next consumer. Decoding and translation to OTLP are in `sluice_formats::prometheus`.
//!
//! A request is answered 204 when the pipelines have taken its samples, and 400 with the counts of what was taken when
//! some of its series could not be.

mod http;
mod receiver;
mod settings;

pub use receiver::Factory;
pub use settings::Settings;
