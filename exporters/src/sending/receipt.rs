//! What became of a batch that its caller waits for.

use std::sync::Arc;

use sluice_component::{Class, ComponentRef, Context, Reason, Refusal, ledger::Branch};
use sluice_pdata::Signal;

use super::wire::Cause;

/// Why a request was given up.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) class: Class,
    pub(super) reason: Reason,
    pub(super) cause: Option<Cause>,
}

impl Failure {
    pub(super) fn is_permanent(&self) -> bool {
        self.class == Class::Permanent
    }

    /// The refusal of the whole batch.
    pub(super) fn refuse(self, component: &ComponentRef, signal: Signal, items: usize) -> Refusal {
        // The client's credentials are not at fault when the backend does not like ours.
        let reason = match self.reason {
            Reason::Unauthenticated | Reason::PermissionDenied => Reason::Permanent,
            reason => reason,
        };
        Refusal { component: component.clone(), signal, items, class: self.class, reason, cause: self.cause }
    }
}

/// What became of the items of one batch. Dropped before it is settled, because the caller went away or time to drain
/// ran out, it books what had arrived: the backend has it, and nobody was told.
#[derive(Debug)]
pub(super) struct Receipt {
    pub(super) sent: usize,
    pub(super) rejected: usize,
    /// Given up for good.
    pub(super) dropped: Vec<(Reason, usize)>,
    /// The last failure; after one that is not permanent the rest was not tried.
    pub(super) failure: Option<Failure>,
    branch: Option<Arc<Branch>>,
}

impl Receipt {
    /// The receipt of a batch that is about to be sent.
    pub(super) fn begin(cx: &Context) -> Self {
        Self { sent: 0, rejected: 0, dropped: Vec::new(), failure: None, branch: cx.branch().cloned() }
    }

    /// The receipt of a batch of which nothing arrived.
    pub(super) fn failed(failure: Failure) -> Self {
        Self { sent: 0, rejected: 0, dropped: Vec::new(), failure: Some(failure), branch: None }
    }

    /// Whether nothing arrived because the backend refused it for good. Of several callers' items that were sent
    /// together, one may have spoilt it for the others.
    pub(super) fn is_spoilt(&self) -> bool {
        self.sent + self.rejected == 0 && self.failure.as_ref().is_some_and(Failure::is_permanent)
    }

    /// Parts the receipt among the callers whose items were sent together, `items` of each in their order. Requests
    /// are sent in that order too, so those before one that failed have the verdict of callers who were first.
    pub(super) fn share(mut self, items: impl IntoIterator<Item = usize>) -> Vec<Self> {
        let branch = self.branch.take();
        // Where some arrived, what was refused for good is dropped and answered with `Ok`.
        let failure = self.failure.take().filter(|failure| !failure.is_permanent());
        let mut part = |mut left: usize| {
            let mut of = |count: &mut usize| {
                let taken = left.min(*count);
                *count -= taken;
                left -= taken;
                taken
            };
            let (sent, rejected) = (of(&mut self.sent), of(&mut self.rejected));
            let dropped = self.dropped.iter_mut().map(|(reason, count)| (*reason, of(count)));
            let dropped = dropped.filter(|&(_, count)| count > 0).collect();
            let failure = failure.clone().filter(|_| left > 0);
            Self { sent, rejected, dropped, failure, branch: branch.clone() }
        };
        items.into_iter().map(&mut part).collect()
    }

    /// Books what the caller's answer leaves on the ledger, and gives the answer. There is no await between
    /// the two, so that a caller that went away is not taken for one that was told.
    ///
    /// All requests accepted: `Ok`. Some accepted, the others refused for good: `Ok`, and those are dropped.
    /// One to be tried again: the whole batch is refused, and what had arrived may arrive twice.
    pub(super) fn settle(
        mut self,
        component: &ComponentRef,
        signal: Signal,
        items: usize,
    ) -> Result<(), Refusal> {
        let arrived = self.sent + self.rejected;
        match self.failure.take() {
            Some(failure) if !failure.is_permanent() || arrived == 0 => {
                Err(failure.refuse(component, signal, items))
            }
            _ => {
                if let Some(branch) = self.branch.take() {
                    branch.sent(self.sent);
                    branch.rejected(self.rejected);
                    for (reason, items) in std::mem::take(&mut self.dropped) {
                        branch.dropped(reason, items);
                    }
                }
                Ok(())
            }
        }
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if let Some(branch) = self.branch.take() {
            branch.sent(self.sent);
            branch.rejected(self.rejected);
            branch.possible_duplicates(self.sent + self.rejected);
        }
    }
}
