//! Rules between settings that a type alone cannot say.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::path::join;
use crate::source::Span;
use crate::{ComponentId, Node, Problem, Problems, Severity};

/// Settings that can say what is wrong with them once they are decoded.
///
/// A type without rules opts in with an empty `impl`. Nested settings are checked by the one around them:
/// [`Checker::inside`] for those under a key of their own, `self.client.check(at)` for squashed ones.
pub trait Check {
    /// Reports each broken rule to `at`.
    fn check(&self, at: &mut Checker<'_>) {
        let _nothing_to_check = at;
    }
}

/// How far checks look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// Nowhere: settings are decoded and nothing more.
    Form,
    /// At the settings alone: the answer is the same on every machine.
    #[default]
    Settings,
    /// Also at this machine: whether files are there and of use. For what is about to be started here.
    Machine,
}

/// A section while it is checked: knows where its keys were written.
#[derive(Debug)]
pub struct Checker<'a> {
    /// `None` below a key that was not written.
    node: Option<&'a Node>,
    /// Where to point for keys that were not written.
    span: Option<&'a Span>,
    path: String,
    problems: &'a mut Problems,
    /// Values that already have a problem.
    told: &'a HashSet<usize>,
    silent: bool,
    reach: Reach,
}

impl<'a> Checker<'a> {
    pub(crate) fn new(
        node: &'a Node,
        path: &str,
        problems: &'a mut Problems,
        told: &'a HashSet<usize>,
        reach: Reach,
    ) -> Self {
        Self {
            node: Some(node),
            span: node.span(),
            path: path.to_owned(),
            problems,
            told,
            silent: false,
            reach,
        }
    }

    /// Whether checks look at this machine's files, which they must not do otherwise.
    #[must_use]
    pub fn sees_machine(&self) -> bool {
        self.reach == Reach::Machine
    }

    /// The key a problem is about. What was not written is shown at the section around it.
    pub fn key(&mut self, key: &str) -> At<'_> {
        At { at: self.section(key) }
    }

    /// A section inside of this one.
    pub fn section(&mut self, key: &str) -> Checker<'_> {
        let node = self.node.and_then(|node| node.get(key));
        self.below(node, join(&self.path, key))
    }

    /// An item of a list.
    pub fn index(&mut self, index: usize) -> Checker<'_> {
        let node = self.node.and_then(|node| node.items().get(index));
        self.below(node, join(&self.path, &format!("[{index}]")))
    }

    fn below<'b>(&'b mut self, node: Option<&'b Node>, path: String) -> Checker<'b> {
        Checker {
            node,
            span: node.and_then(Node::span).or(self.span),
            path,
            silent: self.silent || node.is_some_and(|n| self.told.contains(&std::ptr::from_ref(n).addr())),
            problems: self.problems,
            told: self.told,
            reach: self.reach,
        }
    }

    /// Runs the checks of the settings under `key`.
    pub fn inside(&mut self, key: &str, settings: &impl Check) {
        settings.check(&mut self.section(key));
    }

    /// An error of this section as a whole.
    pub fn error(&mut self, text: impl Into<String>) {
        self.report(Severity::Error, text.into());
    }

    /// A warning about this section as a whole.
    pub fn warn(&mut self, text: impl Into<String>) {
        self.report(Severity::Warning, text.into());
    }

    /// Whether the user wrote `key` in this section, with any value.
    pub fn is_written(&self, key: &str) -> bool {
        self.node.and_then(|node| node.entry(key)).is_some_and(|e| e.key_span.is_some())
    }

    /// The YAML path of this section.
    pub fn path(&self) -> &str {
        &self.path
    }

    fn report(&mut self, severity: Severity, message: String) {
        if self.silent {
            return;
        }
        let mut problem = Problem { severity, ..Problem::error(&self.path, message) }.at(self.span);
        for name in self.node.into_iter().flat_map(Node::unset_variables) {
            problem = problem.note(format!("environment variable `{name}` is not set"));
        }
        self.problems.push(problem);
    }
}

/// A key of a section that something is wrong with.
#[derive(Debug)]
pub struct At<'a> {
    at: Checker<'a>,
}

impl At<'_> {
    /// An error that states the rule: `must("be at least 1")`.
    pub fn must(mut self, rule: impl AsRef<str>) {
        self.at.error(format!("must {}", rule.as_ref()));
    }

    /// An error.
    pub fn error(mut self, text: impl Into<String>) {
        self.at.error(text);
    }

    /// A warning.
    pub fn warn(mut self, text: impl Into<String>) {
        self.at.warn(text);
    }
}

impl<T: Check> Check for Option<T> {
    fn check(&self, at: &mut Checker<'_>) {
        if let Some(settings) = self {
            settings.check(at);
        }
    }
}

impl<T: Check> Check for Box<T> {
    fn check(&self, at: &mut Checker<'_>) {
        (**self).check(at);
    }
}

impl<T: Check> Check for Vec<T> {
    fn check(&self, at: &mut Checker<'_>) {
        for (index, item) in self.iter().enumerate() {
            item.check(&mut at.index(index));
        }
    }
}

impl<K: std::fmt::Display, T: Check> Check for BTreeMap<K, T> {
    fn check(&self, at: &mut Checker<'_>) {
        for (key, settings) in self {
            at.inside(&key.to_string(), settings);
        }
    }
}

impl<K: std::fmt::Display, T: Check, S> Check for HashMap<K, T, S> {
    fn check(&self, at: &mut Checker<'_>) {
        for (key, settings) in self {
            at.inside(&key.to_string(), settings);
        }
    }
}

macro_rules! without_rules {
    ($($type:ty),* $(,)?) => {$(impl Check for $type {})*};
}

without_rules! {
    (), bool, i8, i16, i32, i64, u8, u16, u32, u64, f32, f64, String, Node, ComponentId,
    crate::GoDuration, crate::ByteSize, crate::Secret, crate::StringList,
}

#[cfg(test)]
mod tests;
