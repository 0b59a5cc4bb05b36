//! How a type name in the YAML becomes a component.
//!
//! An author implements one of [`ReceiverFactory`], [`ProcessorFactory`], [`ExporterFactory`],
//! [`ConnectorFactory`] or [`ExtensionFactory`] on an empty type and adds it to a [`Registry`]. `build` is
//! pure: it must not touch the network or the disk; that is what `start` is for.

mod erased;
mod registry;

use std::{any::Any, collections::HashMap, fmt, net::SocketAddr, sync::Arc};

pub use erased::{
    AnyConnector, AnyExporter, AnyExtension, AnyProcessor, AnyReceiver, Described, Parsed, Purpose, Secrets,
};
pub use registry::{Factories, Registry};
use serde::{Serialize, de::DeserializeOwned};
use sluice_config::{Check, Checker};
use sluice_pdata::Signal;

use crate::{
    budget::Budget,
    consume::{Consume, Exporter, Extension, Receiver, Stage, Transform},
    health::Health,
    ids::{ComponentRef, PipelineId},
    ledger::Account,
    telemetry::Telemetry,
};

/// What a settings type must be able to do: its `Default` is the documentation of defaults, unknown keys are
/// collected by the decoder, `Check` reports what a type alone cannot refuse.
pub trait Settings:
    DeserializeOwned + Serialize + Default + Check + fmt::Debug + Send + Sync + 'static
{
}

impl<T: DeserializeOwned + Serialize + Default + Check + fmt::Debug + Send + Sync + 'static> Settings for T {}

/// How far a component may be trusted, in OpenTelemetry's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stability {
    /// May change.
    Development,
    /// Works; keys may change.
    Alpha,
    /// Keys are settled.
    Beta,
    /// As settled as it gets.
    Stable,
    /// Goes away.
    Deprecated,
}

impl Stability {
    /// The word, as `components` prints it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Development => "Development",
            Self::Alpha => "Alpha",
            Self::Beta => "Beta",
            Self::Stable => "Stable",
            Self::Deprecated => "Deprecated",
        }
    }
}

/// Something exclusive that a component will take at its start, so that two that want it are found before.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Claim {
    /// A TCP port on an address.
    Tcp(SocketAddr),
    /// A UDP port on an address.
    Udp(SocketAddr),
    /// A path: a unix socket or a file that only one may write.
    Path(std::path::PathBuf),
}

/// What an exporter's answer means, which decides the tier of its pipelines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// It cannot refuse (debug, nop, pull): it does not count.
    CannotRefuse,
    /// No queue: the answer is the backend's.
    Direct,
    /// A memory queue answers.
    MemoryQueue,
    /// A memory queue that passes on the backend's answer: `wait_for_result: true`.
    WaitsForResult,
}

/// What an OK to a client of a pipeline means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// T0: the items are in a bounded memory queue; `batch`'s buffer is one.
    Memory,
    /// T1: every exporter that can refuse has acknowledged them.
    EndToEnd,
}

impl Tier {
    /// The tier of a pipeline that ends in exporters which deliver so: end to end only if one of them waits
    /// for results and none has a memory queue that does not.
    #[must_use]
    pub fn of(deliveries: impl IntoIterator<Item = Delivery>) -> Self {
        let mut waits = false;
        for delivery in deliveries {
            match delivery {
                Delivery::MemoryQueue => return Self::Memory,
                Delivery::WaitsForResult => waits = true,
                Delivery::Direct | Delivery::CannotRefuse => {}
            }
        }
        if waits { Self::EndToEnd } else { Self::Memory }
    }

    /// `T0` or `T1`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "T0",
            Self::EndToEnd => "T1",
        }
    }
}

