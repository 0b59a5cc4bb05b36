//! Prometheus: its data model, exposition formats and remote write, to OTLP and from it.
//!
//! - [`model`]: what samples are made of: types, metadata, native histograms, stale markers; [`labels`]: label sets;
//!   [`number`]: floats as Go reads and writes them
//! - [`names`]: what OpenTelemetry calls a metric, an attribute and a unit, as Prometheus calls them
//! - [`to_otlp`]: samples to OTLP metrics
//! - [`from_otlp`]: OTLP metrics as series
//! - [`exposition`]: what a target answers to a scrape: text 0.0.4, OpenMetrics 1.0, delimited protobuf
//! - [`remote_write`]: versions 1.0 and 2.0
//! - [`expose`]: what a scraper is answered, in the same forms; [`escaping`]: names that some scrapers cannot read
pub mod escaping;
pub mod expose;
pub mod exposition;
pub mod from_otlp;
pub mod labels;
pub mod model;
pub mod names;
pub mod number;
pub mod remote_write;
pub mod to_otlp;
mod wire;
