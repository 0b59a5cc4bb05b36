//! What is wrong with a configuration, and the collection of all of it.

mod render;

pub(crate) use render::{escape, is_reference, is_sensitive};

use std::collections::HashSet;
use std::fmt;

use crate::source::Span;

/// How bad a [`Problem`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The configuration cannot be used.
    Error,
    /// It can be used, but may not do what was meant.
    Warning,
}

/// The step of reading at which something is found. otelcol stops after each; here all are told at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The tree does not have the form of a configuration: unknown keys and types, values of another kind.
    Decode,
    /// It has, but what it says cannot be done.
    Check,
}

/// One thing that is wrong, with its place.
#[derive(Debug, Clone)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// When it is found.
    pub step: Step,
    /// The YAML path, `receivers.otlp.protocols.grpc`; empty for the whole configuration.
    pub path: String,
    /// What is wrong, without the path and without a final dot.
    pub message: String,
    /// Where it was written.
    pub span: Option<Span>,
    /// What to do, printed after the carets: ``did you mean `endpoint`?``.
    pub help: Option<String>,
    /// Further facts, each printed on a line of its own after ` = `.
    pub notes: Vec<String>,
    /// A variable that was not set, if that is what a warning is about.
    pub(crate) unset: Option<Box<str>>,
}

/// Names among which a suggestion is looked for. With more of them nobody can have meant one, and every problem of a
/// hostile configuration would search them all.
const SEARCHED: usize = 200;

impl Problem {
    /// An error of the form, at a YAML path.
    pub fn malformed(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { step: Step::Decode, ..Self::error(path, message) }
    }

    /// An error at a YAML path.
    pub fn error(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            step: Step::Check,
            path: path.into(),
            message: message.into(),
            span: None,
            help: None,
            notes: Vec::new(),
            unset: None,
        }
    }

    /// A warning at a YAML path.
    pub fn warning(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(path, message) }
    }

    /// Says where it was written.
    #[must_use]
    pub fn at(mut self, span: Option<&Span>) -> Self {
        self.span = span.cloned();
        self
    }

    /// Adds what is printed after the carets.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a line after ` = `.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    /// Suggests the nearest of the `known` names, or lists them all when none is near.
    #[must_use]
    pub fn suggest<'a>(
        self,
        word: &str,
        what: &str,
        known: impl IntoIterator<Item = &'a str, IntoIter: Clone>,
    ) -> Self {
        let known = known.into_iter();
        if known.clone().nth(SEARCHED).is_some() {
            return self;
        }
        match crate::closest(word, known.clone()) {
            Some(near) => self.help(format!("did you mean `{near}`?")),
            None => self.list(what, known),
        }
    }

    /// Lists the `known` names, if they are few.
    #[must_use]
    pub fn list<'a>(self, what: &str, known: impl IntoIterator<Item = &'a str, IntoIter: Clone>) -> Self {
        const LISTED: usize = 40;
        let known = known.into_iter();
        if known.clone().nth(SEARCHED).is_some() {
            return self;
        }
        let mut names: Vec<&str> = known.collect();
        names.sort_unstable();
        let more = names.len().saturating_sub(LISTED);
        names.truncate(LISTED);
        match (names.is_empty(), more) {
            (true, _) => self,
            (false, 0) => self.note(format!("{what}: {}", names.join(", "))),
            (false, _) => self.note(format!("{what}: {} and {more} more", names.join(", "))),
        }
    }
}

/// The error line alone, without the place.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = if self.path.is_empty() {
            self.message.clone()
        } else {
            format!("{}: {}", self.path, self.message)
        };
        f.write_str(&render::escape(&text))
    }
}

/// All that is wrong. Prints every problem in file order.
#[derive(Debug, Clone, Default)]
pub struct Problems {
    list: Vec<Problem>,
    /// Places of secrets, which no excerpt may show.
    secrets: Vec<Span>,
}

impl Problems {
    /// None so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one.
    pub fn push(&mut self, problem: Problem) {
        self.list.push(problem);
    }

    /// Adds all of another collection.
    pub fn append(&mut self, other: Problems) {
        self.list.extend(other.list);
        self.secrets.extend(other.secrets);
    }

    /// Says that all of these were found at `step`.
    pub(crate) fn all_of(&mut self, step: Step) {
        for problem in &mut self.list {
            problem.step = step;
        }
    }

    /// Adds those of another collection that are not here yet.
    pub(crate) fn merge(&mut self, other: Problems) {
        type Key<'a> = (Option<(u32, u32, u32)>, &'a str, &'a str);
        fn key(problem: &Problem) -> Key<'_> {
            (problem.span.as_ref().map(Span::order), &problem.path, &problem.message)
        }
        let mut seen: HashSet<Key<'_>> = self.list.iter().map(key).collect();
        let fresh: Vec<bool> = other.list.iter().map(|problem| seen.insert(key(problem))).collect();
        let news = other.list.into_iter().zip(fresh).filter(|(_, fresh)| *fresh);
        self.list.extend(news.map(|(problem, _)| problem));
        self.secrets.extend(other.secrets);
    }

    /// True when there is neither an error nor a warning.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Errors and warnings.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// True while so few were found that each will be printed: what takes long to find out is for those.
    pub fn are_few(&self) -> bool {
        self.list.len() < render::PRINTED
    }

    /// True when at least one is an error.
    pub fn has_errors(&self) -> bool {
        self.error_count() > 0
    }

    /// How many are errors.
    pub fn error_count(&self) -> usize {
        self.list.iter().filter(|p| p.severity == Severity::Error).count()
    }

    /// How many are warnings, without those that an error speaks of as well.
    pub fn warning_count(&self) -> usize {
        self.in_order().iter().filter(|p| p.severity == Severity::Warning).count()
    }

    /// All of them, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.list.iter()
    }

    /// All of them in file order: by source as they were read, then by line and column; those without a place last.
    ///
    /// A warning about an unset variable is left out when an error at the same place speaks of it.
    pub fn in_order(&self) -> Vec<&Problem> {
        let mut list: Vec<&Problem> = self.list.iter().filter(|p| !self.is_told(p)).collect();
        list.sort_by_key(|p| (p.span.is_none(), p.span.as_ref().map(Span::order)));
        list
    }

    fn is_told(&self, warning: &Problem) -> bool {
        let Some(name) = &warning.unset else { return false };
        let name = format!("`{name}`");
        let at_same_place = |p: &Problem| match (&p.span, &warning.span) {
            (Some(outer), Some(inner)) => outer.contains(inner),
            _ => false,
        };
        warning.severity == Severity::Warning
            && self.list.iter().any(|p| {
                p.severity == Severity::Error
                    && at_same_place(p)
                    && p.notes.iter().chain([&p.message]).any(|text| text.contains(&name))
            })
    }

    /// Marks a place that excerpts must not show.
    pub(crate) fn hide(&mut self, span: Option<&Span>) {
        self.secrets.extend(span.cloned());
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self { list: vec![problem], secrets: Vec::new() }
    }
}

impl Extend<Problem> for Problems {
    fn extend<I: IntoIterator<Item = Problem>>(&mut self, problems: I) {
        self.list.extend(problems);
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

impl std::error::Error for Problems {}

#[cfg(test)]
mod tests;
