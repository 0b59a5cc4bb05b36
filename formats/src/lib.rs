//! Foreign wire formats and their translation to and from OTLP.
//!
//! Inwards, foreign bytes become OTLP bytes ([`Translated`]), or are refused as a whole ([`Malformed`]); one bad item
//! costs itself ([`Rejected`]). Outwards, the formats read `sluice_pdata::view`s. Nothing builds a tree in between.
//!
//! - [`thrift`]: Apache Thrift's binary and compact protocols, for Jaeger and for Zipkin v1
pub mod thrift;
mod translated;

pub use translated::{Malformed, Rejected, Translated};
