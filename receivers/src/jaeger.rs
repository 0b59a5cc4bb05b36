//! Jaeger's clients, agents and collectors: api_v2 over gRPC, Thrift over HTTP and UDP.
//!
//! `settings` -> `receiver` (factory, start, shutdown) -> `grpc`, `http` and `udp` (the transports) -> the crate's
//! `intake` -> next consumer. Translation to OTLP is in `sluice_formats::jaeger`.
//!
//! Over gRPC and HTTP a request is answered when the pipelines have answered. Over UDP there is no answer, so what does
//! not get through is counted, packet by packet: see `sluice_net::udp`. A span that breaks a rule costs itself.

mod grpc;
mod http;
mod receiver;
mod settings;
mod udp;

pub use receiver::Factory;
pub use settings::{Protocols, Settings};
