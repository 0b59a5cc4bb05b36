//! What was sent, accepted and refused.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use sluice_pdata::Signal;
use tokio::time::Instant;

use super::sender::Verdict;

/// Reasons that are told apart. Backends may word each refusal in another way.
const MOST_REASONS: usize = 20;
const OTHERS: &str = "other reasons";

/// The books of a run. Cloning shares them.
#[derive(Debug, Clone)]
pub(super) struct Report {
    signal: Signal,
    seed: u64,
    start: Instant,
    books: Arc<Mutex<Books>>,
}

#[derive(Debug)]
struct Books {
    sent: u64,
    accepted: u64,
    refused: BTreeMap<String, u64>,
    /// The last progress: when, and what had been accepted.
    told: (Instant, u64),
}

impl Report {
    pub(super) fn new(signal: Signal, seed: u64) -> Self {
        let start = Instant::now();
        let books = Books { sent: 0, accepted: 0, refused: BTreeMap::new(), told: (start, 0) };
        Self { signal, seed, start, books: Arc::new(Mutex::new(books)) }
    }

    /// Books a request that goes out.
    pub(super) fn sends(&self, items: usize) {
        self.books().sent += items as u64;
    }

    /// Books what became of it.
    pub(super) fn settles(&self, verdict: Verdict) {
        let mut books = self.books();
        books.accepted += verdict.accepted;
        for (reason, items) in verdict.refused {
            let is_new = !books.refused.contains_key(&reason);
            let reason =
                if is_new && books.refused.len() >= MOST_REASONS { OTHERS.to_owned() } else { reason };
            *books.refused.entry(reason).or_default() += items;
        }
    }

    pub(super) fn has_refused(&self) -> bool {
        !self.books().refused.is_empty()
    }

    /// One line: all so far, and how many per second were accepted since the last line.
    pub(super) fn progress(&self) -> String {
        let mut books = self.books();
        let now = Instant::now();
        let (before, accepted) = books.told;
        let rate = (books.accepted - accepted) as f64 / (now - before).as_secs_f64();
        books.told = (now, books.accepted);
        let seconds = (now - self.start).as_secs_f64();
        let Books { sent, accepted, .. } = *books;
        format!("{seconds:.0}s  sent {sent}  accepted {accepted}  refused {}  {rate:.1}/s\n", books.refused())
    }

    /// All of it, when it has just ended.
    pub(super) fn summary(&self) -> String {
        let books = self.books();
        let seconds = self.start.elapsed().as_secs_f64();
        let rate = if seconds > 0.0 { books.accepted as f64 / seconds } else { 0.0 };
        let mut text = format!(
            "sent      {} {} in {seconds:.1}s\naccepted  {} ({rate:.1}/s)\nrefused   {}\n",
            books.sent,
            self.signal.item_noun(),
            books.accepted,
            books.refused(),
        );
        for (reason, items) in &books.refused {
            // Writing to a string cannot fail.
            writeln!(text, "          {items}: {reason}").unwrap_or_default();
        }
        writeln!(text, "seed      {}", self.seed).unwrap_or_default();
        text
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Books {
    fn refused(&self) -> u64 {
        self.refused.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_summary_has_every_item_and_why_it_was_refused() {
        let report = Report::new(Signal::Traces, 7);
        report.sends(100);
        tokio::time::sleep(Duration::from_secs(2)).await;
        report.settles(Verdict { accepted: 60, refused: vec![("no".to_owned(), 40)] });
        assert!(report.has_refused());
        assert_eq!(report.progress(), "2s  sent 100  accepted 60  refused 40  30.0/s\n");
        let summary = "sent      100 spans in 2.0s\naccepted  60 (30.0/s)\nrefused   40\n          40: no\nseed      7\n";
        assert_eq!(report.summary(), summary);
    }

    #[tokio::test(start_paused = true)]
    async fn a_backend_that_words_each_refusal_anew_does_not_fill_memory() {
        let report = Report::new(Signal::Logs, 0);
        for n in 0..1000 {
            report.settles(Verdict { accepted: 0, refused: vec![(format!("no. {n}"), 1)] });
        }
        assert_eq!(report.books().refused.len(), MOST_REASONS + 1);
        assert!(
            report.summary().contains("refused   1000\n") && report.summary().contains("980: other reasons")
        );
    }
}
