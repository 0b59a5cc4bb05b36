//! One of `scrape_configs`, and what it takes from `global`.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};
use sluice_component::files::why_not_writable;
use sluice_config::{Check, Checker};
use sluice_formats::prometheus::exposition;

use super::{
    DnsDiscovery, FileDiscovery, HttpClient, HttpDiscovery, PromDuration, PromSize, RelabelConfig,
    TargetGroup, Text, Unbuilt,
};

/// `scrape_configs[]`: one job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScrapeConfig {
    /// The value of the label `job`, unless relabelling sets another.
    pub job_name: Text,
    /// How often targets are scraped.
    pub scrape_interval: Option<PromDuration>,
    /// How long one scrape may take.
    pub scrape_timeout: Option<PromDuration>,
    /// The path on each target.
    pub metrics_path: Text,
    /// `http` or `https`.
    pub scheme: Scheme,
    /// Query parameters.
    pub params: BTreeMap<String, Vec<Text>>,
    /// Whether a scraped label wins over the target's own; otherwise it becomes `exported_<name>`.
    pub honor_labels: bool,
    /// Whether timestamps of the target are used.
    pub honor_timestamps: bool,
    /// Whether series with timestamps of their own go stale when they vanish.
    pub track_timestamps_staleness: bool,
    /// The format of targets that do not say theirs.
    pub fallback_scrape_protocol: Option<ScrapeProtocol>,
    /// `Accept-Encoding: gzip`.
    pub enable_compression: bool,
    /// What jobs may say as well as `global`.
    #[serde(rename = "..common")]
    pub common: Common,
    /// How targets are reached.
    #[serde(rename = "..client")]
    pub client: HttpClient,
    /// Changes and chooses targets.
    pub relabel_configs: Vec<RelabelConfig>,
    /// Changes and chooses samples.
    pub metric_relabel_configs: Vec<RelabelConfig>,
    /// Targets, as they are.
    pub static_configs: Vec<TargetGroup>,
    /// Targets in files.
    pub file_sd_configs: Vec<FileDiscovery>,
    /// Targets from a server.
    pub http_sd_configs: Vec<HttpDiscovery>,
    /// Targets from the DNS.
    pub dns_sd_configs: Vec<DnsDiscovery>,
    /// All others.
    #[serde(rename = "..unbuilt")]
    pub unbuilt: Unbuilt,
}

/// What both `global` and a job may say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Common {
    /// The formats that are asked for, the first one rather than the last.
    pub scrape_protocols: Vec<ScrapeProtocol>,
    /// Whether native histograms are taken, which asks for protobuf first.
    pub scrape_native_histograms: Option<bool>,
    /// Whether classic histograms are kept beside native ones.
    pub always_scrape_classic_histograms: Option<bool>,
    /// Accepted: explicit-bounds histograms are what OTLP has for both.
    pub convert_classic_histograms_to_nhcb: Option<bool>,
    /// Bytes of a response, also after it is decompressed.
    pub body_size_limit: Option<PromSize>,
    /// Samples of a scrape that are left after relabelling.
    pub sample_limit: Option<u64>,
    /// Labels of a sample.
    pub label_limit: Option<u64>,
    /// Bytes of a label's name.
    pub label_name_length_limit: Option<u64>,
    /// Bytes of a label's value.
    pub label_value_length_limit: Option<u64>,
    /// Targets of a job.
    pub target_limit: Option<u64>,
    /// Accepted: dropped targets are not kept.
    pub keep_dropped_targets: Option<u64>,
    /// Buckets of a native histogram; more are merged.
    pub native_histogram_bucket_limit: Option<u64>,
    /// The smallest factor between bounds of a native histogram; finer ones are merged.
    pub native_histogram_min_bucket_factor: Option<Factor>,
    /// What names may hold.
    pub metric_name_validation_scheme: Option<Validation>,
    /// How targets are asked to write names that others cannot read.
    pub metric_name_escaping_scheme: Option<Escaping>,
    /// Adds `scrape_timeout_seconds`, `scrape_sample_limit` and `scrape_body_size_bytes`.
    pub extra_scrape_metrics: Option<bool>,
    /// A file that gets a line of JSON for every failed scrape.
    pub scrape_failure_log_file: Option<PathBuf>,
}

