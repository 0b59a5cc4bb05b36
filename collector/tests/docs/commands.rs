//! The lines `$ sluice ...`, and what is shown below them.

use std::{
    path::PathBuf,
    process::{Command, Output},
};

use crate::pages::{Block, root};

/// Commands that print the same wherever they run.
const REPEATABLE: &[&str] = &["components", "featuregate", "graph", "print-config", "validate", "version"];

/// A command of a page.
pub(crate) struct Shown {
    place: String,
    /// Behind `sluice`.
    words: Vec<String>,
    /// What the page says that it prints; nothing where the page does not say.
    prints: String,
}

/// Up to a comment, a pipe, or whatever else is the shell's. Variables may be set before the name.
pub(crate) fn of_sluice(block: &Block) -> Vec<Shown> {
    let mut shown: Vec<Option<Shown>> = Vec::new();
    for line in block.text.lines().filter(|_| block.info == "console") {
        if let Some(line) = line.strip_prefix("$ ") {
            shown.push(words(line).map(|words| Shown {
                place: block.place.clone(),
                words,
                prints: String::new(),
            }));
        } else if let Some(Some(last)) = shown.last_mut() {
            last.prints += line;
            last.prints.push('\n');
        }
    }
    shown.into_iter().flatten().collect()
}

fn words(line: &str) -> Option<Vec<String>> {
    let mut words = line.split_whitespace().skip_while(|word| word.contains('='));
    let is_ours = words.next()?.rsplit('/').next() == Some("sluice");
    let unquoted = |word: &str| word.trim_matches(['\'', '"']).to_owned();
    is_ours.then(|| words.take_while(|word| !"#|&;<>".contains(&word[..1])).map(unquoted).collect())
}

/// The command line reads its words in their order, and `--help` behind them ends it well only if it knew them all.
pub(crate) fn fault_of(shown: &Shown) -> Option<String> {
    let line = shown.words.join(" ");
    let fault = |text: &str| Some(format!("{}: `{line}`: {text}", shown.place));
    if let Some(file) =
        shown.words.iter().find(|word| word.starts_with("examples/") && !root().join(word).exists())
    {
        return fault(&format!("no file {file}"));
    }
    let done = run(&[&shown.words[..], &["--help".to_owned()]].concat(), root().to_owned());
    if !done.status.success() {
        return fault(&String::from_utf8_lossy(&done.stderr));
    }
    if shown.prints.is_empty() || !shown.words.iter().any(|word| REPEATABLE.contains(&word.as_str())) {
        return None;
    }
    let done = run(&shown.words, folder_of(&shown.words));
    let printed = String::from_utf8([done.stderr, done.stdout].concat()).unwrap();
    if printed == shown.prints { None } else { fault(&format!("prints\n{printed}")) }
}

/// Pages show what is said of the gathered configurations as if they lay at hand.
fn folder_of(words: &[String]) -> PathBuf {
    let gathered = root().join("config/testdata/otelcol-configs");
    if words.iter().any(|word| gathered.join(word).is_file()) { gathered } else { root().to_owned() }
}

fn run(words: &[String], folder: PathBuf) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sluice")).args(words).current_dir(folder).output().unwrap()
}
