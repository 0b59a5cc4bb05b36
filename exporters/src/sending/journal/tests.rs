use std::{io, sync::Arc};

use sluice_component::{Kind, testkit::component};
use tracing_subscriber::fmt::MakeWriter;

use super::*;

#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl io::Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Captured {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Captured {
    fn lines(&self) -> Vec<String> {
        let bytes = self.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }
}

fn captured() -> (Captured, Journal, tracing::subscriber::DefaultGuard) {
    let captured = Captured::default();
    let subscriber = tracing_subscriber::fmt().with_writer(captured.clone()).with_ansi(false).without_time();
    let guard = tracing::subscriber::set_default(subscriber.finish());
    (captured, Journal::new(component(Kind::Exporter, "otlp/a"), Signal::Logs), guard)
}

#[tokio::test(start_paused = true)]
async fn e19_ten_minutes_of_outage_are_at_most_25_lines() {
    let (captured, journal, _guard) = captured();
    let busy = |journal: &Journal, second: u64| {
        for _ in 0..100 {
            journal.note(Event::Retry, Some(Reason::Unavailable), 10, || "refused".to_owned());
            journal.note(Event::Full, Some(Reason::QueueFull), 10, || "full".to_owned());
            if second > 300 {
                journal.note(Event::Dropped, Some(Reason::RetriesExhausted), 10, || "refused".to_owned());
            }
        }
    };
    for second in 0..600 {
        busy(&journal, second);
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    journal.flush();
    let lines = captured.lines();
    assert!((10..=25).contains(&lines.len()), "{lines:#?}");
    let dropped = |line: &str| -> u64 {
        line.split("dropped_items=").nth(1).map_or(0, |rest| rest.split(' ').next().unwrap().parse().unwrap())
    };
    assert_eq!(lines.iter().map(|line| dropped(line)).sum::<u64>(), 299 * 100 * 10);
}

#[tokio::test(start_paused = true)]
async fn the_first_line_comes_at_once_and_names_the_exporter() {
    let (captured, journal, _guard) = captured();
    journal.note(Event::Dropped, Some(Reason::Permanent), 3, || "status 400".to_owned());
    let lines = captured.lines();
    assert_eq!(lines.len(), 1);
    for part in
        ["ERROR", "component=exporters.otlp/a", "reason=\"permanent\"", "dropped_items=3", "status 400"]
    {
        assert!(lines[0].contains(part), "{part} in {}", lines[0]);
    }
}

#[tokio::test(start_paused = true)]
async fn e7_a_large_answer_is_logged_once_and_cut_at_64_kib() {
    let (captured, journal, _guard) = captured();
    for _ in 0..100 {
        journal.note(Event::Dropped, Some(Reason::Permanent), 1, || "x".repeat(1 << 20));
        tokio::time::advance(Duration::from_secs(5)).await;
    }
    let lines = captured.lines();
    let large = lines.iter().filter(|line| line.len() > 2000).collect::<Vec<_>>();
    assert!(lines.len() > 1 && large.len() == 1 && large[0].len() < (64 << 10) + 500);
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_was_silent_for_long_starts_anew() {
    let (captured, journal, _guard) = captured();
    for _ in 0..3 {
        journal.note(Event::Retry, Some(Reason::Timeout), 1, || "late".to_owned());
        tokio::time::advance(LONGEST_SILENCE).await;
    }
    assert_eq!(captured.lines().len(), 3);
}

#[test]
fn i15_control_characters_are_escaped() {
    assert_eq!(printable("a\n\u{1b}[31mb\u{7f}é", 100), r"a\n\u{1b}[31mb\u{7f}é");
}
