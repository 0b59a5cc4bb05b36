//! The edge from a pipeline to one exporter or connector: puts the branch's account into the context.

use std::sync::Arc;

use sluice_component::{
    Consume, Context, Refusal, async_trait,
    ledger::Branch,
    telemetry::{OutcomeMetrics, UnqueuedMetrics},
};
use sluice_pdata::Pdata;

/// Leads onto a branch, and books for those who keep no accounts of their own.
pub(super) struct Edge {
    pub(super) next: Arc<dyn Consume>,
    pub(super) branch: Arc<Branch>,
    /// The exporter's own word; connectors never do.
    pub(super) keeps_accounts: bool,
    pub(super) consumed: OutcomeMetrics,
    /// Counts for exporters that keep no accounts.
    pub(super) outcome: Option<UnqueuedMetrics>,
}

#[async_trait]
impl Consume for Edge {
    async fn consume(&self, cx: Context, data: Pdata) -> Result<(), Refusal> {
        let items = data.items();
        let verdict = self.next.consume(cx.on_branch(self.branch.clone()), data).await;
        self.consumed.count(verdict.as_ref().copied(), items);
        if let Some(outcome) = &self.outcome {
            outcome.count(verdict.is_ok(), items);
        }
        if verdict.is_ok() && !self.keeps_accounts {
            self.branch.sent(items);
        }
        verdict
    }
}
