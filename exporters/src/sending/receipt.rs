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
    /// In the order in which the requests were sent.
    settled: Vec<(Settled, usize)>,
    /// The first failure, or the one that is not permanent: after that the rest was not tried.
    pub(super) failure: Option<Failure>,
    branch: Option<Arc<Branch>>,
}

/// The verdict on items that are not tried again.
#[derive(Debug, Clone)]
enum Settled {
    Sent,
    Rejected,
    /// Given up for good.
    Dropped(Failure),
}

impl Receipt {
    /// The receipt of a batch that is about to be sent.
    pub(super) fn begin(cx: &Context) -> Self {
        Self { settled: Vec::new(), failure: None, branch: cx.branch().cloned() }
    }

    /// The receipt of a batch of which nothing arrived.
    pub(super) fn failed(failure: Failure) -> Self {
        Self { settled: Vec::new(), failure: Some(failure), branch: None }
    }

    /// The backend has a request of `items`, and wanted none of `rejected` of them.
    pub(super) fn accepted(&mut self, items: usize, rejected: usize) {
        let rejected = rejected.min(items);
        self.settled.extend([(Settled::Sent, items - rejected), (Settled::Rejected, rejected)]);
    }

    /// A request of `items` was given up for good.
    pub(super) fn dropped(&mut self, failure: Failure, items: usize) {
        self.failure.get_or_insert_with(|| failure.clone());
        self.settled.push((Settled::Dropped(failure), items));
    }

    fn arrived(&self) -> usize {
        let arrived = self.settled.iter().filter(|(settled, _)| !matches!(settled, Settled::Dropped(_)));
        arrived.map(|(_, items)| items).sum()
    }

    /// Whether nothing arrived because the backend refused it for good. Of several callers' items that were sent
    /// together, one may have spoilt it for the others.
    pub(super) fn is_spoilt(&self) -> bool {
        self.arrived() == 0 && self.failure.as_ref().is_some_and(Failure::is_permanent)
    }

    /// Parts the receipt among the callers whose items were sent together, `items` of each in their order. Requests
    /// are sent in that order too, so each caller has the verdicts on the requests with its items. Whose items had no
    /// form in the format is not known: they are dropped, and nobody is refused for them.
    pub(super) fn share(mut self, items: impl IntoIterator<Item = usize>) -> Vec<Self> {
        let branch = self.branch.take();
        let comes_again = self.failure.take().filter(|failure| !failure.is_permanent());
        let mut all = std::mem::take(&mut self.settled).into_iter().peekable();
        let part = |mut left: usize| {
            let mut part = Self { settled: Vec::new(), failure: None, branch: branch.clone() };
            while left > 0
                && let Some((settled, count)) = all.peek_mut()
            {
                let taken = left.min(*count);
                left -= taken;
                *count -= taken;
                if let Settled::Dropped(failure) = settled
                    && failure.reason != Reason::Unconvertible
                {
                    part.failure = Some(failure.clone());
                }
                part.settled.push((settled.clone(), taken));
                if *count == 0 {
                    all.next();
                }
            }
            if left > 0 {
                part.failure = comes_again.clone();
            }
            part
        };
        items.into_iter().map(part).collect()
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
        match self.failure.take() {
            Some(failure) if !failure.is_permanent() || self.arrived() == 0 => {
                Err(failure.refuse(component, signal, items))
            }
            _ => {
                if let Some(branch) = self.branch.take() {
                    for (settled, items) in &self.settled {
                        match settled {
                            Settled::Sent => branch.sent(*items),
                            Settled::Rejected => branch.rejected(*items),
                            Settled::Dropped(failure) => branch.dropped(failure.reason, *items),
                        }
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
            for (settled, items) in &self.settled {
                match settled {
                    Settled::Sent => branch.sent(*items),
                    Settled::Rejected => branch.rejected(*items),
                    Settled::Dropped(_) => {}
                }
            }
            branch.possible_duplicates(self.arrived());
        }
    }
}
