//! Zipkin, both ways, rule by rule. What we write is read by others: prost's structs of OTLP, `serde_json`, and Zipkin's
//! own `.proto` through reflection.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

mod allocations;
mod from_otlp;
mod golden;
mod hostile;
mod otlp;
mod property;
mod proto;
mod to_otlp;
mod v1_json;
mod v1_thrift;
