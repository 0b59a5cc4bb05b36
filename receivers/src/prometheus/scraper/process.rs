//! From the outcome of a request to what is handed on. Much work is done beside the runtime's own threads.

mod bounded;

use std::sync::Arc;

use sluice_component::Permit;
use sluice_formats::prometheus::to_otlp::{Options, RejectedSamples, Source, Transaction};
use sluice_pdata::{Limits, Pdata};
use tokio::time::Instant;

use self::bounded::Bounded;
use super::fetch::{Body, Fetched};
use crate::prometheus::{
    job::Job,
    scrape::{Answer, Memory, Report},
    shared::Shared,
    target::Target,
};

/// Bodies up to this size, some 200 µs of work, are read where they are.
const INLINE: usize = 64 << 10;

/// What is kept for a target.
pub(super) struct Workspace {
    memory: Memory,
    transaction: Transaction,
    rejected: RejectedSamples,
}

/// What is to be done.
pub(super) enum Work {
    /// A scrape was made.
    Scraped { fetched: Fetched, started: Instant, at_ms: i64, report: Report },
    /// The target is gone.
    Gone { at_ms: i64 },
}

/// What was made of it.
pub(super) struct Done {
    pub(super) workspace: Box<Workspace>,
    pub(super) data: Option<Pdata>,
    /// Why the scrape failed.
    pub(super) error: Option<String>,
}

impl Workspace {
    pub(super) fn new(shared: &Shared, job: &Job, target: &Target, permit: Permit) -> Self {
        let (memory, transaction) =
            translation(job, target, shared.trim_metric_suffixes, &shared.limits, permit);
        Self { memory, transaction, rejected: RejectedSamples::default() }
    }

    /// The target is scraped by another job from now on.
    pub(super) fn change(&mut self, job: &Job) {
        self.memory.change(job);
    }

    /// What was handed on arrived.
    pub(super) fn settle(&mut self) {
        self.memory.settle();
    }

    /// Gives room back, whether or not what was handed on arrived.
    pub(super) fn prune(&mut self) {
        self.memory.prune();
    }

    /// Counts and tells the samples that were not handed on, though the scrape was good.
    pub(super) fn tell_rejected(&mut self, shared: &Shared, target: &Target) {
        shared.count_rejected(target, &std::mem::take(&mut self.rejected));
    }

    /// How many series have an end that has to be told if the target is gone.
    pub(super) fn live(&self) -> usize {
        self.memory.live()
    }

    fn do_work(&mut self, shared: &Shared, job: &Job, work: Work) -> (Option<Pdata>, Option<String>) {
        match work {
            Work::Gone { at_ms } => {
                self.transaction.clear();
                let told = self.request(shared, None, |memory, samples| memory.gone(at_ms, samples));
                match told {
                    Ok(data) => (Some(data), None),
                    Err(error) => (None, Some(error)),
                }
            }
            Work::Scraped { fetched, started, at_ms, report } => {
                self.scraped(shared, job, fetched, started, at_ms, report)
            }
        }
    }

    fn scraped(
        &mut self,
        shared: &Shared,
        job: &Job,
        fetched: Fetched,
        started: Instant,
        at_ms: i64,
        mut report: Report,
    ) -> (Option<Pdata>, Option<String>) {
        report.body_size = (!fetched.is_too_large).then_some(0);
        let good = fetched.answer.and_then(|Body { format, bytes, permit }| {
            report.body_size = Some(bytes.len());
            self.try_request(shared, Some((permit, bytes.len())), |memory, samples| {
                let answer = Answer { format, body: &bytes };
                memory.scraped(job, answer, at_ms, &mut report.counts, samples)?;
                report.is_up = true;
                report.duration = started.elapsed();
                memory.report(job, &report, at_ms, samples);
                drop(bytes);
                Ok(())
            })
        });
        let error = match good {
            Ok(data) => return (Some(data), None),
            Err(error) => error,
        };
        report.is_up = false;
        report.duration = started.elapsed();
        // What failed is of another size than what is usual.
        self.transaction.clear();
        let told = self.request(shared, None, |memory, samples| {
            memory.failed(at_ms, samples);
            memory.report(job, &report, at_ms, samples);
        });
        // Where there is no room for all the ends, they are told later.
        let told = told.or_else(|_| {
            self.request(shared, None, |memory, samples| {
                memory.withhold();
                memory.report(job, &report, at_ms, samples);
            })
        });
        (told.ok(), Some(error))
    }

    fn request(
        &mut self,
        shared: &Shared,
        answer: Option<(Permit, usize)>,
        append: impl FnOnce(&mut Memory, &mut Bounded<'_>),
    ) -> Result<Pdata, String> {
        self.try_request(shared, answer, |memory, samples| {
            append(memory, samples);
            Ok(())
        })
    }

    /// The request of what is appended. The transaction is empty then, also where there is no room for the request.
    /// `answer` is what holds the answer's bytes, and how many they are.
    fn try_request(
        &mut self,
        shared: &Shared,
        answer: Option<(Permit, usize)>,
        append: impl FnOnce(&mut Memory, &mut Bounded<'_>) -> Result<(), String>,
    ) -> Result<Pdata, String> {
        let (permit, beside) = match answer {
            Some(answer) => answer,
            None => (shared.budget().reserve(0).map_err(|error| error.to_string())?, 0),
        };
        let Self { memory, transaction, .. } = self;
        let made = Bounded::new(transaction, permit, beside).and_then(|mut samples| {
            append(memory, &mut samples)?;
            samples.finish()
        });
        let (request, permit) = made.inspect_err(|_| self.transaction.clear())?;
        let data = shared.admit(request.wire, permit)?;
        self.rejected = request.rejected;
        Ok(data)
    }
}

/// What turns the answers of a target into OTLP.
pub(in super::super) fn translation(
    job: &Job,
    target: &Target,
    trim_metric_suffixes: bool,
    limits: &Limits,
    permit: Permit,
) -> (Memory, Transaction) {
    let label = |name: &str| target.labels.get(name).unwrap_or_default().to_owned();
    let mut resource = target.resource.clone();
    resource.push(("url.scheme".to_owned(), target.url.scheme().to_owned()));
    let source = Source::Scrape { job: label("job"), instance: label("instance"), resource };
    let options = Options {
        source: source.clone(),
        trim_metric_suffixes,
        scope_name: "sluice/receivers/prometheus".to_owned(),
        scope_version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    (Memory::new(job, &target.labels, options, permit), Transaction::new(source, limits))
}

/// Does the work.
///
/// # Errors
/// It panicked, and what was remembered is gone: the scrape failed.
pub(super) async fn run(
    mut workspace: Box<Workspace>,
    shared: Arc<Shared>,
    job: Arc<Job>,
    work: Work,
) -> Result<Done, String> {
    let size = match &work {
        Work::Scraped { fetched, .. } => fetched.answer.as_ref().map_or(0, |body| body.bytes.len()),
        Work::Gone { .. } => 0,
    };
    let its_shared = shared.clone();
    let work = move || {
        let (data, error) = workspace.do_work(&its_shared, &job, work);
        Done { workspace, data, error }
    };
    if size <= INLINE {
        return Ok(work());
    }
    let _turn = shared.turns.acquire().await.map_err(|error| error.to_string())?;
    tokio::task::spawn_blocking(work).await.map_err(|error| format!("the answer could not be read: {error}"))
}
