//! Samples to OTLP metrics, as otelcol's Prometheus receiver does it. Written as wire bytes; nothing is a tree.
//!
//! In the order of the data, first what lives as long as a target (or, for remote write, as a request):
//!
//! - [`Families`]: what TYPE, HELP and UNIT say
//! - [`Catalog`]: labels become a [`Series`], once: its metric, its resource and scope, its attributes as bytes. Whoever
//!   keeps the series, as a scraper does, has no labels to look at in the scrapes that follow
//!
//! then what one scrape or one request is:
//!
//! - [`Transaction`]: takes the samples of series and makes an `ExportMetricsServiceRequest` of them. `group` puts
//!   together what is one point of a histogram or a summary, `point` writes points, `native` the buckets of native
//!   histograms, `exemplar` exemplars, `request` the whole
//!
//! `resource`, `roles` and `units` hold the rules of names: job and instance, suffixes, units.

mod attributes;
mod catalog;
mod exemplar;
mod families;
mod group;
mod native;
mod point;
mod rejected;
mod request;
mod resource;
mod roles;
#[cfg(test)]
pub(super) mod tests;
mod transaction;
mod units;

pub use catalog::{Catalog, Series};
pub use families::Families;
pub use rejected::RejectedSamples;
pub use transaction::{Request, Sample, Transaction};

/// How samples become metrics.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Where the samples come from.
    pub source: Source,
    /// `trim_metric_suffixes`: cuts the suffixes of types and units off metric names.
    pub trim_metric_suffixes: bool,
    /// The scope of samples that have no scope labels: its name and version.
    pub scope_name: String,
    /// Its version.
    pub scope_version: String,
}

/// Where samples come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Source {
    /// A scrape: all samples of a histogram are there, and have one time. A histogram or summary without its `_count`
    /// is rejected.
    Scrape {
        /// The target's `job`, for samples that have none.
        job: String,
        /// The target's `instance`, for samples that have none.
        instance: String,
        /// More attributes of the resource: `url.scheme`, those of service discovery.
        resource: Vec<(String, String)>,
    },
    /// A remote-write request: the samples of a histogram can be spread over several requests, and be of several
    /// times. What lacks its `_count` here becomes gauges, under the names and labels it came with.
    #[default]
    RemoteWrite,
}
