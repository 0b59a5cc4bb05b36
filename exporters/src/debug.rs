//! Prints what arrives, for people: to the collector's log, or as plain text to the terminal or a file.
//!
//! `settings` -> `exporter` (counts, samples, hands text to the log or the files) -> `normal`, `detailed` (the dumps),
//! on `text` (how Go writes numbers, times and values) and `buckets` (bounds of exponential histograms).
//!
//! The text is otelcol's, but for what `docs/components/exporters/debug.md` lists.

mod buckets;
mod detailed;
mod exporter;
mod normal;
mod output;
mod sampler;
mod settings;
#[cfg(test)]
mod tests;
mod text;

pub use exporter::{Factory, dump_of};
pub use settings::{Settings, Verbosity};
