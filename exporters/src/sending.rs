//! The queue, retry, timeout, splitting and accounts that every network exporter is wrapped in.
//!
//! A format implements [`Wire`]: how a batch becomes requests, and how one request is sent once. [`Sending`]
//! makes an exporter of it, in the order of the data:
//!
//! - `exporter`: takes a batch, answers at once or waits for the result, starts consumers, drains
//! - `queue`: the bounded queue that consumers take from
//! - `entry`, `gather`: what is in it, and how entries become a batch on their way out
//! - `consumer`: takes from the queue, has it sent, and answers
//! - `split`: a batch becomes requests that are not larger than the backend accepts
//! - `deliver`: sends one request until there is a verdict
//! - `rows`: the requests of a batch, one after the other or in lanes
//! - `lanes`: the order in which requests arrive, where the format has one
//! - `pace`: the time between attempts: backoff, and the hints of the backend
//! - `receipt`, `accounts`: what became of the items, on the ledger and in the metrics
//! - `condition`, `journal`: what the operator is told, and how often
//! - [`settings`]: `retry_on_failure` and `sending_queue` of the YAML

mod accounts;
mod condition;
mod consumer;
mod deliver;
mod entry;
mod exporter;
mod gather;
mod journal;
mod lanes;
mod pace;
mod queue;
mod receipt;
mod rows;
pub mod settings;
mod split;
mod stop;
#[cfg(test)]
mod tests;
mod wire;

pub use exporter::{Options, Sending};
pub use settings::{Batch, Queue, Retry, Sizer};
pub use wire::{Cause, Encoded, Outcome, Unconvertible, Wire};
