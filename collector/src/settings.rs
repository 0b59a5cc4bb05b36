//! The top-level section `sluice:`: what otelcol has no key for. Each key is also a flag and a `SLUICE_*`
//! variable, because otelcol would refuse the section.

use serde::{Deserialize, Serialize};
use sluice_config::{ByteSize, Check, Checker, GoDuration};

/// `sluice:` in the YAML.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// After SIGTERM, how long the collector goes on serving while it already reports that it is not ready.
    /// Give load balancers this time to look away. Zero: none.
    pub drain_delay: GoDuration,
    /// How long the whole shutdown may take, after the drain delay.
    pub shutdown_timeout: GoDuration,
    /// Memory that data from outside may occupy; 0 means 80% of what the cgroup's limit, or the
    /// machine's memory, leaves beside 20 MiB for the process itself.
    #[serde(rename = "memory_budget_mib", with = "sluice_config::mib")]
    pub memory_budget: ByteSize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            drain_delay: GoDuration::from_secs(0),
            shutdown_timeout: GoDuration::from_secs(20),
            memory_budget: ByteSize::default(),
        }
    }
}

impl Check for Settings {
    fn check(&self, at: &mut Checker<'_>) {
        if self.shutdown_timeout.is_zero() {
            at.key("shutdown_timeout").must("be greater than zero");
        }
    }
}
