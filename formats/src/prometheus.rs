//! Prometheus: its data model, exposition formats and remote write, to OTLP and from it.
//!
//! - [`model`]: what samples are made of: types, metadata, native histograms, stale markers; [`labels`]: label sets
pub mod labels;
pub mod model;
