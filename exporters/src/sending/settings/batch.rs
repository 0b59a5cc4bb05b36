//! `sending_queue: batch:`

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use sluice_config::{Check, Checker, GoDuration, StringList};

use super::Sizer;

/// `sending_queue: batch:` - requests become batches when they leave the queue. Off unless it is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Batch {
    /// Longest time that a request waits in the queue for others.
    pub flush_timeout: GoDuration,
    /// Size from which on a batch leaves.
    pub min_size: i64,
    /// Largest batch; 0 is no limit.
    pub max_size: i64,
    /// What the sizes count: items or bytes. Without it what the queue counts, or items if that counts requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sizer: Option<Sizer>,
    /// What keeps requests apart.
    pub partition: Partition,
}

/// `batch: partition:`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Partition {
    /// Client metadata: one batch per combination of values. In any case.
    pub metadata_keys: StringList,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            flush_timeout: GoDuration::from_millis(200),
            min_size: 8192,
            max_size: 0,
            sizer: None,
            partition: Partition::default(),
        }
    }
}

impl Batch {
    /// What the sizes count, in a queue that counts `queue`.
    pub(in crate::sending) fn sizer(&self, queue: Sizer) -> Sizer {
        match self.sizer.unwrap_or(queue) {
            Sizer::Requests => Sizer::Items,
            sizer => sizer,
        }
    }

    /// The largest batch, if there is a limit.
    pub(in crate::sending) fn most(&self) -> Option<usize> {
        usize::try_from(self.max_size).ok().filter(|&max| max > 0)
    }

    /// The metadata keys in lower case.
    pub(in crate::sending) fn keys(&self) -> Vec<String> {
        self.partition.metadata_keys.iter().map(|key| key.to_lowercase()).collect()
    }
}

impl Check for Batch {
    fn check(&self, at: &mut Checker<'_>) {
        if self.flush_timeout.is_zero() {
            at.key("flush_timeout").error("`flush_timeout` must be positive");
        }
        if self.min_size < 0 {
            at.key("min_size").error("`min_size` must be non-negative");
        }
        if self.max_size < 0 {
            at.key("max_size").error("`max_size` must be non-negative");
        }
        if self.max_size > 0 && self.max_size < self.min_size {
            at.key("max_size").error("`max_size` must be 0, or not less than `min_size`");
        }
        if self.sizer == Some(Sizer::Requests) {
            at.key("sizer").error("`batch` supports only `items` or `bytes` as its sizer");
        }
        let mut seen = HashSet::new();
        for key in self.keys() {
            if !seen.insert(key.clone()) {
                at.section("partition")
                    .key("metadata_keys")
                    .error(format!("duplicate entry in metadata_keys: {key:?} (case-insensitive)"));
            }
        }
    }
}
