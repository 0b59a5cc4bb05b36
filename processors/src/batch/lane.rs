//! One buffer and the task that empties it. Sends are serial; the buffer fills meanwhile.

use std::{
    future::pending,
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt, StreamExt, stream};
use rand::Rng;
use sluice_component::{
    Budget, Class, ComponentRef, Consume, Context, Permit, Reason, Refusal, Tier, ledger::Account,
    quiet::Quiet, telemetry::BatchMetrics,
};
use sluice_pdata::{Pdata, Signal};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep, sleep_until},
};

use super::{
    apart::apart,
    buffer::{Buffer, Cut, Entry, Rules, Trigger, footprint},
    waiter::{Answer, Waiter, Waiting},
};

/// Waits between offers of a batch that was refused retryably.
const FIRST_BACKOFF: Duration = Duration::from_millis(100);
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);
/// The longest wait once the collector stops, unless the refusal asks for more.
const LAST_BACKOFF: Duration = Duration::from_secs(1);
/// How long a lane may have nothing to do before it asks whether to end.
pub(super) const IDLE: Duration = Duration::from_secs(300);
/// Callers whose items are offered at the same time after their batch was refused for good.
const APART_AT_ONCE: usize = 8;

/// What the lanes of one processor in one pipeline have in common.
pub(super) struct Common {
    pub(super) component: ComponentRef,
    pub(super) signal: Signal,
    pub(super) tier: Tier,
    pub(super) account: Arc<Account>,
    pub(super) rules: Rules,
    pub(super) next: Arc<dyn Consume>,
    pub(super) metrics: BatchMetrics,
    /// Items that were owned and given up because time to drain ran out.
    pub(super) lost: AtomicUsize,
}

impl Common {
    pub(super) fn refusal(&self, items: usize, reason: Reason) -> Refusal {
        Refusal::retryable(self.component.clone(), self.signal, items, reason)
    }
}

/// One combination of client metadata.
pub(super) struct Lane {
    common: Arc<Common>,
    context: Context,
    /// What all lanes may hold together, sends in flight included.
    room: Budget,
    buffer: Mutex<Buffer>,
    wake: Notify,
}

impl Lane {
    pub(super) fn new(common: Arc<Common>, context: Context, room: Budget) -> Arc<Self> {
        Arc::new(Self { common, context, room, buffer: Mutex::default(), wake: Notify::new() })
    }

    /// Puts a request into the buffer. In an end-to-end pipeline the verdict is yet to come.
    pub(super) fn put(&self, cx: &Context, data: Pdata) -> Result<Option<Waiting>, Refusal> {
        let common = &self.common;
        let (items, size) = (data.items(), footprint(&data));
        // A request that is larger than all the room has it to itself.
        let room = self.room.reserve(size.min(self.room.limit()));
        let room = room.map_err(|full| {
            let cause = format!("the buffer holds {} of {} bytes", full.used, full.limit);
            common.refusal(items, Reason::QueueFull).because(cause)
        })?;
        let now = Instant::now();
        let mut due = common.rules.timeout.and_then(|timeout| now.checked_add(timeout));
        let (mut waiter, mut waiting) = (None, None);
        if common.tier == Tier::EndToEnd {
            if let Some(deadline) = cx.deadline() {
                let half = now + deadline.saturating_duration_since(now) / 2;
                due = Some(due.map_or(half, |due| due.min(half)));
            }
            let (ours, theirs) =
                Waiter::new(&common.component, common.signal, &common.account, items, cx.deadline());
            (waiter, waiting) = (Some(ours), Some(theirs));
        }
        let must_wake = {
            let mut buffer = self.buffer();
            if buffer.closed {
                return Err(common.refusal(items, Reason::Stopping));
            }
            if waiting.is_none() {
                common.account.batch_took(items);
            }
            buffer.push(Entry { data, room, due, waiter }, &common.rules, self.byte_limit())
        };
        if must_wake {
            self.wake.notify_one();
        }
        Ok(waiting)
    }

    /// A batch leaves before the room is full, so that the next one has room to grow in while it is sent.
    fn byte_limit(&self) -> usize {
        self.room.limit() / 2
    }

    fn buffer(&self) -> MutexGuard<'_, Buffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the lane if nothing waits in it. Returns whether that is so.
    pub(super) fn close_if_empty(&self) -> bool {
        self.buffer().close_if_empty()
    }

    /// Sends until told to stop, then until the buffer is empty, and at the longest until the time that `stop`
    /// then holds. What is left is given up. Each time that there was nothing to do for [`IDLE`] it ends if
    /// `retire` says so, who then has closed it.
    pub(super) async fn run(
        self: Arc<Self>,
        stop: watch::Receiver<Option<Instant>>,
        retire: impl Fn() -> bool,
    ) {
        let _closing = Closing(&self);
        tokio::select! {
            biased;
            () = self.work(stop.clone(), retire) => {}
            () = deadline(stop) => {}
        }
    }

