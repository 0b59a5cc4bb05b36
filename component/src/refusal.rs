//! Why data was not taken, whether to try again, and what the client is told.

use std::{error::Error, sync::Arc, time::Duration};

use sluice_pdata::Signal;

use crate::ids::ComponentRef;

/// What a client is asked to wait where the refusing component named no time of its own.
const DEFAULT_RETRY_DELAY: Duration = Duration::from_secs(1);

/// Most bytes of text that [`Refusal::chain`] gives: it goes into a header (`grpc-message`), and a cause can hold all
/// that a backend said.
const MAX_TEXT: usize = 1024;

/// One component's word that it did not take a batch. Nothing of the batch is held when it is returned.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{component} refused {items} {}: {reason}", signal.item_noun())]
pub struct Refusal {
    /// Who refused.
    pub component: ComponentRef,
    /// What kind of data.
    pub signal: Signal,
    /// How many spans, data points or log records.
    pub items: usize,
    /// Whether the same data may be offered again.
    pub class: Class,
    /// Why, as a closed set: the label of counters.
    pub reason: Reason,
    /// What happened underneath.
    #[source]
    pub cause: Option<Arc<dyn Error + Send + Sync>>,
}

/// Whether refused data may be offered again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Yes, after a backoff of the caller's choice.
    Retryable,
    /// Yes, and not before this time has passed.
    ThrottleFor(Duration),
    /// No: the answer would be the same.
    Permanent,
}

/// Why data was refused or dropped. The text of [`Reason::as_str`] is the `reason` label of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// A bounded queue had no room.
    QueueFull,
    /// The memory budget or a `memory_limiter` said no.
    MemoryLimit,
    /// The collector or the component is stopping.
    Stopping,
    /// The time to wait for a verdict ended.
    Timeout,
    /// The backend, or the way to it, is not there now.
    Unavailable,
    /// The backend asked to slow down.
    Throttled,
    /// The backend will never take this data.
    Permanent,
    /// The data is too large for the next hop.
    TooLarge,
    /// The data cannot be expressed in the exporter's format.
    Unconvertible,
    /// Retries ended without success.
    RetriesExhausted,
    /// The data broke a rule of a component (too many metadata combinations, ..).
    Invalid,
    /// The client exceeded its rate.
    RateLimited,
    /// No or wrong credentials.
    Unauthenticated,
    /// Credentials that do not suffice.
    PermissionDenied,
    /// A local file or socket failed.
    Io,
    /// A task of the component panicked.
    Panic,
}

impl Reason {
    /// Every reason, for declaring label values.
    pub const ALL: [Self; 16] = [
        Self::QueueFull,
        Self::MemoryLimit,
        Self::Stopping,
        Self::Timeout,
        Self::Unavailable,
        Self::Throttled,
        Self::Permanent,
        Self::TooLarge,
        Self::Unconvertible,
        Self::RetriesExhausted,
        Self::Invalid,
        Self::RateLimited,
        Self::Unauthenticated,
        Self::PermissionDenied,
        Self::Io,
        Self::Panic,
    ];

    /// The label value: lower case, words joined by underscores.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::MemoryLimit => "memory_limit",
            Self::Stopping => "stopping",
            Self::Timeout => "timeout",
            Self::Unavailable => "unavailable",
            Self::Throttled => "throttled",
            Self::Permanent => "permanent",
            Self::TooLarge => "too_large",
            Self::Unconvertible => "unconvertible",
            Self::RetriesExhausted => "retries_exhausted",
            Self::Invalid => "invalid",
            Self::RateLimited => "rate_limited",
            Self::Unauthenticated => "unauthenticated",
            Self::PermissionDenied => "permission_denied",
            Self::Io => "io",
            Self::Panic => "panic",
        }
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::QueueFull => "sending queue is full",
            Self::MemoryLimit => "data refused due to high memory usage",
            Self::Stopping => "the collector is stopping",
            Self::Timeout => "no verdict within the time to wait",
            Self::Unavailable => "the backend is not available",
            Self::Throttled => "the backend asked to slow down",
            Self::Permanent => "the backend refused the data for good",
            Self::TooLarge => "the data is too large for the backend",
            Self::Unconvertible => "the data has no form in the backend's format",
            Self::RetriesExhausted => "no more retries left",
            Self::Invalid => "the data breaks a rule of the component",
            Self::RateLimited => "the client exceeds its rate",
            Self::Unauthenticated => "no valid credentials",
            Self::PermissionDenied => "the credentials do not suffice",
            Self::Io => "a local file or socket failed",
            Self::Panic => "a task of the component panicked",
        })
    }
}

