//! `generate`: made-up telemetry of a small shop, sent at a given rate.
//!
//! In the order of the data:
//!
//! - `shop`: its services, and the resources that they are
//! - `story`: what happens when somebody visits: a call tree of spans
//! - `source`: requests of so many items, made of stories: spans, log records, or data points with exemplars
//! - `worker`: one connection with a share of the load: makes, waits for its turn, sends
//! - `sender`: the exporter of the protocol, or `udp`; what became of a request
//! - `report`: what was sent, accepted and refused so far
//!
//! The exporters are those of the collector, without a queue: encoding, TLS, compression and retries are theirs.

mod attributes;
mod pace;
mod report;
mod sender;
mod shop;
mod source;
mod story;
mod target;
mod udp;
mod worker;

use std::{
    io::{self, Write as _},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use futures_util::future::join_all;
use report::Report;
use sender::Sender;
use sluice_component::{Level, Registry, Telemetry, host::Process};
use source::Source;
use target::Target;
use tokio::{
    signal::unix::{SignalKind, signal},
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval_at, sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use worker::{Share, Worker};

use super::{args::Generate, failure::Failure, print};
use crate::{
    logging::Logging,
    runtime,
    telemetry_settings::{LogLevel, Logs, Resource},
};

/// How often the state is told.
const EVERY: Duration = Duration::from_secs(5);
/// How long requests that are on their way may take at the end.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// Sends until the duration or the count is reached, or a signal stops it. Ends with 1 when items were refused.
pub(super) fn run(options: &Generate, registry: &Registry) -> Result<ExitCode, Failure> {
    if !(options.rate.is_finite() && options.rate >= 0.0) {
        return Err(Failure::new("--rate: must be 0 or more items per second"));
    }
    source::check(options)?;
    let target = Target::new(options, registry)?;
    // What exporters have to say of their backends; their notes are not for here.
    let logs =
        Logs { level: LogLevel::Warn, disable_caller: true, disable_zap_resource: true, ..Logs::default() };
    Logging::install().configure(&logs, &Resource::default()).map_err(|error| failed(&error))?;
    let runtime = runtime::build().map_err(|error| failed(&error))?;
    let done = runtime.block_on(async {
        let stopped = stopped().map_err(|error| failed(&error))?;
        go(options, &target, stopped).await
    });
    runtime.shutdown_background();
    let report = done?;
    print(&report.summary())?;
    Ok(if report.has_refused() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn failed(error: &dyn std::error::Error) -> Failure {
    Failure::new(format!("cannot generate: {error}"))
}

async fn go(
    options: &Generate,
    target: &Target,
    stopped: impl Future<Output = ()>,
) -> Result<Report, Failure> {
    let seed = options.seed.unwrap_or_else(rand::random);
    tokio::pin!(stopped);
    let senders = tokio::select! {
        () = &mut stopped => return Ok(Report::new(target.signal, seed)),
        senders = start(options, target) => senders?,
    };
    let report = Report::new(target.signal, seed);
    let stop = CancellationToken::new();
    let mut workers = JoinSet::new();
    for (number, sender) in senders.iter().enumerate() {
        let share = Share::of(options, number);
        let source = Source::new(options, seed, number, share);
        let worker = Worker::new(share, source, sender.clone(), report.clone());
        workers.spawn(worker.run(stop.clone()));
    }
    let workers = async {
        while let Some(ended) = workers.join_next().await {
            ended.map_err(|panic| failed(&panic))?;
        }
        Ok(())
    };
    tokio::pin!(workers);
    let told = async {
        let mut ticks = interval_at(Instant::now() + EVERY, EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            ticks.tick().await;
            tell(&report.progress());
        }
    };
    let over = async {
        match options.duration {
            Some(duration) => sleep(duration.get()).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        done = &mut workers => return done.map(|()| report),
        () = &mut stopped => {}
        () = over => {}
        () = told => {}
    }
    stop.cancel();
    // A worker may just have booked a request: senders go on as long as there is time for it.
    if let Ok(done) = timeout(LAST_ANSWERS, &mut workers).await {
        return done.map(|()| report);
    }
    let ended = join_all(senders.iter().map(|sender| sender.stop()));
    let (_, done) = tokio::join!(ended, workers);
    done.map(|()| report)
}

/// One sender for each worker.
async fn start(options: &Generate, target: &Target) -> Result<Vec<Arc<Sender>>, Failure> {
    let budget = sluice_component::Budget::new(runtime::default_budget());
    let process = Process::new(budget, Telemetry::new(Level::None));
    let mut senders = Vec::new();
    for number in 0..options.workers {
        senders.push(Arc::new(Sender::start(target, number, &process).await?));
    }
    Ok(senders)
}

/// Ends with the first signal to stop.
fn stopped() -> io::Result<impl Future<Output = ()>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Progress goes where it does not mix with the summary. When standard error is gone, the summary still tells.
fn tell(line: &str) {
    io::stderr().lock().write_all(line.as_bytes()).unwrap_or_default();
}

#[cfg(test)]
mod tests;