/// A number of which settings can be compared.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Factor(pub f64);

impl Eq for Factor {}

/// `scheme:`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Plain text.
    #[default]
    Http,
    /// TLS.
    Https,
}

impl Scheme {
    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// The formats of targets, in Prometheus's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ScrapeProtocol {
    /// Delimited protobuf.
    PrometheusProto,
    /// Text 0.0.4.
    #[serde(rename = "PrometheusText0.0.4")]
    PrometheusText004,
    /// Text 1.0.0: as 0.0.4, with escaping negotiated.
    #[serde(rename = "PrometheusText1.0.0")]
    PrometheusText100,
    /// OpenMetrics 0.0.1.
    #[serde(rename = "OpenMetricsText0.0.1")]
    OpenMetricsText001,
    /// OpenMetrics 1.0.0.
    #[serde(rename = "OpenMetricsText1.0.0")]
    OpenMetricsText100,
}

impl ScrapeProtocol {
    const ALL: [Self; 5] = [
        Self::PrometheusProto,
        Self::OpenMetricsText100,
        Self::OpenMetricsText001,
        Self::PrometheusText100,
        Self::PrometheusText004,
    ];

    /// Every word.
    #[must_use]
    pub fn words() -> [&'static str; 5] {
        Self::ALL.map(|protocol| protocol.read_as().word())
    }

    /// The protocol of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|protocol| protocol.read_as().word() == word)
    }

    /// The same, as those who read it call it.
    pub(in super::super) fn read_as(self) -> exposition::ScrapeProtocol {
        match self {
            Self::PrometheusProto => exposition::ScrapeProtocol::PrometheusProto,
            Self::PrometheusText004 => exposition::ScrapeProtocol::PrometheusText0_0_4,
            Self::PrometheusText100 => exposition::ScrapeProtocol::PrometheusText1_0_0,
            Self::OpenMetricsText001 => exposition::ScrapeProtocol::OpenMetricsText0_0_1,
            Self::OpenMetricsText100 => exposition::ScrapeProtocol::OpenMetricsText1_0_0,
        }
    }
}

/// `metric_name_validation_scheme:`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Validation {
    /// Anything in UTF-8.
    #[default]
    Utf8,
    /// `[a-zA-Z_:][a-zA-Z0-9_:]*`
    Legacy,
}

/// `metric_name_escaping_scheme:`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Escaping {
    /// As they are.
    #[serde(rename = "allow-utf-8")]
    AllowUtf8,
    /// `_` for what is not allowed.
    Underscores,
    /// `_dot_` for dots, `__` for underscores.
    Dots,
    /// `U__` and the numbers of characters.
    Values,
}

impl Escaping {
    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AllowUtf8 => "allow-utf-8",
            Self::Underscores => "underscores",
            Self::Dots => "dots",
            Self::Values => "values",
        }
    }
}

impl Default for ScrapeConfig {
    fn default() -> Self {
        Self {
            job_name: Text::default(),
            scrape_interval: None,
            scrape_timeout: None,
            metrics_path: "/metrics".into(),
            scheme: Scheme::default(),
            params: BTreeMap::new(),
            honor_labels: false,
            honor_timestamps: true,
            track_timestamps_staleness: false,
            fallback_scrape_protocol: None,
            enable_compression: true,
            common: Common::default(),
            client: HttpClient::default(),
            relabel_configs: Vec::new(),
            metric_relabel_configs: Vec::new(),
            static_configs: Vec::new(),
            file_sd_configs: Vec::new(),
            http_sd_configs: Vec::new(),
            dns_sd_configs: Vec::new(),
            unbuilt: Unbuilt::default(),
        }
    }
}

