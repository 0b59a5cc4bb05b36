//! Files that patterns name.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sluice_config::{Check, Checker, Node, Problems, decode};

use super::ScrapeConfig;

/// Bytes of a file that are read at most.
const LARGEST: u64 = 64 << 20;

/// A file of `scrape_config_files`.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Jobs {
    scrape_configs: Vec<ScrapeConfig>,
}

impl Check for Jobs {
    fn check(&self, at: &mut Checker<'_>) {
        at.inside("scrape_configs", &self.scrape_configs);
    }
}

/// The jobs of all files that `pattern` names. A pattern without any file is no error.
///
/// # Errors
/// What is wrong with the pattern or with a file, with its place.
pub(in super::super) fn scrape_configs(pattern: &str) -> Result<Vec<ScrapeConfig>, String> {
    let mut all = Vec::new();
    for path in matching(pattern)? {
        let name = path.display().to_string();
        let text = read(&path).map_err(|error| format!("cannot read {name}: {error}"))?;
        let node = Node::from_yaml(&name, &text).map_err(|problems| problems.to_text())?;
        let mut problems = Problems::new();
        let jobs: Option<Jobs> = decode(&node, "", &mut problems);
        all.extend(jobs.ok_or_else(|| problems.to_text())?.scrape_configs);
    }
    Ok(all)
}

/// The files that `pattern` names, in the order of their names.
pub(in super::super) fn matching(pattern: &str) -> Result<Vec<PathBuf>, String> {
    let paths =
        glob::glob(pattern).map_err(|error| format!("`{pattern}` is no pattern of files: {error}"))?;
    Ok(paths.filter_map(Result::ok).collect())
}

/// The text of a file of bounded size.
pub(in super::super) fn read(path: &std::path::Path) -> std::io::Result<String> {
    use std::io::Read;
    let mut text = String::new();
    let read = std::fs::File::open(path)?.take(LARGEST + 1).read_to_string(&mut text)?;
    if read as u64 > LARGEST {
        return Err(std::io::Error::other(format!("it is larger than {LARGEST} bytes")));
    }
    Ok(text)
}
