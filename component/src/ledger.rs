//! The exact accounts: what came in is what went out, was dropped for a reason, or is still held.
//!
//! For every pipeline and each of its exporters, at every instant that nothing moves:
//!
//! ```text
//! accepted + produced + possible_duplicates
//!     = filtered + merged + sent + rejected + dropped{reason} + held (in batch, queued, in flight)
//! ```
//!
//! The first half of each side is booked once per pipeline ([`Account`]), the rest per exporter
//! ([`Branch`]). Refused items are never accepted, so they appear nowhere: whoever answers `Ok` owns the
//! items and books what becomes of them; whoever answers with a refusal books nothing.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use crate::{
    ids::{ComponentRef, PipelineId},
    refusal::Reason,
};

/// All accounts of the process. Cloning shares them.
#[derive(Debug, Clone, Default)]
pub struct Ledger(Arc<Mutex<BTreeMap<PipelineId, Arc<Account>>>>);

impl Ledger {
    /// The account of `pipeline`, opened if there is none.
    #[must_use]
    pub fn account(&self, pipeline: &PipelineId) -> Arc<Account> {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.entry(pipeline.clone()).or_insert_with(|| Arc::new(Account::new(pipeline.clone()))).clone()
    }

    /// The state of every branch, in the order of pipelines and exporters.
    #[must_use]
    pub fn balances(&self) -> Vec<Balance> {
        let accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        accounts
            .values()
            .flat_map(|account| account.branches().into_iter().map(|branch| branch.balance()))
            .collect()
    }
}

/// Counts items by [`Reason`].
#[derive(Debug, Default)]
struct ByReason([AtomicU64; Reason::ALL.len()]);

impl ByReason {
    fn add(&self, reason: Reason, items: usize) {
        let slot = Reason::ALL.iter().zip(&self.0).find(|(r, _)| **r == reason);
        if let Some((_, count)) = slot {
            count.fetch_add(items as u64, Ordering::Relaxed);
        }
    }

    fn read(&self) -> impl Iterator<Item = (Reason, u64)> + '_ {
        Reason::ALL.into_iter().zip(&self.0).map(|(reason, count)| (reason, count.load(Ordering::Relaxed)))
    }
}

/// The books of one pipeline, from its entry to its fan-out.
#[derive(Debug)]
pub struct Account {
    pipeline: PipelineId,
    accepted: AtomicU64,
    produced: AtomicU64,
    filtered: AtomicU64,
    merged: AtomicU64,
    possible_duplicates: AtomicU64,
    in_batch: AtomicU64,
    dropped: ByReason,
    branches: Mutex<Vec<Arc<Branch>>>,
}

impl Account {
    fn new(pipeline: PipelineId) -> Self {
        Self {
            pipeline,
            accepted: AtomicU64::new(0),
            produced: AtomicU64::new(0),
            filtered: AtomicU64::new(0),
            merged: AtomicU64::new(0),
            possible_duplicates: AtomicU64::new(0),
            in_batch: AtomicU64::new(0),
            dropped: ByReason::default(),
            branches: Mutex::default(),
        }
    }

    /// Whose account this is.
    #[must_use]
    pub fn pipeline(&self) -> &PipelineId {
        &self.pipeline
    }

    /// The branch to `exporter` (an exporter or a connector), opened if there is none.
    #[must_use]
    pub fn branch(self: &Arc<Self>, exporter: &ComponentRef) -> Arc<Branch> {
        let mut branches = self.branches.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(branch) = branches.iter().find(|branch| branch.exporter == *exporter) {
            return branch.clone();
        }
        let branch = Arc::new(Branch::new(self.clone(), exporter.clone()));
        branches.push(branch.clone());
        branch
    }

    /// Books items that the pipeline's entry answered `Ok` for.
    pub fn accepted(&self, items: usize) {
        add(&self.accepted, items);
    }

    /// Books items that a processor made in addition.
    pub fn produced(&self, items: usize) {
        add(&self.produced, items);
    }

    /// Books items that a processor took out on purpose.
    pub fn filtered(&self, items: usize) {
        add(&self.filtered, items);
    }

    /// Books items that vanished because several became one.
    pub fn merged(&self, items: usize) {
        add(&self.merged, items);
    }

    /// Books items that went on although their client was told otherwise, or had gone: they may come again.
    pub fn possible_duplicates(&self, items: usize) {
        add(&self.possible_duplicates, items);
    }

