//! The sluice collector: registry, plan, graph, service, own telemetry, and the binary.
//!
//! load (`sluice-config`) -> [`plan`] -> [`graph`] -> [`service`]: each step is pure until the last, and each
//! reports all its problems.
//!
//! - [`components`]: the one list of the component types that this build has
//! - [`known`]: the types of `otelcol-contrib`, for messages
//! - [`plan`]: from the YAML tree to a checked plan
//! - [`graph`]: from the plan to components wired into chains of awaited calls
//! - [`service`]: start, run, drain
//! - [`settings`]: the section `sluice:`
//! - [`telemetry_settings`]: the section `service.telemetry`
//! - [`logging`]: the collector's own log
//! - [`exposition`]: the collector's own metrics, for a scraper
//! - [`runtime`]: threads, allocator, default budget
//! - [`cli`]: the command line, around all of it: [`run`] is the whole program
pub mod cli;
pub mod components;
pub mod exposition;
pub mod graph;
pub mod known;
pub mod logging;
pub mod plan;
pub mod runtime;
pub mod service;
pub mod settings;
pub mod telemetry_settings;

pub use cli::run;

#[cfg(test)]
mod testdata;
