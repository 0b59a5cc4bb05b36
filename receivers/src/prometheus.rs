//! Scrapes targets as Prometheus does: takes its configuration as it stands, and answers to it in every detail that
//! reaches a sample.
//!
//! `settings` -> `receiver` (factory, start, shutdown) -> for each job a `pool`, which is told by `discovery` what there
//! is and makes each `target` of it by `relabel`ling -> for each target a `scraper`, which fetches through `reach` and
//! reads with `scrape` (series, limits, staleness) -> the crate's `intake` -> next consumer. Formats and their
//! translation to OTLP are in `sluice_formats::prometheus`. `allocator` takes jobs from the operator's target allocator.
//!
//! `trial` is one scrape by hand, for the command line.
//!
//! What is scraped is handed on target by target, in the order of time.

mod allocator;
mod discovery;
mod job;
mod pool;
mod reach;
mod receiver;
mod relabel;
mod scrape;
mod scraper;
mod settings;
mod shared;
mod target;
mod trial;

pub use receiver::Factory;
pub use settings::*;
pub use trial::{Outcome, Trial};
