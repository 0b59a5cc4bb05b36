//! Sizes in Prometheus's syntax, `100MB`.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sluice_config::Check;

/// A number of bytes as Prometheus writes it: `15MB`, `1GiB512MiB`; `KB` and `KiB` are both 1024 bytes. 0 is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct PromSize(u64);

const UNITS: [(&str, u32); 13] = [
    ("EiB", 60),
    ("EB", 60),
    ("PiB", 50),
    ("PB", 50),
    ("TiB", 40),
    ("TB", 40),
    ("GiB", 30),
    ("GB", 30),
    ("MiB", 20),
    ("MB", 20),
    ("KiB", 10),
    ("KB", 10),
    ("B", 0),
];

impl PromSize {
    /// Bytes; `None` where there is no limit.
    #[must_use]
    pub fn limit(self) -> Option<usize> {
        (self.0 > 0).then(|| usize::try_from(self.0).unwrap_or(usize::MAX))
    }
}

impl Check for PromSize {}

impl FromStr for PromSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let invalid = || format!("`{text}` is no size: write it as 512KB, 15MB or 1GB");
        if text == "0" {
            return Ok(Self(0));
        }
        let (mut rest, mut bytes) = (text, 0_u64);
        while !rest.is_empty() {
            let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
            let (number, after) = rest.split_at_checked(digits).ok_or_else(invalid)?;
            let unit = UNITS.into_iter().find(|(name, _)| after.starts_with(name));
            let (unit, power) = unit.ok_or_else(invalid)?;
            let number: u64 = number.parse().map_err(|_| invalid())?;
            let part = number.checked_mul(1 << power);
            bytes = part.and_then(|part| bytes.checked_add(part)).ok_or_else(invalid)?;
            rest = after.strip_prefix(unit).unwrap_or_default();
        }
        if text.is_empty() { Err(invalid()) } else { Ok(Self(bytes)) }
    }
}

impl fmt::Display for PromSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0");
        }
        let whole =
            UNITS.into_iter().find(|(unit, power)| !unit.contains('i') && self.0.is_multiple_of(1 << power));
        let (unit, power) = whole.unwrap_or(("B", 0));
        write!(f, "{}{unit}", self.0 >> power)
    }
}

impl Serialize for PromSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PromSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::Text::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_printed() {
        for (text, bytes, printed) in [
            ("0", 0, "0"),
            ("100B", 100, "100B"),
            ("15MB", 15 << 20, "15MB"),
            ("15MiB", 15 << 20, "15MB"),
            ("2KB", 2048, "2KB"),
            ("1GB512MB", (1 << 30) + (512 << 20), "1536MB"),
        ] {
            let read: PromSize = text.parse().unwrap();
            assert_eq!((read, read.to_string().as_str()), (PromSize(bytes), printed), "{text}");
        }
        for text in ["", "1", "MB", "1.5MB", "-1MB", "1 MB", "99999999999EB", "1mb"] {
            assert!(text.parse::<PromSize>().is_err(), "{text}");
        }
    }
}
