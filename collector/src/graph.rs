//! The running graph: components wired into chains of awaited calls.
//!
//! Data flows receiver -> `intake` -> `fanout` over pipelines -> `entry` -> processors (`chain` for those
//! that only edit) -> `fanout` over exporters -> `edge` -> exporter. The return value of each call is the
//! acknowledgement of the one before.

mod build;
mod chain;
mod edge;
mod entry;
mod fanout;
mod intake;

use std::{fmt, sync::Arc};

pub use build::build;
use sluice_component::{Component, ComponentRef, PipelineId};

/// Every component of a plan, built and wired, in the order in which they start: extensions, exporters,
/// then pipelines from their ends to their entries, receivers last.
pub struct Graph {
    /// The components.
    pub nodes: Vec<Node>,
}

/// One built component.
pub struct Node {
    /// Which one it is.
    pub component: ComponentRef,
    /// The pipelines that it works for; empty for extensions.
    pub pipelines: Vec<PipelineId>,
    /// What to start and stop.
    pub part: Arc<dyn Component>,
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.nodes).finish()
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {:?}", self.component, self.pipelines)
    }
}
