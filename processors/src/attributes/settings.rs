//! The YAML of `attributes`.

use regex::{Regex, RegexSet};
use serde::{Deserialize, Serialize};
use sluice_config::{Check, Checker, Node, Value};
use sluice_pdata::Signal;

use super::selection::SPAN_KINDS;
use crate::actions::{self, Action, encoded};

/// `processors: attributes:`, with otelcol's keys.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// What is done to the attributes of each record, in order. At least one action.
    pub actions: Vec<Action>,
    /// Only these records are edited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include: Option<MatchProperties>,
    /// Of those, these are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclude: Option<MatchProperties>,
}

/// `include` and `exclude`: all that is written must match. Of a list one item suffices, but for `attributes`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MatchProperties {
    /// How texts are compared. Must be written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub match_type: Option<MatchType>,
    /// Checked, without effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regexp: Option<RegexpCache>,
    /// Of traces: `service.name` of the resource.
    pub services: Vec<String>,
    /// Of traces: names of spans.
    pub span_names: Vec<String>,
    /// Of traces: `SPAN_KIND_SERVER` and so on.
    pub span_kinds: Vec<String>,
    /// Of logs: bodies that are text.
    pub log_bodies: Vec<String>,
    /// Of logs: the severity in the source's words.
    pub log_severity_texts: Vec<String>,
    /// Of logs: the least severity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_severity_number: Option<SeverityNumber>,
    /// Of metrics: names of metrics.
    pub metric_names: Vec<String>,
    /// Of traces and logs: attributes of the record, all of which must match.
    pub attributes: Vec<AttributeMatch>,
    /// Attributes of the resource.
    pub resources: Vec<AttributeMatch>,
    /// Of traces and logs: instrumentation scopes.
    pub libraries: Vec<Library>,
}

/// How texts are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchType {
    /// As they are.
    Strict,
    /// With regular expressions that are found anywhere.
    Regexp,
}

/// otelcol's cache of matches; there is none here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RegexpCache {
    /// Without effect.
    pub cacheenabled: bool,
    /// Without effect.
    pub cachemaxnumentries: u32,
}

/// `log_severity_number`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SeverityNumber {
    /// The least severity that matches, 1 to 24.
    pub min: i32,
    /// Whether records without a severity match.
    pub match_undefined: bool,
}

/// An attribute to be looked for.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct AttributeMatch {
    /// Its key.
    pub key: String,
    /// Its value. Without one, it suffices that the attribute is there.
    #[serde(skip_serializing_if = "Node::is_null")]
    pub value: Node,
}

/// An instrumentation scope to be looked for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Library {
    /// Its name.
    pub name: String,
    /// Its version. Without one every version matches; an empty one matches scopes without version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

impl Check for Settings {
    fn check(&self, at: &mut Checker<'_>) {
        actions::check(&self.actions, "actions", at);
        at.inside("include", &self.include);
        at.inside("exclude", &self.exclude);
    }
}

impl Settings {
    /// What a pipeline of `signal` cannot do with these settings.
    pub(super) fn check_signal(&self, signal: Signal, at: &mut Checker<'_>) {
        for (key, properties) in [("include", &self.include), ("exclude", &self.exclude)] {
            if let Some(properties) = properties {
                properties.check_signal(signal, &mut at.section(key));
            }
        }
    }
}

