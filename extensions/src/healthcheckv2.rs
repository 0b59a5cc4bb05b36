//! Tells the state of the whole, of pipelines and of components, over HTTP and over gRPC's health service.
//!
//! `settings` -> `extension` (factory, start, shutdown) -> `answers` (both transports). Without `use_v2: true` it is
//! `health_check`.

mod answers;
mod extension;
mod settings;

pub use extension::Factory;
pub use settings::{ComponentHealth, ConfigPath, GrpcSettings, HttpSettings, Settings, StatusPath};

pub use crate::health::probe::{CheckCollectorPipeline, ProbeSettings, ResponseBody};
