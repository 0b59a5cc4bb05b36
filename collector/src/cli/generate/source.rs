//! Requests of so many items.
//!
//! - `traces`: the spans of stories
//! - `logs`: what the services log meanwhile
//! - `metrics`: what they count and measure, cumulative, with exemplars

mod logs;
mod metrics;
mod traces;

use std::{collections::VecDeque, sync::Arc};

use logs::Logs;
use metrics::Metrics;
use sluice_pdata::{Pdata, Signal};
use traces::Traces;

use super::{attributes::Extra, shop::Shop, story::Stories, worker::Share};
use crate::cli::{args::Generate, failure::Failure};

/// Refuses an attribute that would make one series of several.
pub(super) fn check(options: &Generate) -> Result<(), Failure> {
    let mut keys = options.attribute.iter().map(|(key, _)| key.as_str());
    match keys.find(|key| metrics::APART.contains(key)) {
        Some(key) if options.signal() == Signal::Metrics => Err(Failure::new(format!(
            "--attribute: {key} tells time series apart, so metrics keep their own"
        ))),
        _ => Ok(()),
    }
}

/// Makes the requests of one worker. The same seed, worker and options make the same ones but for their times.
#[derive(Debug)]
pub(super) enum Source {
    Traces(Traces),
    Metrics(Box<Metrics>),
    Logs(Logs),
}

impl Source {
    pub(super) fn new(options: &Generate, seed: u64, worker: usize, share: Share) -> Self {
        let shop = Arc::new(Shop::new(options, seed, worker));
        let stories = Stories::new(shop.clone());
        let extra = Extra::new(options);
        match options.signal() {
            Signal::Traces => Self::Traces(Traces::new(shop, stories, extra, share.count)),
            Signal::Logs => Self::Logs(Logs::new(shop, stories, extra)),
            Signal::Metrics => {
                let series =
                    (options.series as usize).div_ceil(usize::from(options.workers)).max(share.batch);
                Self::Metrics(Box::new(Metrics::new(shop, stories, extra, series)))
            }
        }
    }

    /// The next request, of exactly `items`. `now` is in nanoseconds since the Unix epoch, and does not go back.
    pub(super) fn next(&mut self, items: usize, now: u64) -> Pdata {
        match self {
            Self::Traces(traces) => traces.next(items, now),
            Self::Metrics(metrics) => metrics.next(items, now),
            Self::Logs(logs) => logs.next(items, now),
        }
    }
}

/// Takes the first `count` items and puts those of one service together, services in the order of their first items.
fn by_service<T>(items: &mut VecDeque<(usize, T)>, count: usize) -> Vec<(usize, Vec<T>)> {
    let mut groups: Vec<(usize, Vec<T>)> = Vec::new();
    for (service, item) in items.drain(..count.min(items.len())) {
        match groups.iter_mut().find(|(of, _)| *of == service) {
            Some((_, group)) => group.push(item),
            None => groups.push((service, vec![item])),
        }
    }
    groups
}

#[cfg(test)]
pub(super) mod tests;
