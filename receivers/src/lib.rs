//! Receivers: they take data in from outside. One module and one cargo feature each.
//!
//! - `jaeger`: Jaeger's clients and agents, over gRPC, HTTP and UDP
//! - `nop`: receives nothing
//! - `otlp`: OTLP over gRPC and HTTP
//! - `prometheus`: scrapes Prometheus's targets
//! - `prometheus_remote_write`: what Prometheus writes on, over HTTP
//! - `zipkin`: Zipkin's clients, over HTTP
//!
//! `intake` is what they share: from the bytes of a request to the pipelines, and from a failure to the answer.
//! `http_server` is what those share that have one server, of HTTP.

#[cfg(any(feature = "prometheus-remote-write-receiver", feature = "zipkin-receiver"))]
mod http_server;
#[cfg(any(
    feature = "jaeger-receiver",
    feature = "otlp-receiver",
    feature = "prometheus-remote-write-receiver",
    feature = "zipkin-receiver"
))]
mod intake;
#[cfg(feature = "jaeger-receiver")]
pub mod jaeger;
#[cfg(feature = "nop-receiver")]
pub mod nop;
#[cfg(feature = "otlp-receiver")]
pub mod otlp;
#[cfg(feature = "prometheus-receiver")]
pub mod prometheus;
#[cfg(feature = "prometheus-remote-write-receiver")]
pub mod prometheus_remote_write;
#[cfg(test)]
mod testing;
#[cfg(feature = "zipkin-receiver")]
pub mod zipkin;
