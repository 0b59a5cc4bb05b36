//! Stopping components so that each can hand on what it holds, and what became of it.

use std::sync::Arc;

use futures_util::future::join_all;
use sluice_component::{ComponentRef, Kind, PipelineId, Reason, State, host::Process, ledger::Ledger};
use tokio::time::Instant;
use tracing::warn;

use crate::graph::Node;

/// Stops `nodes` (in the order in which they were started) until `deadline`: receivers at once, stages from the
/// entries of the pipelines to their ends, exporters at once, extensions in reverse.
pub(super) async fn stop(nodes: &[Node], process: &Arc<Process>, deadline: Instant) {
    let of = |kind: Kind| nodes.iter().filter(move |node| node.component.kind() == kind);
    join_all(of(Kind::Receiver).map(|node| stop_one(node, process, deadline))).await;
    let stages =
        nodes.iter().filter(|node| matches!(node.component.kind(), Kind::Processor | Kind::Connector));
    for node in stages.rev() {
        stop_one(node, process, deadline).await;
    }
    join_all(of(Kind::Exporter).map(|node| stop_one(node, process, deadline))).await;
    for node in of(Kind::Extension).rev() {
        stop_one(node, process, deadline).await;
    }
}

async fn stop_one(node: &Node, process: &Arc<Process>, deadline: Instant) {
    process.health.post(&node.component, State::Stopping, None);
    match tokio::time::timeout_at(deadline, node.part.shutdown(deadline)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => warn!(component = %node.component, error = %error, "stopped with items still held"),
        Err(_) => warn!(component = %node.component, "did not stop by the shutdown deadline"),
    }
    process.health.post(&node.component, State::Stopped, None);
}

/// What was accepted and not delivered when the collector stopped.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Drained {
    /// One entry per branch that lost something.
    pub losses: Vec<Loss>,
}

/// What one exporter did not deliver for one pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loss {
    /// The pipeline that accepted the items.
    pub pipeline: PipelineId,
    /// The exporter that did not deliver them.
    pub exporter: ComponentRef,
    /// How many: given up because of the stop, or still held.
    pub items: u64,
}

impl Drained {
    /// Reads the ledger after the last component stopped.
    #[must_use]
    pub(super) fn read(ledger: &Ledger) -> Self {
        let losses = ledger.balances().into_iter().filter_map(|balance| {
            let items = balance.held() + balance.dropped.get(&Reason::Stopping).copied().unwrap_or(0);
            (items > 0).then_some(Loss { pipeline: balance.pipeline, exporter: balance.exporter, items })
        });
        Self { losses: losses.collect() }
    }

    /// Items lost over all branches.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.losses.iter().map(|loss| loss.items).sum()
    }
}
