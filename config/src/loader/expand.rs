//! `${...}` in string values.
//!
//! One pass, left to right: what comes out of a variable is never expanded again and keeps its `$` (a password is a
//! password), and so does a single text from a file; a section or list from a file or `yaml:` is configuration and is
//! expanded in turn, within bounds.

use std::sync::Arc;

use crate::node::{Entry, Expanded, Node, Value};
use crate::parse::{self, MAX_DEPTH};
use crate::path::join;
use crate::source::{Origin, Source, Span};
use crate::{Problem, Problems};

use super::location::{Retriever, check_name, split_scheme};
use super::merge;

/// References that may be inside of each other, and retrieved texts likewise.
const MAX_NESTED: usize = 20;
/// References of one configuration, those in retrieved texts included.
const MAX_REFERENCES: usize = 10_000;

/// Bytes of text that references may bring in, and values in them.
const MAX_BYTES: usize = 4 * parse::MAX_TEXT;
const MAX_VALUES: usize = 100_000;

/// Expands one tree.
pub(super) struct Expander<'a> {
    retriever: &'a Retriever<'a>,
    strict: bool,
    problems: &'a mut Problems,
    references: usize,
    /// What the references brought in so far.
    bytes: usize,
    values: usize,
    /// Retrieved texts that are being expanded.
    open: usize,
    depth: usize,
}

/// What one reference stands for.
struct Found {
    node: Node,
    raw: String,
    origin: Origin,
    unset: Option<Box<str>>,
    not_yaml: Option<Box<str>>,
}

/// A reference that cannot be expanded: what is wrong, and what to do.
struct Wrong(String, Option<String>);

impl From<String> for Wrong {
    fn from(text: String) -> Self {
        Self(text, None)
    }
}

impl<'a> Expander<'a> {
    pub(super) fn new(retriever: &'a Retriever<'a>, strict: bool, problems: &'a mut Problems) -> Self {
        Self { retriever, strict, problems, references: 0, bytes: 0, values: 0, open: 0, depth: 0 }
    }

    /// Expands every string below `node`. Problems are collected; a value that has one becomes null.
    pub(super) fn expand(&mut self, mut node: Node, path: &str) -> Node {
        self.depth += 1;
        node.value = match node.value {
            Value::String(text) if text.contains('$') => {
                node.value = Value::Null;
                node = self.scalar(&text, node, path);
                self.depth -= 1;
                return node;
            }
            Value::Seq(items) => {
                let item = |(index, item)| self.expand(item, &join(path, &format!("[{index}]")));
                Value::Seq(items.into_iter().enumerate().map(item).collect())
            }
            Value::Map(entries) => {
                let entry = |entry: Entry| {
                    let value = self.expand(entry.value, &join(path, &entry.key));
                    Entry { value, ..entry }
                };
                Value::Map(entries.into_iter().map(entry).collect())
            }
            value => value,
        };
        self.depth -= 1;
        node
    }

    /// Expands one string. `node` has its place.
    fn scalar(&mut self, text: &str, node: Node, path: &str) -> Node {
        if let Some(inside) = only_reference(text) {
            return match self.reference(inside, &node, path, 0) {
                Ok(found) => self.whole(text.trim(), found, node, path),
                Err(problem) => self.wrong(problem, text, &node, path),
            };
        }
        let mut expanded = Expanded { reference: text.into(), ..Expanded::default() };
        let mut origin = None;
        match self.mixed(text, &node, path, 0, &mut expanded, &mut origin) {
            Ok(value) => {
                // `$$` alone is no reference: the value is still what the file says.
                let expanded = origin.is_some().then(|| Box::new(expanded));
                let origin = origin.unwrap_or_else(|| node.origin.clone());
                Node { value: Value::String(value.into()), origin, expanded, ..node }
            }
            Err(problem) => self.wrong(problem, text, &node, path),
        }
    }

