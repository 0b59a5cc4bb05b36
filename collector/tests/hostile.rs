//! Configurations made to cost much are told what is wrong with them, within little memory. In a process of its own, for
//! its peak is what is measured. How long each takes is printed: docs/performance.md has the figures.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use std::{fmt::Write, fs, time::Instant};

use sluice::{components, plan::Plan};
use sluice_config::{Loader, Problems, Reach};

/// The most memory that this process ever had resident.
fn peak() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |mut text, n| {
        writeln!(text, "{}", line(n)).unwrap();
        text
    })
}

/// Each pipeline feeds the next through a connector of its own, and the last one the first.
fn circle_of_connectors() -> String {
    let count = 2000;
    format!(
        "receivers: {{nop: }}\nexporters: {{nop: }}\nconnectors:\n{}service:\n  pipelines:\n    \
         traces: {{receivers: [nop], exporters: [nop]}}\n{}",
        lines(count, |n| format!("  forward/{n}:")),
        lines(count, |n| {
            let next = (n + 1) % count;
            format!("    traces/{n}: {{receivers: [forward/{n}], exporters: [forward/{next}]}}")
        }),
    )
}

fn bad_headers() -> String {
    format!(
        "receivers: {{nop: }}\nexporters:\n  otlp_grpc:\n    endpoint: localhost:4317\n    headers:\n{}\
         service: {{pipelines: {{traces: {{receivers: [nop], exporters: [otlp_grpc]}}}}}}\n",
        lines(20_000, |n| format!("      'no name {n}': x")),
    )
}

fn pipelines() -> String {
    format!(
        "receivers: {{nop: }}\nexporters: {{nop: }}\nservice:\n  pipelines:\n{}",
        lines(10_000, |n| format!("    traces/{n}: {{receivers: [nop, none], exporters: [nop]}}")),
    )
}

/// Suggestions are looked for among all the others.
fn near_misses() -> String {
    format!(
        "receivers:\n{}exporters: {{nop: }}\nservice:\n  pipelines:\n{}",
        lines(200, |n| format!("  nop/{}receiver_{n}:", "x".repeat(10))),
        lines(10_000, |n| format!(
            "    traces/{n}: {{receivers: [nop/{}reciever_{n}], exporters: [nop]}}",
            "y".repeat(10)
        )),
    )
}

/// The same among the keys of one section.
fn unknown_keys() -> String {
    format!(
        "receivers: {{nop: }}\nexporters:\n  otlp_grpc:\n    endpoint: localhost:4317\n{}\
         service: {{pipelines: {{traces: {{receivers: [nop], exporters: [otlp_grpc]}}}}}}\n",
        lines(20_000, |n| format!("    {}{n}: x", "z".repeat(100))),
    )
}

#[test]
fn i17_what_is_wrong_with_a_hostile_configuration_is_told_within_64_mib() {
    let registry = components::full();
    for (name, yaml, expected) in [
        ("2000 connectors in a circle", circle_of_connectors(), "cycle detected"),
        ("20,000 bad headers", bad_headers(), "no name 0"),
        (
            "10,000 pipelines with a fault each",
            pipelines(),
            "references receiver \"none\" which is not configured",
        ),
        ("10,000 names that are almost right", near_misses(), "which is not configured"),
        ("20,000 unknown keys", unknown_keys(), "unknown key"),
    ] {
        let start = Instant::now();
        let loaded = Loader::new().text("hostile.yaml", &yaml).load().unwrap();
        let mut problems = Problems::new();
        assert!(Plan::read(&registry, loaded.root, Reach::Machine, &mut problems).is_none(), "{name}");
        let text = problems.to_text();
        println!(
            "{name}: {:?}, {} problems, peak {} MiB",
            start.elapsed(),
            problems.error_count(),
            peak() >> 20
        );
        assert!(text.contains(expected) && text.contains("--> hostile.yaml:"), "{name}: {text}");
        assert!(text.len() < 1 << 20, "{name}: {} bytes", text.len());
    }
    assert!(peak() < 64 << 20, "{} MiB", peak() >> 20);
}
