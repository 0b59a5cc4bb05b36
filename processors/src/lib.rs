//! Processors: they change, delay or refuse data inside one pipeline. One module and one cargo feature each.
//!
//! - `memory_limiter`: refuses data while memory is short
//! - `batch`: joins small requests into large ones

#[cfg(feature = "batch-processor")]
pub mod batch;
#[cfg(feature = "memory-limiter-processor")]
pub mod memory_limiter;
