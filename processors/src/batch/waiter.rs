//! A caller who waits for the verdict on his items, as an end-to-end pipeline has them.

use std::sync::Arc;

use sluice_component::{ComponentRef, Reason, Refusal, ledger::Account};
use sluice_pdata::Signal;
use tokio::{sync::oneshot, time::Instant};

pub(super) type Answer = Result<(), Refusal>;

/// The lane's end: it lies in the buffer beside the items. Dropping it answers the caller.
pub(super) struct Waiter {
    reply: Option<oneshot::Sender<Answer>>,
    account: Arc<Account>,
    /// Until when the caller waits.
    pub(super) deadline: Option<Instant>,
    items: usize,
    /// Items that the next component took.
    passed: usize,
    /// Items that have a verdict.
    settled: usize,
    refused: Option<Refusal>,
}

impl Waiter {
    /// A waiter for `items` items and the caller's end of it.
    pub(super) fn new(
        component: &ComponentRef,
        signal: Signal,
        account: &Arc<Account>,
        items: usize,
        deadline: Option<Instant>,
    ) -> (Self, Waiting) {
        let (reply, answer) = oneshot::channel();
        let waiter = Self {
            reply: Some(reply),
            account: account.clone(),
            deadline,
            items,
            passed: 0,
            settled: 0,
            refused: None,
        };
        let waiting =
            Waiting { answer, account: account.clone(), component: component.clone(), signal, items };
        (waiter, waiting)
    }

    /// Whether nobody waits any more.
    pub(super) fn is_gone(&self) -> bool {
        self.reply.as_ref().is_none_or(oneshot::Sender::is_closed)
    }

    /// Takes the verdict on a batch that carried `items` of the caller's items. Over several batches the one to
    /// tell is a refusal that allows to try again, then one that does not.
    pub(super) fn settle(&mut self, items: usize, verdict: &Answer) {
        self.settled += items;
        match verdict {
            Ok(()) => self.passed += items,
            Err(refusal) => {
                if refusal.is_retryable() || self.refused.is_none() {
                    self.refused = Some(Refusal { items: self.items, ..refusal.clone() });
                }
            }
        }
    }

    /// What to tell; `None` when the items have no verdict: time to drain ran out, or a task panicked.
    fn answer(&mut self) -> Option<Answer> {
        match self.refused.take() {
            Some(refusal) => Some(Err(refusal)),
            None => (self.settled == self.items).then_some(Ok(())),
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let answer = self.answer();
        let took = matches!(answer, Some(Ok(())));
        let heard = match (answer, self.reply.take()) {
            (Some(answer), Some(reply)) => reply.send(answer).is_ok(),
            _ => false,
        };
        if !(took && heard) {
            self.account.possible_duplicates(self.passed);
        }
    }
}

/// The caller's end.
pub(super) struct Waiting {
    answer: oneshot::Receiver<Answer>,
    account: Arc<Account>,
    component: ComponentRef,
    signal: Signal,
    items: usize,
}

impl Waiting {
    /// Waits for the verdict. When the future is dropped, items that have not left yet never will.
    pub(super) async fn verdict(mut self) -> Answer {
        let answer = (&mut self.answer).await;
        answer.unwrap_or_else(|_| {
            let component = self.component.clone();
            Err(Refusal::retryable(component, self.signal, self.items, Reason::Stopping))
        })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.answer.close();
        // An `Ok` that was on its way when the caller left.
        if let Ok(Ok(())) = self.answer.try_recv() {
            self.account.possible_duplicates(self.items);
        }
    }
}
