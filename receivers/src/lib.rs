//! Receivers: they take data in from outside. One module and one cargo feature each.
//!
//! - `nop`: receives nothing
//! - `otlp`: OTLP over gRPC and HTTP

#[cfg(feature = "nop-receiver")]
pub mod nop;
#[cfg(feature = "otlp-receiver")]
pub mod otlp;
