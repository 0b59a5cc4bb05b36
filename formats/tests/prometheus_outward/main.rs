//! OTLP metrics outwards to Prometheus, rule by rule. What we write is read with Prometheus's own IDL, through reflection.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

mod allocations;
mod conflicts;
mod deltas;
mod foreign;
mod histograms;
mod labels;
mod native;
mod otlp;
mod property;
mod requests;
mod resources;
mod values;