    /// Books items that a processor owned and had to give up.
    pub fn dropped(&self, reason: Reason, items: usize) {
        self.dropped.add(reason, items);
    }

    /// Books items that a processor (`batch`) owns from now on.
    pub fn batch_took(&self, items: usize) {
        add(&self.in_batch, items);
    }

    /// Books items that a processor (`batch`) no longer owns: handed on, or dropped and booked as such.
    pub fn batch_gave(&self, items: usize) {
        sub(&self.in_batch, items);
    }

    fn branches(&self) -> Vec<Arc<Branch>> {
        self.branches.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The books of one edge from a pipeline to an exporter or connector.
#[derive(Debug)]
pub struct Branch {
    account: Arc<Account>,
    exporter: ComponentRef,
    sent: AtomicU64,
    rejected: AtomicU64,
    queued: AtomicU64,
    in_flight: AtomicU64,
    possible_duplicates: AtomicU64,
    dropped: ByReason,
}

impl Branch {
    fn new(account: Arc<Account>, exporter: ComponentRef) -> Self {
        Self {
            account,
            exporter,
            sent: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            queued: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            possible_duplicates: AtomicU64::new(0),
            dropped: ByReason::default(),
        }
    }

    /// Where the branch ends.
    #[must_use]
    pub fn exporter(&self) -> &ComponentRef {
        &self.exporter
    }

    /// Where the branch begins.
    #[must_use]
    pub fn pipeline(&self) -> &PipelineId {
        &self.account.pipeline
    }

    /// Books items that the backend acknowledged.
    pub fn sent(&self, items: usize) {
        add(&self.sent, items);
    }

    /// Books items that the backend rejected one by one (partial success).
    pub fn rejected(&self, items: usize) {
        add(&self.rejected, items);
    }

    /// Books items that were owned on this branch and given up.
    pub fn dropped(&self, reason: Reason, items: usize) {
        self.dropped.add(reason, items);
    }

    /// Books items that are settled on this branch although the client was told to send them again.
    pub fn possible_duplicates(&self, items: usize) {
        add(&self.possible_duplicates, items);
    }

    /// Takes ownership of `items` into a queue: from here on they are held until the guard settles them.
    #[must_use]
    pub fn hold(self: &Arc<Self>, items: usize) -> Held {
        add(&self.queued, items);
        Held { branch: self.clone(), items, in_flight: false }
    }

    /// The state of the branch now.
    #[must_use]
    pub fn balance(&self) -> Balance {
        let mut dropped: BTreeMap<Reason, u64> = BTreeMap::new();
        for (reason, items) in self.account.dropped.read().chain(self.dropped.read()) {
            if items > 0 {
                *dropped.entry(reason).or_default() += items;
            }
        }
        Balance {
            pipeline: self.account.pipeline.clone(),
            exporter: self.exporter.clone(),
            accepted: get(&self.account.accepted),
            produced: get(&self.account.produced),
            possible_duplicates: get(&self.account.possible_duplicates) + get(&self.possible_duplicates),
            filtered: get(&self.account.filtered),
            merged: get(&self.account.merged),
            sent: get(&self.sent),
            rejected: get(&self.rejected),
            dropped,
            in_batch: get(&self.account.in_batch),
            queued: get(&self.queued),
            in_flight: get(&self.in_flight),
        }
    }
}

/// Items that a queue owns. Whatever is not settled when the guard is dropped is booked as dropped, so that
/// no path out of a queue can lose items unbooked.
#[derive(Debug)]
pub struct Held {
    branch: Arc<Branch>,
    items: usize,
    in_flight: bool,
}

impl Held {
    /// Items not settled yet.
    #[must_use]
    pub fn items(&self) -> usize {
        self.items
    }

    /// The branch on which they are held.
    #[must_use]
    pub fn branch(&self) -> &Arc<Branch> {
        &self.branch
    }

    /// Moves the items from the queue into flight.
    pub fn take_off(&mut self) {
        if !self.in_flight {
            sub(&self.branch.queued, self.items);
            add(&self.branch.in_flight, self.items);
            self.in_flight = true;
        }
    }

    /// Takes over the items of a guard on the same branch, in the queue or in flight as this one is.
    pub fn join(&mut self, mut other: Self) {
        debug_assert!(Arc::ptr_eq(&self.branch, &other.branch) && self.in_flight == other.in_flight);
        self.items += std::mem::take(&mut other.items);
    }

    /// Splits off a guard for `items` of them, at most all.
    #[must_use]
    pub fn split(&mut self, items: usize) -> Self {
        let items = items.min(self.items);
        self.items -= items;
        Self { branch: self.branch.clone(), items, in_flight: self.in_flight }
    }

    /// Settles up to `items` as acknowledged by the backend.
    pub fn sent(&mut self, items: usize) {
        let items = self.let_go(items);
        self.branch.sent(items);
    }

    /// Settles up to `items` as rejected by the backend.
    pub fn rejected(&mut self, items: usize) {
        let items = self.let_go(items);
        self.branch.rejected(items);
    }

    /// Settles up to `items` as given up.
    pub fn dropped(&mut self, reason: Reason, items: usize) {
        let items = self.let_go(items);
        self.branch.dropped(reason, items);
    }

    /// Gives the items back to the caller, who is answered with a refusal: nothing is booked.
    pub fn give_back(mut self) {
        self.let_go(self.items);
    }

    fn let_go(&mut self, items: usize) -> usize {
        let items = items.min(self.items);
        self.items -= items;
        sub(if self.in_flight { &self.branch.in_flight } else { &self.branch.queued }, items);
        items
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.items > 0 {
            let reason = if std::thread::panicking() { Reason::Panic } else { Reason::Stopping };
            self.dropped(reason, self.items);
        }
    }
}

/// A reading of one branch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields are the terms of the equation in the module's page")]
pub struct Balance {
    pub pipeline: PipelineId,
    pub exporter: ComponentRef,
    pub accepted: u64,
    pub produced: u64,
    pub possible_duplicates: u64,
    pub filtered: u64,
    pub merged: u64,
    pub sent: u64,
    pub rejected: u64,
    pub dropped: BTreeMap<Reason, u64>,
    pub in_batch: u64,
    pub queued: u64,
    pub in_flight: u64,
}

impl Balance {
    /// Items in batch, queued and in flight.
    #[must_use]
    pub fn held(&self) -> u64 {
        self.in_batch + self.queued + self.in_flight
    }

    /// Whether both sides of the equation agree. Meaningful while nothing moves.
    #[must_use]
    pub fn is_even(&self) -> bool {
        let came = self.accepted + self.produced + self.possible_duplicates;
        let went = self.filtered
            + self.merged
            + self.sent
            + self.rejected
            + self.dropped.values().sum::<u64>()
            + self.held();
        came == went
    }
}

fn add(counter: &AtomicU64, items: usize) {
    counter.fetch_add(items as u64, Ordering::Relaxed);
}

fn sub(counter: &AtomicU64, items: usize) {
    counter.fetch_sub(items as u64, Ordering::Relaxed);
}

fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use sluice_pdata::Signal;

    use super::*;
    use crate::ids::Kind;

    fn branch() -> Arc<Branch> {
        let account = Ledger::default().account(&PipelineId::new(Signal::Traces, ""));
        account.branch(&ComponentRef::new(Kind::Exporter, "otlp/a".parse().unwrap()))
    }

    #[test]
    fn a_queue_that_settles_everything_is_even() {
        let branch = branch();
        branch.account.accepted(10);
        let mut held = branch.hold(10);
        assert!(branch.balance().is_even());
        held.take_off();
        let mut rest = held.split(4);
        held.sent(6);
        rest.rejected(1);
        rest.dropped(Reason::Permanent, 3);
        let balance = branch.balance();
        assert!(balance.is_even(), "{balance:?}");
        assert_eq!((balance.sent, balance.rejected, balance.held()), (6, 1, 0));
    }

    #[test]
    fn a_guard_that_is_dropped_unsettled_books_the_loss() {
        let branch = branch();
        branch.account.accepted(5);
        drop(branch.hold(5));
        let balance = branch.balance();
        assert!(balance.is_even());
        assert_eq!(balance.dropped, BTreeMap::from([(Reason::Stopping, 5)]));
    }

    #[test]
    fn an_unbooked_loss_is_uneven() {
        let branch = branch();
        branch.account.accepted(5);
        branch.sent(4);
        assert!(!branch.balance().is_even());
    }

    #[test]
    fn one_branch_per_pipeline_and_exporter() {
        let branch = branch();
        assert!(Arc::ptr_eq(&branch, &branch.account.branch(branch.exporter())));
    }
}
