//! One batch to several consumers, with one verdict.
//!
//! All arms are called at once on cheap clones. The caller is answered:
//!
//! - `Ok` when every arm settled and at least one took the batch; what an arm refused for good is then
//!   dropped, and booked, on that arm alone.
//! - the arms' own refusal when none of them took the batch: nothing happened, so nothing is duplicated when
//!   the client sends again.
//! - otherwise some arms took it and others may still: those are offered it again, with backoff, until they
//!   settle or the caller's deadline passes (`DEFAULT_PATIENCE` where there is none). After that the answer
//!   is retryable, and what had been taken is booked as possible duplicates. The same holds when the caller
//!   goes away.
//!
//! Of data that nobody would send again ([`Context::is_owned`]) the last case ends differently: where the
//! [`Patience`] with an arm is over, or the collector stops, and another arm took the batch, it is given up on
//! that arm alone. It is then dropped there, which is booked and logged, and the answer is `Ok`: an exporter that
//! is stuck holds up neither its siblings nor whoever waits behind this batch. Nothing is given up as long as no
//! other arm took the batch, not counting those that take everything (`debug`).

mod patience;

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use sluice_component::{
    Class, ComponentRef, Consume, Context, Reason, Refusal, async_trait, ledger::Account, ledger::Branch,
};
use sluice_pdata::Pdata;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

use self::patience::Patience;

/// How long arms that have not settled are offered the batch again when the caller named no deadline.
const DEFAULT_PATIENCE: Duration = Duration::from_secs(5);
/// The wait before the first further offer; it doubles up to `MAX_BACKOFF`.
const MIN_BACKOFF: Duration = Duration::from_millis(20);
const MAX_BACKOFF: Duration = Duration::from_secs(1);
/// What an arm gets beyond its time, to give its own answer to that.
const LAST_WORD: Duration = Duration::from_millis(10);

/// One consumer and the account on which its share is booked.
pub(super) struct Arm {
    name: ComponentRef,
    next: Arc<dyn Consume>,
    books: Books,
    /// It takes everything: that it took a batch says nothing.
    takes_all: bool,
    patience: Patience,
}

impl Arm {
    /// The arm to `next`, called `name` in the log.
    pub(super) fn new(name: ComponentRef, next: Arc<dyn Consume>, books: Books) -> Self {
        Self { name, next, books, takes_all: false, patience: Patience::new() }
    }

    /// The same arm, which never refuses if `takes_all`.
    pub(super) fn taking_all(mut self, takes_all: bool) -> Self {
        self.takes_all = takes_all;
        self
    }

    /// Offers the batch, and calls it refused where `limit` is over and there is no answer.
    async fn offer(&self, cx: Context, data: Pdata, limit: Option<Instant>) -> Result<(), Refusal> {
        let Some(limit) = limit else { return self.next.consume(cx, data).await };
        let (signal, items) = (data.signal(), data.items());
        let answer = self.next.consume(cx.with_deadline(Some(limit)), data);
        timeout_at(limit + LAST_WORD, answer)
            .await
            .unwrap_or_else(|_| Err(Refusal::retryable(self.name.clone(), signal, items, Reason::Timeout)))
    }
}

/// Who books what an arm took.
pub(super) enum Books {
    /// The exporter books on its branch; the fan-out adds what only it can know.
    Branch(Arc<Branch>),
    /// The pipeline's entry books what it accepted.
    Pipeline(Arc<Account>),
}

impl Books {
    /// This arm refused for good, or was given up, while the client is told `Ok`.
    fn dropped(&self, refusal: &Refusal, items: usize) {
        match self {
            Self::Branch(branch) => branch.dropped(refusal.reason, items),
            Self::Pipeline(account) => {
                account.accepted(items);
                account.dropped(refusal.reason, items);
            }
        }
    }

    /// This arm took the batch while the client is told to send it again.
    fn may_come_again(&self, items: usize) {
        match self {
            Self::Branch(branch) => branch.possible_duplicates(items),
            // Its entry accepted the items; when they come again they are accepted again.
            Self::Pipeline(_) => {}
        }
    }
}

/// Calls all arms; see the module's page.
pub(super) struct Fanout {
    arms: Vec<Arm>,
    stopping: Stopping,
}

