//! Exporters: they send data out. One module and one cargo feature each.
//!
//! - [`sending`]: the queue, retry, timeout, splitting and accounts that every network exporter is wrapped in
//! - `debug`: prints what arrives
//! - `file`: writes OTLP to a file
//! - `jaeger`: Jaeger's gRPC API
//! - `jaeger_thrift`: Jaeger's HTTP API, Thrift
//! - `nop`: takes everything and keeps nothing
//! - `otlp`: OTLP over gRPC
//! - `otlphttp`: OTLP over HTTP, protobuf or JSON
//! - `prometheus`: is scraped by Prometheus
//! - `prometheus_remote_write`: Prometheus remote write 1.0 and 2.0
//! - `zipkin`: Zipkin's HTTP API, JSON or protobuf

#[cfg(any(feature = "grpc-client", feature = "http-client"))]
mod call;
#[cfg(feature = "debug-exporter")]
pub mod debug;
#[cfg(feature = "file-exporter")]
pub mod file;
#[cfg(feature = "jaeger-exporter")]
pub mod jaeger;
#[cfg(feature = "jaeger-thrift-exporter")]
pub mod jaeger_thrift;
#[cfg(feature = "nop-exporter")]
pub mod nop;
#[cfg(feature = "otlp-exporter")]
pub mod otlp;
#[cfg(feature = "otlphttp-exporter")]
pub mod otlphttp;
#[cfg(feature = "prometheus-exporter")]
pub mod prometheus;
#[cfg(feature = "prometheus-remote-write-exporter")]
pub mod prometheus_remote_write;
#[cfg(any(feature = "prometheus-exporter", feature = "prometheus-remote-write-exporter"))]
mod resource_labels;
pub mod sending;
#[cfg(test)]
#[cfg(any(feature = "grpc-client", feature = "http-client"))]
mod stand;
#[cfg(feature = "zipkin-exporter")]
pub mod zipkin;
