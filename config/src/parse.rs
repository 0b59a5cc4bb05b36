//! YAML text to [`Node`]s: positions, anchors and `<<`, within bounds.
//!
//! The events come from `granit-parser`, which bounds nesting; what is added here is the tree, the refusal of
//! duplicate keys, and a budget of values, so that a few aliases cannot unfold into gigabytes.

use std::collections::HashMap;
use std::sync::Arc;

use granit_parser::{Event, Parser, ScalarStyle, ScanError, Span as Mark, Tag};

use crate::node::{Entry, Node, Value};
use crate::scalar;
use crate::source::{Origin, Source, Span};
use crate::{Problem, Problems};

/// Largest text of one source. A Kubernetes ConfigMap holds 1 MiB at most.
pub(crate) const MAX_TEXT: usize = 4 << 20;
/// Most values in the tree of one source, those that aliases repeat included.
const MAX_NODES: usize = 100_000;
/// Deepest nesting.
pub(crate) const MAX_DEPTH: usize = 100;
/// Problems of one text after which reading it stops.
const MAX_PROBLEMS: usize = 100;

/// Reads the only document of a text. No document, or an empty one, is null.
pub(crate) fn parse(source: &Arc<Source>, origin: &Origin) -> Result<Node, Problems> {
    let mut tree = Tree {
        source,
        origin,
        frames: Vec::new(),
        root: None,
        anchors: HashMap::new(),
        nodes: 0,
        problems: Problems::new(),
    };
    if source.text().len() > MAX_TEXT {
        let line = 1 + source.text().bytes().take(MAX_TEXT).filter(|b| *b == b'\n').count();
        let span = Span::new(source.clone(), line, 1, MAX_TEXT..MAX_TEXT);
        let text = format!("larger than {} MiB", MAX_TEXT >> 20);
        return Err(Problem::error("", text).at(Some(&span)).into());
    }
    let mut options = granit_parser::options! {
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    options.set_emit_comments(false);
    for event in Parser::new_from_str_with_options(source.text(), options) {
        let taken = match event {
            Ok((event, mark)) => tree.event(event, &mark),
            Err(error) => tree.stop(tree.scan_error(&error)),
        };
        if taken.is_err() {
            break;
        }
        if tree.problems.len() >= MAX_PROBLEMS {
            tree.problems.push(Problem::error("", "too many problems, the rest was not read"));
            break;
        }
    }
    if tree.problems.is_empty() { Ok(tree.root.unwrap_or_default()) } else { Err(tree.problems) }
}

struct Tree<'a> {
    source: &'a Arc<Source>,
    origin: &'a Origin,
    frames: Vec<Frame>,
    root: Option<Node>,
    anchors: HashMap<usize, Anchored>,
    nodes: usize,
    problems: Problems,
}

/// The reading cannot go on; the reason is among the problems.
struct Stop;

/// A section or list that has started and not ended.
struct Frame {
    anchor: usize,
    span: Span,
    depth_below: usize,
    nodes_before: usize,
    kind: Kind,
}

enum Kind {
    Seq(Vec<Node>),
    Map { entries: Vec<Entry>, seen: HashMap<Box<str>, usize>, key: Option<Key>, merges: Vec<Node> },
}

struct Key {
    text: Box<str>,
    span: Span,
    /// An unquoted `<<`.
    is_merge: bool,
}

#[derive(Clone)]
struct Anchored {
    node: Node,
    nodes: usize,
    depth: usize,
}

