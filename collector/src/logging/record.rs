//! One log line before it is written, with otelcol's field names.

use std::{fmt, time::SystemTime};

use serde_json::Value;
use sluice_component::Kind;
use tracing::{
    Level, Metadata,
    field::{Field, Visit},
};

/// One event with the fields of the spans around it.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) time: SystemTime,
    pub(super) level: Level,
    pub(super) caller: Option<String>,
    pub(super) message: String,
    pub(super) fields: Fields,
}

/// Named values in the order in which they came; a later one replaces an earlier of the same name.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields(Vec<(&'static str, Value)>);

impl Fields {
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.0.iter().map(|(name, value)| (*name, value))
    }

    pub(super) fn extend(&mut self, other: &Self) {
        for (name, value) in &other.0 {
            self.set(name, value.clone());
        }
    }

    fn set(&mut self, name: &'static str, value: Value) {
        match self.0.iter_mut().find(|(n, _)| *n == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name, value)),
        }
    }

    /// Sets a field under otelcol's name for it.
    fn set_ours(&mut self, name: &'static str, value: Value) {
        match name {
            "component" => match value.as_str().and_then(component) {
                Some((kind, id)) => {
                    self.set("otelcol.component.id", id.into());
                    self.set("otelcol.component.kind", kind.as_str().into());
                }
                None => self.set(name, value),
            },
            "pipeline" => self.set("otelcol.pipeline.id", value),
            // The signal of the process, as `received signal from OS` has it, is another thing.
            "signal" if value.as_str().is_some_and(is_telemetry) => self.set("otelcol.signal", value),
            // Which task of a component speaks is nothing that otelcol tells.
            "task" => {}
            _ => self.set(name, value),
        }
    }
}

/// `exporters.otlp/backend` is the exporter `otlp/backend`.
fn component(path: &str) -> Option<(Kind, &str)> {
    let (section, id) = path.split_once('.')?;
    Some((Kind::ALL.into_iter().find(|kind| kind.section() == section)?, id))
}

fn is_telemetry(signal: &str) -> bool {
    sluice_pdata::Signal::ALL.iter().any(|s| s.as_str() == signal)
}

/// Collects the fields of an event or span; a field called `message` is the message.
#[derive(Debug, Default)]
pub(super) struct Collect {
    pub(super) fields: Fields,
    pub(super) message: String,
}

impl Visit for Collect {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => value.clone_into(&mut self.message),
            name => self.fields.set_ours(name, value.into()),
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = value.to_string();
        let mut cause = value.source();
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        self.record_str(field, &text);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.fields.set_ours(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.fields.set_ours(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.fields.set_ours(field.name(), value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.fields.set_ours(field.name(), value.into());
    }
}

/// Where an event was written in the source: `collector/service.rs:88`, the folder of the crate and the path below
/// its `src`.
pub(super) fn caller(metadata: &Metadata<'_>) -> Option<String> {
    let (file, line) = (metadata.file()?, metadata.line()?);
    let short = file.rsplit_once("/src/").map(|(folder, path)| {
        let folder = folder.rsplit_once('/').map_or(folder, |(_, last)| last);
        format!("{folder}/{path}")
    });
    Some(format!("{}:{line}", short.as_deref().unwrap_or(file)))
}
