//! One connection with a share of the load.

use std::{
    iter::successors,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{pace::Pace, report::Report, sender::Sender, source::Source};
use crate::cli::args::Generate;

/// The wait after a request of which nothing was accepted, where no rate spaces them.
const AFTER_REFUSAL: Duration = Duration::from_millis(100);

/// What of the load one worker carries.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Share {
    /// Items per second; 0 is no limit.
    pub(super) rate: f64,
    /// When in the interval between its requests it sends, 0 to 1: workers take turns.
    pub(super) phase: f64,
    /// Items in all; without end where there is none.
    pub(super) count: Option<u64>,
    /// Items per request.
    pub(super) batch: usize,
}

impl Share {
    /// The share of worker `number`. All shares together are the whole.
    pub(super) fn of(options: &Generate, number: usize) -> Self {
        let workers = u64::from(options.workers);
        let rate = options.rate / f64::from(options.workers);
        let count = options.count.map(|all| all / workers + u64::from((number as u64) < all % workers));
        // At least one request a second where that can be, so that little load is not one burst now and then.
        let fits = |batch: &u32| rate == 0.0 || f64::from(*batch) <= rate || *batch == 1;
        let batch = successors(Some(options.batch), |batch| Some(batch / 2)).find(fits).unwrap_or(1);
        let phase = (number as f64 + 0.5) / f64::from(options.workers);
        Self { rate, phase, count, batch: batch as usize }
    }
}

pub(super) struct Worker {
    share: Share,
    source: Source,
    sender: Arc<Sender>,
    report: Report,
}

impl Worker {
    pub(super) fn new(share: Share, source: Source, sender: Arc<Sender>, report: Report) -> Self {
        Self { share, source, sender, report }
    }

    /// Sends until the share is done or `stop` is cancelled. The request that is on its way then is waited for.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut pace = Pace::new(self.share.rate, self.share.phase);
        let mut left = self.share.count;
        loop {
            let most = self.share.batch;
            let items = left.map_or(most, |left| usize::try_from(left).map_or(most, |left| left.min(most)));
            if items == 0 {
                return;
            }
            let data = self.source.next(items, now());
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = pace.wait_for(items) => {}
            }
            self.report.sends(items);
            let verdict = self.sender.send(data).await;
            let pause = self.share.rate == 0.0 && verdict.accepted == 0;
            self.report.settles(verdict);
            left = left.map(|left| left - items as u64);
            if pause {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = sleep(AFTER_REFUSAL) => {}
                }
            }
        }
    }
}

/// In nanoseconds since the Unix epoch.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