    async fn work(&self, mut stop: watch::Receiver<Option<Instant>>, retire: impl Fn() -> bool) {
        let mut refusals = Refusals::default();
        loop {
            let stopping = stop.borrow().is_some();
            let (cut, due) = {
                let mut buffer = self.buffer();
                let before = buffer.items();
                let cut = panic::catch_unwind(AssertUnwindSafe(|| {
                    buffer.cut(&self.common.rules, self.byte_limit(), Instant::now(), stopping)
                }));
                let Ok(cut) = cut else {
                    self.lost_in_panic(buffer.recover(before), &mut refusals);
                    continue;
                };
                if cut.is_none() && stopping {
                    buffer.closed = true;
                    return;
                }
                (cut, buffer.due())
            };
            match cut {
                Some(cut) if self.common.tier == Tier::Memory => {
                    self.send_own(cut, &mut stop, &mut refusals).await
                }
                Some(cut) => self.send_for_callers(cut).await,
                None => {
                    tokio::select! {
                        () = self.wake.notified() => {}
                        () = until(due) => {}
                        () = sleep(IDLE), if due.is_none() => if retire() { return },
                        // An error means that the processor itself is gone.
                        changed = stop.changed() => if changed.is_err() { return },
                    }
                }
            }
        }
    }

    /// A panic while a batch was put together costs the items that were to go into it. Callers who wait for
    /// them hear of it as their waiters are dropped.
    fn lost_in_panic(&self, items: usize, refusals: &mut Refusals) {
        let common = &self.common;
        let refusal = Refusal::permanent(common.component.clone(), common.signal, items, Reason::Panic);
        refusals.dropped(&common.component, &refusal, items);
        if common.tier == Tier::Memory {
            Owned { common, items }.dropped(Reason::Panic);
        }
    }

    /// Sends a batch that this processor owns, as often as it takes.
    async fn send_own(&self, cut: Cut, stop: &mut watch::Receiver<Option<Instant>>, refusals: &mut Refusals) {
        let Cut { data, trigger, complete, .. } = cut;
        let owned = Owned { common: &self.common, items: data.items() };
        let mut backoff = FIRST_BACKOFF;
        loop {
            match self.offer(self.context.clone().owned(), data.clone()).await {
                Ok(()) => {
                    self.count(&data, trigger);
                    owned.gave();
                    break;
                }
                Err(refusal) if refusal.is_retryable() => {
                    refusals.kept(&self.common.component, &refusal);
                    let jittered = backoff.mul_f64(rand::rng().random_range(0.5..1.5));
                    let asked = match refusal.class {
                        Class::ThrottleFor(delay) => delay,
                        Class::Retryable | Class::Permanent => Duration::ZERO,
                    };
                    let begun = Instant::now();
                    tokio::select! {
                        () = sleep(asked.max(jittered)) => {}
                        _ = deadline_of(stop) => {
                            let soon = Instant::now() + jittered.min(LAST_BACKOFF);
                            sleep_until(soon.max(begun + asked)).await;
                        }
                    }
                    backoff = (backoff * 2).min(LONGEST_BACKOFF);
                }
                Err(refusal) => {
                    refusals.dropped(&self.common.component, &refusal, data.items());
                    owned.dropped(refusal.reason);
                    break;
                }
            }
        }
        drop(complete);
    }

    /// Sends a batch once, or each caller's part of it alone if the whole is refused for good, and tells the callers
    /// what came of it.
    async fn send_for_callers(&self, cut: Cut) {
        let Cut { data, trigger, complete, of_front, deadline } = cut;
        let verdict = self.offer_once(deadline, data.clone(), trigger).await;
        let mut callers: Vec<usize> = complete.iter().map(|&(items, ..)| items).collect();
        callers.extend(Some(of_front).filter(|&items| items > 0));
        if callers.len() > 1 && verdict.as_ref().is_err_and(|refusal| !refusal.is_retryable()) {
            let parts = panic::catch_unwind(AssertUnwindSafe(|| apart(data, &callers)));
            if let Ok(parts) = parts {
                return self.offer_apart(parts, complete, of_front, trigger).await;
            }
        }
        for (items, _room, waiter) in complete {
            if let Some(mut waiter) = waiter {
                waiter.settle(items, &verdict);
            }
        }
        self.settle_front(of_front, &verdict);
    }

