//! The lines `$ sluice ...`.

use std::process::Command;

use crate::pages::{Block, root};

/// A line of a page, and the words behind `sluice`.
pub(crate) struct Shown {
    place: String,
    words: Vec<String>,
}

/// Up to a comment, a pipe, or whatever else is the shell's. Variables may be set before the name.
pub(crate) fn of_sluice(block: &Block) -> Vec<Shown> {
    let lines = block.text.lines().filter_map(|line| line.strip_prefix("$ "));
    lines
        .filter(|_| block.info == "console")
        .filter_map(|line| {
            let mut words = line.split_whitespace().skip_while(|word| word.contains('='));
            let is_ours = words.next()?.rsplit('/').next() == Some("sluice");
            let words = words.take_while(|word| !"#|&;<>".contains(&word[..1])).map(unquoted).collect();
            is_ours.then(|| Shown { place: block.place.clone(), words })
        })
        .collect()
}

fn unquoted(word: &str) -> String {
    word.trim_matches(['\'', '"']).to_owned()
}

/// The command line reads its words in their order, and `--help` behind them ends it well only if it knew them all.
pub(crate) fn fault_of(shown: &Shown) -> Option<String> {
    let line = shown.words.join(" ");
    let missing =
        shown.words.iter().find(|word| word.starts_with("examples/") && !root().join(word).exists());
    if let Some(file) = missing {
        return Some(format!("{}: `{line}`: no file {file}", shown.place));
    }
    let done = Command::new(env!("CARGO_BIN_EXE_sluice")).args(&shown.words).arg("--help").output().unwrap();
    let told = String::from_utf8_lossy(&done.stderr);
    (!done.status.success()).then(|| format!("{}: `{line}`: {told}", shown.place))
}
