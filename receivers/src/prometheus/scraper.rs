//! The loop of one target: waits for its place in the interval, scrapes, hands on what came, and waits again.

mod failure_log;
pub(super) mod fetch;
pub(super) mod process;

use std::{
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

pub(super) use failure_log::FailureLog;
use sluice_component::{Class, Context, Reason, Request, quiet::Quiet};
use sluice_pdata::Pdata;
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior},
};

use self::{
    fetch::Fetched,
    process::{Work, Workspace},
};
use super::{job::Job, reach::Reach, scrape::Report, shared::Shared, target::Target};

/// What a loop is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Scrape.
    Run,
    /// The target is gone: tell the ends of its series, unless it comes back soon.
    Gone,
    /// The process stops: end after the scrape at hand, and tell nothing.
    Stop,
}

/// What a loop scrapes, and how.
#[derive(Clone)]
pub(super) struct Assignment {
    pub(super) job: Arc<Job>,
    pub(super) target: Arc<Target>,
    pub(super) reach: Reach,
}

impl Assignment {
    /// Whether it is the same job's same target.
    pub(super) fn is(&self, job: &Arc<Job>, target: &Target) -> bool {
        Arc::ptr_eq(&self.job, job) && self.target.id == target.id
    }
}

/// What a loop is told.
#[derive(Clone)]
pub(super) struct Orders {
    pub(super) phase: Phase,
    pub(super) assignment: Assignment,
}

/// First wait before a batch that was refused is offered again.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// Times this close to their place in the interval are moved there, so that they compress well.
const TOLERANCE_MS: i64 = 2;

/// One target's loop.
pub(super) struct Scraper {
    shared: Arc<Shared>,
    at: Assignment,
    /// Why all targets of the job fail.
    forbidden: watch::Receiver<Option<String>>,
    workspace: Option<Box<Workspace>>,
    failures: Quiet,
    losses: Quiet,
    /// Bytes of the last answer.
    usual: usize,
    /// The time of the last scrape that did not drift.
    aligned_ms: Option<i64>,
}

impl Scraper {
    pub(super) fn new(
        shared: Arc<Shared>,
        at: Assignment,
        forbidden: watch::Receiver<Option<String>>,
    ) -> Self {
        Self {
            shared,
            at,
            forbidden,
            workspace: None,
            failures: Quiet::default(),
            losses: Quiet::default(),
            usual: 0,
            aligned_ms: None,
        }
    }

    pub(super) async fn run(mut self, mut orders: watch::Receiver<Orders>) {
        let mut ticks = self.ticks();
        loop {
            tokio::select! {
                due = ticks.tick() => self.scrape(due).await,
                phase = changed(&mut orders) => match phase {
                    Phase::Run => {}
                    Phase::Stop => return,
                    Phase::Gone => {
                        if self.end(&mut ticks, &mut orders).await {
                            return;
                        }
                    }
                },
            }
            let assignment = orders.borrow().assignment.clone();
            if !self.at.is(&assignment.job, &assignment.target) {
                self.change(assignment);
                ticks = self.ticks();
            }
        }
    }

    /// Goes on with what may be another job, or another way to the same series.
    fn change(&mut self, assignment: Assignment) {
        self.at = assignment;
        if let Some(workspace) = &mut self.workspace {
            workspace.change(&self.at.job);
        }
    }