/// Why a component could not be built from settings that were well-formed.
#[derive(Debug, thiserror::Error)]
#[error("{component}{}{key}: {message}", if key.is_empty() { "" } else { "." })]
pub struct BuildError {
    /// Which component.
    pub component: ComponentRef,
    /// The YAML key below the component, or empty.
    pub key: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// What a factory is told beside the settings.
#[derive(Debug, Clone)]
pub struct BuildCx {
    /// The component to build.
    pub component: ComponentRef,
    /// The signal of an instance that serves one signal: always set for processors and exporters.
    pub signal: Option<Signal>,
    /// The account of the pipeline: set for processors.
    pub account: Option<Arc<Account>>,
    /// What an OK means in the pipeline: set for processors.
    pub tier: Tier,
    /// The collector's own metrics.
    pub telemetry: Telemetry,
    /// The bound on memory.
    pub budget: Budget,
    /// The board of states.
    pub health: Health,
    /// Parts that instances of one component share over signals.
    pub shared: Shared,
}

impl BuildCx {
    /// An error of this component about the YAML key `key`.
    #[must_use]
    pub fn error(&self, key: &str, message: impl Into<String>) -> BuildError {
        BuildError { component: self.component.clone(), key: key.to_owned(), message: message.into() }
    }
}

/// Parts that the instances of one component share, by component: the one file that all signals are written to.
#[derive(Clone, Default)]
pub struct Shared(Arc<std::sync::Mutex<HashMap<ComponentRef, Arc<dyn Any + Send + Sync>>>>);

impl Shared {
    /// The part of `component`, made by `make` for the first instance that asks.
    pub fn get_or_make<T: Any + Send + Sync>(
        &self,
        component: &ComponentRef,
        make: impl FnOnce() -> T,
    ) -> Arc<T> {
        let mut parts = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(part) = parts.get(component).and_then(|part| part.clone().downcast::<T>().ok()) {
            return part;
        }
        let part = Arc::new(make());
        parts.insert(component.clone(), part.clone());
        part
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared")
    }
}

/// Where a receiver or connector sends each signal: one entry that fans out to all its pipelines.
#[derive(Clone, Default)]
pub struct Outputs {
    traces: Option<Arc<dyn Consume>>,
    metrics: Option<Arc<dyn Consume>>,
    logs: Option<Arc<dyn Consume>>,
}

impl Outputs {
    /// The same outputs with `next` for `signal`.
    #[must_use]
    pub fn with(mut self, signal: Signal, next: Arc<dyn Consume>) -> Self {
        *match signal {
            Signal::Traces => &mut self.traces,
            Signal::Metrics => &mut self.metrics,
            Signal::Logs => &mut self.logs,
        } = Some(next);
        self
    }

    /// Where `signal` goes; `None` when no pipeline of that signal lists the component.
    #[must_use]
    pub fn get(&self, signal: Signal) -> Option<&Arc<dyn Consume>> {
        match signal {
            Signal::Traces => self.traces.as_ref(),
            Signal::Metrics => self.metrics.as_ref(),
            Signal::Logs => self.logs.as_ref(),
        }
    }
}

impl fmt::Debug for Outputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signals = Signal::ALL.into_iter().filter(|&signal| self.get(signal).is_some());
        f.debug_list().entries(signals).finish()
    }
}

/// A processor, as its factory hands it over.
#[derive(Clone)]
pub enum Processor {
    /// Only edits; fused with its neighbours.
    Transform(Arc<dyn Transform>),
    /// Waits, merges or splits.
    Stage(Arc<dyn Stage>),
}

impl fmt::Debug for Processor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Transform(_) => "Transform",
            Self::Stage(_) => "Stage",
        })
    }
}

/// Makes receivers of one type. One instance serves all signals of an ID.
pub trait ReceiverFactory: Send + Sync + 'static {
    /// The type name in the YAML.
    const TYPE: &'static str;
    /// Older spellings, accepted with a warning.
    const ALIASES: &'static [&'static str] = &[];
    /// How far it may be trusted.
    const STABILITY: Stability;
    /// The signals it can emit.
    const SIGNALS: &'static [Signal] = &Signal::ALL;
    /// Its section in the YAML.
    type Settings: Settings;

    /// Builds the receiver `cx.component`, which sends to `outputs`. Pure.
    ///
    /// # Errors
    /// When the settings cannot work together with the pipelines.
    fn build(
        settings: &Self::Settings,
        cx: BuildCx,
        outputs: Outputs,
    ) -> Result<Arc<dyn Receiver>, BuildError>;

    /// What the receiver will take at its start.
    fn claims(settings: &Self::Settings) -> Vec<Claim> {
        let _ = settings;
        Vec::new()
    }
}

