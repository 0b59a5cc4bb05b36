//! The sluice collector: registry, plan, graph, service, own telemetry, and the binary.
//!
//! - [`telemetry_settings`]: the section `service.telemetry`
pub mod telemetry_settings;
