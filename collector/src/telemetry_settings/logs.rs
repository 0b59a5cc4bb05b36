//! `service.telemetry.logs`.

use std::path::Path;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sluice_component::files;
use sluice_config::{Check, Checker, GoDuration, Node};
use tracing_subscriber::filter::LevelFilter;

/// The collector's own log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Logs {
    /// The lowest level that is written.
    pub level: LogLevel,
    /// How a line looks.
    pub encoding: Encoding,
    /// Changes nothing here: there are no stack traces to print more of.
    pub development: bool,
    /// Leaves out the source file and line.
    pub disable_caller: bool,
    /// Changes nothing here: there are no stack traces.
    pub disable_stacktrace: bool,
    /// Leaves out the resource.
    pub disable_zap_resource: bool,
    /// `stdout`, `stderr`, files, `file:///abs`.
    pub output_paths: Vec<String>,
    /// Where the logger reports that it cannot write.
    pub error_output_paths: Vec<String>,
    /// Fields on every line.
    pub initial_fields: Node,
    /// Thins out lines that repeat.
    pub sampling: Sampling,
    /// Export of the log: not built yet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub processors: Vec<Node>,
}

impl Default for Logs {
    fn default() -> Self {
        Self {
            level: LogLevel::default(),
            encoding: Encoding::default(),
            development: false,
            disable_caller: false,
            disable_stacktrace: false,
            disable_zap_resource: false,
            output_paths: vec!["stderr".to_owned()],
            error_output_paths: vec!["stderr".to_owned()],
            initial_fields: Node::empty_map(),
            sampling: Sampling::default(),
            processors: Vec::new(),
        }
    }
}

impl Check for Logs {
    fn check(&self, at: &mut Checker<'_>) {
        at.inside("sampling", &self.sampling);
        if !matches!(self.initial_fields.value(), sluice_config::Value::Map(_) | sluice_config::Value::Null) {
            at.key("initial_fields").must("be a map of field names to values");
        }
        for (key, paths) in
            [("output_paths", &self.output_paths), ("error_output_paths", &self.error_output_paths)]
        {
            for (index, path) in paths.iter().enumerate() {
                let scheme = path.split_once("://").map(|(scheme, _)| scheme);
                if path.is_empty() || scheme.is_some_and(|scheme| scheme != "file") {
                    at.section(key).index(index).error("must be stdout, stderr, a file path or file:///path");
                    continue;
                }
                let file = path.strip_prefix("file://").unwrap_or(path);
                if at.sees_machine()
                    && !matches!(file, "stdout" | "stderr")
                    && let Some(why) = files::why_not_writable(Path::new(file), false)
                {
                    at.section(key).index(index).error(format!("cannot write {file}: {why}"));
                }
            }
        }
        if !self.processors.is_empty() {
            let text = "export of the collector's own log is not built yet: it goes to output_paths alone";
            at.key("processors").warn(text);
        }
    }
}

/// `sampling`: of equal (level, message) lines in a tick the first `initial`, then every `thereafter`th.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sampling {
    /// Whether lines are thinned out at all.
    pub enabled: bool,
    /// How long counts are kept.
    pub tick: GoDuration,
    /// Lines written before thinning begins.
    pub initial: u64,
    /// One in how many is written from then on; 0 writes none.
    pub thereafter: u64,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { enabled: true, tick: GoDuration::from_secs(10), initial: 10, thereafter: 100 }
    }
}

impl Check for Sampling {}

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// Columns separated by tabs, for people.
    #[default]
    Console,
    /// One JSON object a line.
    Json,
}

/// zap's levels, as otelcol has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "zap's own words")]
pub enum LogLevel {
    Debug,
    #[default]
    Info,
    Warn,
    Error,
    DPanic,
    Panic,
    Fatal,
}

impl LogLevel {
    const NAMES: [(&str, Self); 7] = [
        ("debug", Self::Debug),
        ("info", Self::Info),
        ("warn", Self::Warn),
        ("error", Self::Error),
        ("dpanic", Self::DPanic),
        ("panic", Self::Panic),
        ("fatal", Self::Fatal),
    ];

    /// The lowest of our levels that is written. Nothing here is logged above error.
    #[must_use]
    pub fn filter(self) -> LevelFilter {
        match self {
            Self::Debug => LevelFilter::DEBUG,
            Self::Info => LevelFilter::INFO,
            Self::Warn => LevelFilter::WARN,
            Self::Error => LevelFilter::ERROR,
            Self::DPanic | Self::Panic | Self::Fatal => LevelFilter::OFF,
        }
    }
}

impl Serialize for LogLevel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        super::metrics::name_of(&Self::NAMES, self, serializer)
    }
}

impl<'de> Deserialize<'de> for LogLevel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        super::metrics::named(&Self::NAMES, &text).map_err(de::Error::custom)
    }
}
