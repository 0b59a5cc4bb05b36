//! Numbers of bytes.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A number of bytes. In YAML it is a bare integer.
///
/// For keys that end in `_mib` use `#[serde(with = "sluice_config::mib")]`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(transparent)]
pub struct ByteSize(u64);

impl ByteSize {
    /// From bytes.
    pub const fn new(bytes: u64) -> Self {
        Self(bytes)
    }

    /// From KiB, 1024 bytes each.
    pub const fn kib(kib: u64) -> Self {
        Self(kib << 10)
    }

    /// From MiB, 1024 KiB each.
    pub const fn mib(mib: u64) -> Self {
        Self(mib << 20)
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// The number of bytes; on a machine with 32-bit addresses at most what it can address.
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    /// None for zero, which most settings read as "no limit" or "the default".
    pub fn non_zero(self) -> Option<Self> {
        (self.0 != 0).then_some(self)
    }
}

impl From<u64> for ByteSize {
    fn from(bytes: u64) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for ByteSize {
    /// The largest unit that loses nothing: `4 MiB`, `512 KiB`, `1000 B`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0 {
            0 => "0 B".to_owned(),
            n if n % (1 << 30) == 0 => format!("{} GiB", n >> 30),
            n if n % (1 << 20) == 0 => format!("{} MiB", n >> 20),
            n if n % (1 << 10) == 0 => format!("{} KiB", n >> 10),
            n => format!("{n} B"),
        };
        f.pad(&text)
    }
}

impl fmt::Debug for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        u64::deserialize(deserializer).map(Self)
    }
}

/// Settings in MiB, for `#[serde(with = "sluice_config::mib")]` on a [`ByteSize`].
pub mod mib {
    use super::{ByteSize, Deserialize, Deserializer, Serialize, Serializer, de};

    /// Writes whole MiB.
    pub fn serialize<S: Serializer>(size: &ByteSize, serializer: S) -> Result<S::Ok, S::Error> {
        (size.0 >> 20).serialize(serializer)
    }

    /// Reads MiB; more than fit a `u64` of bytes are an error.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ByteSize, D::Error> {
        let mib = u64::deserialize(deserializer)?;
        mib.checked_mul(1 << 20)
            .map(ByteSize)
            .ok_or_else(|| de::Error::custom(format!("{mib} MiB is too large")))
    }
}
