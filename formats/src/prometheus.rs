//! Prometheus: its data model, exposition formats and remote write, to OTLP and from it.
//!
//! - [`model`]: what samples are made of: types, metadata, native histograms, stale markers; [`labels`]: label sets
//! - [`names`]: what OpenTelemetry calls a metric, an attribute and a unit, as Prometheus calls them
pub mod labels;
pub mod model;
pub mod names;
