//! Processors between the entry and the fan-out: runs of transforms fused into one node, and the meters
//! around stages.

use std::sync::Arc;

use sluice_component::{
    Consume, Context, Refusal, Transform, Verdict, async_trait,
    ledger::Account,
    telemetry::{OutcomeMetrics, ProcessorMetrics},
};
use sluice_pdata::Pdata;

/// One transform with its meters.
#[derive(Clone)]
pub(super) struct Link {
    pub(super) transform: Arc<dyn Transform>,
    pub(super) metrics: ProcessorMetrics,
    pub(super) consumed: OutcomeMetrics,
    pub(super) produced: OutcomeMetrics,
}

/// A run of transforms.
pub(super) struct Chain {
    /// In the order of the data.
    links: Vec<Link>,
    next: Arc<dyn Consume>,
    account: Arc<Account>,
}

impl Chain {
    pub(super) fn new(links: Vec<Link>, next: Arc<dyn Consume>, account: Arc<Account>) -> Self {
        Self { links, next, account }
    }

    /// Applies all links. `None` when nothing is left to hand on.
    fn apply(&self, cx: &Context, mut data: Pdata) -> Result<Option<Pdata>, Refusal> {
        let mut previous: Option<&Link> = None;
        for link in &self.links {
            let before = data.items();
            link.metrics.incoming.inc_by(before as u64);
            let timer = link.metrics.timer();
            let verdict = link.transform.apply(cx, &mut data);
            drop(timer);
            let outcome = verdict.as_ref().map(drop);
            link.consumed.count(outcome, before);
            if let Some(previous) = previous {
                previous.produced.count(outcome, before);
            }
            let verdict = verdict?;
            if verdict == Verdict::Drop || data.items() == 0 {
                return Ok(None);
            }
            link.metrics.outgoing.inc_by(data.items() as u64);
            previous = Some(link);
        }
        Ok(Some(data))
    }
}

#[async_trait]
impl Consume for Chain {
    async fn consume(&self, cx: Context, data: Pdata) -> Result<(), Refusal> {
        let came = data.items();
        let left = match self.apply(&cx, data)? {
            Some(data) => {
                let left = data.items();
                let verdict = self.next.consume(cx, data).await;
                if let Some(last) = self.links.last() {
                    last.produced.count(verdict.as_ref().copied(), left);
                }
                verdict?;
                left
            }
            None => 0,
        };
        // Booked only now: had the next component refused, the client would send all of it again.
        self.account.filtered(came.saturating_sub(left));
        self.account.produced(left.saturating_sub(came));
        Ok(())
    }
}

/// In front of a stage: counts what comes in.
pub(super) struct Incoming {
    pub(super) next: Arc<dyn Consume>,
    pub(super) metrics: ProcessorMetrics,
    pub(super) consumed: OutcomeMetrics,
}

#[async_trait]
impl Consume for Incoming {
    async fn consume(&self, cx: Context, data: Pdata) -> Result<(), Refusal> {
        let items = data.items();
        self.metrics.incoming.inc_by(items as u64);
        let verdict = self.next.consume(cx, data).await;
        self.consumed.count(verdict.as_ref().copied(), items);
        verdict
    }
}

/// Behind a stage: counts what goes out.
pub(super) struct Outgoing {
    pub(super) next: Arc<dyn Consume>,
    /// Of a processor.
    pub(super) metrics: Option<ProcessorMetrics>,
    pub(super) produced: OutcomeMetrics,
}

#[async_trait]
impl Consume for Outgoing {
    async fn consume(&self, cx: Context, data: Pdata) -> Result<(), Refusal> {
        let items = data.items();
        let verdict = self.next.consume(cx, data).await;
        self.produced.count(verdict.as_ref().copied(), items);
        if let (Ok(()), Some(metrics)) = (&verdict, &self.metrics) {
            metrics.outgoing.inc_by(items as u64);
        }
        verdict
    }
}
