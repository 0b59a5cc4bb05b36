//! Durations in Prometheus's syntax, `1h30m`.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sluice_config::Check;

/// A duration as Prometheus writes it: whole numbers of `y w d h m s ms`, each unit at most once and in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PromDuration(Duration);

/// From large to small, in milliseconds.
const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

impl PromDuration {
    /// From whole seconds.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// The standard library's type.
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl From<Duration> for PromDuration {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

impl Check for PromDuration {}

impl FromStr for PromDuration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let invalid = || format!("`{text}` is no duration: write it as 15s, 1h30m or 1d, in whole numbers");
        let too_large = || format!("duration `{text}` is too large");
        if text == "0" {
            return Ok(Self::default());
        }
        let (mut rest, mut millis) = (text, 0_u64);
        let mut units = UNITS.into_iter();
        while !rest.is_empty() {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, after) = rest.split_at_checked(digits).ok_or_else(invalid)?;
            let letters = after.len() - after.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
            let (unit, after) = after.split_at_checked(letters).ok_or_else(invalid)?;
            let (_, each) = units.find(|(name, _)| *name == unit).ok_or_else(invalid)?;
            if number.is_empty() {
                return Err(invalid());
            }
            let part = number.parse::<u64>().ok().and_then(|number| number.checked_mul(each));
            millis = part.and_then(|part| millis.checked_add(part)).ok_or_else(too_large)?;
            rest = after;
        }
        // Go's durations end at 2^63 nanoseconds.
        match (text.is_empty(), millis > i64::MAX.unsigned_abs() / 1_000_000) {
            (true, _) => Err(invalid()),
            (_, true) => Err(too_large()),
            _ => Ok(Self(Duration::from_millis(millis))),
        }
    }
}

impl fmt::Display for PromDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        if millis == 0 {
            return f.write_str("0s");
        }
        for (unit, each) in UNITS {
            // As Prometheus: years and weeks only where nothing is left over.
            if matches!(unit, "y" | "w") && millis % each != 0 {
                continue;
            }
            if millis >= each {
                write!(f, "{}{unit}", millis / each)?;
                millis %= each;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for PromDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for PromDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PromDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::Text::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_and_prints_as_prometheus_does() {
        for (text, millis, printed) in [
            ("0", 0, "0s"),
            ("0s", 0, "0s"),
            ("15s", 15_000, "15s"),
            ("1m", 60_000, "1m"),
            ("1h30m", 5_400_000, "1h30m"),
            ("1d", 86_400_000, "1d"),
            ("8d", 8 * 86_400_000, "8d"),
            ("2w", 14 * 86_400_000, "2w"),
            ("1y", 365 * 86_400_000, "1y"),
            ("90s", 90_000, "1m30s"),
            ("1d12h5m10s20ms", 129_910_020, "1d12h5m10s20ms"),
        ] {
            let read: PromDuration = text.parse().unwrap();
            assert_eq!((read.get().as_millis(), read.to_string().as_str()), (millis, printed), "{text}");
        }
    }

    #[test]
    fn it_refuses_what_prometheus_refuses() {
        for text in
            ["", "1", "s", "1.5h", "-1s", "+1s", "1m1h", "1s1s", "1s ", " 1s", "1us", "300y", "10m30", "é"]
        {
            assert!(text.parse::<PromDuration>().is_err(), "{text}");
        }
    }
}
