//! Several trees into one, and `a::b` keys into nested sections.

use crate::node::{Entry, Node, Value};
use crate::parse::MAX_DEPTH;
use crate::path::join;
use crate::{Problem, Problems};

/// Lays `later` over `base`: sections are merged key by key, everything else is replaced.
///
/// A later null replaces a whole section, as in otelcol, but not in silence.
pub(super) fn merge(base: &mut Node, later: Node, path: &str, problems: &mut Problems) {
    if later.is_null() && !base.entries().is_empty() {
        let mut problem =
            Problem::warning(path, "the empty value removes the whole section of an earlier source")
                .at(later.span())
                .help("write `{}` to keep it");
        if let Some(span) = base.span() {
            problem = problem.note(format!("the section is at {span}"));
        }
        problems.push(problem);
    }
    match (&mut base.value, later.value) {
        (Value::Map(entries), Value::Map(added)) => {
            if base.span.is_none() {
                (base.span, base.origin) = (later.span, later.origin);
            }
            if entries.is_empty() {
                *entries = added;
                return;
            }
            for entry in added {
                match entries.iter_mut().find(|e| e.key == entry.key) {
                    Some(found) => {
                        let path = join(path, &entry.key);
                        found.key_span = entry.key_span.or(found.key_span.take());
                        merge(&mut found.value, entry.value, &path, problems);
                    }
                    None => entries.push(entry),
                }
            }
        }
        (_, value) => *base = Node { value, ..later },
    }
}

/// Turns each key `a::b` into `a: {b: ...}`, at any depth. `::` never is part of a name.
pub(super) fn split_keys(root: Node) -> Result<Node, Problems> {
    let mut problems = Problems::new();
    let root = split(root, "", 0, &mut problems);
    if problems.has_errors() { Err(problems) } else { Ok(root) }
}

fn split(mut node: Node, path: &str, depth: usize, problems: &mut Problems) -> Node {
    node.value = match node.value {
        Value::Seq(items) => {
            let item = |(index, item)| split(item, &join(path, &format!("[{index}]")), depth + 1, problems);
            Value::Seq(items.into_iter().enumerate().map(item).collect())
        }
        Value::Map(entries) => {
            let mut out = Node::empty_map();
            let mut list: Vec<Entry> = Vec::with_capacity(entries.len());
            for entry in entries {
                let keys: Vec<&str> = entry.key.split("::").collect();
                if depth + keys.len() > MAX_DEPTH {
                    let text = format!("nested deeper than {MAX_DEPTH} levels");
                    problems.push(Problem::error(path, text).at(entry.key_span.as_ref()));
                    continue;
                }
                let below = keys.iter().fold(path.to_owned(), |path, key| join(&path, key));
                let value = split(entry.value, &below, depth + keys.len(), problems);
                if let [_] = keys.as_slice() {
                    list.push(Entry { key: entry.key, key_span: entry.key_span, value });
                    continue;
                }
                let nested = keys.iter().rev().fold(value, |value, key| {
                    let span = entry.key_span.clone();
                    let origin = value.origin.clone();
                    let inner = Entry { key: (*key).into(), key_span: span.clone(), value };
                    Node { value: Value::Map(vec![inner]), span, origin, ..Node::default() }
                });
                merge(&mut out, nested, path, problems);
            }
            // `a::b: 1` beside `a: {c: 2}` means both.
            let plain = Node { value: Value::Map(list), ..Node::default() };
            if out.entries().is_empty() {
                plain.value
            } else {
                let mut both = plain;
                merge(&mut both, out, path, problems);
                both.value
            }
        }
        value => value,
    };
    node
}
