//! What an exporter writes into the log: the first of a kind at once, its repetitions as counts.

use std::{
    collections::BTreeMap,
    error::Error,
    fmt::Write as _,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use sluice_component::{ComponentRef, Reason};
use sluice_pdata::Signal;
use tokio::time::Instant;

/// Silence after the first line of a kind; doubled after each further one.
const FIRST_SILENCE: Duration = Duration::from_secs(10);
/// The longest silence. A kind that did not occur for so long starts anew.
const LONGEST_SILENCE: Duration = Duration::from_secs(300);
/// Most bytes of an error in the first line of a kind, in which a backend's whole answer may stand.
const FIRST_ERROR: usize = 64 << 10;
/// Most bytes of an error in later lines.
const LATER_ERROR: usize = 1 << 10;

/// What happened to a request or batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    /// It will be tried again.
    Retry,
    /// It was owned and is lost.
    Dropped,
    /// It was not owned; the caller was refused.
    Refused,
    /// The queue did not take it.
    Full,
    /// The backend rejected some of its items.
    Rejected,
    /// The backend took it and had something to say.
    Message,
}

/// The log of one exporter.
#[derive(Debug)]
pub(super) struct Journal {
    component: ComponentRef,
    signal: Signal,
    kinds: Mutex<BTreeMap<(Event, Option<Reason>), Kind>>,
}

/// What is known of one kind of event.
#[derive(Debug)]
struct Kind {
    last: Instant,
    silent_until: Instant,
    silence: Duration,
    /// Events and items since the last line.
    unsaid: (u64, u64),
}

impl Journal {
    pub(super) fn new(component: ComponentRef, signal: Signal) -> Self {
        Self { component, signal, kinds: Mutex::default() }
    }

    /// Notes one event. `text` says what happened underneath; it is only asked for when a line is written.
    pub(super) fn note(
        &self,
        event: Event,
        reason: Option<Reason>,
        items: usize,
        text: impl FnOnce() -> String,
    ) {
        let now = Instant::now();
        let (unsaid, limit) = {
            let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
            let new = Kind { last: now, silent_until: now, silence: FIRST_SILENCE, unsaid: (0, 0) };
            let kind = kinds.entry((event, reason)).or_insert(new);
            if now - kind.last >= LONGEST_SILENCE {
                kind.silence = FIRST_SILENCE;
            }
            kind.last = now;
            kind.unsaid.0 += 1;
            kind.unsaid.1 += items as u64;
            if now < kind.silent_until {
                return;
            }
            let first = kind.silence == FIRST_SILENCE;
            kind.silent_until = now + kind.silence;
            kind.silence = (kind.silence * 2).min(LONGEST_SILENCE);
            (std::mem::take(&mut kind.unsaid), if first { FIRST_ERROR } else { LATER_ERROR })
        };
        self.write(event, reason, unsaid, &printable(&text(), limit));
    }

    /// Tells what was not told yet.
    pub(super) fn flush(&self) {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        for (&(event, reason), kind) in kinds.iter_mut() {
            let unsaid = std::mem::take(&mut kind.unsaid);
            if unsaid.0 > 0 {
                self.write(event, reason, unsaid, "as before");
            }
        }
    }

    /// The last word: what was still held when time was up.
    pub(super) fn lost(&self, items: usize) {
        tracing::error!(
            component = %self.component, signal = %self.signal, dropped_items = items,
            "stopped before everything was sent, the rest is lost"
        );
    }

    fn write(&self, event: Event, reason: Option<Reason>, (events, items): (u64, u64), error: &str) {
        let (component, signal) = (&self.component, self.signal);
        let reason = reason.map(Reason::as_str);
        match event {
            Event::Retry => {
                tracing::warn!(%component, %signal, reason, events, items, error, "Exporting failed. Will retry the request after interval.");
            }
            Event::Dropped => {
                let dropped_items = items;
                tracing::error!(%component, %signal, reason, events, dropped_items, error, "Exporting failed. Dropping data.");
            }
            Event::Refused => {
                tracing::warn!(%component, %signal, reason, events, items, error, "Exporting failed. Rejecting data.");
            }
            Event::Full => {
                tracing::warn!(%component, %signal, reason, events, items, error, "refusing data");
            }
            Event::Rejected => {
                let message = error;
                tracing::warn!(%component, %signal, events, rejected_items = items, message, "partial success response");
            }
            Event::Message => {
                let message = error;
                tracing::info!(%component, %signal, events, message, "partial success response");
            }
        }
    }
}

/// An error and its causes on one line, outermost first.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        // Writing to a string cannot fail.
        write!(text, ": {cause}").unwrap_or_default();
        next = cause.source();
    }
    text
}

/// The text on one line of at most `limit` bytes, with nothing in it that a terminal would obey.
fn printable(text: &str, limit: usize) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if out.len() >= limit {
            out.push_str("..");
            break;
        }
        if c.is_control() { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

#[cfg(test)]
mod tests;
