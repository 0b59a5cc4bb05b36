//! What a request may cost, how it is refused, and what was repaired in it.

/// Bounds on one request. Nothing is allocated for a request that exceeds them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most items (spans, data points, log records).
    pub max_items: usize,
    /// Most bytes that the struct form could take, by a model that never guesses too low.
    pub max_decoded_bytes: usize,
    /// Most of these bytes for each encoded byte, beyond [`FREE_DECODED_BYTES`]. Ordinary telemetry takes 5 to 6, the
    /// shortest honest items up to 20, empty elements 32 to 264.
    pub max_growth: usize,
    /// Most levels of `AnyValue` in one attribute or log body; a plain value is one level. What is deeper is cut.
    /// Above 64 means 64.
    pub max_depth: u32,
}

/// What every request may take when decoded, however short its encoding is.
pub const FREE_DECODED_BYTES: usize = 8 << 20;

impl Limits {
    /// Most bytes that the struct form of a request of `len` bytes may take.
    pub(crate) fn decoded_bytes(&self, len: usize) -> usize {
        let grown = len.saturating_mul(self.max_growth).saturating_add(FREE_DECODED_BYTES);
        self.max_decoded_bytes.min(grown)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_items: usize::MAX, max_decoded_bytes: 256 << 20, max_growth: 24, max_depth: 64 }
    }
}

/// Why a request was refused. Sending it again cannot help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The bytes are not a request of this signal: `INVALID_ARGUMENT`, 400.
    #[error("malformed protobuf at byte {offset}: {what}")]
    Malformed {
        /// Where the fault starts, counted from the first byte of the body.
        offset: usize,
        /// What is wrong there.
        what: &'static str,
    },
    /// Well-formed as far as it was read, but above a limit: `RESOURCE_EXHAUSTED` without `RetryInfo`, 413.
    #[error("too large: {what} exceeds the limit of {limit}")]
    TooLarge {
        /// Which limit.
        what: &'static str,
        /// Its value.
        limit: usize,
    },
}

/// What had to be changed so that the rest of a request could pass. Empty for nearly every request.
///
/// A receiver answers a non-empty one with partial success: [`rejected_items`](Self::rejected_items) and
/// [`message`](Self::message).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repairs {
    /// Strings that were not UTF-8 and now hold U+FFFD.
    pub repaired_strings: usize,
    /// Attributes, or log bodies, that were nested too deeply and are gone; their records passed.
    pub cut_attributes: usize,
    /// Items that are gone, because an id had a wrong length.
    pub rejected_items: usize,
    /// What was wrong first.
    pub first_reason: Option<&'static str>,
}

impl Repairs {
    /// Whether every item passed as it was sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Text for the sender (`partial_success.error_message`), or `None` if there is nothing to say.
    #[must_use]
    pub fn message(&self) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        let mut parts = Vec::new();
        for (count, what) in [
            (self.rejected_items, "items rejected"),
            (self.cut_attributes, "attributes cut"),
            (self.repaired_strings, "strings repaired"),
        ] {
            if count > 0 {
                parts.push(format!("{count} {what}"));
            }
        }
        let first = self.first_reason.map(|reason| format!(" (first: {reason})")).unwrap_or_default();
        Some(parts.join(", ") + &first)
    }
}
