//! Tests across crates.
//!
//! - `layout.rs`: who may import whom
//! - `e2e/`: the binary against real OpenTelemetry SDKs, faults and hostile input, run by pytest
//! - `bench/`: what a collector costs, side by side with others
//! - `fuzz/`: fuzz targets, outside the workspace