    /// A value that is one reference: takes the parsed value, and keeps the text for fields of type string.
    fn whole(&mut self, reference: &str, found: Found, written: Node, path: &str) -> Node {
        let mut node = found.node;
        if found.origin == Origin::File {
            // Configuration from elsewhere has places of its own and may refer on.
            // A text alone is a value like that of a variable, often a secret in a file.
            if matches!(node.value, Value::Map(_) | Value::Seq(_)) {
                self.open += 1;
                node = self.expand(node, path);
                self.open -= 1;
                return node;
            }
        } else {
            place(&mut node, written.span(), &found.origin);
        }
        let raw = found.unset.is_none().then(|| found.raw.into());
        let unset = found.unset.into_iter().collect();
        let (reference, not_yaml) = (reference.into(), found.not_yaml);
        node.expanded = Some(Box::new(Expanded { raw, reference, not_yaml, unset }));
        node.span = written.span;
        node
    }

    /// Text with references in it: their raw texts are put in, and the result is a string.
    fn mixed(
        &mut self,
        text: &str,
        node: &Node,
        path: &str,
        nested: usize,
        expanded: &mut Expanded,
        origin: &mut Option<Origin>,
    ) -> Result<String, Wrong> {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            let (before, from) = rest.split_at(at);
            out.push_str(before);
            let after = from.get(1..).unwrap_or("");
            if let Some(after) = after.strip_prefix('$') {
                out.push('$');
                rest = after;
            } else if let Some((inside, after)) = reference_at(from) {
                let found = self.reference(inside, node, path, nested)?;
                out.push_str(&found.raw);
                expanded.unset.extend(found.unset);
                origin.get_or_insert(found.origin);
                rest = after;
            } else {
                out.push('$');
                rest = after;
            }
        }
        out.push_str(rest);
        Ok(out)
    }

    /// Looks up what stands between `${` and `}`.
    fn reference(&mut self, inside: &str, node: &Node, path: &str, nested: usize) -> Result<Found, Wrong> {
        self.references += 1;
        if nested >= MAX_NESTED || self.open >= MAX_NESTED || self.references > MAX_REFERENCES {
            return Err("too many recursive expansions".to_owned().into());
        }
        let inner = reference_free(inside);
        let uri = if inner {
            if inside.contains('$') {
                return Err(format!("the uri {inside:?} contains unsupported characters ('$')").into());
            }
            inside.to_owned()
        } else {
            let mut expanded = Expanded::default();
            let uri = self.mixed(inside, node, path, nested + 1, &mut expanded, &mut None)?;
            for name in expanded.unset {
                self.unset(&name, inside, node, path);
            }
            uri
        };
        let found = match split_scheme(&uri) {
            Some(("env", rest)) => self.variable(rest, inside, node, path),
            Some(("yaml", text)) => self.retrieved(&Source::new("yaml:", text)),
            Some(("file", file)) => self.retrieved(&self.retriever.file(&uri, file)?),
            Some(("http" | "https", _)) => self.retrieved(&self.retriever.url(&uri)?),
            Some((name, rest)) => {
                let help = rest.starts_with('-').then(|| format!("write `${{env:{name}:{rest}}}`"));
                Err(Wrong(format!("scheme {name:?} is not supported for uri {uri:?}"), help))
            }
            None => self.variable(&uri, inside, node, path),
        }?;
        self.bytes += found.raw.len();
        self.values += count(&found.node);
        if self.bytes > MAX_BYTES || self.values > MAX_VALUES {
            return Err("the references bring in too much text".to_owned().into());
        }
        Ok(found)
    }

    fn variable(&mut self, rest: &str, inside: &str, node: &Node, path: &str) -> Result<Found, Wrong> {
        let (name, default) = match rest.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (rest, None),
        };
        check_name(name).map_err(|text| {
            Wrong(text, Some(format!("write `$${{{inside}}}` if `${{{inside}}}` itself is meant")))
        })?;
        let origin = crate::node::env_origin(name);
        match self.retriever.environment.variable(name).or(default.map(str::to_owned)) {
            Some(raw) => {
                let (node, not_yaml) =
                    value_of(parse::parse(&Source::new("", raw.as_str()), &Origin::File), &raw);
                Ok(Found { node, raw, origin, unset: None, not_yaml })
            }
            None => {
                self.unset(name, inside, node, path);
                let unset = Some(name.into());
                Ok(Found { node: Node::default(), raw: String::new(), origin, unset, not_yaml: None })
            }
        }
    }

    /// Reports a variable that is not set.
    fn unset(&mut self, name: &str, inside: &str, node: &Node, path: &str) {
        let text = format!("environment variable `{name}` is not set");
        let problem = if self.strict { Problem::error(path, text) } else { Problem::warning(path, text) };
        let problem = problem
            .at(span_of(inside, node).as_ref())
            .help(format!("`${{env:{name}:-}}` allows it to be missing"));
        self.problems.push(Problem { unset: Some(name.into()), ..problem });
    }

    /// Configuration from a file, a URL or `yaml:`. The text is without the line end that files have.
    fn retrieved(&mut self, source: &Arc<Source>) -> Result<Found, Wrong> {
        let raw = source.text().strip_suffix('\n').unwrap_or(source.text());
        let raw = raw.strip_suffix('\r').unwrap_or(raw).to_owned();
        let parsed = parse::parse(source, &Origin::File).and_then(merge::split_keys);
        let (node, not_yaml) = value_of(parsed, &raw);
        if self.depth + depth(&node) > 2 * MAX_DEPTH {
            return Err("too many recursive expansions".to_owned().into());
        }
        Ok(Found { node, raw, origin: Origin::File, unset: None, not_yaml })
    }

    fn wrong(&mut self, Wrong(text, help): Wrong, written: &str, node: &Node, path: &str) -> Node {
        let inside = only_reference(written).unwrap_or("");
        let mut problem = Problem::error(path, text).at(span_of(inside, node).as_ref());
        problem.help = help;
        self.problems.push(problem);
        Node { span: node.span.clone(), ..Node::default() }
    }
}