    /// A clock that ticks at the target's place in each interval.
    fn ticks(&self) -> tokio::time::Interval {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let first = Instant::now() + self.at.target.offset(now, self.shared.seed);
        let mut ticks = tokio::time::interval_at(first, self.at.target.interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        ticks
    }

    /// Waits until the target has been gone for about two intervals and tells that its series ended. False: it came
    /// back.
    async fn end(&mut self, ticks: &mut tokio::time::Interval, orders: &mut watch::Receiver<Orders>) -> bool {
        if self.workspace.is_none() {
            return true;
        }
        let interval = self.at.target.interval;
        let waited = async {
            ticks.tick().await;
            // When the next scrape would have been is when the series ended.
            let ended_ms = now_ms();
            ticks.tick().await;
            tokio::time::sleep(interval / 10).await;
            ended_ms
        };
        let mut waited = std::pin::pin!(waited);
        let at_ms = loop {
            tokio::select! {
                ended_ms = &mut waited => break ended_ms,
                phase = changed(orders) => match phase {
                    Phase::Run => return false,
                    Phase::Stop => return true,
                    Phase::Gone => {}
                },
            }
        };
        let until = Instant::now() + interval;
        let mut wait = FIRST_WAIT.min(interval / 10);
        while let Some(error) = self.work(Work::Gone { at_ms }, until).await {
            if Instant::now() + wait >= until {
                self.tell_lost_ends(&error);
                break;
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => wait *= 2,
                phase = changed(orders) => match phase {
                    Phase::Run => return false,
                    Phase::Stop => return true,
                    Phase::Gone => {}
                },
            }
        }
        // It can have come back while its ends were handed on.
        orders.borrow_and_update().phase != Phase::Run
    }

    /// There was no room for the ends of a target that is gone.
    fn tell_lost_ends(&self, error: &str) {
        let ends = self.workspace.as_ref().map_or(0, |workspace| workspace.live());
        self.shared.count_lost(Reason::MemoryLimit, ends);
        let target = self.at.target.shown();
        tracing::error!(target, ends, error, "dropped the ends of the series of a target that is gone");
    }

    async fn scrape(&mut self, due: Instant) {
        let (started, at_ms) = (Instant::now(), self.time_of_scrape());
        let forbidden = self.forbidden.borrow().clone();
        let fetched = match forbidden {
            Some(error) => Fetched::failed(error),
            None => {
                let Assignment { job, target, reach, .. } = &self.at;
                fetch::fetch(&self.shared, job, target, reach, self.usual).await
            }
        };
        self.usual = fetched.answer.as_ref().map_or(0, |body| body.bytes.len());
        let report = Report { timeout: self.at.target.timeout, ..Report::default() };
        let error =
            self.work(Work::Scraped { fetched, started, at_ms, report }, due + self.at.target.interval).await;
        if let Some(error) = error {
            self.tell_failure(at_ms, &error);
            if let Some(log) = &self.at.job.failure_log {
                log.add(&self.at.job.name, &self.at.target.shown(), &error).await;
            }
        }
    }

    /// Makes a request of what came, and hands it on until `until` at the latest. Gives the reason if the scrape failed.
    async fn work(&mut self, work: Work, until: Instant) -> Option<String> {
        let workspace = match (self.workspace.take(), self.shared.budget().reserve(0)) {
            (Some(workspace), _) => workspace,
            (None, Ok(permit)) => {
                Box::new(Workspace::new(&self.shared, &self.at.job, &self.at.target, permit))
            }
            (None, Err(error)) => return Some(error.to_string()),
        };
        let done = match process::run(workspace, self.shared.clone(), self.at.job.clone(), work).await {
            Ok(done) => done,
            Err(error) => return Some(error),
        };
        let mut workspace = done.workspace;
        if let Some(data) = done.data
            && self.hand_on(data, until).await
        {
            workspace.settle();
        }
        workspace.prune();
        workspace.tell_rejected(&self.shared, &self.at.target);
        self.workspace = Some(workspace);
        done.error
    }

    /// Offers the data until it is taken. What cannot be handed on before the next scrape is lost.
    async fn hand_on(&mut self, data: Pdata, until: Instant) -> bool {
        let mut wait = FIRST_WAIT;
        loop {
            let request = Request::builder(self.shared.host.component().clone(), "http").build();
            let cx = Context::new(request).with_deadline(Some(until));
            let Err(refusal) = self.shared.next.consume(cx, data.clone()).await else { return true };
            let pause = match refusal.class {
                Class::Retryable => wait,
                Class::ThrottleFor(pause) => pause.max(wait),
                Class::Permanent => Duration::MAX,
            };
            if Instant::now().checked_add(pause).is_none_or(|next| next >= until) {
                self.shared.count_lost(refusal.reason, data.items());
                if let Some((scrapes, points)) = self.losses.note(data.items()) {
                    let target = self.at.target.shown();
                    tracing::error!(
                        target,
                        scrapes,
                        points,
                        error = refusal.chain(),
                        "dropped what was scraped"
                    );
                }
                return false;
            }
            tokio::time::sleep(pause).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Now, or where a scrape that did not drift would be.
    fn time_of_scrape(&mut self) -> i64 {
        let now = now_ms();
        let interval = i64::try_from(self.at.target.interval.as_millis()).unwrap_or(i64::MAX).max(1);
        let aligned = self.aligned_ms.filter(|aligned| now >= *aligned).unwrap_or(now);
        let aligned = aligned + (now - aligned) / interval * interval;
        // A moment early counts as well.
        let aligned = if aligned + interval - now <= TOLERANCE_MS { aligned + interval } else { aligned };
        let drift = (now - aligned).abs();
        let aligned = if drift <= TOLERANCE_MS.min(interval / 100) { aligned } else { now };
        *self.aligned_ms.insert(aligned)
    }

    fn tell_failure(&mut self, at_ms: i64, error: &str) {
        if let Some((times, _)) = self.failures.note(0) {
            tracing::warn!(
                scrape_timestamp = at_ms,
                target_labels = ?self.at.target.labels,
                url = self.at.target.shown(),
                times,
                error,
                "Failed to scrape Prometheus endpoint"
            );
        }
    }
}

/// The phase once there are other orders. That nobody can give any more means to stop.
async fn changed(orders: &mut watch::Receiver<Orders>) -> Phase {
    match orders.changed().await {
        Ok(()) => orders.borrow_and_update().phase,
        Err(_) => Phase::Stop,
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