/// What a receiver answers for a refusal, in the words of gRPC and HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// The numeric gRPC status code.
    pub grpc: i32,
    /// The HTTP status code of OTLP, Zipkin and Jaeger receivers.
    pub http: u16,
    /// What goes into RetryInfo and `Retry-After`.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// A refusal of `items` items of `signal` that may be offered again.
    #[must_use]
    pub fn retryable(component: ComponentRef, signal: Signal, items: usize, reason: Reason) -> Self {
        Self { component, signal, items, class: Class::Retryable, reason, cause: None }
    }

    /// A refusal of `items` items of `signal` for good.
    #[must_use]
    pub fn permanent(component: ComponentRef, signal: Signal, items: usize, reason: Reason) -> Self {
        Self { component, signal, items, class: Class::Permanent, reason, cause: None }
    }

    /// The same refusal with what happened underneath.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.cause = Some(Arc::from(cause.into()));
        self
    }

    /// The same refusal that asks for a wait of at least `delay`.
    #[must_use]
    pub fn throttle(mut self, delay: Duration) -> Self {
        self.class = Class::ThrottleFor(delay);
        self
    }

    /// Whether the same data may be offered again.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        !matches!(self.class, Class::Permanent)
    }

    /// The answer that every receiver gives for this refusal: the one mapping of class and reason to gRPC
    /// and HTTP status codes.
    #[must_use]
    pub fn answer(&self) -> Answer {
        const DEADLINE_EXCEEDED: i32 = 4;
        const PERMISSION_DENIED: i32 = 7;
        const RESOURCE_EXHAUSTED: i32 = 8;
        const INTERNAL: i32 = 13;
        const UNAVAILABLE: i32 = 14;
        const UNAUTHENTICATED: i32 = 16;
        let (grpc, http, throttles) = match (self.class, self.reason) {
            (_, Reason::Unauthenticated) => (UNAUTHENTICATED, 401, false),
            (_, Reason::PermissionDenied) => (PERMISSION_DENIED, 403, false),
            (Class::Permanent, _) => (INTERNAL, 500, false),
            (_, Reason::RateLimited) => (RESOURCE_EXHAUSTED, 429, true),
            (_, Reason::Timeout) => (DEADLINE_EXCEEDED, 504, false),
            (Class::ThrottleFor(_), _) => (UNAVAILABLE, 503, true),
            (Class::Retryable, Reason::QueueFull | Reason::MemoryLimit | Reason::Stopping) => {
                (UNAVAILABLE, 503, true)
            }
            (Class::Retryable, _) => (UNAVAILABLE, 503, false),
        };
        let retry_after = throttles.then_some(match self.class {
            Class::ThrottleFor(delay) => delay,
            Class::Retryable | Class::Permanent => DEFAULT_RETRY_DELAY,
        });
        Answer { grpc, http, retry_after }
    }

    /// The refusal and its causes on one line, outermost first. This is what clients are told: text beyond 1 KiB is
    /// left out, and `...` says so.
    #[must_use]
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut next = Error::source(self);
        while let Some(cause) = next.filter(|_| text.len() <= MAX_TEXT) {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            next = cause.source();
        }
        shorten(&mut text);
        text
    }
}

/// Cuts a text that is too long between two characters.
fn shorten(text: &mut String) {
    const MARK: &str = "...";
    if text.len() > MAX_TEXT {
        let end = (0..=MAX_TEXT - MARK.len()).rev().find(|&at| text.is_char_boundary(at));
        text.truncate(end.unwrap_or(0));
        text.push_str(MARK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    fn refusal(said: String) -> Refusal {
        let exporter = ComponentRef::new(Kind::Exporter, "otlp/backend".parse().unwrap());
        Refusal::permanent(exporter, Signal::Traces, 2, Reason::Permanent).because(said)
    }

    #[test]
    fn what_a_backend_said_at_length_is_shortened_between_characters() {
        for said in
            ["x".repeat(64 << 10), "\u{fffd}".repeat(20 << 10), format!("x{}", "\u{fffd}".repeat(999))]
        {
            let text = refusal(said).chain();
            assert!(text.len() <= 1024 && text.len() > 1024 - 4, "{}", text.len());
            assert!(text.starts_with("exporters.otlp/backend refused 2 spans: "), "{text}");
            assert!(text.ends_with("..."), "{text}");
        }
    }

    #[test]
    fn a_short_chain_is_told_in_full() {
        let text = refusal("no".to_owned()).chain();
        assert_eq!(text, "exporters.otlp/backend refused 2 spans: the backend refused the data for good: no");
    }
}