    /// Offers each caller's part of a batch that was refused for good alone. Nobody took the batch, or who did has
    /// booked it as a possible duplicate: so nothing arrives twice unnoticed. Each caller is told at once, with no
    /// await in between, so that what one part came to is not forgotten when time to drain runs out.
    async fn offer_apart(
        &self,
        parts: Vec<Pdata>,
        complete: Vec<(usize, Permit, Option<Waiter>)>,
        of_front: usize,
        trigger: Trigger,
    ) {
        let mut parts = parts.into_iter();
        let mut offers = Vec::with_capacity(parts.len());
        for ((items, room, waiter), part) in complete.into_iter().zip(parts.by_ref()) {
            let Some(mut waiter) = waiter.filter(|waiter| !waiter.is_gone()) else { continue };
            let offer = async move {
                let verdict = self.offer_once(waiter.deadline, part, trigger).await;
                waiter.settle(items, &verdict);
                drop(room);
            };
            offers.push(offer.boxed());
        }
        if let Some(part) = parts.next() {
            let deadline = self.buffer().front().and_then(|waiter| waiter.deadline);
            let offer = async move {
                let verdict = self.offer_once(deadline, part, trigger).await;
                self.settle_front(of_front, &verdict);
            };
            offers.push(offer.boxed());
        }
        stream::iter(offers).buffer_unordered(APART_AT_ONCE).collect::<()>().await;
    }

    /// Notes the verdict on those `items` of the request at the front of the buffer that were in the batch.
    fn settle_front(&self, items: usize, verdict: &Answer) {
        if items == 0 {
            return;
        }
        let mut buffer = self.buffer();
        if let Some(waiter) = buffer.front() {
            waiter.settle(items, verdict);
            // The caller will send all of it again: the rest would only be a duplicate.
            if verdict.as_ref().is_err_and(Refusal::is_retryable) {
                buffer.drop_front();
            }
        }
    }

    /// Offers what callers wait for, and counts it if it is taken.
    async fn offer_once(&self, deadline: Option<Instant>, data: Pdata, trigger: Trigger) -> Answer {
        let verdict = self.offer(self.context.clone().with_deadline(deadline), data.clone()).await;
        if verdict.is_ok() {
            self.count(&data, trigger);
        }
        verdict
    }

    /// Offers a batch to the next component. A panic there is a refusal for good.
    async fn offer(&self, cx: Context, data: Pdata) -> Result<(), Refusal> {
        let items = data.items();
        let offer = AssertUnwindSafe(async { self.common.next.consume(cx, data).await });
        offer.catch_unwind().await.unwrap_or_else(|_| {
            let common = &self.common;
            Err(Refusal::permanent(common.component.clone(), common.signal, items, Reason::Panic))
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "a histogram's value")]
    fn count(&self, data: &Pdata, trigger: Trigger) {
        let metrics = &self.common.metrics;
        metrics.send_size.observe(data.items() as f64);
        metrics.send_size_bytes.observe(data.size() as f64);
        match trigger {
            Trigger::Size => metrics.size_trigger.inc(),
            Trigger::Timeout => metrics.timeout_trigger.inc(),
        }
    }
}

/// Items that left the buffer and are still owned. Dropping it unsettled books the loss.
struct Owned<'a> {
    common: &'a Common,
    items: usize,
}

impl Owned<'_> {
    fn gave(mut self) {
        self.common.account.batch_gave(self.items);
        self.items = 0;
    }

    fn dropped(mut self, reason: Reason) {
        self.give_up(reason);
    }

    fn give_up(&mut self, reason: Reason) {
        self.common.account.batch_gave(self.items);
        self.common.account.dropped(reason, self.items);
        self.items = 0;
    }
}

impl Drop for Owned<'_> {
    fn drop(&mut self) {
        if self.items > 0 {
            self.common.lost.fetch_add(self.items, Ordering::Relaxed);
            self.give_up(if std::thread::panicking() { Reason::Panic } else { Reason::Stopping });
        }
    }
}

/// Ends a lane, however its task ends: nothing enters any more, what is left is given up.
struct Closing<'a>(&'a Lane);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        let left = self.0.buffer().close();
        if self.0.common.tier == Tier::Memory {
            let items = left.iter().map(|entry| entry.data.items()).sum();
            drop(Owned { common: &self.0.common, items });
        }
    }
}

/// What the log says of refused batches.
#[derive(Default)]
struct Refusals {
    kept: Quiet,
    dropped: Quiet,
}

impl Refusals {
    fn kept(&mut self, component: &ComponentRef, refusal: &Refusal) {
        if let Some((times, _)) = self.kept.note(refusal.items) {
            let error = refusal.chain();
            tracing::warn!(%component, error, times, "next component refused the batch, will offer it again");
        }
    }

    fn dropped(&mut self, component: &ComponentRef, refusal: &Refusal, items: usize) {
        if let Some((batches, dropped_items)) = self.dropped.note(items) {
            let error = refusal.chain();
            tracing::error!(%component, error, batches, dropped_items, "Sender failed");
        }
    }
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => pending().await,
    }
}

/// Ends when the time to drain does.
async fn deadline(mut stop: watch::Receiver<Option<Instant>>) {
    until(deadline_of(&mut stop).await).await;
}

/// Waits for the time to drain to begin, and tells when it ends.
async fn deadline_of(stop: &mut watch::Receiver<Option<Instant>>) -> Option<Instant> {
    let told = stop.wait_for(Option::is_some).await.map(|deadline| *deadline);
    match told {
        Ok(deadline) => deadline,
        Err(_) => pending().await,
    }
}
