//! Hostile configurations cost little memory. In a process of its own, for its peak is what is measured.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of a test")]

use std::io::Write;

use sluice_config::Loader;

/// The most memory that this process ever had resident.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

/// A file of `times` times `piece`, never whole in memory.
fn file(piece: &str, times: usize) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let chunk = piece.repeat(1 + (1 << 16) / piece.len());
    let mut left = piece.len() * times;
    while left > 0 {
        let part = &chunk.as_bytes()[..left.min(chunk.len() / piece.len() * piece.len())];
        file.write_all(part).unwrap();
        left -= part.len();
    }
    file
}

#[test]
#[cfg(target_os = "linux")]
fn i17_hostile_configurations_are_refused_with_a_line_within_64_mib() {
    let bomb = (0..40).fold("a0: &a0 {k: [x, y]}\n".to_owned(), |yaml, n| {
        format!("{yaml}a{m}: &a{m} {{<<: *a{n}, b: [*a{n}, *a{n}, *a{n}, *a{n}]}}\n", m = n + 1)
    });
    let keys: String = (0..400_000).map(|n| format!("k{n}: 1\n")).collect();
    for (name, file) in [
        ("100 MiB", file("key: value\n", 100 << 20 >> 3)),
        ("100 MiB on one line", file("x", 100 << 20)),
        ("values", file("- x\n", 1 << 20)),
        ("sections", file("- {a: 1}\n", 300_000)),
        ("keys", file(&keys, 1)),
        ("duplicate keys", file("k: 1\n", 500_000)),
        ("depth", file("[", 4 << 20)),
        ("questions", file("? ", 2 << 20)),
        ("anchors", file("- &a [x]\n", 400_000)),
        ("bomb", file(&bomb, 1)),
        ("quotes", file("\"", 4 << 20)),
        ("tabs", file("a:\n\tb: 1\n", 400_000)),
        ("colons", file(":", 4 << 20)),
    ] {
        let start = std::time::Instant::now();
        let problems = Loader::new().source(file.path().to_str().unwrap()).load().unwrap_err();
        assert!(problems.iter().any(|p| p.span.is_some()), "{name}: {problems}");
        let text = problems.to_text();
        assert!(text.len() < 1 << 16, "{name}: {} bytes", text.len());
        println!(
            "{name}: {:?}, peak {} MiB; {}",
            start.elapsed(),
            peak() >> 20,
            text.lines().next().unwrap()
        );
    }
    assert!(peak() < 64 << 20, "{} MiB", peak() >> 20);
}