impl Check for MatchProperties {
    fn check(&self, at: &mut Checker<'_>) {
        if self.match_type.is_none() {
            at.key("match_type").must("be set, to strict or regexp");
        }
        let is_regexp = self.match_type == Some(MatchType::Regexp);
        for (key, texts) in self.texts() {
            if !is_regexp {
                continue;
            }
            let mut list = at.section(key);
            let faults = texts
                .iter()
                .enumerate()
                .filter(|(index, text)| !check_pattern(text, &mut list.index(*index)));
            // Each of them may be fine, and all of them too large.
            if faults.count() == 0
                && let Err(error) = RegexSet::new(texts)
            {
                at.key(key).error(format!("cannot be searched for together: {error}"));
            }
        }
        if let Some(number) = &self.log_severity_number
            && !(1..=24).contains(&number.min)
        {
            at.section("log_severity_number").key("min").must("be set, from 1 to 24");
        }
        for (key, attributes) in [("attributes", &self.attributes), ("resources", &self.resources)] {
            let mut list = at.section(key);
            for (index, attribute) in attributes.iter().enumerate() {
                attribute.check(is_regexp, &mut list.index(index));
            }
        }
        let mut list = at.section("libraries");
        for (index, library) in self.libraries.iter().enumerate().filter(|_| is_regexp) {
            let mut at = list.index(index);
            check_pattern(&library.name, &mut at.section("name"));
            check_pattern(library.version.as_deref().unwrap_or_default(), &mut at.section("version"));
        }
    }
}

impl AttributeMatch {
    fn check(&self, is_regexp: bool, at: &mut Checker<'_>) {
        if self.key.is_empty() {
            at.key("key").error("can't have empty key in the list of attributes");
        }
        match self.value.value() {
            Value::Null => {}
            Value::String(pattern) if is_regexp => {
                check_pattern(pattern, &mut at.section("value"));
            }
            _ if is_regexp => at.key("value").must("be text where match_type is regexp"),
            _ => {
                if let Err(text) = encoded(&self.key, &self.value) {
                    at.key("value").error(text);
                }
            }
        }
    }
}

/// Whether it is fine.
fn check_pattern(pattern: &str, at: &mut Checker<'_>) -> bool {
    Regex::new(pattern).map_err(|error| at.error(format!("is no regular expression: {error}"))).is_ok()
}

impl MatchProperties {
    /// The lists of texts, by key.
    fn texts(&self) -> [(&'static str, &Vec<String>); 6] {
        [
            ("services", &self.services),
            ("span_names", &self.span_names),
            ("span_kinds", &self.span_kinds),
            ("log_bodies", &self.log_bodies),
            ("log_severity_texts", &self.log_severity_texts),
            ("metric_names", &self.metric_names),
        ]
    }

    fn check_signal(&self, signal: Signal, at: &mut Checker<'_>) {
        let of_signal: &[&str] = match signal {
            Signal::Traces => {
                &["services", "span_names", "span_kinds", "attributes", "resources", "libraries"]
            }
            Signal::Logs => &[
                "log_bodies",
                "log_severity_texts",
                "log_severity_number",
                "attributes",
                "resources",
                "libraries",
            ],
            Signal::Metrics => &["metric_names", "resources"],
        };
        let lists = [
            ("log_severity_number", self.log_severity_number.is_some()),
            ("attributes", !self.attributes.is_empty()),
            ("resources", !self.resources.is_empty()),
            ("libraries", !self.libraries.is_empty()),
        ];
        let texts = self.texts().map(|(key, texts)| (key, !texts.is_empty()));
        let mut is_any = false;
        for (key, _) in texts.into_iter().chain(lists).filter(|(_, is_set)| *is_set) {
            if of_signal.contains(&key) {
                is_any = true;
            } else {
                at.key(key)
                    .error(format!("{signal} have no {key}: use the processor in other pipelines only"));
            }
        }
        if !is_any {
            let keys = of_signal.join(", ");
            at.error(format!("at least one of {keys} must be specified for {signal}"));
        }
        if self.match_type == Some(MatchType::Strict) && signal == Signal::Traces {
            let mut kinds = at.section("span_kinds");
            for (index, kind) in self.span_kinds.iter().enumerate() {
                if !SPAN_KINDS.contains(&kind.as_str()) {
                    kinds.index(index).error(format!("must be one of {}", SPAN_KINDS.join(", ")));
                }
            }
        }
    }
}
