//! The YAML of `delta_to_cumulative`.

use serde::{Deserialize, Serialize};
use sluice_config::{Check, Checker, GoDuration};

use crate::streams::MAX_STREAMS;

/// `processors: delta_to_cumulative:`, with otelcol's keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// How long a stream is remembered after its last point.
    pub max_stale: GoDuration,
    /// Most streams that are remembered; points of further ones are dropped. 0 means no limit.
    pub max_streams: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { max_stale: GoDuration::from_secs(5 * 60), max_streams: MAX_STREAMS }
    }
}

impl Check for Settings {
    fn check(&self, at: &mut Checker<'_>) {
        if self.max_stale.is_zero() {
            at.key("max_stale")
                .error(format!("max_stale must be a positive duration (got {})", self.max_stale));
        }
    }
}
