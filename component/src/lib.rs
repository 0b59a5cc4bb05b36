//! What a component author imports.
//!
//! A component is built by a [`factory`] from its settings, started with a [`Host`], and then only sees
//! calls of [`Consume::consume`]: one batch of telemetry in, one verdict out. The verdict is the
//! acknowledgement, all the way back to the client, so there are no channels between components.
//!
//! - [`consume`]: the traits that receivers, processors, connectors, exporters and extensions implement
//! - [`factory`]: how a type name in the YAML becomes a component; the [`Registry`] that lists them
//! - [`context`]: what travels beside the data: client metadata, deadline, branch
//! - [`refusal`]: why data was not taken, whether to retry, and what the client is answered
//! - [`host`]: what a running component may ask of the process: tasks, health, extensions
//! - [`files`]: whether a file could be written, asked without touching it
//! - [`budget`]: the process-wide bound on memory; [`growth`]: edits within it; [`memory`]: what the process may take and
//!   takes
//! - [`ledger`]: the exact accounts of every pipeline and exporter
//! - [`telemetry`]: the collector's own metrics, by otelcol's names
//! - [`health`]: what each component last said of itself
//! - [`quiet`]: one log line for what happens often
//! - [`ids`]: how components and pipelines are named in messages and labels

pub mod budget;
pub mod consume;
pub mod context;
pub mod factory;
pub mod files;
pub mod growth;
pub mod health;
pub mod host;
pub mod ids;
pub mod ledger;
pub mod memory;
pub mod quiet;
pub mod refusal;
pub mod telemetry;
#[cfg(feature = "testkit")]
pub mod testkit;

pub use async_trait::async_trait;
pub use budget::{Budget, OverBudget, Permit};
pub use consume::{
    Component, Consume, DrainError, Exporter, Extension, Receiver, Stage, StartError, Transform, Verdict,
};
pub use context::{Context, Request, RequestBuilder};
pub use factory::{
    BuildCx, BuildError, Claim, ConnectorFactory, Delivery, ExporterFactory, ExtensionFactory, Outputs,
    Processor, ProcessorFactory, ReceiverFactory, Registry, Settings, Stability, Tier,
};
pub use growth::Growth;
pub use health::{Health, State};
pub use host::Host;
pub use ids::{ComponentRef, Kind, PipelineId};
pub use refusal::{Answer, Class, Reason, Refusal};
pub use sluice_config::ComponentId;
pub use telemetry::{Level, Telemetry};