/// How fan-outs learn that the collector stops.
#[derive(Debug, Clone)]
pub(super) struct Stopping {
    /// Cancelled when it begins to.
    pub(super) begun: CancellationToken,
    /// For how long arms may still be waited for then.
    pub(super) let_go: Duration,
}

impl Stopping {
    async fn told_to_let_go(&self) {
        self.begun.cancelled().await;
        sleep(self.let_go).await;
    }
}

/// The consumer that stands for all `arms`; a single one stands for itself.
pub(super) fn fanout(mut arms: Vec<Arm>, stopping: &Stopping) -> Arc<dyn Consume> {
    match (arms.pop(), arms.is_empty()) {
        (Some(only), true) => only.next,
        (last, _) => {
            arms.extend(last);
            Arc::new(Fanout { arms, stopping: stopping.clone() })
        }
    }
}

enum Standing {
    Waiting(Option<Refusal>),
    Took,
    Refused(Refusal),
}

/// How far each arm is. Dropped before its verdict is final, it books what had been taken.
struct Offer<'a> {
    arms: &'a [Arm],
    stopping: &'a Stopping,
    standing: Vec<Standing>,
    cx: Context,
    data: Pdata,
    items: usize,
    begun: Instant,
    /// Until when each arm is waited for; empty where the caller's deadline decides, or nobody else is held up.
    limits: Vec<Instant>,
}

impl<'a> Offer<'a> {
    fn new(Fanout { arms, stopping }: &'a Fanout, cx: Context, data: Pdata) -> Self {
        let standing = arms.iter().map(|_| Standing::Waiting(None)).collect();
        let (items, begun) = (data.items(), Instant::now());
        let limit = |arm: &Arm| {
            let limit = begun + arm.patience.left();
            cx.deadline().map_or(limit, |deadline| deadline.min(limit))
        };
        let has_siblings = arms.iter().filter(|arm| !arm.takes_all).count() > 1;
        let limits =
            if cx.is_owned() && has_siblings { arms.iter().map(limit).collect() } else { Vec::new() };
        Self { arms, stopping, standing, cx, data, items, begun, limits }
    }

    /// Offers the batch once to every arm that waits. An arm's verdict is noted the moment it is known, so
    /// that it is not forgotten when the caller goes away in between.
    async fn once(&mut self) {
        let Self { arms, standing, cx, data, begun, limits, .. } = self;
        let (cx, data, begun) = (&*cx, &*data, *begun);
        let limits = limits.iter().copied().map(Some).chain(std::iter::repeat(None));
        let waiting = arms.iter().zip(standing).zip(limits).filter_map(|((arm, standing), limit)| {
            let Standing::Waiting(before) = standing else { return None };
            let held_up = before.is_some();
            Some(async move {
                *standing = match arm.offer(cx.clone(), data.clone(), limit).await {
                    Ok(()) => {
                        if held_up && limit.is_some() {
                            arm.patience.spend(begun.elapsed());
                        }
                        Standing::Took
                    }
                    Err(refusal) if refusal.is_retryable() => Standing::Waiting(Some(refusal)),
                    Err(refusal) => Standing::Refused(refusal),
                };
            })
        });
        join_all(waiting).await;
    }

    /// Whether an arm took the batch, of those that count.
    fn taken(&self, counts: impl Fn(&Arm) -> bool) -> bool {
        let mut arms = self.arms.iter().zip(&self.standing);
        arms.any(|(arm, standing)| matches!(standing, Standing::Took) && counts(arm))
    }

    /// The refusal that a caller would get now from the arms that wait: the one that asks for the longest wait.
    fn waiting(&self) -> Option<&Refusal> {
        self.standing
            .iter()
            .filter_map(|standing| match standing {
                Standing::Waiting(refusal) => refusal.as_ref(),
                Standing::Took | Standing::Refused(_) => None,
            })
            .max_by_key(|refusal| wait_of(refusal))
    }

