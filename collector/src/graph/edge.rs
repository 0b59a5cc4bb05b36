//! The edge from a pipeline to one exporter or connector: puts the branch's account into the context.

use std::sync::Arc;

use sluice_component::{Consume, Context, Refusal, async_trait, ledger::Branch, telemetry::ConsumedMetrics};
use sluice_pdata::Pdata;

/// Leads onto a branch, and books for those who keep no accounts of their own.
pub(super) struct Edge {
    next: Arc<dyn Consume>,
    branch: Arc<Branch>,
    keeps_accounts: bool,
    metrics: ConsumedMetrics,
}

impl Edge {
    /// `keeps_accounts` is the exporter's own word; connectors never do.
    pub(super) fn new(
        next: Arc<dyn Consume>,
        branch: Arc<Branch>,
        keeps_accounts: bool,
        metrics: ConsumedMetrics,
    ) -> Self {
        Self { next, branch, keeps_accounts, metrics }
    }
}

#[async_trait]
impl Consume for Edge {
    async fn consume(&self, cx: Context, data: Pdata) -> Result<(), Refusal> {
        let items = data.items();
        let verdict = self.next.consume(cx.on_branch(self.branch.clone()), data).await;
        self.metrics.count(verdict.as_ref().copied(), items);
        if verdict.is_ok() && !self.keeps_accounts {
            self.branch.sent(items);
        }
        verdict
    }
}
