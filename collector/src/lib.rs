//! The sluice collector: registry, plan, graph, service, own telemetry, and the binary.
