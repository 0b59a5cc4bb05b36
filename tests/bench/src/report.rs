//! What is printed: one line for each contender, medians over the rounds.

use std::time::Duration;

use crate::{load::Sent, sink::Account};

/// One contender in one round.
pub(crate) struct Figures {
    pub(crate) contender: String,
    /// User and system time while the load was carried.
    pub(crate) cpu: Duration,
    pub(crate) sent: Sent,
    pub(crate) account: Account,
    /// From its start until it accepted a connection.
    pub(crate) ready: Duration,
    /// Resident bytes before the load.
    pub(crate) idle_memory: u64,
    /// Resident bytes at their highest.
    pub(crate) peak_memory: u64,
}

impl Figures {
    fn cpu_per_million(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / precise(self.sent.items)
    }

    fn rate(&self) -> f64 {
        precise(self.sent.items) / self.sent.seconds
    }

    fn lost(&self) -> u64 {
        self.sent.items.saturating_sub(self.account.items - self.account.duplicates)
    }
}

/// Each contender against the first of the relays that it can be compared with.
const REFERENCES: [&str; 3] = ["relay-bytes", "relay-bytes-gzip", "relay-decode"];

/// What edits, against the same that passes everything through.
const EDITS: [&str; 2] = ["sluice-resource", "sluice-attributes"];
const PASS_THROUGH: &str = "sluice";

pub(crate) fn print(figures: &[Figures], items: u64) {
    let mut names: Vec<&str> = Vec::new();
    for one in figures {
        if !names.contains(&one.contender.as_str()) {
            names.push(&one.contender);
        }
    }
    let of = |name: &str| figures.iter().filter(|one| one.contender == name).collect::<Vec<_>>();
    let cost = |name: &str| median(of(name).iter().map(|one| one.cpu_per_million()).collect());

    println!("medians of {} rounds of {items} spans", figures.len() / names.len().max(1));
    println!(
        "{:<18} {:>9} {:>15} {:>9} {:>9} {:>9} {:>8} {:>6} {:>10} {:>8}",
        "contender",
        "CPU-s/M",
        "(all rounds)",
        "items/s",
        "idle MiB",
        "peak MiB",
        "ready ms",
        "lost",
        "duplicates",
        "refused"
    );
    for name in &names {
        let rounds = of(name);
        let pick = |value: &dyn Fn(&Figures) -> f64| median(rounds.iter().map(|one| value(one)).collect());
        let sum = |value: &dyn Fn(&Figures) -> u64| rounds.iter().map(|one| value(one)).sum::<u64>();
        let lowest = rounds.iter().map(|one| one.cpu_per_million()).fold(f64::INFINITY, f64::min);
        let highest = rounds.iter().map(|one| one.cpu_per_million()).fold(0.0, f64::max);
        println!(
            "{name:<18} {:>9.2} {:>15} {:>9.0} {:>9.1} {:>9.1} {:>8.1} {:>6} {:>10} {:>8}",
            cost(name),
            format!("{lowest:.2}..{highest:.2}"),
            pick(&Figures::rate),
            pick(&|one| precise(one.idle_memory) / 1_048_576.0),
            pick(&|one| precise(one.peak_memory) / 1_048_576.0),
            pick(&|one| one.ready.as_secs_f64() * 1e3),
            sum(&Figures::lost),
            sum(&|one| one.account.duplicates),
            sum(&|one| one.sent.refused),
        );
    }
    for reference in REFERENCES.into_iter().filter(|reference| names.contains(reference)) {
        for name in names.iter().filter(|name| !REFERENCES.contains(name)) {
            println!("{name} / {reference}: {:.2}", cost(name) / cost(reference));
        }
    }
    for name in EDITS.into_iter().filter(|name| names.contains(name) && names.contains(&PASS_THROUGH)) {
        println!("{name} / {PASS_THROUGH}: {:.2}", cost(name) / cost(PASS_THROUGH));
    }
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Counts of a bench are far below 2^53.
#[expect(clippy::cast_precision_loss, reason = "see above")]
pub(crate) fn precise(count: u64) -> f64 {
    count as f64
}
