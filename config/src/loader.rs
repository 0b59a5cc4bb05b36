//! From locations to one tree: retrieve, merge, `--set`, expand.

mod expand;
mod location;
mod merge;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::io::{self, Read};

use crate::node::{Node, Value};
use crate::source::{Origin, Source};
use crate::{Problem, Problems, parse};
use expand::Expander;
use location::Retriever;

/// What the loader may ask of the world around it. Tests give a table.
pub trait Environment {
    /// The value of an environment variable; `None` when it is not set.
    fn variable(&self, name: &str) -> Option<String>;

    /// The content of a file, at most `limit` bytes of it. Paths are relative to the working directory.
    fn file(&self, path: &str, limit: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        std::fs::File::open(path)?.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// The environment of this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessEnvironment;

impl Environment for ProcessEnvironment {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
    }
}

impl<S: std::hash::BuildHasher> Environment for HashMap<String, String, S> {
    fn variable(&self, name: &str) -> Option<String> {
        self.get(name).cloned()
    }
}

impl Environment for BTreeMap<String, String> {
    fn variable(&self, name: &str) -> Option<String> {
        self.get(name).cloned()
    }
}

impl<const N: usize> Environment for [(&str, &str); N] {
    fn variable(&self, name: &str) -> Option<String> {
        self.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
    }
}

/// Fetches a URL with one GET: its body, or why there is none. It must bound the size and the time itself.
pub type Fetch<'a> = dyn Fn(&str) -> Result<String, String> + Send + Sync + 'a;

/// Reads a configuration from several places into one tree.
///
/// Sources are merged in the order in which they are given: sections key by key, anything else is replaced by the
/// later one. `--set` comes last. Then every `${...}` is expanded.
pub struct Loader<'a> {
    sources: Vec<From>,
    sets: Vec<String>,
    environment: Box<dyn Environment + Send + Sync + 'a>,
    fetch: Option<Box<Fetch<'a>>>,
    strict: bool,
}

enum From {
    Location(String),
    Text { name: String, text: String },
}

/// What [`Loader::load`] read.
#[derive(Debug)]
pub struct Loaded {
    /// The whole configuration, always a section.
    pub root: Node,
    /// What may not do what was meant, such as variables that are not set.
    pub warnings: Problems,
}

impl fmt::Debug for Loader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loader").field("sources", &self.sources.len()).field("strict", &self.strict).finish()
    }
}

impl Default for Loader<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> Loader<'a> {
    /// Reads nothing yet; the environment is that of the process.
    pub fn new() -> Self {
        Self {
            sources: Vec::new(),
            sets: Vec::new(),
            environment: Box::new(ProcessEnvironment),
            fetch: None,
            strict: false,
        }
    }

    /// Adds what `--config` takes: a path, or a URI with `file:`, `env:`, `yaml:`, `http:` or `https:`.
    #[must_use]
    pub fn source(mut self, location: impl Into<String>) -> Self {
        self.sources.push(From::Location(location.into()));
        self
    }

    /// Adds a text that is at hand, such as the built-in default.
    #[must_use]
    pub fn text(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        self.sources.push(From::Text { name: name.into(), text: text.into() });
        self
    }

    /// Adds what `--set` takes: `key.path=value`, the value in YAML.
    #[must_use]
    pub fn set(mut self, assignment: impl Into<String>) -> Self {
        self.sets.push(assignment.into());
        self
    }

    /// Asks this environment instead of the process's.
    #[must_use]
    pub fn environment(mut self, environment: impl Environment + Send + Sync + 'a) -> Self {
        self.environment = Box::new(environment);
        self
    }

    /// Says how to fetch `http:` and `https:` URIs; without it they are not supported.
    #[must_use]
    pub fn http(mut self, fetch: impl Fn(&str) -> Result<String, String> + Send + Sync + 'a) -> Self {
        self.fetch = Some(Box::new(fetch));
        self
    }

    /// Makes each variable that is not set an error.
    #[must_use]
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// Reads, merges and expands. Every source is read even when one before it has problems.
    ///
    /// Blocks on files and on the fetch function.
    pub fn load(&self) -> Result<Loaded, Problems> {
        let mut problems = Problems::new();
        if self.sources.is_empty() {
            problems.push(Problem::error("", "at least one config flag must be provided"));
        }
        let retriever = Retriever { environment: &*self.environment, fetch: self.fetch.as_deref() };
        let mut root = Node::empty_map();
        for source in &self.sources {
            match retrieve(&retriever, source) {
                Ok(node) => merge::merge(&mut root, node, "", &mut problems),
                Err(found) => problems.append(found),
            }
        }
        for assignment in &self.sets {
            match set(assignment) {
                Ok(node) => merge::merge(&mut root, node, "", &mut problems),
                Err(found) => problems.append(found),
            }
        }
        // With a source missing, what is left may refer to things that are not there: say only what is certain.
        if problems.has_errors() {
            return Err(problems);
        }
        let mut expander = Expander::new(&retriever, self.strict, &mut problems);
        let root = expander.expand(root, "");
        if problems.has_errors() { Err(problems) } else { Ok(Loaded { root, warnings: problems }) }
    }
}

fn retrieve(retriever: &Retriever<'_>, from: &From) -> Result<Node, Problems> {
    let source = match from {
        From::Location(location) => retriever.open(location).map_err(|text| Problem::error("", text))?,
        From::Text { name, text } => Source::new(name.as_str(), text.as_str()),
    };
    let root = merge::split_keys(parse::parse(&source, &Origin::File)?)?;
    let kind = match root.value() {
        Value::Map(_) => return Ok(root),
        Value::Null => return Ok(Node::empty_map()),
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Float(_) => "float64",
        Value::String(_) => "string",
        Value::Seq(_) => "[]interface {}",
    };
    let text = format!("retrieved value (type={kind}) cannot be used as a Conf");
    Err(Problem::error("", text).at(root.span()).help("a configuration is a section of `key: value`").into())
}

/// `a.b=1` as the tree of `a: {b: 1}`.
fn set(assignment: &str) -> Result<Node, Problems> {
    let Some((path, value)) = assignment.split_once('=') else {
        return Err(Problem::error("", format!("--set {assignment}: missing equal sign")).into());
    };
    let source = Source::new(format!("--set {path}"), value);
    let value = parse::parse(&source, &Origin::Set)?;
    let mut root = Node::empty_map();
    root.set(&path.replace('.', "::"), value);
    merge::split_keys(root)
}

#[cfg(test)]
mod tests;
