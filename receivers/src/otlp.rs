//! OTLP over gRPC and HTTP, protobuf and JSON.
//!
//! `settings` -> `receiver` (factory, start, shutdown) -> `grpc` and `http` (the two transports) -> `intake`
//! (bytes to [`Pdata`](sluice_pdata::Pdata), hand-over, verdict) -> next consumer; `answer` writes the bodies of
//! responses.
//!
//! A request is checked in one walk and stays bytes. It is answered when the pipelines have answered, so `OK` means
//! what the tier of the pipeline says. What is wrong with single items costs those items alone, and is told as
//! partial success.

mod answer;
mod grpc;
mod http;
mod intake;
mod receiver;
mod settings;

pub use receiver::Factory;
pub use settings::{HttpSettings, Protocols, Settings};
