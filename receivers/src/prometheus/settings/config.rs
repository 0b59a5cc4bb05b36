//! A Prometheus configuration as it stands.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sluice_config::{Check, Checker, Node};

use super::{
    PromDuration, ScrapeConfig, Text, files,
    scrape::{Common, Pace, non_zero},
    text::says_anything,
};

/// `config:`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// What holds for all jobs that do not say it themselves.
    pub global: Global,
    /// The jobs.
    pub scrape_configs: Vec<ScrapeConfig>,
    /// Files with more of them; the last part of a path may be a pattern.
    pub scrape_config_files: Vec<Text>,
    /// What means nothing here.
    #[serde(rename = "..ignored")]
    pub ignored: Ignored,
    /// What a server does and a receiver does not.
    #[serde(rename = "..refused")]
    pub refused: Refused,
}

/// `global:`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Global {
    /// How often targets are scraped, 1m.
    pub scrape_interval: Option<PromDuration>,
    /// How long one scrape may take, 10s, or the interval where that is shorter.
    pub scrape_timeout: Option<PromDuration>,
    /// Labels that every sample gets, in place of what it has.
    pub external_labels: BTreeMap<String, Text>,
    /// What jobs may say as well.
    #[serde(rename = "..common")]
    pub common: Common,
    /// Accepted: there are no rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evaluation_interval: Option<PromDuration>,
    /// Accepted: there are no rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_query_offset: Option<PromDuration>,
    /// Accepted: there are no queries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query_log_file: Option<Text>,
}

/// Accepted, and without effect, as in otelcol.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Ignored {
    /// Of Prometheus's OTLP receiver.
    #[serde(skip_serializing_if = "Node::is_null")]
    pub otlp: Node,
    /// Of Prometheus's process.
    #[serde(skip_serializing_if = "Node::is_null")]
    pub runtime: Node,
    /// Of Prometheus's database.
    #[serde(skip_serializing_if = "Node::is_null")]
    pub storage: Node,
    /// Of Prometheus's own traces.
    #[serde(skip_serializing_if = "Node::is_null")]
    pub tracing: Node,
}

/// Refused where they say anything, as in otelcol.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Refused {
    /// Rules.
    #[serde(skip_serializing_if = "Node::is_null")]
    pub rule_files: Node,
    /// Alerts.
    #[serde(skip_serializing_if = "Node::is_null")]
    pub alerting: Node,
    /// Where samples are written.
    #[serde(skip_serializing_if = "Node::is_null")]
    pub remote_write: Node,
    /// Where samples are read.
    #[serde(skip_serializing_if = "Node::is_null")]
    pub remote_read: Node,
}

impl Config {
    pub(in super::super) fn pace(&self) -> Pace {
        Pace::new(non_zero(self.global.scrape_interval), non_zero(self.global.scrape_timeout), None)
    }

    /// What is wrong with each of `jobs` beside the others: which key, and why.
    fn problems(&self, jobs: &[ScrapeConfig]) -> Vec<(usize, &'static str, String)> {
        let mut found = Vec::new();
        for (index, job) in jobs.iter().enumerate() {
            let name = &job.job_name;
            if !name.is_empty() && jobs.iter().take(index).any(|earlier| earlier.job_name == *name) {
                let text =
                    format!("found multiple scrape configs with job name `{name}`: each needs its own");
                found.push((index, "job_name", text));
            }
            let pace = job.pace(self.pace());
            if pace.timeout > pace.interval {
                let key = if job.scrape_timeout.is_some() { "scrape_timeout" } else { "scrape_interval" };
                let (timeout, interval) =
                    (PromDuration::from(pace.timeout), PromDuration::from(pace.interval));
                let text = format!(
                    "scrape timeout ({timeout}) greater than scrape interval ({interval}) for scrape config with job name `{name}`"
                );
                found.push((index, key, text));
            }
        }
        found
    }

    /// The first thing that is wrong with `jobs` beside each other.
    pub(in super::super) fn problem_of(&self, jobs: &[ScrapeConfig]) -> Option<String> {
        self.problems(jobs).into_iter().next().map(|(_, _, text)| text)
    }
}

impl Check for Config {
    fn check(&self, at: &mut Checker<'_>) {
        at.inside("global", &self.global);
        at.inside("scrape_configs", &self.scrape_configs);
        for (index, key, text) in self.problems(&self.scrape_configs) {
            at.section("scrape_configs").index(index).key(key).error(text);
        }
        if at.sees_machine() {
            for (index, pattern) in self.scrape_config_files.iter().enumerate() {
                if let Err(error) = files::scrape_configs(pattern) {
                    at.section("scrape_config_files").index(index).error(error);
                }
            }
        }
        self.refused.check(at);
    }
}

impl Check for Global {
    fn check(&self, at: &mut Checker<'_>) {
        if let (Some(interval), Some(timeout)) =
            (non_zero(self.scrape_interval), non_zero(self.scrape_timeout))
            && timeout > interval
        {
            at.key("scrape_timeout").error(format!(
                "global scrape timeout ({timeout}) greater than global scrape interval ({interval})"
            ));
        }
        for name in self.external_labels.keys() {
            if name.is_empty() {
                at.section("external_labels").key(name).error("a label must have a name");
            }
        }
        self.common.check(at);
    }
}

impl Check for Refused {
    fn check(&self, at: &mut Checker<'_>) {
        let instead = "add an exporter to the pipeline instead";
        for (key, node, why) in [
            ("rule_files", &self.rule_files, "rules are evaluated by a server: remove the key"),
            ("alerting", &self.alerting, "alerts are sent by a server: remove the key"),
            ("remote_write", &self.remote_write, instead),
            ("remote_read", &self.remote_read, "there is nothing to query: remove the key"),
        ] {
            if says_anything(node) {
                at.key(key).error(format!("unsupported feature: {why}"));
            }
        }
    }
}
