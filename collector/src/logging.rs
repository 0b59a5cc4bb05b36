//! The collector's own log, in the two forms of otelcol.
//!
//! [`Logging::install`] takes over `tracing` at once and keeps what is logged until the configuration is known;
//! [`Logging::configure`] then writes it by `service.telemetry.logs`, and everything after it as it comes.
//!
//! `layer` -> `record` (one event with the fields of its spans) -> `sampler` -> `encode` -> `output`.
//!
//! A message is a sentence without data. What came from outside is in fields, where control characters are
//! escaped; in a message all of them but line breaks and tabs are, since the `debug` exporter prints with those.
mod encode;
mod layer;
mod output;
mod record;
mod sampler;

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use encode::Encoder;
use layer::Layer;
use output::Output;
pub use output::OutputError;
use record::Record;
use sampler::Sampler;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};

use crate::telemetry_settings::{Logs, Resource};

/// Lines kept before the configuration is known; there are a dozen.
const MAX_EARLY: usize = 1000;

/// The log of this process. Cloning shares it.
#[derive(Debug, Clone)]
pub struct Logging(Arc<Shared>);

/// What the layer and the handle share.
#[derive(Debug)]
struct Shared {
    /// The most verbose level written, by its position in [`LEVELS`].
    level: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    /// Not configured: kept.
    Early(Vec<Record>),
    Ready(Box<Writer>),
}

#[derive(Debug)]
struct Writer {
    sampler: Sampler,
    encoder: Encoder,
    output: Output,
}

const LEVELS: [LevelFilter; 6] = [
    LevelFilter::OFF,
    LevelFilter::ERROR,
    LevelFilter::WARN,
    LevelFilter::INFO,
    LevelFilter::DEBUG,
    LevelFilter::TRACE,
];

impl Logging {
    /// Takes over `tracing`, the `log` crate and panic messages. When something else already did, as in tests,
    /// the handle works but is told nothing.
    #[must_use]
    pub fn install() -> Self {
        let logging = Self::detached();
        let subscriber = tracing_subscriber::registry().with(Layer(logging.0.clone()));
        if subscriber.try_init().is_ok() {
            std::panic::set_hook(Box::new(|panic| {
                let place = panic.location().map(ToString::to_string);
                let payload = panic.payload();
                let text = payload.downcast_ref::<&str>().copied();
                let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
                tracing::error!(error = text, place, "panicked");
            }));
        }
        logging
    }

    fn detached() -> Self {
        let state = Mutex::new(State::Early(Vec::new()));
        Self(Arc::new(Shared { level: AtomicUsize::new(position(LevelFilter::DEBUG)), state }))
    }

    /// Writes what was kept, and everything from now on, by these settings.
    ///
    /// # Errors
    /// When an output cannot be opened; the log is then as it was before.
    pub fn configure(&self, settings: &Logs, resource: &Resource) -> Result<(), OutputError> {
        let output = Output::open(&settings.output_paths, &settings.error_output_paths)?;
        let writer = Writer {
            sampler: Sampler::new(&settings.sampling),
            encoder: Encoder::new(settings, resource),
            output,
        };
        self.0.begin(writer, settings.level.filter());
        Ok(())
    }

    /// Writes what was kept to standard error, for a process that ends before it was configured. Afterwards, and
    /// when it was configured, this changes nothing.
    pub fn finish(&self) {
        if matches!(*self.0.lock(), State::Early(_)) {
            let settings = Logs { disable_zap_resource: true, ..Logs::default() };
            let encoder = Encoder::new(&settings, &Resource::default());
            let writer = Writer {
                sampler: Sampler::new(&settings.sampling),
                encoder,
                output: Output::standard_error(),
            };
            self.0.begin(writer, settings.level.filter());
        }
    }
}

impl Shared {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn level(&self) -> LevelFilter {
        LEVELS.get(self.level.load(Ordering::Relaxed)).copied().unwrap_or(LevelFilter::INFO)
    }

    fn begin(&self, mut writer: Writer, level: LevelFilter) {
        let mut state = self.lock();
        if let State::Early(records) = &*state {
            records.iter().filter(|record| record.level <= level).for_each(|record| writer.write(record));
        }
        *state = State::Ready(Box::new(writer));
        drop(state);
        self.level.store(position(level), Ordering::Relaxed);
        tracing::callsite::rebuild_interest_cache();
    }

    fn write(&self, record: Record) {
        match &mut *self.lock() {
            State::Early(records) if records.len() < MAX_EARLY => records.push(record),
            State::Early(_) => {}
            State::Ready(writer) => writer.write(&record),
        }
    }
}

impl Writer {
    fn write(&mut self, record: &Record) {
        if self.sampler.lets_pass(record.level, &record.message) {
            self.output.write(&self.encoder.line(record));
        }
    }
}

fn position(level: LevelFilter) -> usize {
    LEVELS.iter().position(|&l| l == level).unwrap_or(3)
}

#[cfg(test)]
mod tests;
