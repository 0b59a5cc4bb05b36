//! What a consumer does: takes from the queue, sends, and answers.

use std::{panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt;
use prometheus::IntGauge;
use sluice_component::{Class, Context, Reason};
use sluice_pdata::Pdata;

use super::{
    accounts::Owned,
    entry::{Caller, Entry, Owner, all_gone},
    exporter::{Inner, Line},
    lanes::Turn,
    receipt::{Failure, Receipt},
    wire::Wire,
};

impl<W: Wire> Inner<W> {
    /// One consumer: sends what is in the queue until that is closed and empty.
    pub(super) async fn run(self: Arc<Self>) {
        let Some(line) = &self.queue else { return };
        loop {
            let taken = tokio::select! {
                biased;
                () = self.deliver.stop.ended() => return,
                taken = self.take(line) => taken,
            };
            let Some((entry, turn)) = taken else { return };
            self.process(entry, turn).await;
        }
    }

    /// The next entry, and with an ordered format the turn to line up.
    async fn take(&self, line: &Line) -> Option<(Entry, Option<Turn<'_>>)> {
        let turn = if W::ORDERED { Some(self.deliver.lanes.turn().await) } else { None };
        let entry = line.next(&self.deliver.accounts.metrics.batched).await?;
        Some((entry, turn))
    }

    async fn process(&self, entry: Entry, turn: Option<Turn<'_>>) {
        let _flight = InFlight::new(&self.deliver.accounts.metrics.in_flight);
        // The entry's room is kept until the end.
        let Entry { data, cx, owner, .. } = entry;
        match owner {
            Owner::Queue(owned) => self.send_own(data, &cx, owned, turn).await,
            Owner::Callers(callers) => self.send_for(callers, data, &cx, turn).await,
        }
    }

    async fn send_own(&self, data: Pdata, cx: &Context, mut owned: Owned, turn: Option<Turn<'_>>) {
        let deliver = &self.deliver;
        owned.take_off();
        let survived = tokio::select! {
            survived = AssertUnwindSafe(deliver.owned(data, cx, &mut owned, turn)).catch_unwind() => survived,
            () = deliver.stop.ended() => Ok(()),
        };
        // A panic costs its batch, not the consumer.
        if survived.is_err() {
            let items = owned.items();
            deliver.dropped(&panicked(), items);
            owned.dropped(Reason::Panic, items);
        }
    }

    /// Sends what callers wait for. What is refused for good is offered once more for each of them alone: one bad item
    /// costs its own request.
    async fn send_for(
        &self,
        mut callers: Vec<Caller>,
        mut data: Pdata,
        cx: &Context,
        turn: Option<Turn<'_>>,
    ) {
        let Some(receipt) = self.receipt(&mut callers, data.clone(), cx, turn).await else { return };
        if callers.len() > 1 && receipt.is_spoilt() {
            for caller in callers {
                let part = data.split_off_front(caller.items);
                let cx = cx.clone().with_deadline(caller.deadline);
                let mut alone = [caller];
                let Some(receipt) = self.receipt(&mut alone, part, &cx, None).await else { continue };
                let [caller] = alone;
                drop(caller.reply.send(receipt));
            }
            return;
        }
        let receipts = match callers.len() {
            1 => vec![receipt],
            _ => receipt.share(callers.iter().map(|caller| caller.items)),
        };
        for (caller, receipt) in callers.into_iter().zip(receipts) {
            // Of a caller that went away meanwhile the receipt itself books what arrived.
            drop(caller.reply.send(receipt));
        }
    }

    /// Sends until there is a verdict, and not when nobody is left to hear it.
    async fn receipt(
        &self,
        callers: &mut [Caller],
        data: Pdata,
        cx: &Context,
        turn: Option<Turn<'_>>,
    ) -> Option<Receipt> {
        let (deliver, items) = (&self.deliver, data.items());
        let receipt = tokio::select! {
            receipt = AssertUnwindSafe(deliver.for_caller(data, cx, turn)).catch_unwind() => receipt,
            () = all_gone(callers) => return None,
            () = deliver.stop.ended() => return None,
        };
        Some(receipt.unwrap_or_else(|_| {
            deliver.refused(&panicked(), items);
            Receipt::failed(panicked())
        }))
    }
}

fn panicked() -> Failure {
    Failure { class: Class::Retryable, reason: Reason::Panic, cause: None }
}

/// Counts a batch that is being sent.
pub(super) struct InFlight<'a>(&'a IntGauge);

impl<'a> InFlight<'a> {
    pub(super) fn new(gauge: &'a IntGauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}
