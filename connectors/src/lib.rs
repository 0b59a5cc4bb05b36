//! Connectors: the end of one pipeline and the start of others. One module and one cargo feature each.
//!
//! - `forward`: joins and forks pipelines of one signal

#[cfg(feature = "forward-connector")]
pub mod forward;
