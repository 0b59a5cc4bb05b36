//! Exporters: they send data out. One module and one cargo feature each.
//!
//! - [`sending`]: the queue, retry, timeout, splitting and accounts that every network exporter is wrapped in
//! - `debug`: prints what arrives
//! - `file`: writes OTLP to a file
//! - `nop`: takes everything and keeps nothing
//! - `otlp`: OTLP over gRPC
//! - `otlphttp`: OTLP over HTTP, protobuf or JSON

#[cfg(feature = "debug-exporter")]
pub mod debug;
#[cfg(feature = "file-exporter")]
pub mod file;
#[cfg(feature = "nop-exporter")]
pub mod nop;
#[cfg(feature = "otlp-exporter")]
pub mod otlp;
#[cfg(feature = "otlphttp-exporter")]
pub mod otlphttp;
#[cfg(any(feature = "otlp-exporter", feature = "otlphttp-exporter"))]
mod protocol;
pub mod sending;
