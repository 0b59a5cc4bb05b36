//! The factory and what happens to a batch.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use sluice_component::{
    BuildCx, BuildError, Component, ComponentRef, Consume, Context, Delivery, Exporter, ExporterFactory,
    Host, Reason, Refusal, Stability, StartError, State, async_trait,
};
use sluice_pdata::{Pdata, Signal};

use super::output::Output;
use super::sampler::Sampler;
use super::settings::Verbosity;
use super::{Settings, detailed, normal};

/// Makes `debug` exporters.
#[derive(Debug)]
pub struct Factory;

impl ExporterFactory for Factory {
    const TYPE: &'static str = "debug";
    const STABILITY: Stability = Stability::Beta;
    type Settings = Settings;

    fn build(settings: &Settings, cx: BuildCx) -> Result<Arc<dyn Exporter>, BuildError> {
        let signal = cx.signal.ok_or_else(|| cx.error("", "an exporter serves one signal"))?;
        let verbosity = settings.verbosity().ok_or_else(|| cx.error("verbosity", "unknown level"))?;
        let sampler = Mutex::new(Sampler::new(settings.sampling_initial, settings.sampling_thereafter));
        let paths = (!settings.use_internal_logger).then(|| settings.output_paths.to_vec());
        let component = cx.component;
        Ok(Arc::new(Debug { component, signal, verbosity, sampler, paths, running: OnceLock::new() }))
    }

    fn delivery(settings: &Settings) -> Delivery {
        if settings.use_internal_logger { Delivery::CannotRefuse } else { Delivery::Direct }
    }
}

struct Debug {
    component: ComponentRef,
    signal: Signal,
    verbosity: Verbosity,
    sampler: Mutex<Sampler>,
    /// `None`: the collector's log.
    paths: Option<Vec<String>>,
    running: OnceLock<Running>,
}

struct Running {
    host: Host,
    output: Option<Arc<Output>>,
}

#[async_trait]
impl Component for Debug {
    async fn start(&self, host: &Host) -> Result<(), StartError> {
        let output = match self.paths.clone() {
            None => None,
            Some(paths) => {
                let opened = tokio::task::spawn_blocking(move || Output::open(&paths)).await;
                let opened = opened.map_err(|panic| self.cannot_start("cannot open").because(panic))?;
                let output = opened.map_err(|(path, error)| {
                    self.cannot_start(&format!("cannot open {path:?}: {error}")).because(error)
                })?;
                Some(Arc::new(output))
            }
        };
        // A second start keeps what the first one opened: all is appended.
        self.running.get_or_init(|| Running { host: host.clone(), output });
        Ok(())
    }
}

impl Debug {
    fn cannot_start(&self, message: &str) -> StartError {
        StartError::new(self.component.clone(), "output_paths", message)
    }

    fn admits(&self, message: &str) -> bool {
        self.sampler.lock().unwrap_or_else(PoisonError::into_inner).admits(message)
    }

    fn refusal(&self, data: &Pdata, reason: Reason) -> Refusal {
        Refusal::retryable(self.component.clone(), self.signal, data.items(), reason)
    }
}

#[async_trait]
impl Consume for Debug {
    async fn consume(&self, _: Context, data: Pdata) -> Result<(), Refusal> {
        let summary = Summary::of(&data);
        let dump = match self.verbosity {
            Verbosity::Basic => String::new(),
            verbosity => {
                let batch = data.clone();
                let dump = tokio::task::spawn_blocking(move || dump_of(&batch, verbosity)).await;
                dump.map_err(|panic| self.refusal(&data, Reason::Panic).because(panic))?
            }
        };
        let show_summary = self.admits(summary.title());
        let show_dump = !dump.is_empty() && self.admits(&dump);
        let Some(Running { host, output: Some(output) }) = self.running.get() else {
            if show_summary {
                summary.log(&self.component);
            }
            if show_dump {
                log_dump(&self.component, self.signal, &dump);
            }
            return Ok(());
        };
        let mut text = if show_summary { summary.line() } else { String::new() };
        if show_dump {
            text.push_str(&dump);
        }
        let output = output.clone();
        let written = tokio::task::spawn_blocking(move || output.write(text.as_bytes())).await;
        match written {
            Ok(Ok(())) => {
                host.report(State::Ok, None);
                Ok(())
            }
            Ok(Err(error)) => {
                host.report(State::RecoverableError, Some(error.to_string()));
                Err(self.refusal(&data, Reason::Io).because(error))
            }
            Err(panic) => Err(self.refusal(&data, Reason::Panic).because(panic)),
        }
    }
}

