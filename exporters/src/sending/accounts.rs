//! Items that the queue owns: on the ledger until they are settled.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use sluice_component::{Context, Reason, ledger::Held, telemetry::ExporterMetrics};

/// The counters of one exporter.
#[derive(Debug)]
pub(super) struct Accounts {
    pub(super) metrics: ExporterMetrics,
    /// Items that were owned when the exporter ended.
    lost: AtomicUsize,
}

impl Accounts {
    pub(super) fn new(metrics: ExporterMetrics) -> Arc<Self> {
        Arc::new(Self { metrics, lost: AtomicUsize::new(0) })
    }

    /// Takes ownership of `items`, on the branch of `cx` if it has one.
    pub(super) fn own(self: &Arc<Self>, cx: &Context, items: usize) -> Owned {
        Owned { accounts: self.clone(), held: cx.branch().map(|branch| branch.hold(items)), items }
    }

    /// Items lost since the last call.
    pub(super) fn take_lost(&self) -> usize {
        self.lost.swap(0, Ordering::Relaxed)
    }
}

/// Items that a queue owns. What is not settled when it is dropped is lost: booked as dropped and counted.
#[derive(Debug)]
pub(super) struct Owned {
    accounts: Arc<Accounts>,
    held: Option<Held>,
    items: usize,
}

impl Owned {
    /// Items not settled yet.
    pub(super) fn items(&self) -> usize {
        self.items
    }

    /// Takes over the items of another owner on the same branch. Neither has left the queue.
    pub(super) fn join(&mut self, mut other: Self) {
        self.items += std::mem::take(&mut other.items);
        match (&mut self.held, other.held.take()) {
            (Some(own), Some(others)) => own.join(others),
            (own @ None, others) => *own = others,
            (Some(_), None) => {}
        }
    }

    /// Moves them out of the queue, into flight.
    pub(super) fn take_off(&mut self) {
        if let Some(held) = &mut self.held {
            held.take_off();
        }
    }

    /// Settles `items` that the backend has, `rejected` of which it did not like.
    pub(super) fn accepted(&mut self, items: usize, rejected: usize) {
        let items = items.min(self.items);
        let rejected = rejected.min(items);
        self.items -= items;
        if let Some(held) = &mut self.held {
            held.rejected(rejected);
            held.sent(items - rejected);
        }
    }

    /// Settles `items` that are given up.
    pub(super) fn dropped(&mut self, reason: Reason, items: usize) {
        let items = items.min(self.items);
        self.items -= items;
        if let Some(held) = &mut self.held {
            held.dropped(reason, items);
        }
    }

    /// Gives them back to the caller, who is refused: nothing is booked.
    pub(super) fn give_back(mut self) {
        self.items = 0;
        if let Some(held) = self.held.take() {
            held.give_back();
        }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        if self.items > 0 {
            self.accounts.lost.fetch_add(self.items, Ordering::Relaxed);
            self.accounts.metrics.send_failed.count(Reason::Stopping, false, self.items);
        }
    }
}
