//! Sends one batch until there is a verdict on each of its requests.

use std::time::Duration;

use sluice_component::{Class, Context, Reason};
use sluice_pdata::Pdata;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{
    accounts::{Accounts, Owned},
    condition::Condition,
    journal::{Event, Journal, chain},
    lanes::{Lanes, Turn},
    pace::{Backoff, Gate},
    receipt::{Failure, Receipt},
    rows::Row,
    settings::Retry,
    split,
    stop::Stop,
    wire::{Outcome, Wire},
};

/// The longest wait between attempts while the exporter drains, where the backend did not ask for more.
const DRAIN_INTERVAL: Duration = Duration::from_secs(1);

/// What all consumers of one exporter share to send.
pub(super) struct Deliver<W> {
    pub(super) wire: W,
    pub(super) timeout: Option<Duration>,
    pub(super) retry: Option<Retry>,
    pub(super) most: split::Most,
    pub(super) accounts: std::sync::Arc<Accounts>,
    pub(super) condition: Condition,
    pub(super) journal: Journal,
    pub(super) gate: Gate,
    pub(super) lanes: Lanes,
    pub(super) stop: Stop,
}

#[derive(Debug, thiserror::Error)]
#[error("no answer within {0:?}")]
struct TimedOut(Duration);

#[derive(Debug, thiserror::Error)]
#[error("no more retries left")]
struct Exhausted(#[source] std::sync::Arc<dyn std::error::Error + Send + Sync>);

#[derive(Debug, thiserror::Error)]
#[error("no form in the backend's format: {0}")]
struct NoForm(String);

impl<W: Wire> Deliver<W> {
    /// Sends a batch that the queue owns, and settles each part of it. What is left unsettled is lost because
    /// the exporter stops. `turn` is held until the batch has lined up.
    pub(super) async fn owned(&self, data: Pdata, cx: &Context, owned: &mut Owned, turn: Option<Turn<'_>>) {
        // The memory budget's permits ride in the data: they last as long as the requests do.
        let _permits = data.guards();
        let (rows, unconvertible) = self.encode(data).await;
        drop(turn);
        for lost in unconvertible {
            self.dropped(&no_form(lost.why), lost.items);
            owned.dropped(Reason::Unconvertible, lost.items);
        }
        let settle = |items, verdict: Result<usize, Failure>| {
            match verdict {
                Ok(rejected) => owned.accepted(items, rejected),
                Err(failure) if failure.reason == Reason::Stopping => return Row::Ends,
                Err(failure) => {
                    self.dropped(&failure, items);
                    owned.dropped(failure.reason, items);
                }
            }
            Row::GoesOn
        };
        self.each(rows, cx, settle).await;
    }

    /// Sends a batch whose caller waits. The receipt books what is to be booked. `turn` is held until the batch has
    /// lined up.
    pub(super) async fn for_caller(&self, data: Pdata, cx: &Context, turn: Option<Turn<'_>>) -> Receipt {
        let _permits = data.guards();
        let mut receipt = Receipt::begin(cx);
        let mut left = data.items();
        let (rows, unconvertible) = self.encode(data).await;
        drop(turn);
        let mut no_forms = Vec::new();
        for lost in unconvertible {
            left = left.saturating_sub(lost.items);
            let failure = no_form(lost.why);
            self.refused(&failure, lost.items);
            no_forms.push((failure, lost.items));
        }
        let mut comes_again = None;
        let settle = |items: usize, verdict: Result<usize, Failure>| {
            match verdict {
                Ok(rejected) => receipt.accepted(items, rejected),
                Err(failure) if failure.is_permanent() => {
                    self.refused(&failure, items);
                    receipt.dropped(failure, items);
                }
                Err(failure) => {
                    comes_again = Some(failure);
                    return Row::EndsBatch;
                }
            }
            left = left.saturating_sub(items);
            Row::GoesOn
        };
        self.each(rows, cx, settle).await;
        if let Some(failure) = comes_again {
            self.refused(&failure, left);
            receipt.failure = Some(failure);
        } else {
            // Behind the requests, whose place tells whose items they had.
            no_forms.into_iter().for_each(|(failure, items)| receipt.dropped(failure, items));
        }
        receipt
    }

    /// Tells that owned items are given up.
    pub(super) fn dropped(&self, failure: &Failure, items: usize) {
        self.accounts.metrics.send_failed.count(failure.reason, failure.is_permanent(), items);
        self.journal.note(Event::Dropped, Some(failure.reason), items, || failure.text());
    }

    /// Tells that items whose caller waits are given up.
    pub(super) fn refused(&self, failure: &Failure, items: usize) {
        self.accounts.metrics.send_failed.count(failure.reason, failure.is_permanent(), items);
        self.journal.note(Event::Refused, Some(failure.reason), items, || failure.text());
    }

    /// Sends one request until it is accepted, and tells how many items were rejected, or until it is given up.
    pub(super) async fn request(&self, request: &W::Request, cx: &Context) -> Result<usize, Failure> {
        let items = W::items(request);
        let mut backoff = self.retry.as_ref().map(|retry| (retry, Backoff::new(retry)));
        let mut started = None;
        let mut last = None;
        loop {
            while let Some(until) = self.gate.closed_until() {
                self.pause(until, cx).await.map_err(|cut| cut.failure(last.take(), &self.gate))?;
            }
            let started = *started.get_or_insert_with(Instant::now);
            if last.is_some() {
                self.accounts.metrics.retries.inc();
            }
            let failure = match self.attempt(request, cx).await {
                Outcome::Accepted { rejected, message } => {
                    self.accepted(items, rejected, message);
                    return Ok(rejected);
                }
                Outcome::Fatal { reason, cause } => {
                    self.condition.failed(reason, || chain(&*cause));
                    return Err(Failure { class: Class::Permanent, reason, cause: Some(cause) });
                }
                Outcome::Retry { after, reason, cause } => {
                    self.condition.failed(reason, || chain(&*cause));
                    if let Some(after) = after {
                        self.gate.close_for(after);
                    }
                    Failure { class: Class::Retryable, reason, cause: Some(cause) }
                }
            };
            let Some((retry, backoff)) = &mut backoff else {
                return Err(failure.at_gate(&self.gate));
            };
            let backed_off = Instant::now().checked_add(backoff.next());
            let next = backed_off.map(|at| self.gate.closed_until().map_or(at, |gate| gate.max(at)));
            let limit = retry.max_elapsed_time.non_zero().and_then(|limit| started.checked_add(limit));
            let Some(next) = next.filter(|&next| limit.is_none_or(|limit| next <= limit)) else {
                return Err(failure.exhausted());
            };
            self.journal.note(Event::Retry, Some(failure.reason), items, || failure.text());
            let paused = self.pause(next, cx).await;
            paused.map_err(|cut| cut.failure(Some(failure.clone()), &self.gate))?;
            last = Some(failure);
        }
    }

    /// One attempt, until its timeout or the caller's deadline.
    async fn attempt(&self, request: &W::Request, cx: &Context) -> Outcome {
        let now = Instant::now();
        let own = self.timeout.and_then(|timeout| now.checked_add(timeout));
        let limit = [own, cx.deadline()].into_iter().flatten().min();
        let cx = cx.clone().with_deadline(limit);
        let sending = self.wire.send(request, &cx);
        let Some(limit) = limit else { return sending.await };
        let late = |_| Outcome::retry(Reason::Timeout, TimedOut(limit.saturating_duration_since(now)));
        timeout_at(limit, sending).await.unwrap_or_else(late)
    }

    fn accepted(&self, items: usize, rejected: usize, message: Option<String>) {
        self.condition.succeeded();
        let rejected = rejected.min(items);
        self.accounts.metrics.sent.inc_by((items - rejected) as u64);
        if rejected > 0 {
            self.accounts.metrics.rejected.inc_by(rejected as u64);
            self.journal.note(Event::Rejected, None, rejected, || message.unwrap_or_default());
        } else if let Some(message) = message {
            self.journal.note(Event::Message, None, 0, || message);
        }
    }

    /// Waits until the next attempt. While the exporter drains, only what the backend asked for is waited in
    /// full, and nothing is waited for that lies behind the deadline.
    async fn pause(&self, until: Instant, cx: &Context) -> Result<(), Cut> {
        if cx.deadline().is_some_and(|deadline| until >= deadline) {
            return Err(Cut::Deadline);
        }
        tokio::select! {
            () = sleep_until(until) => Ok(()),
            deadline = self.stop.begun() => {
                let soon = until.min(Instant::now() + DRAIN_INTERVAL);
                let until = self.gate.closed_until().map_or(soon, |gate| gate.max(soon));
                if until >= deadline {
                    return Err(Cut::Stopping);
                }
                sleep_until(until).await;
                Ok(())
            }
        }
    }
}

/// What ends the wait for the next attempt.
enum Cut {
    /// The caller's deadline.
    Deadline,
    /// The end of the drain.
    Stopping,
}

impl Cut {
    /// What the request failed with: its last failure, or that it was kept back all the time.
    fn failure(self, last: Option<Failure>, gate: &Gate) -> Failure {
        match self {
            Self::Stopping => {
                let cause = last.and_then(|last| last.cause);
                Failure { class: Class::Retryable, reason: Reason::Stopping, cause }
            }
            Self::Deadline => {
                let kept_back = Failure { class: Class::Retryable, reason: Reason::Throttled, cause: None };
                last.unwrap_or(kept_back).at_gate(gate)
            }
        }
    }
}

impl Failure {
    fn text(&self) -> String {
        self.cause.as_deref().map_or_else(|| self.reason.to_string(), |cause| chain(cause))
    }

    fn exhausted(self) -> Self {
        let cause = self.cause.map(|cause| std::sync::Arc::new(Exhausted(cause)) as _);
        Self { class: Class::Retryable, reason: Reason::RetriesExhausted, cause }
    }

    /// Tells the caller for how long the exporter sends nothing.
    fn at_gate(mut self, gate: &Gate) -> Self {
        if let Some(until) = gate.closed_until() {
            self.class = Class::ThrottleFor(until.saturating_duration_since(Instant::now()));
        }
        self
    }
}

fn no_form(why: String) -> Failure {
    let cause = std::sync::Arc::new(NoForm(why));
    Failure { class: Class::Permanent, reason: Reason::Unconvertible, cause: Some(cause) }
}
