//! The processors that remember metric streams, between a source and recording or refusing sinks.
#![cfg(all(
    feature = "cumulative-to-delta-processor",
    feature = "delta-to-cumulative-processor",
    feature = "metric-start-time-processor"
))]
#![expect(clippy::unwrap_used, clippy::panic, reason = "test code")]

#[path = "streams/cumulative_to_delta.rs"]
mod cumulative_to_delta;
#[path = "streams/delta_to_cumulative.rs"]
mod delta_to_cumulative;
#[path = "streams/metric_start_time.rs"]
mod metric_start_time;
#[path = "streams/stand.rs"]
mod stand;
