//! Behind each receiver: counts what it hands on, so that receivers need not.

use std::sync::Arc;

use sluice_component::{Consume, Context, Refusal, async_trait, telemetry::ReceiverMetrics};
use sluice_pdata::Pdata;

/// Counts items accepted and refused, by the transport that the context names.
pub(super) struct Intake {
    next: Arc<dyn Consume>,
    metrics: ReceiverMetrics,
}

impl Intake {
    pub(super) fn new(next: Arc<dyn Consume>, metrics: ReceiverMetrics) -> Self {
        Self { next, metrics }
    }
}

#[async_trait]
impl Consume for Intake {
    async fn consume(&self, cx: Context, data: Pdata) -> Result<(), Refusal> {
        let transport = cx.request().transport();
        // A client that stops waiting drops this future: its items count as refused.
        let mut count = Count { metrics: &self.metrics, transport, items: data.items(), accepted: false };
        let verdict = self.next.consume(cx, data).await;
        count.accepted = verdict.is_ok();
        verdict
    }
}

struct Count<'a> {
    metrics: &'a ReceiverMetrics,
    transport: &'static str,
    items: usize,
    accepted: bool,
}

impl Drop for Count<'_> {
    fn drop(&mut self) {
        if self.accepted {
            self.metrics.accepted(self.transport, self.items);
        } else {
            self.metrics.refused(self.transport, self.items);
        }
    }
}
