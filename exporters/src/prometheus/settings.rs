//! `exporters: prometheus:` as a type.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sluice_config::{Check, Checker, GoDuration};
use sluice_formats::prometheus::names::Strategy;
use sluice_net::http;

use crate::resource_labels::ResourceLabels;

/// `exporters: prometheus:` - the keys and defaults of otelcol, and `max_series`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The HTTP server's keys stand at the top level.
    #[serde(rename = "..server")]
    pub server: http::ServerSettings,
    /// Where series are served.
    pub path: String,
    /// `<namespace>_` stands before every metric's name.
    pub namespace: String,
    /// Labels for every series that does not have them.
    pub const_labels: BTreeMap<String, String>,
    /// Whether samples carry the time of their points; otherwise the scraper's time holds.
    pub send_timestamps: bool,
    /// A series without new points for this long is not served any more.
    pub metric_expiration: GoDuration,
    /// Whether scrapers that ask for OpenMetrics get it.
    pub enable_open_metrics: bool,
    /// Resource attributes as labels of every series.
    #[serde(rename = "..resource_labels")]
    pub resource_labels: ResourceLabels,
    /// Leaves out `otel_scope_name` and its like.
    pub without_scope_info: bool,
    /// Whether unit and type become part of names, where `translation_strategy` says nothing.
    pub add_metric_suffixes: bool,
    /// How names are made; empty leaves it to `add_metric_suffixes`.
    pub translation_strategy: String,
    /// Most series that are kept at once; 0 is no limit but that of memory. otelcol has no such key.
    pub max_series: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            server: http::ServerSettings::default(),
            path: "/metrics".to_owned(),
            namespace: String::new(),
            const_labels: BTreeMap::new(),
            send_timestamps: false,
            metric_expiration: GoDuration::from_secs(5 * 60),
            enable_open_metrics: false,
            resource_labels: ResourceLabels::default(),
            without_scope_info: false,
            add_metric_suffixes: true,
            translation_strategy: String::new(),
            max_series: 1_000_000,
        }
    }
}

impl Settings {
    /// `None` for a word that [`Check`] refuses.
    pub(super) fn strategy(&self) -> Option<Strategy> {
        match (self.translation_strategy.as_str(), self.add_metric_suffixes) {
            ("", true) => Some(Strategy::UnderscoreEscapingWithSuffixes),
            ("", false) => Some(Strategy::UnderscoreEscapingWithoutSuffixes),
            (word, _) => Strategy::parse(word),
        }
    }
}

impl Check for Settings {
    fn check(&self, at: &mut Checker<'_>) {
        if self.server.endpoint.is_empty() {
            at.key("endpoint").error("is required: the address to be scraped at, such as localhost:8889");
        } else {
            self.server.check(at);
        }
        if !self.path.starts_with('/') {
            at.key("path").must("begin with `/`");
        }
        if self.metric_expiration.is_zero() {
            at.key("metric_expiration").must("be more than 0: at 0, no series would ever be served");
        }
        if self.const_labels.keys().any(String::is_empty) {
            at.key("const_labels").error("a label has no name");
        }
        if self.strategy().is_none() {
            let known: Vec<_> = Strategy::ALL.iter().map(|strategy| strategy.as_str()).collect();
            at.key("translation_strategy").error(format!(
                "invalid translation_strategy: {}; known: {}",
                self.translation_strategy,
                known.join(", ")
            ));
        }
        if !self.translation_strategy.is_empty() && at.is_written("add_metric_suffixes") {
            at.key("add_metric_suffixes").warn("has no effect beside translation_strategy");
        }
        self.resource_labels.check(at);
    }
}