/// The graph books what it takes as sent.
impl Exporter for Debug {}

/// The first line of every batch.
#[derive(Debug, Clone, Copy)]
enum Summary {
    Traces { resource_spans: usize, spans: usize },
    Metrics { resource_metrics: usize, metrics: usize, data_points: usize },
    Logs { resource_logs: usize, log_records: usize },
}

impl Summary {
    fn of(data: &Pdata) -> Self {
        match data.signal() {
            Signal::Traces => {
                Self::Traces { resource_spans: data.traces().iter().count(), spans: data.items() }
            }
            Signal::Metrics => {
                let scopes = data.metrics().iter().flat_map(|resource| resource.scope_metrics);
                Self::Metrics {
                    resource_metrics: data.metrics().iter().count(),
                    metrics: scopes.map(|scope| scope.metrics.len()).sum(),
                    data_points: data.items(),
                }
            }
            Signal::Logs => {
                Self::Logs { resource_logs: data.logs().iter().count(), log_records: data.items() }
            }
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::Traces { .. } => "Traces",
            Self::Metrics { .. } => "Metrics",
            Self::Logs { .. } => "Logs",
        }
    }

    /// As plain text.
    fn line(&self) -> String {
        let counts = match self {
            Self::Traces { resource_spans, spans } => {
                format!("\"resource spans\": {resource_spans}, \"spans\": {spans}")
            }
            Self::Metrics { resource_metrics, metrics, data_points } => format!(
                "\"resource metrics\": {resource_metrics}, \"metrics\": {metrics}, \"data points\": {data_points}"
            ),
            Self::Logs { resource_logs, log_records } => {
                format!("\"resource logs\": {resource_logs}, \"log records\": {log_records}")
            }
        };
        format!("{}\t{{{counts}}}\n", self.title())
    }

    /// As a line of the collector's log, with otelcol's field names.
    fn log(&self, component: &ComponentRef) {
        let id = component.id();
        match *self {
            Self::Traces { resource_spans, spans } => tracing::info!(
                "otelcol.component.id" = %id,
                "otelcol.component.kind" = "exporter",
                "otelcol.signal" = "traces",
                "resource spans" = resource_spans,
                "spans" = spans,
                "Traces"
            ),
            Self::Metrics { resource_metrics, metrics, data_points } => tracing::info!(
                "otelcol.component.id" = %id,
                "otelcol.component.kind" = "exporter",
                "otelcol.signal" = "metrics",
                "resource metrics" = resource_metrics,
                "metrics" = metrics,
                "data points" = data_points,
                "Metrics"
            ),
            Self::Logs { resource_logs, log_records } => tracing::info!(
                "otelcol.component.id" = %id,
                "otelcol.component.kind" = "exporter",
                "otelcol.signal" = "logs",
                "resource logs" = resource_logs,
                "log records" = log_records,
                "Logs"
            ),
        }
    }
}

fn log_dump(component: &ComponentRef, signal: Signal, dump: &str) {
    tracing::info!(
        "otelcol.component.id" = %component.id(),
        "otelcol.component.kind" = "exporter",
        "otelcol.signal" = %signal,
        "{dump}"
    );
}

/// The text of a batch, as the exporter prints it; empty for `basic`.
#[must_use]
pub fn dump_of(data: &Pdata, verbosity: Verbosity) -> String {
    let dump = match (verbosity, data.signal()) {
        (Verbosity::Basic, _) => return String::new(),
        (Verbosity::Normal, Signal::Traces) => normal::traces(data.traces()),
        (Verbosity::Normal, Signal::Metrics) => normal::metrics(data.metrics()),
        (Verbosity::Normal, Signal::Logs) => normal::logs(data.logs()),
        (Verbosity::Detailed, Signal::Traces) => detailed::traces(data.traces()),
        (Verbosity::Detailed, Signal::Metrics) => detailed::metrics::dump(data.metrics()),
        (Verbosity::Detailed, Signal::Logs) => detailed::logs(data.logs()),
    };
    dump.into_string()
}
