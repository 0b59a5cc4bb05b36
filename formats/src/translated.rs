//! What becomes of a foreign request: OTLP bytes and an account of what did not make it.

use std::collections::BTreeMap;

use bytes::Bytes;

/// A foreign request as OTLP.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Translated {
    /// An `ExportTraceServiceRequest`. It still has to pass `Pdata::from_wire`, which repairs text that is not UTF-8.
    pub wire: Bytes,
    /// How many spans are in it.
    pub items: usize,
    /// Spans of the request that are not in it.
    pub rejected: Rejected,
}

/// Items that could not be translated, by reason. Their neighbours could.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rejected {
    by_reason: BTreeMap<&'static str, usize>,
}

impl Rejected {
    /// Counts one item.
    pub fn add(&mut self, reason: &'static str) {
        *self.by_reason.entry(reason).or_default() += 1;
    }

    /// How many items.
    #[must_use]
    pub fn items(&self) -> usize {
        self.by_reason.values().sum()
    }

    /// Whether every item was translated.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_reason.is_empty()
    }

    /// Reasons and how many items each cost, in the order of the text.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, usize)> {
        self.by_reason.iter().map(|(reason, items)| (*reason, *items))
    }

    /// For people: `2 spans rejected: 1 duration is negative, 1 id is zero`. `None` if there is nothing to say.
    #[must_use]
    pub fn message(&self) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        let reasons: Vec<_> = self.iter().map(|(reason, items)| format!("{items} {reason}")).collect();
        let noun = if self.items() == 1 { "span" } else { "spans" };
        Some(format!("{} {noun} rejected: {}", self.items(), reasons.join(", ")))
    }
}

/// Why a foreign request as a whole was refused. Sending it again cannot help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The bytes are not such a request: `INVALID_ARGUMENT`, 400.
    #[error("malformed request at byte {offset}: {what}")]
    Bytes {
        /// What is wrong there.
        what: &'static str,
        /// Bytes before the fault.
        offset: usize,
    },
    /// The text is not such a request: `INVALID_ARGUMENT`, 400.
    #[error("malformed request at line {line}, column {column} (byte {offset}): {what}")]
    Text {
        /// What is wrong there.
        what: &'static str,
        /// Bytes before the fault.
        offset: usize,
        /// Counted from 1.
        line: usize,
        /// Characters, counted from 1.
        column: usize,
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

impl Malformed {
    /// A fault in binary data.
    #[must_use]
    pub fn at(offset: usize, what: &'static str) -> Self {
        Self::Bytes { what, offset }
    }
}
