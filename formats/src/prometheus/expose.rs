//! What a scraper is answered: text 0.0.4 and 1.0.0, OpenMetrics 0.0.1 and 1.0.0, delimited protobuf.
//!
//! - [`Negotiated`]: which form, by `Accept`, and what becomes of names beyond `[a-zA-Z0-9_:]`
//! - [`Writer`]: writes it, family by family, into pieces of any size; it knows nothing of where series are kept
//! - [`push_label`], [`labels_of`]: labels as text, which is also a compact way to keep them
mod label_text;
mod negotiate;
#[cfg(test)]
mod tests;
mod writer;

pub use label_text::{labels_of, push_label};
pub use negotiate::{Format, Negotiated};
pub use writer::{Data, Family, Point, Writer};
