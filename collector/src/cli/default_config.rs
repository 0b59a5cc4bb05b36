//! What runs without any configuration.

/// What problems and the log call it.
pub(super) const NAME: &str = "built-in default";

/// OTLP in on the usual ports of this machine, printed by `debug`.
pub(super) const YAML: &str = include_str!("default.yaml");
