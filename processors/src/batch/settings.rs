//! The YAML of `batch`.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use sluice_config::{Check, Checker, GoDuration, StringList};

/// `processors: batch:`, with otelcol's keys and defaults. Items are spans, data points and log records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Longest time that an item waits before its batch is sent. Zero sends at once.
    pub timeout: GoDuration,
    /// Items that trigger a send; a batch may be larger. 0 sends each request by itself, at once.
    pub send_batch_size: u32,
    /// Most items in a batch; larger ones are split. 0 means no limit.
    pub send_batch_max_size: u32,
    /// Client metadata by which requests are kept apart: one batch per combination of values. In any case.
    pub metadata_keys: StringList,
    /// Most combinations; a request with one more is refused for good. 0 means no limit.
    pub metadata_cardinality_limit: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            timeout: GoDuration::from_millis(200),
            send_batch_size: 8192,
            send_batch_max_size: 0,
            metadata_keys: StringList::default(),
            metadata_cardinality_limit: 1000,
        }
    }
}

impl Check for Settings {
    fn check(&self, at: &mut Checker<'_>) {
        if self.send_batch_max_size > 0 && self.send_batch_max_size < self.send_batch_size {
            at.key("send_batch_max_size")
                .error("send_batch_max_size must be greater or equal to send_batch_size");
        }
        let mut seen = HashSet::new();
        for key in self.metadata_keys.iter().map(|key| key.to_lowercase()) {
            if !seen.insert(key.clone()) {
                at.key("metadata_keys")
                    .error(format!("duplicate entry in metadata_keys: {key:?} (case-insensitive)"));
            }
        }
    }
}
