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

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use sluice_component::{Class, Consume, Context, Refusal, async_trait, ledger::Account, ledger::Branch};
use sluice_pdata::Pdata;
use tokio::time::Instant;

/// How long arms that have not settled are offered the batch again when the caller named no deadline.
const DEFAULT_PATIENCE: Duration = Duration::from_secs(5);
/// The wait before the first further offer; it doubles up to `MAX_BACKOFF`.
const MIN_BACKOFF: Duration = Duration::from_millis(20);
const MAX_BACKOFF: Duration = Duration::from_secs(1);

/// One consumer and the account on which its share is booked.
pub(super) struct Arm {
    pub(super) next: Arc<dyn Consume>,
    pub(super) books: Books,
}

/// Who books what an arm took.
pub(super) enum Books {
    /// The exporter books on its branch; the fan-out adds what only it can know.
    Branch(Arc<Branch>),
    /// The pipeline's entry books what it accepted.
    Pipeline(Arc<Account>),
}

impl Books {
    /// This arm refused for good while the client is told `Ok`.
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
}

/// The consumer that stands for all `arms`; a single one stands for itself.
pub(super) fn fanout(mut arms: Vec<Arm>) -> Arc<dyn Consume> {
    match (arms.pop(), arms.is_empty()) {
        (Some(only), true) => only.next,
        (last, _) => {
            arms.extend(last);
            Arc::new(Fanout { arms })
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
    standing: Vec<Standing>,
    items: usize,
}

impl<'a> Offer<'a> {
    fn new(arms: &'a [Arm], items: usize) -> Self {
        Self { arms, standing: arms.iter().map(|_| Standing::Waiting(None)).collect(), items }
    }

    /// Offers the batch once to every arm that waits. An arm's verdict is noted the moment it is known, so
    /// that it is not forgotten when the caller goes away in between.
    async fn once(&mut self, cx: &Context, data: &Pdata) {
        let waiting = self.arms.iter().zip(&mut self.standing).filter_map(|(arm, standing)| {
            matches!(standing, Standing::Waiting(_)).then_some(async move {
                *standing = match arm.next.consume(cx.clone(), data.clone()).await {
                    Ok(()) => Standing::Took,
                    Err(refusal) if refusal.is_retryable() => Standing::Waiting(Some(refusal)),
                    Err(refusal) => Standing::Refused(refusal),
                };
            })
        });
        join_all(waiting).await;
    }

    fn taken(&self) -> bool {
        self.standing.iter().any(|standing| matches!(standing, Standing::Took))
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

    /// Every arm settled. `Ok` if one took the batch.
    fn settle(mut self) -> Result<(), Refusal> {
        let taken = self.taken();
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
        let mut offer = Offer::new(&self.arms, data.items());
        let mut backoff = MIN_BACKOFF;
        loop {
            offer.once(&cx, &data).await;
            let Some(refusal) = offer.waiting() else { return offer.settle() };
            let again = Instant::now() + backoff.max(wait_of(refusal));
            if !offer.taken() || again >= deadline {
                return Err(refusal.clone());
            }
            tokio::time::sleep_until(again).await;
            backoff = (backoff * 2).min(MAX_BACKOFF);
        }
    }
}

#[cfg(test)]
mod tests;