/// Makes processors of one type. One instance per pipeline.
pub trait ProcessorFactory: Send + Sync + 'static {
    /// The type name in the YAML.
    const TYPE: &'static str;
    /// Older spellings, accepted with a warning.
    const ALIASES: &'static [&'static str] = &[];
    /// How far it may be trusted.
    const STABILITY: Stability;
    /// The signals it can process.
    const SIGNALS: &'static [Signal] = &Signal::ALL;
    /// Its section in the YAML.
    type Settings: Settings;

    /// Builds the processor for one pipeline; a stage sends to `next`. Pure.
    ///
    /// # Errors
    /// When the settings cannot work in this pipeline.
    fn build(settings: &Self::Settings, cx: BuildCx, next: Arc<dyn Consume>)
    -> Result<Processor, BuildError>;
    /// Reports what the settings cannot do in a pipeline of `signal`, which lists the processor.
    fn check_signal(settings: &Self::Settings, signal: Signal, at: &mut Checker<'_>) {
        let _ = (settings, signal, at);
    }
}

/// Makes exporters of one type. One instance per ID and signal.
pub trait ExporterFactory: Send + Sync + 'static {
    /// The type name in the YAML.
    const TYPE: &'static str;
    /// Older spellings, accepted with a warning.
    const ALIASES: &'static [&'static str] = &[];
    /// How far it may be trusted.
    const STABILITY: Stability;
    /// The signals it can send.
    const SIGNALS: &'static [Signal] = &Signal::ALL;
    /// Its section in the YAML.
    type Settings: Settings;

    /// Builds the exporter for `cx.signal`. Pure.
    ///
    /// # Errors
    /// When the settings do not suffice for that signal.
    fn build(settings: &Self::Settings, cx: BuildCx) -> Result<Arc<dyn Exporter>, BuildError>;

    /// Reports what the settings lack for `signal`, which a pipeline wants to send. What `build` would refuse
    /// for that signal is refused here, with its place and together with everything else.
    fn check_signal(settings: &Self::Settings, signal: Signal, at: &mut Checker<'_>) {
        let _ = (settings, signal, at);
    }

    /// What an `Ok` of this exporter means.
    fn delivery(settings: &Self::Settings) -> Delivery;

    /// What the exporter will take at its start.
    fn claims(settings: &Self::Settings) -> Vec<Claim> {
        let _ = settings;
        Vec::new()
    }
}

/// Makes connectors of one type. One instance per ID and incoming signal.
pub trait ConnectorFactory: Send + Sync + 'static {
    /// The type name in the YAML.
    const TYPE: &'static str;
    /// Older spellings, accepted with a warning.
    const ALIASES: &'static [&'static str] = &[];
    /// How far it may be trusted.
    const STABILITY: Stability;
    /// Which signal may become which: `(in, out)`.
    const ROUTES: &'static [(Signal, Signal)];
    /// Its section in the YAML.
    type Settings: Settings;

    /// Builds the connector for incoming `cx.signal`. Pure. `pipelines` are the pipelines behind it, each with
    /// its entry, for connectors that choose; `outputs` fans out to all of a signal.
    ///
    /// # Errors
    /// When the settings cannot work together with the pipelines.
    fn build(
        settings: &Self::Settings,
        cx: BuildCx,
        outputs: Outputs,
        pipelines: Vec<(PipelineId, Arc<dyn Consume>)>,
    ) -> Result<Arc<dyn Stage>, BuildError>;
}

/// Makes extensions of one type.
pub trait ExtensionFactory: Send + Sync + 'static {
    /// The type name in the YAML.
    const TYPE: &'static str;
    /// Older spellings, accepted with a warning.
    const ALIASES: &'static [&'static str] = &[];
    /// How far it may be trusted.
    const STABILITY: Stability;
    /// Its section in the YAML.
    type Settings: Settings;

    /// Builds the extension. Pure.
    ///
    /// # Errors
    /// When the settings cannot work.
    fn build(settings: &Self::Settings, cx: BuildCx) -> Result<Arc<dyn Extension>, BuildError>;

    /// What the extension will take at its start.
    fn claims(settings: &Self::Settings) -> Vec<Claim> {
        let _ = settings;
        Vec::new()
    }
}