impl Tree<'_> {
    /// Takes one event.
    fn event(&mut self, event: Event<'_>, mark: &Mark) -> Result<(), Stop> {
        match event {
            Event::DocumentStart(..) if self.root.as_ref().is_some_and(|root| !root.is_null()) => {
                let span = self.span(mark);
                return self.stop(
                    Problem::error("", "a second YAML document starts here, and only one is read")
                        .at(Some(&span)),
                );
            }
            Event::Scalar(text, style, anchor, tag) => {
                let span = self.span(mark);
                self.count(1, &span)?;
                if self.awaits_key() {
                    let is_merge = text == "<<" && style == ScalarStyle::Plain && tag.is_none();
                    self.remember(anchor, &Node::from(&*text), 1, 0);
                    self.key(Key { text: text.into(), span, is_merge });
                } else {
                    let value = self.scalar(&text, style, tag.as_deref(), &span);
                    let node = self.node(value, span);
                    self.remember(anchor, &node, 1, 0);
                    self.value(node, 0);
                }
            }
            Event::SequenceStart(_, anchor, _) => self.open(mark, anchor, Kind::Seq(Vec::new()))?,
            Event::MappingStart(_, anchor, _) => {
                let kind = Kind::Map { entries: vec![], seen: HashMap::new(), key: None, merges: vec![] };
                self.open(mark, anchor, kind)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(mark),
            Event::Alias(id) => self.alias(id, mark)?,
            _ => {}
        }
        Ok(())
    }

    fn span(&self, mark: &Mark) -> Span {
        let start = mark.start.byte_offset().unwrap_or(0);
        let end = mark.end.byte_offset().unwrap_or(start).max(start);
        Span::new(self.source.clone(), mark.start.line(), mark.start.col() + 1, start..end)
    }

    fn node(&self, value: Value, span: Span) -> Node {
        Node { value, span: Some(span), origin: self.origin.clone(), ..Node::default() }
    }

    fn count(&mut self, nodes: usize, span: &Span) -> Result<(), Stop> {
        self.nodes += nodes;
        if self.nodes <= MAX_NODES {
            return Ok(());
        }
        let text = format!("more than {MAX_NODES} values, counting what aliases repeat");
        self.stop(Problem::error(self.path(), text).at(Some(span)))
    }

    fn stop(&mut self, problem: Problem) -> Result<(), Stop> {
        self.problems.push(problem);
        Err(Stop)
    }

    fn awaits_key(&self) -> bool {
        matches!(self.frames.last(), Some(Frame { kind: Kind::Map { key: None, .. }, .. }))
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: &Span) -> Value {
        let quoted = || Value::String(text.into());
        let Some(tag) = tag else {
            return if style == ScalarStyle::Plain { scalar::plain(text) } else { quoted() };
        };
        let (fits, value): (fn(&Value) -> bool, _) = match tag.core_suffix() {
            Some("int") => (|v| matches!(v, Value::Int(_)), scalar::plain(text)),
            Some("float") => (|v| matches!(v, Value::Int(_) | Value::Float(_)), scalar::plain(text)),
            Some("bool") => (|v| matches!(v, Value::Bool(_)), scalar::plain(text)),
            Some("null") => (|v| matches!(v, Value::Null), scalar::plain(text)),
            Some(_) => return quoted(),
            // A tag that means nothing to YAML's core changes nothing; a lone `!` says text.
            None if style == ScalarStyle::Plain && !tag.original().eq("!") => return scalar::plain(text),
            None => return quoted(),
        };
        if !fits(&value) {
            let text =
                format!("{} does not fit its tag `{}`", Node::new(quoted()).describe(), tag.original());
            self.problems.push(Problem::error(self.path(), text).at(Some(span)));
        }
        match value {
            #[expect(clippy::cast_precision_loss, reason = "the tag asks for a float")]
            Value::Int(n) if tag.core_suffix() == Some("float") => Value::Float(n as f64),
            value => value,
        }
    }

    /// Takes the key of the entry whose value comes next.
    fn key(&mut self, key: Key) {
        if let Some(Frame { kind: Kind::Map { key: slot, .. }, .. }) = self.frames.last_mut() {
            *slot = Some(key);
        }
    }

    /// Puts a finished value into the section or list that is open. `depth` is how deep the value itself is.
    fn value(&mut self, mut node: Node, depth: usize) {
        let Some(frame) = self.frames.last_mut() else {
            self.root = Some(node);
            return;
        };
        frame.depth_below = frame.depth_below.max(depth + 1);
        let (entries, seen, key, merges) = match &mut frame.kind {
            Kind::Seq(items) => return items.push(node),
            Kind::Map { entries, seen, key, merges } => (entries, seen, key.take(), merges),
        };
        let Some(key) = key else {
            let problem = Problem::error("", "a key must be a scalar, not a section or a list");
            self.problems.push(problem.at(node.span.as_ref()));
            // The next value belongs to this key.
            return self.key(Key {
                text: "".into(),
                span: frame_span(node.span, self.source),
                is_merge: false,
            });
        };
        if key.is_merge {
            return match &node.value {
                Value::Map(_) => merges.push(node),
                Value::Seq(items) if items.iter().all(|item| matches!(item.value, Value::Map(_))) => {
                    merges.extend(items.iter().cloned());
                }
                _ => {
                    let problem = Problem::error("", "`<<` takes a section or a list of sections");
                    self.problems.push(problem.at(Some(&key.span)));
                }
            };
        }
        if let Some(first) = seen.get(&key.text).and_then(|at| entries.get(*at)) {
            let mut problem = Problem::error("", format!("duplicate key `{}`", key.text)).at(Some(&key.span));
            if let Some(first) = &first.key_span {
                problem = problem.note(format!("first written at {first}"));
            }
            let path = self.path_of(&key.text);
            return self.problems.push(Problem { path, ..problem });
        }
        // A problem with a whole section, or with an empty value, is shown at its key.
        let is_block = matches!(node.value, Value::Map(_) | Value::Seq(_))
            && node.span.as_ref().is_some_and(starts_block);
        if is_block || node.is_null() && node.span.as_ref().is_none_or(|s| s.bytes().is_empty()) {
            node.span = Some(key.span.clone());
        }
        seen.insert(key.text.clone(), entries.len());
        entries.push(Entry { key: key.text, key_span: Some(key.span), value: node });
    }

    fn open(&mut self, mark: &Mark, anchor: usize, kind: Kind) -> Result<(), Stop> {
        let span = self.span(mark);
        self.count(1, &span)?;
        if self.frames.len() >= MAX_DEPTH {
            return self.stop(too_deep(&span));
        }
        let nodes_before = self.nodes;
        self.frames.push(Frame { anchor, span, depth_below: 0, nodes_before, kind });
        Ok(())
    }

    fn close(&mut self, end: &Mark) {
        let Some(mut frame) = self.frames.pop() else { return };
        if !starts_block(&frame.span) {
            frame.span = frame.span.until(self.span(end).bytes().end);
        }
        let value = match frame.kind {
            Kind::Seq(items) => Value::Seq(items),
            Kind::Map { mut entries, mut seen, merges, .. } => {
                for entry in merges.into_iter().flat_map(into_entries) {
                    if !seen.contains_key(&entry.key) {
                        seen.insert(entry.key.clone(), entries.len());
                        entries.push(entry);
                    }
                }
                Value::Map(entries)
            }
        };
        let node = self.node(value, frame.span);
        let nodes = self.nodes - frame.nodes_before + 1;
        self.remember(frame.anchor, &node, nodes, frame.depth_below);
        self.value(node, frame.depth_below);
    }

    fn remember(&mut self, anchor: usize, node: &Node, nodes: usize, depth: usize) {
        if anchor != 0 {
            // The copy kept for aliases costs as much as the original.
            self.nodes += nodes;
            self.anchors.insert(anchor, Anchored { node: node.clone(), nodes, depth });
        }
    }

    fn alias(&mut self, id: usize, mark: &Mark) -> Result<(), Stop> {
        let span = self.span(mark);
        let Some(anchored) = self.anchors.get(&id) else {
            // The anchor is that of a section that is still open.
            return self
                .stop(Problem::error(self.path(), "an alias inside of what it stands for").at(Some(&span)));
        };
        let (nodes, depth) = (anchored.nodes, anchored.depth);
        self.count(nodes, &span)?;
        if self.frames.len() + depth >= MAX_DEPTH {
            return self.stop(too_deep(&span));
        }
        let Some(Anchored { node, .. }) = self.anchors.get(&id).cloned() else { return Ok(()) };
        if self.awaits_key()
            && let Some(text) = node.as_str()
        {
            self.key(Key { text: text.into(), span, is_merge: false });
        } else {
            self.value(node, depth);
        }
        Ok(())
    }

    /// The path of the value that comes next.
    fn path(&self) -> String {
        let keys = self.frames.iter().filter_map(|frame| match &frame.kind {
            Kind::Seq(items) => Some(format!("[{}]", items.len())),
            Kind::Map { key, .. } => key.as_ref().map(|key| key.text.to_string()),
        });
        keys.fold(String::new(), |path, key| crate::path::join(&path, &key))
    }

    fn path_of(&self, key: &str) -> String {
        crate::path::join(&self.path(), key)
    }

    fn scan_error(&self, error: &ScanError) -> Problem {
        let mark = error.marker();
        let start = mark.byte_offset().unwrap_or(0).min(self.source.text().len());
        let next = self.source.text().get(start..).and_then(|rest| rest.chars().next());
        let end = start + next.filter(|c| *c != '\n').map_or(0, char::len_utf8);
        let span = Span::new(self.source.clone(), mark.line(), mark.col() + 1, start..end);
        let problem =
            Problem::error(self.path(), format!("not valid YAML: {}", error.info())).at(Some(&span));
        if next == Some('\t')
            || span
                .source()
                .line(span.line())
                .is_some_and(|(_, l)| l.trim_start_matches(' ').starts_with('\t'))
        {
            return problem.help("YAML is indented with blanks, not with tabs");
        }
        problem
    }
}

fn too_deep(span: &Span) -> Problem {
    Problem::error("", format!("nested deeper than {MAX_DEPTH} levels")).at(Some(span))
}

/// Whether a section or list is written without brackets.
fn starts_block(span: &Span) -> bool {
    !span.source().text().get(span.bytes().start..).is_some_and(|text| text.starts_with(['{', '[']))
}

fn frame_span(span: Option<Span>, source: &Arc<Source>) -> Span {
    span.unwrap_or_else(|| Span::new(source.clone(), 1, 1, 0..0))
}

fn into_entries(node: Node) -> Vec<Entry> {
    match node.value {
        Value::Map(entries) => entries,
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
