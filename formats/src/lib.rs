//! Foreign wire formats and their translation to and from OTLP.
//!
//! Inwards, foreign bytes become OTLP bytes ([`Translated`]), or are refused as a whole ([`Malformed`]); one bad item
//! costs itself ([`Rejected`]). Outwards, the formats read `sluice_pdata::view`s. Nothing builds a tree in between.
//!
//! - [`jaeger`]: Thrift and `api_v2` protobuf, both ways
//! - [`prometheus`]: the data model, exposition formats and remote write
//! - [`thrift`]: Apache Thrift's binary and compact protocols, for Jaeger and for Zipkin v1
//! - [`zipkin`]: v2 and v1, JSON, protobuf and Thrift in; v2 JSON and protobuf out
pub mod jaeger;
pub mod prometheus;
pub mod thrift;
mod translated;
pub mod zipkin;

pub use translated::{Malformed, Rejected, Translated};
