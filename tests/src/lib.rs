//! Tests across crates: pipelines from YAML, the binary against real clients, faults, hostile input.
