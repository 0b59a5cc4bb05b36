//! How components and pipelines are named in messages, labels and the YAML.

use std::{fmt, str::FromStr, sync::Arc};

use sluice_config::ComponentId;
use sluice_pdata::Signal;

/// The five kinds of components.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Takes data in.
    Receiver,
    /// Changes, delays or drops data inside one pipeline.
    Processor,
    /// Sends data out.
    Exporter,
    /// The end of one pipeline and the start of another.
    Connector,
    /// Serves the others: health, storage, authentication.
    Extension,
}

impl Kind {
    /// All of them, in the order of the data.
    pub const ALL: [Self; 5] =
        [Self::Receiver, Self::Processor, Self::Exporter, Self::Connector, Self::Extension];

    /// The singular, as otelcol's log fields and metric labels write it: `receiver`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Receiver => "receiver",
            Self::Processor => "processor",
            Self::Exporter => "exporter",
            Self::Connector => "connector",
            Self::Extension => "extension",
        }
    }

    /// The key of the YAML section that defines components of this kind: `receivers`.
    #[must_use]
    pub fn section(self) -> &'static str {
        match self {
            Self::Receiver => "receivers",
            Self::Processor => "processors",
            Self::Exporter => "exporters",
            Self::Connector => "connectors",
            Self::Extension => "extensions",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Names one component as the YAML path does: `exporters.otlp/backend`. Cloning is a reference count.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ComponentRef {
    kind: Kind,
    id: Arc<ComponentId>,
}

impl ComponentRef {
    /// Names the component `id` of `kind`.
    #[must_use]
    pub fn new(kind: Kind, id: ComponentId) -> Self {
        Self { kind, id: Arc::new(id) }
    }

    /// The kind, which is the section that defines it.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The ID as the user wrote it.
    #[must_use]
    pub fn id(&self) -> &ComponentId {
        &self.id
    }
}

impl fmt::Display for ComponentRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.kind.section(), self.id)
    }
}

impl fmt::Debug for ComponentRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Names one pipeline: a signal and an optional name, `traces` or `traces/backend`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PipelineId {
    signal: Signal,
    name: Arc<str>,
}

impl PipelineId {
    /// Names the pipeline of `signal` called `name`; an empty name means the plain `traces`.
    #[must_use]
    pub fn new(signal: Signal, name: &str) -> Self {
        Self { signal, name: name.into() }
    }

    /// The signal that flows through it.
    #[must_use]
    pub fn signal(&self) -> Signal {
        self.signal
    }
}

impl fmt::Display for PipelineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.signal.as_str())?;
        if !self.name.is_empty() {
            write!(f, "/{}", self.name)?;
        }
        Ok(())
    }
}

impl fmt::Debug for PipelineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is not a pipeline ID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadPipelineId {
    /// The part before the slash is no signal.
    #[error("unknown signal `{0}` (valid values: traces, metrics, logs)")]
    UnknownSignal(String),
    /// The text breaks the rules that hold for all IDs.
    #[error("{0}")]
    BadId(String),
}

impl FromStr for PipelineId {
    type Err = BadPipelineId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let id: ComponentId =
            text.parse().map_err(|e: <ComponentId as FromStr>::Err| BadPipelineId::BadId(e.to_string()))?;
        let signal = Signal::ALL
            .into_iter()
            .find(|signal| signal.as_str() == id.type_())
            .ok_or_else(|| BadPipelineId::UnknownSignal(id.type_().to_owned()))?;
        Ok(Self::new(signal, id.name()))
    }
}
