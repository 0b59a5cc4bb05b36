//! A scrape configuration, ready to run.

use std::collections::BTreeMap;

use sluice_formats::prometheus::{
    escaping,
    exposition::{self, Format, ParseOptions},
};

use super::{
    relabel::Rules,
    scrape::finest_schema,
    scraper::FailureLog,
    settings::{Common, Escaping, Global, ScrapeConfig, ScrapeProtocol, Validation, scrape::Pace},
};

/// What all targets of a job share.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) name: String,
    pub(super) pace: Pace,
    pub(super) metrics_path: String,
    pub(super) scheme: &'static str,
    pub(super) params: BTreeMap<String, Vec<String>>,
    pub(super) relabel: Rules,
    pub(super) metric_relabel: Rules,
    pub(super) external_labels: Vec<(String, String)>,
    pub(super) honor_labels: bool,
    pub(super) honor_timestamps: bool,
    pub(super) track_timestamps_staleness: bool,
    pub(super) fallback: Option<Format>,
    /// The `Accept` header.
    pub(super) accept: String,
    pub(super) accepts_gzip: bool,
    pub(super) validation: Validation,
    pub(super) parse: ParseOptions,
    pub(super) limits: Limits,
    pub(super) extra_scrape_metrics: bool,
    pub(super) failure_log: Option<FailureLog>,
}

/// 0 is no limit.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Limits {
    pub(super) body_size: Option<usize>,
    pub(super) samples: u64,
    pub(super) labels: u64,
    pub(super) label_name_length: u64,
    pub(super) label_value_length: u64,
    pub(super) targets: u64,
    /// Buckets of a native histogram.
    pub(super) native_buckets: u64,
    /// Of native histograms.
    pub(super) finest_schema: Option<i32>,
}

impl Job {
    /// # Errors
    /// Which regular expression is none.
    pub(super) fn new(config: &ScrapeConfig, global: &Global, pace: Pace) -> Result<Self, String> {
        let common = config.common.over(&global.common);
        let validation = common.metric_name_validation_scheme.unwrap_or_default();
        let texts = |texts: &Vec<_>| texts.iter().map(ToString::to_string).collect();
        Ok(Self {
            name: config.job_name.to_string(),
            pace: config.pace(pace),
            metrics_path: config.metrics_path.to_string(),
            scheme: config.scheme.as_str(),
            params: config.params.iter().map(|(name, values)| (name.clone(), texts(values))).collect(),
            relabel: Rules::new(&config.relabel_configs, validation)?,
            metric_relabel: Rules::new(&config.metric_relabel_configs, validation)?,
            external_labels: global
                .external_labels
                .iter()
                .map(|(name, value)| (name.clone(), value.to_string()))
                .collect(),
            honor_labels: config.honor_labels,
            honor_timestamps: config.honor_timestamps,
            track_timestamps_staleness: config.track_timestamps_staleness,
            fallback: config.fallback_scrape_protocol.map(|protocol| protocol.read_as().format()),
            accept: accept(&common, validation),
            accepts_gzip: config.enable_compression,
            validation,
            parse: ParseOptions {
                native_histograms: common.scrape_native_histograms.unwrap_or_default(),
                always_classic: common.always_scrape_classic_histograms.unwrap_or_default(),
                ..ParseOptions::default()
            },
            limits: Limits::new(&common),
            extra_scrape_metrics: common.extra_scrape_metrics.unwrap_or_default(),
            failure_log: common.scrape_failure_log_file.map(FailureLog::new),
        })
    }
}

impl Limits {
    fn new(common: &Common) -> Self {
        Self {
            body_size: common.body_size_limit.and_then(super::settings::PromSize::limit),
            samples: common.sample_limit.unwrap_or_default(),
            labels: common.label_limit.unwrap_or_default(),
            label_name_length: common.label_name_length_limit.unwrap_or_default(),
            label_value_length: common.label_value_length_limit.unwrap_or_default(),
            targets: common.target_limit.unwrap_or_default(),
            native_buckets: common.native_histogram_bucket_limit.unwrap_or_default(),
            finest_schema: common
                .native_histogram_min_bucket_factor
                .and_then(|factor| finest_schema(factor.0)),
        }
    }
}

fn accept(common: &Common, validation: Validation) -> String {
    let protocols: Vec<_> = common.protocols().into_iter().map(ScrapeProtocol::read_as).collect();
    let default = match validation {
        Validation::Utf8 => Escaping::AllowUtf8,
        Validation::Legacy => Escaping::Underscores,
    };
    let escaping = common.metric_name_escaping_scheme.unwrap_or(default);
    exposition::accept(&protocols, escaping::Escaping::from_word(escaping.as_str()).unwrap_or_default())
}
