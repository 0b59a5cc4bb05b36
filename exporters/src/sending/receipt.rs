//! What became of a batch that its caller waits for.

use sluice_component::{Class, ComponentRef, Context, Reason, Refusal};
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

/// What became of the items of one batch.
#[derive(Debug, Default)]
pub(super) struct Receipt {
    pub(super) sent: usize,
    pub(super) rejected: usize,
    /// Given up for good.
    pub(super) dropped: Vec<(Reason, usize)>,
    /// The last failure; after one that is not permanent the rest was not tried.
    pub(super) failure: Option<Failure>,
}

impl Receipt {
    pub(super) fn failed(failure: Failure) -> Self {
        Self { failure: Some(failure), ..Self::default() }
    }

    /// Books what the caller's answer leaves on the ledger, and gives the answer. There is no await between
    /// the two, so that a caller that went away leaves nothing booked.
    ///
    /// All requests accepted: `Ok`. Some accepted, the others refused for good: `Ok`, and those are dropped.
    /// One to be tried again: the whole batch is refused, and what had arrived may arrive twice.
    pub(super) fn settle(
        self,
        cx: &Context,
        component: &ComponentRef,
        signal: Signal,
        items: usize,
    ) -> Result<(), Refusal> {
        let arrived = self.sent + self.rejected;
        match self.failure {
            Some(failure) if !failure.is_permanent() => {
                if let Some(branch) = cx.branch().filter(|_| arrived > 0) {
                    branch.sent(self.sent);
                    branch.rejected(self.rejected);
                    branch.possible_duplicates(arrived);
                }
                Err(failure.refuse(component, signal, items))
            }
            Some(failure) if arrived == 0 => Err(failure.refuse(component, signal, items)),
            _ => {
                if let Some(branch) = cx.branch() {
                    branch.sent(self.sent);
                    branch.rejected(self.rejected);
                    for (reason, items) in self.dropped {
                        branch.dropped(reason, items);
                    }
                }
                Ok(())
            }
        }
    }
}
