//! Writes OTLP to a file: one JSON request per line, or length-prefixed protobuf.
//!
//! `settings` -> `exporter` (one file for all signals of an ID) -> `format` (a batch as bytes of the file) and
//! `output` (the file itself: whole records or nothing).
//!
//! A batch is acknowledged when the operating system has it; nothing is buffered in between.

mod exporter;
mod format;
mod output;
mod settings;
#[cfg(test)]
mod tests;

pub use exporter::Factory;
pub use settings::{CompressionParams, Settings};