    /// Offers an owner's batch again until every arm took it, refused it for good, or was waited for long enough.
    async fn hand_over(&mut self) -> Result<(), Refusal> {
        let mut backoff = MIN_BACKOFF;
        loop {
            self.once().await;
            let now = Instant::now();
            self.give_up(|limit| limit <= now)?;
            let Some(refusal) = self.waiting() else { return Ok(()) };
            let again = now + backoff.max(wait_of(refusal));
            // Once more when the time of an arm is over.
            let last = self.limits.iter().copied().filter(|&limit| limit > now).min();
            sleep_until(last.map_or(again, |last| again.min(last))).await;
            backoff = (backoff * 2).min(MAX_BACKOFF);
        }
    }

    /// Gives the batch up on arms that wait and whose limit `is_over`, if a sibling took it. If only those did that
    /// take everything, nobody is held up: the arm gets more time.
    ///
    /// # Errors
    /// When no arm took it: the refusal to hand on.
    fn give_up(&mut self, is_over: impl Fn(Instant) -> bool) -> Result<(), Refusal> {
        let taken = self.taken(|_| true);
        let by_sibling = self.taken(|arm| !arm.takes_all);
        for ((arm, standing), limit) in self.arms.iter().zip(&mut self.standing).zip(&mut self.limits) {
            let Standing::Waiting(refusal) = standing else { continue };
            if !is_over(*limit) {
                continue;
            }
            arm.patience.spend(limit.saturating_duration_since(self.begun));
            let mut refusal = refusal.take().unwrap_or_else(|| {
                // Cut off in the middle of the first offer.
                Refusal::retryable(arm.name.clone(), self.data.signal(), self.items, Reason::Stopping)
            });
            *standing = if by_sibling {
                if self.stopping.begun.is_cancelled() {
                    refusal.reason = Reason::Stopping;
                }
                arm.patience.say_given_up(&arm.name, &refusal, self.items);
                Standing::Refused(refusal)
            } else {
                *limit = Instant::now() + patience::MOST;
                Standing::Waiting(Some(refusal))
            };
        }
        match self.waiting() {
            Some(refusal) if !taken => Err(refusal.clone()),
            _ => Ok(()),
        }
    }

    /// Every arm settled. `Ok` if one took the batch.
    fn settle(mut self) -> Result<(), Refusal> {
        let taken = self.taken(|_| true);
        let mut first = None;
        for (arm, standing) in self.arms.iter().zip(std::mem::take(&mut self.standing)) {
            if let Standing::Refused(refusal) = standing {
                if taken {
                    arm.books.dropped(&refusal, self.items);
                }
                first.get_or_insert(refusal);
            }
        }
        match first {
            Some(refusal) if !taken => Err(refusal),
            _ => Ok(()),
        }
    }
}

impl Drop for Offer<'_> {
    fn drop(&mut self) {
        for (arm, standing) in self.arms.iter().zip(&self.standing) {
            if matches!(standing, Standing::Took) {
                arm.books.may_come_again(self.items);
            }
        }
    }
}

fn wait_of(refusal: &Refusal) -> Duration {
    match refusal.class {
        Class::ThrottleFor(wait) => wait,
        Class::Retryable | Class::Permanent => Duration::ZERO,
    }
}

#[async_trait]
impl Consume for Fanout {
    async fn consume(&self, cx: Context, data: Pdata) -> Result<(), Refusal> {
        let deadline = cx.deadline().unwrap_or_else(|| Instant::now() + DEFAULT_PATIENCE);
        let is_owned = cx.is_owned();
        let mut offer = Offer::new(self, cx, data);
        if is_owned {
            let may_give_up = !offer.limits.is_empty();
            tokio::select! {
                biased;
                handed_over = offer.hand_over() => handed_over?,
                () = self.stopping.told_to_let_go(), if may_give_up => {
                    offer.give_up(|_| true)?;
                    if let Some(refusal) = offer.waiting() {
                        return Err(refusal.clone());
                    }
                }
            }
            return offer.settle();
        }
        let mut backoff = MIN_BACKOFF;
        loop {
            offer.once().await;
            let Some(refusal) = offer.waiting() else { return offer.settle() };
            let again = Instant::now() + backoff.max(wait_of(refusal));
            if !offer.taken(|_| true) || again >= deadline {
                return Err(refusal.clone());
            }
            sleep_until(again).await;
            backoff = (backoff * 2).min(MAX_BACKOFF);
        }
    }
}

#[cfg(test)]
mod tests;
