//! Behind each receiver: counts what it hands on, so that receivers need not, and sees to it that every client gets
//! an answer.

use std::{sync::Arc, time::Duration};

use sluice_component::{
    ComponentRef, Consume, Context, Reason, Refusal, async_trait, host::Process, telemetry::ReceiverMetrics,
};
use sluice_pdata::{Pdata, Signal};
use tokio::time::Instant;

/// How long a client who names no deadline waits for backends to acknowledge, in end-to-end pipelines: the time after
/// which OpenTelemetry's own exporters give up.
pub(super) const END_TO_END_PATIENCE: Duration = Duration::from_secs(10);

/// Counts items accepted and refused, by the transport that the context names.
pub(super) struct Intake {
    pub(super) next: Arc<dyn Consume>,
    pub(super) metrics: ReceiverMetrics,
    pub(super) receiver: ComponentRef,
    pub(super) signal: Signal,
    /// How long a client waits who names no deadline; `None` where a queue answers.
    pub(super) patience: Option<Duration>,
    pub(super) process: Arc<Process>,
    /// Once the collector stops, how long calls may still wait for a verdict before they are refused.
    pub(super) let_go: Duration,
}

impl Intake {
    /// Ends when the collector has been stopping for some time: an answer is better than a cut connection.
    async fn told_to_let_go(&self) {
        self.process.stopping.cancelled().await;
        tokio::time::sleep(self.let_go).await;
    }
}

#[async_trait]
impl Consume for Intake {
    async fn consume(&self, mut cx: Context, data: Pdata) -> Result<(), Refusal> {
        let transport = cx.request().transport();
        let items = data.items();
        // A client that stops waiting drops this future: its items count as refused.
        let mut count = Count { metrics: &self.metrics, transport, items, accepted: false };
        if let (None, Some(patience)) = (cx.deadline(), self.patience) {
            cx = cx.with_deadline(Some(Instant::now() + patience));
        }
        let verdict = tokio::select! {
            biased;
            verdict = self.next.consume(cx, data) => verdict,
            () = self.told_to_let_go() => {
                Err(Refusal::retryable(self.receiver.clone(), self.signal, items, Reason::Stopping))
            }
        };
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

#[cfg(test)]
mod tests {
    use sluice_component::{Kind, testkit};

    use super::*;

    /// Takes a deadline's time, or for ever.
    struct Hangs;

    #[async_trait]
    impl Consume for Hangs {
        async fn consume(&self, cx: Context, data: Pdata) -> Result<(), Refusal> {
            match cx.deadline() {
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => std::future::pending().await,
            }
            let backend = testkit::component(Kind::Exporter, "x");
            Err(Refusal::retryable(backend, Signal::Traces, data.items(), Reason::Unavailable))
        }
    }

    fn intake(patience: Option<Duration>) -> Intake {
        let process = testkit::process();
        let receiver = testkit::component(Kind::Receiver, "r");
        Intake {
            next: Arc::new(Hangs),
            metrics: process.telemetry.receiver(&receiver, Signal::Traces),
            receiver,
            signal: Signal::Traces,
            patience,
            process,
            let_go: Duration::from_secs(2),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn e1_a_client_without_deadline_is_answered_when_no_backend_acknowledges() {
        let begun = Instant::now();
        let refusal =
            intake(Some(END_TO_END_PATIENCE)).consume(Context::default(), crate::testdata::spans(1)).await;
        assert_eq!(refusal.unwrap_err().reason, Reason::Unavailable);
        assert_eq!(begun.elapsed(), END_TO_END_PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_waits_while_the_collector_stops_is_told_to_come_again() {
        let intake = intake(None);
        intake.process.stopping.cancel();
        let refusal = intake.consume(Context::default(), crate::testdata::spans(1)).await.unwrap_err();
        assert_eq!((refusal.reason, refusal.answer().http), (Reason::Stopping, 503));
    }
}