impl Common {
    /// The same with what `global` says where this says nothing.
    #[must_use]
    pub(in super::super) fn over(&self, global: &Self) -> Self {
        macro_rules! inherited {
            ($($field:ident),*) => {
                Self {
                    scrape_protocols: if self.scrape_protocols.is_empty() {
                        global.scrape_protocols.clone()
                    } else {
                        self.scrape_protocols.clone()
                    },
                    $($field: self.$field.clone().or_else(|| global.$field.clone()),)*
                }
            };
        }
        inherited!(
            scrape_native_histograms,
            always_scrape_classic_histograms,
            convert_classic_histograms_to_nhcb,
            body_size_limit,
            sample_limit,
            label_limit,
            label_name_length_limit,
            label_value_length_limit,
            target_limit,
            keep_dropped_targets,
            native_histogram_bucket_limit,
            native_histogram_min_bucket_factor,
            metric_name_validation_scheme,
            metric_name_escaping_scheme,
            extra_scrape_metrics,
            scrape_failure_log_file
        )
    }

    /// The formats to ask for.
    pub(in super::super) fn protocols(&self) -> Vec<ScrapeProtocol> {
        use ScrapeProtocol as P;
        let texts =
            [P::OpenMetricsText100, P::OpenMetricsText001, P::PrometheusText100, P::PrometheusText004];
        if !self.scrape_protocols.is_empty() {
            return self.scrape_protocols.clone();
        }
        let proto = self.scrape_native_histograms.unwrap_or_default().then_some(P::PrometheusProto);
        proto.into_iter().chain(texts).collect()
    }
}

/// The interval and timeout that hold where a scrape configuration has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Pace {
    pub(in super::super) interval: Duration,
    pub(in super::super) timeout: Duration,
}

impl Pace {
    /// Prometheus's own: the interval is also the timeout where that is shorter than 10 s.
    pub(super) fn new(
        interval: Option<PromDuration>,
        timeout: Option<PromDuration>,
        above: Option<Self>,
    ) -> Self {
        let above =
            above.unwrap_or(Self { interval: Duration::from_secs(60), timeout: Duration::from_secs(10) });
        let interval = interval.map_or(above.interval, PromDuration::get);
        Self { interval, timeout: timeout.map_or(above.timeout.min(interval), PromDuration::get) }
    }
}

impl ScrapeConfig {
    pub(in super::super) fn pace(&self, global: Pace) -> Pace {
        Pace::new(non_zero(self.scrape_interval), non_zero(self.scrape_timeout), Some(global))
    }
}

/// Prometheus takes 0 for "not said".
pub(super) fn non_zero(duration: Option<PromDuration>) -> Option<PromDuration> {
    duration.filter(|duration| *duration != PromDuration::default())
}

impl Check for ScrapeConfig {
    fn check(&self, at: &mut Checker<'_>) {
        if self.job_name.is_empty() {
            at.key("job_name").error("job_name is empty");
        }
        self.common.check(at);
        self.client.check(at);
        at.inside("relabel_configs", &self.relabel_configs);
        at.inside("metric_relabel_configs", &self.metric_relabel_configs);
        at.inside("static_configs", &self.static_configs);
        at.inside("file_sd_configs", &self.file_sd_configs);
        at.inside("http_sd_configs", &self.http_sd_configs);
        at.inside("dns_sd_configs", &self.dns_sd_configs);
        self.unbuilt.check(at);
    }
}

impl Check for Common {
    fn check(&self, at: &mut Checker<'_>) {
        for (index, protocol) in self.scrape_protocols.iter().enumerate() {
            if self.scrape_protocols.iter().take(index).any(|earlier| earlier == protocol) {
                at.section("scrape_protocols").index(index).error("is in the list twice");
            }
        }
        let legacy = self.metric_name_validation_scheme == Some(Validation::Legacy);
        if legacy && self.metric_name_escaping_scheme == Some(Escaping::AllowUtf8) {
            at.key("metric_name_escaping_scheme")
                .error("`allow-utf-8` asks for names that `metric_name_validation_scheme: legacy` refuses");
        }
        if self.keep_dropped_targets.is_some_and(|most| most > 0) {
            at.key("keep_dropped_targets").warn("has no effect: dropped targets are not kept");
        }
        if let Some(file) = &self.scrape_failure_log_file
            && at.sees_machine()
            && let Some(why) = why_not_writable(file, false)
        {
            at.key("scrape_failure_log_file").error(format!("cannot write {}: {why}", file.display()));
        }
    }
}
