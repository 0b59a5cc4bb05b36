//! Jaeger to OTLP and back: the mapping row by row, what clients and Jaeger itself wrote, and what a hostile sender may.
//!
//! What Jaeger sends is written, and what we send is read, by the `thrift` crate and by prost.
#![expect(
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails; its numbers are small"
)]

#[path = "jaeger/foreign.rs"]
mod foreign;
#[path = "jaeger/golden.rs"]
mod golden;
#[path = "jaeger/hostile.rs"]
mod hostile;
#[path = "jaeger/inward_groups.rs"]
mod inward_groups;
#[path = "jaeger/inward_logs.rs"]
mod inward_logs;
#[path = "jaeger/inward_process.rs"]
mod inward_process;
#[path = "jaeger/inward_references.rs"]
mod inward_references;
#[path = "jaeger/inward_span.rs"]
mod inward_span;
#[path = "jaeger/inward_status.rs"]
mod inward_status;
#[path = "jaeger/inward_tags.rs"]
mod inward_tags;
#[path = "jaeger/outward.rs"]
mod outward;
#[path = "jaeger/outward_allocations.rs"]
mod outward_allocations;
#[path = "jaeger/round_trip.rs"]
mod round_trip;
#[path = "jaeger/support.rs"]
mod support;
#[path = "jaeger/wire.rs"]
mod wire;
