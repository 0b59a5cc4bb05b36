//! The decoded form: OpenTelemetry's generated structs, reached through this crate alone.
//!
//! Decoding with them has no recursion limit (prost's `no-recursion-limit`), so only bytes that
//! [`Pdata::from_wire`](crate::Pdata::from_wire) accepted may be decoded: the walk has bounded their depth.

pub use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
pub use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
pub use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
pub use opentelemetry_proto::tonic::{common, logs, metrics, resource, trace};
pub use prost::Message;
