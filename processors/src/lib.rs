//! Processors: they change, delay or refuse data inside one pipeline. One module and one cargo feature each.
//!
//! - `memory_limiter`: refuses data while memory is short
//! - `batch`: joins small requests into large ones
//! - `metric_start_time`: gives cumulative points a start time
//! - `cumulative_to_delta`, `delta_to_cumulative`: change the temporality of sums and histograms; the three share
//!   `streams`
//! - `resource_detection`: adds what is found out about the machine and the pod
//! - `resource`: edits the attributes of resources, `attributes` those of records; both run `actions`

#[cfg(any(feature = "attributes-processor", feature = "resource-processor"))]
mod actions;
#[cfg(feature = "attributes-processor")]
pub mod attributes;
#[cfg(feature = "batch-processor")]
pub mod batch;
#[cfg(feature = "cumulative-to-delta-processor")]
pub mod cumulative_to_delta;
#[cfg(feature = "delta-to-cumulative-processor")]
pub mod delta_to_cumulative;
#[cfg(feature = "memory-limiter-processor")]
pub mod memory_limiter;
#[cfg(feature = "metric-start-time-processor")]
pub mod metric_start_time;
#[cfg(feature = "resource-processor")]
pub mod resource;
#[cfg(feature = "resource-detection-processor")]
pub mod resource_detection;
#[cfg(any(
    feature = "cumulative-to-delta-processor",
    feature = "delta-to-cumulative-processor",
    feature = "metric-start-time-processor"
))]
mod streams;
