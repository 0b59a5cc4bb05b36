//! The YAML of `memory_limiter`.

use serde::{Deserialize, Serialize};
use sluice_component::memory;
use sluice_config::{ByteSize, Check, Checker, GoDuration};

/// `processors: memory_limiter:`, with otelcol's keys and defaults.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// How often usage is measured. Must be written.
    pub check_interval: GoDuration,
    /// The hard limit in MiB. Wins over `limit_percentage`.
    #[serde(rename = "limit_mib", with = "sluice_config::mib")]
    pub limit: ByteSize,
    /// How far below the hard limit the soft limit lies, in MiB; 0 means a fifth of the limit.
    #[serde(rename = "spike_limit_mib", with = "sluice_config::mib")]
    pub spike_limit: ByteSize,
    /// The hard limit in percent of the memory that the process may use.
    pub limit_percentage: u32,
    /// How far below the hard limit the soft limit lies, in percent of the memory that the process may use; 0
    /// means a fifth of the limit.
    pub spike_limit_percentage: u32,
    /// Accepted and checked; there is no garbage collector to run.
    pub min_gc_interval_when_soft_limited: GoDuration,
    /// Accepted and checked; there is no garbage collector to run.
    pub min_gc_interval_when_hard_limited: GoDuration,
    /// Accepted and checked; there is no garbage collector to run.
    pub max_gc_interval_when_soft_limited: GoDuration,
    /// Accepted and checked; there is no garbage collector to run.
    pub max_gc_interval_when_hard_limited: GoDuration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            check_interval: GoDuration::ZERO,
            limit: ByteSize::default(),
            spike_limit: ByteSize::default(),
            limit_percentage: 0,
            spike_limit_percentage: 0,
            min_gc_interval_when_soft_limited: GoDuration::from_secs(10),
            min_gc_interval_when_hard_limited: GoDuration::ZERO,
            max_gc_interval_when_soft_limited: GoDuration::from_secs(30),
            max_gc_interval_when_hard_limited: GoDuration::from_secs(30),
        }
    }
}

/// otelcol's key is an unsigned 32-bit number of MiB.
const MAX_LIMIT: ByteSize = ByteSize::mib(u32::MAX as u64);

impl Check for Settings {
    fn check(&self, at: &mut Checker<'_>) {
        if self.check_interval.is_zero() {
            at.key("check_interval").error("'check_interval' must be greater than zero");
        }
        if self.limit.bytes() == 0 && self.limit_percentage == 0 {
            at.error("'limit_mib' or 'limit_percentage' must be greater than zero");
        }
        for (key, size) in [("limit_mib", self.limit), ("spike_limit_mib", self.spike_limit)] {
            if size > MAX_LIMIT {
                at.key(key).must(format!("be at most {}", u32::MAX));
            }
        }
        let percentages = [
            ("limit_percentage", self.limit_percentage),
            ("spike_limit_percentage", self.spike_limit_percentage),
        ];
        for (key, percentage) in percentages {
            if percentage > 100 {
                at.key(key).error(format!("'{key}' must be less than or equal to hundred"));
            }
        }
        if self.limit.bytes() > 0 && self.limit <= self.spike_limit {
            at.key("spike_limit_mib").error("'spike_limit_mib' must be smaller than 'limit_mib'");
        }
        if self.limit_percentage > 0 && self.limit_percentage <= self.spike_limit_percentage {
            at.key("spike_limit_percentage")
                .error("'spike_limit_percentage' must be smaller than 'limit_percentage'");
        }
        if self.limit.bytes() == 0 && at.sees_machine() && memory::total().is_none() {
            at.key("limit_percentage").error("the total memory is not known here: set limit_mib");
        }
        self.check_gc(at);
    }
}

impl Settings {
    fn check_gc(&self, at: &mut Checker<'_>) {
        let not_smaller =
            |at: &mut Checker<'_>, key: &str, value: GoDuration, other: &str, than: GoDuration| {
                if value < than {
                    at.key(key).error(format!("'{key}' must not be smaller than '{other}'"));
                }
            };
        let (min_soft, min_hard) =
            (self.min_gc_interval_when_soft_limited, self.min_gc_interval_when_hard_limited);
        let (max_soft, max_hard) =
            (self.max_gc_interval_when_soft_limited, self.max_gc_interval_when_hard_limited);
        let [soft_key, hard_key] = ["min_gc_interval_when_soft_limited", "min_gc_interval_when_hard_limited"];
        let [max_soft_key, max_hard_key] =
            ["max_gc_interval_when_soft_limited", "max_gc_interval_when_hard_limited"];
        not_smaller(at, soft_key, min_soft, hard_key, min_hard);
        // Zero means no backoff.
        if max_soft.non_zero().is_some() {
            not_smaller(at, max_soft_key, max_soft, soft_key, min_soft);
            not_smaller(at, max_soft_key, max_soft, max_hard_key, max_hard);
        }
        if max_hard.non_zero().is_some() {
            not_smaller(at, max_hard_key, max_hard, hard_key, min_hard);
        }
    }
}
