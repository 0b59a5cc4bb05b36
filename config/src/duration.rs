//! Durations in Go's syntax, `1m30s`.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::ours;

/// A duration as Go writes it: `300ms`, `1.5h`, `2h45m`; units `ns us µs ms s m h`, and no days.
///
/// In YAML a bare integer means nanoseconds. It is never negative: a setting for which -1 means something takes
/// an integer type of its own. Prints what Go prints, `1m30s`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct GoDuration(Duration);

/// Why a text is not a [`GoDuration`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// No number where one must be, or nothing at all.
    #[error("invalid duration {0:?}: write it as 300ms, 1.5h or 2h45m")]
    Syntax(String),
    /// A number with no unit after it.
    #[error("missing unit in duration {0:?}: write {0}s, {0}ms or {0}m")]
    NoUnit(String),
    /// A unit that Go does not know.
    #[error("unknown unit {unit:?} in duration {text:?}: units are ns, us, ms, s, m and h{}", blank(unit))]
    Unit {
        /// The whole text.
        text: String,
        /// Its bad unit.
        unit: String,
    },
    /// Less than zero.
    #[error("duration {0:?} is negative")]
    Negative(String),
    /// More than Go's 2^63-1 nanoseconds, about 292 years.
    #[error("duration {0:?} is too large")]
    TooLarge(String),
}

/// The largest duration of Go, in nanoseconds.
const MAX_NANOS: u128 = i64::MAX as u128;

impl GoDuration {
    /// Zero.
    pub const ZERO: Self = Self(Duration::ZERO);

    /// From hours, minutes and so on of [`Duration`].
    pub const fn new(duration: Duration) -> Self {
        Self(duration)
    }

    /// From whole seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    /// From whole milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// The standard library's type.
    pub const fn get(self) -> Duration {
        self.0
    }

    /// None for zero, which most settings read as "no limit".
    pub fn non_zero(self) -> Option<Duration> {
        (!self.0.is_zero()).then_some(self.0)
    }

    fn from_nanos(nanos: u128, text: &str) -> Result<Self, DurationError> {
        let whole = u64::try_from(nanos).ok().filter(|n| u128::from(*n) <= MAX_NANOS);
        whole.map(|n| Self(Duration::from_nanos(n))).ok_or_else(|| DurationError::TooLarge(text.to_owned()))
    }
}

impl Deref for GoDuration {
    type Target = Duration;

    fn deref(&self) -> &Duration {
        &self.0
    }
}

impl From<Duration> for GoDuration {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

impl From<GoDuration> for Duration {
    fn from(duration: GoDuration) -> Self {
        duration.0
    }
}

impl FromStr for GoDuration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let syntax = || DurationError::Syntax(text.to_owned());
        let too_large = || DurationError::TooLarge(text.to_owned());
        let (negative, mut rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if rest == "0" {
            return Ok(Self::ZERO);
        }
        if rest.is_empty() {
            return Err(syntax());
        }
        let mut nanos: u128 = 0;
        while !rest.is_empty() {
            let (whole, after) = split_digits(rest);
            let (fraction, after) = match after.strip_prefix('.') {
                Some(after) => split_digits(after),
                None => ("", after),
            };
            if whole.is_empty() && fraction.is_empty() {
                return Err(syntax());
            }
            let unit_len = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
            let (unit, after) = after.split_at(unit_len);
            let scale: u128 = match unit {
                "" => return Err(DurationError::NoUnit(text.to_owned())),
                "ns" => 1,
                "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
                "ms" => 1_000_000,
                "s" => 1_000_000_000,
                "m" => 60_000_000_000,
                "h" => 3_600_000_000_000,
                _ => return Err(DurationError::Unit { text: text.to_owned(), unit: unit.to_owned() }),
            };
            let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| too_large())? };
            let whole = whole.checked_mul(scale).ok_or_else(too_large)?;
            let sum = nanos.checked_add(whole).and_then(|n| n.checked_add(parts_of(fraction, scale)));
            nanos = sum.filter(|n| *n <= MAX_NANOS).ok_or_else(too_large)?;
            rest = after;
        }
        if negative && nanos > 0 {
            return Err(DurationError::Negative(text.to_owned()));
        }
        Self::from_nanos(nanos, text)
    }
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// The digits behind the point in units of `scale`; digits that are worth less than a nanosecond are cut off.
fn parts_of(fraction: &str, scale: u128) -> u128 {
    let digits = fraction.get(..fraction.len().min(18)).unwrap_or("");
    let value: u128 = digits.parse().unwrap_or(0);
    value * scale / 10_u128.pow(u32::try_from(digits.len()).unwrap_or(0))
}

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.as_nanos();
        let text = match nanos {
            0 => "0s".to_owned(),
            1..1_000 => format!("{nanos}ns"),
            1_000..1_000_000 => format!("{}\u{b5}s", decimal(nanos, 1_000)),
            1_000_000..1_000_000_000 => format!("{}ms", decimal(nanos, 1_000_000)),
            _ => {
                let minutes = nanos / 60_000_000_000;
                let seconds = decimal(nanos % 60_000_000_000, 1_000_000_000);
                match (minutes / 60, minutes % 60) {
                    (0, 0) => format!("{seconds}s"),
                    (0, minutes) => format!("{minutes}m{seconds}s"),
                    (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
                }
            }
        };
        f.pad(&text)
    }
}

/// `value / scale` with as many decimals as it has.
fn decimal(value: u128, scale: u128) -> String {
    let (whole, rest) = (value / scale, value % scale);
    if rest == 0 {
        return whole.to_string();
    }
    let width = scale.ilog10() as usize;
    format!("{whole}.{}", format!("{rest:0width$}").trim_end_matches('0'))
}

impl fmt::Debug for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for GoDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = GoDuration;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as 300ms or 1m30s")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<GoDuration, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_u64<E: de::Error>(self, nanos: u64) -> Result<GoDuration, E> {
                GoDuration::from_nanos(nanos.into(), &nanos.to_string()).map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, nanos: i64) -> Result<GoDuration, E> {
                u64::try_from(nanos)
                    .map_err(|_| E::custom(DurationError::Negative(nanos.to_string())))
                    .and_then(|nanos| self.visit_u64(nanos))
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<GoDuration, D::Error> {
                inner.deserialize_any(Self)
            }
        }
        deserializer.deserialize_newtype_struct(ours::DURATION, Visitor)
    }
}

/// What to do about a unit that is only known without its blanks.
fn blank(unit: &str) -> &'static str {
    if unit.trim() != unit { ", without a blank before them" } else { "" }
}

#[cfg(test)]
mod tests;
