//! Is scraped: keeps the last value of every series and serves them to Prometheus.
//!
//! In the order of the data:
//!
//! - `settings` -> `exporter` (factory, start, shutdown, accounts)
//! - `intake`: the points of OTLP (`point`) become series: `naming` (families), `labels`, `kept` (values), `exemplars`
//! - `store`: the families; in it `family`: the series of one; `series`; `room`: how many there may be
//! - `scrape`: which form a scraper gets, and its pieces one after the other
//! - `lost`: points that have no place here, by metric and reason
//!
//! An ingest holds the lock of one family for the points of one metric, a scrape for one piece of its answer; neither
//! waits for the other any longer, and a scraper that reads slowly holds nothing but its own piece.

mod exemplars;
mod exporter;
mod intake;
mod kept;
mod labels;
mod lost;
mod naming;
mod point;
mod scrape;
mod settings;
mod store;
// They stand where the other exporters' tests do, which needs a client.
#[cfg(test)]
#[cfg(feature = "http-client")]
mod tests;

pub use exporter::Factory;
pub use settings::Settings;

pub use crate::resource_labels::{ResourceLabels, ResourceToTelemetry};