/// The inside of a text that is one reference and nothing else.
fn only_reference(text: &str) -> Option<&str> {
    reference_at(text.trim()).filter(|(_, rest)| rest.is_empty()).map(|(inside, _)| inside)
}

/// The inside of the reference that `text` starts with, and what follows it. `None` when it has no end.
fn reference_at(text: &str) -> Option<(&str, &str)> {
    let body = text.strip_prefix("${")?;
    let mut open = 1_usize;
    let mut dollars = 0_usize;
    for (at, byte) in body.bytes().enumerate() {
        match byte {
            b'{' if dollars % 2 == 1 => open += 1,
            b'}' => open -= 1,
            _ => {}
        }
        if open == 0 {
            return Some((body.get(..at)?, body.get(at + 1..)?));
        }
        dollars = if byte == b'$' { dollars + 1 } else { 0 };
    }
    None
}

fn reference_free(inside: &str) -> bool {
    !inside.contains("${")
}

/// What a text means. What is no YAML is a string, and a string is the text as it is, quotes included.
fn value_of(parsed: Result<Node, Problems>, raw: &str) -> (Node, Option<Box<str>>) {
    match parsed {
        Ok(Node { value: Value::String(_), span, origin, .. }) => {
            (Node { span, origin, ..Node::from(raw) }, None)
        }
        Ok(node) => (node, None),
        Err(problems) => {
            let why = problems.iter().next().map(|problem| match &problem.span {
                Some(span) => format!("{problem} (line {}, column {})", span.line(), span.column()).into(),
                None => problem.to_string().into(),
            });
            (Node::from(raw), why)
        }
    }
}

/// Gives all of a value the place and origin of the reference: a variable's text is not to be shown.
fn place(node: &mut Node, span: Option<&Span>, origin: &Origin) {
    node.span = span.cloned();
    node.origin = origin.clone();
    match &mut node.value {
        Value::Seq(items) => items.iter_mut().for_each(|item| place(item, span, origin)),
        Value::Map(entries) => {
            for entry in entries {
                entry.key_span = span.cloned();
                place(&mut entry.value, span, origin);
            }
        }
        _ => {}
    }
}

/// The place of `${inside}` in the string that has it.
fn span_of(inside: &str, node: &Node) -> Option<Span> {
    let span = node.span()?;
    let reference = format!("${{{inside}}}");
    Some(match span.text().find(&reference) {
        Some(at) => span.part(at..at + reference.len()),
        None => span.clone(),
    })
}

fn count(node: &Node) -> usize {
    let items: usize = node.items().iter().map(count).sum();
    let entries: usize = node.entries().iter().map(|entry| count(&entry.value)).sum();
    1 + items + entries
}

fn depth(node: &Node) -> usize {
    let below = match &node.value {
        Value::Seq(items) => items.iter().map(depth).max(),
        Value::Map(entries) => entries.iter().map(|entry| depth(&entry.value)).max(),
        _ => None,
    };
    1 + below.unwrap_or(0)
}
