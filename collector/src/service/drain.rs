//! Stopping components so that each can hand on what it holds, and what became of it.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use futures_util::future::join_all;
use sluice_component::{
    ComponentRef, Kind, PipelineId, Reason, State,
    host::Process,
    ledger::{Balance, Ledger},
};
use tokio::time::Instant;
use tracing::warn;

use crate::graph::Node;

/// The time that a component is given to say what it lost, after its own deadline.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Stops `nodes` (in the order in which they were started) until `deadline`: receivers at once, stages from the
/// entries of the pipelines to their ends, exporters at once, extensions in reverse.
///
/// The time is shared out, so that a client who does not let go of a receiver cannot take it from the exporters
/// that have data to deliver: receivers end after a quarter of it, stages after half. What a phase does not need
/// is left to the next ones.
pub(super) async fn stop(nodes: &[Node], process: &Arc<Process>, deadline: Instant) {
    let begun = Instant::now();
    let total = deadline.saturating_duration_since(begun);
    let of = |kind: Kind| nodes.iter().filter(move |node| node.component.kind() == kind);
    join_all(of(Kind::Receiver).map(|node| stop_one(node, process, begun + total / 4))).await;
    stop_stages(nodes, process, begun + total / 2).await;
    join_all(of(Kind::Exporter).map(|node| stop_one(node, process, deadline))).await;
    for node in of(Kind::Extension).rev() {
        stop_one(node, process, deadline).await;
    }
}

/// Pipelines stop side by side, the stages of one after the other. With connectors, which make one pipeline wait
/// for another, all stages stop one after the other.
async fn stop_stages(nodes: &[Node], process: &Arc<Process>, deadline: Instant) {
    let stages =
        || nodes.iter().rev().filter(|n| matches!(n.component.kind(), Kind::Processor | Kind::Connector));
    if stages().any(|node| node.component.kind() == Kind::Connector) {
        stop_in_turn(stages(), process, deadline).await;
        return;
    }
    let mut pipelines: BTreeMap<&[PipelineId], Vec<&Node>> = BTreeMap::new();
    for node in stages() {
        pipelines.entry(&node.pipelines).or_default().push(node);
    }
    join_all(pipelines.into_values().map(|stages| stop_in_turn(stages, process, deadline))).await;
}

async fn stop_in_turn(nodes: impl IntoIterator<Item = &Node>, process: &Arc<Process>, deadline: Instant) {
    for node in nodes {
        stop_one(node, process, deadline).await;
    }
}

async fn stop_one(node: &Node, process: &Arc<Process>, deadline: Instant) {
    process.health.post(&node.component, State::Stopping, None);
    // It is told an earlier time than it is cut at: at its own deadline it still has to book what it gives up.
    let last_words = LAST_WORDS.min(deadline.saturating_duration_since(Instant::now()) / 10);
    match tokio::time::timeout_at(deadline, node.part.shutdown(deadline - last_words)).await {
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
    /// Branches whose items are not all accounted for; there are none unless a component has a bug.
    pub uneven: Vec<Balance>,
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
        let mut drained = Self::default();
        for balance in ledger.balances() {
            let items = balance.held() + balance.dropped.get(&Reason::Stopping).copied().unwrap_or(0);
            if items > 0 {
                let (pipeline, exporter) = (balance.pipeline.clone(), balance.exporter.clone());
                drained.losses.push(Loss { pipeline, exporter, items });
            }
            if !balance.is_even() {
                drained.uneven.push(balance);
            }
        }
        drained
    }

    /// Items that at least one exporter did not deliver: the most that any of a pipeline's exporters lost, over all
    /// pipelines.
    #[must_use]
    pub fn lost(&self) -> u64 {
        let mut most: BTreeMap<&PipelineId, u64> = BTreeMap::new();
        for loss in &self.losses {
            let so_far = most.entry(&loss.pipeline).or_default();
            *so_far = loss.items.max(*so_far);
        }
        most.values().sum()
    }
}

/// `traces to exporters.otlp: 12`, joined by commas; `nothing` when there is no loss.
impl fmt::Display for Drained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.losses.is_empty() {
            return f.write_str("nothing");
        }
        for (n, Loss { pipeline, exporter, items }) in self.losses.iter().enumerate() {
            let comma = if n == 0 { "" } else { ", " };
            write!(f, "{comma}{pipeline} to {exporter}: {items}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
