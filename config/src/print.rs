//! A [`Node`] as YAML or JSON text, and through serde.

use std::fmt::Write as _;

use serde::de::{self, MapAccess, SeqAccess};
use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::node::{Entry, Node, Value};
use crate::ours::{self, Mode};
use crate::scalar;
use crate::source::{Origin, Span};

/// How [`Node::to_yaml`] prints.
#[derive(Debug, Clone, Copy, Default)]
pub struct Print {
    /// Adds who gave each value, as a comment: `# collector.yaml:12`, `# collector.yaml:12, from ${env:PORT}`,
    /// `# --set`, `# default`.
    pub origins: bool,
}

impl Node {
    /// The tree as YAML, keys in the order they have. Sections that are off are left out.
    ///
    /// It reads back as the same tree. Secrets are printed as they are in the tree: see [`crate::to_node`].
    pub fn to_yaml(&self, print: Print) -> String {
        let mut out = String::new();
        match &self.value {
            Value::Map(entries) if entries.iter().any(|e| !e.value.off) => {
                write_map(&mut out, entries, 0, false, print)
            }
            Value::Seq(items) if !items.is_empty() => write_seq(&mut out, items, 0, print),
            _ => write_inline(&mut out, self, print),
        }
        out
    }

    /// The tree as indented JSON. Sections that are off are left out; `.nan` and `.inf` become null.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(&Plain(self)).unwrap_or_else(|_| "null".to_owned())
    }

    fn is_block(&self) -> bool {
        match &self.value {
            Value::Map(entries) => entries.iter().any(|e| !e.value.off),
            Value::Seq(items) => !items.is_empty(),
            _ => false,
        }
    }
}

fn write_map(out: &mut String, entries: &[Entry], indent: usize, mut after_dash: bool, print: Print) {
    for entry in entries.iter().filter(|e| !e.value.off) {
        let lead = if std::mem::take(&mut after_dash) { 0 } else { indent };
        let _ok = write!(out, "{:lead$}{}:", "", scalar_text(&entry.key));
        write_value(out, &entry.value, indent + 2, print);
    }
}

fn write_seq(out: &mut String, items: &[Node], indent: usize, print: Print) {
    for item in items {
        let _ok = write!(out, "{:indent$}-", "");
        match &item.value {
            Value::Map(entries) if item.is_block() => {
                out.push(' ');
                write_map(out, entries, indent + 2, true, print);
            }
            _ => write_value(out, item, indent + 2, print),
        }
    }
}

/// What follows `key:` or `-`.
fn write_value(out: &mut String, node: &Node, indent: usize, print: Print) {
    match &node.value {
        Value::Map(entries) if node.is_block() => {
            out.push('\n');
            write_map(out, entries, indent, false, print);
        }
        Value::Seq(items) if node.is_block() => {
            out.push('\n');
            write_seq(out, items, indent, print);
        }
        _ => {
            out.push(' ');
            write_inline(out, node, print);
        }
    }
}

fn write_inline(out: &mut String, node: &Node, print: Print) {
    let text = match &node.value {
        Value::Null => "null".to_owned(),
        Value::Bool(b) => b.to_string(),
        Value::Int(n) => n.to_string(),
        Value::Float(n) => float_text(*n),
        Value::String(text) => scalar_text(text),
        Value::Seq(_) => "[]".to_owned(),
        Value::Map(_) => "{}".to_owned(),
    };
    out.push_str(&text);
    if print.origins {
        let origin = match (&node.origin, &node.span) {
            // The name alone: the default of a reference may be a secret.
            (Origin::Env(name), Some(span)) => format!("{}, from ${{env:{name}}}", line_of(span)),
            (Origin::Env(name), None) => format!("${{env:{name}}}"),
            (Origin::Set, _) => "--set".to_owned(),
            (Origin::File, Some(span)) => line_of(span),
            (Origin::File, None) => "file".to_owned(),
            (Origin::Default, _) => "default".to_owned(),
        };
        let _ok = write!(out, "  # {}", crate::problem::escape(&origin));
    }
    out.push('\n');
}

/// The file and line; a flag has no lines.
fn line_of(span: &Span) -> String {
    let name = span.source().name();
    if name.starts_with("--") { name.to_owned() } else { format!("{name}:{}", span.line()) }
}

fn float_text(n: f64) -> String {
    match n {
        n if n.is_nan() => ".nan".to_owned(),
        f64::INFINITY => ".inf".to_owned(),
        f64::NEG_INFINITY => "-.inf".to_owned(),
        n => format!("{n:?}"),
    }
}

/// A string as a YAML scalar: as it is where it reads back as itself, else in double quotes.
fn scalar_text(text: &str) -> String {
    let reads_back = scalar::plain(text) == Value::String(text.into())
        && !text.starts_with(|c: char| "-?:,[]{}#&*!|>'\"%@` ".contains(c))
        && !text.ends_with([' ', ':'])
        && !text.contains(": ")
        && !text.contains(" #")
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "yes" | "no" | "on" | "off" | "y" | "n" | "<<" | "---" | "..."
        )
        && text
            .chars()
            .all(|c| !c.is_control() && !matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{85}'));
    if reads_back {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control()
                || matches!(c, '\u{feff}' | '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}') =>
            {
                let _ok = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Serializes as plain data for any serializer.
struct Plain<'a>(&'a Node);

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0.value {
            Value::Null => serializer.serialize_unit(),
            Value::Bool(b) => serializer.serialize_bool(*b),
            Value::Int(n) => match (i64::try_from(*n), u64::try_from(*n)) {
                (Ok(n), _) => serializer.serialize_i64(n),
                (_, Ok(n)) => serializer.serialize_u64(n),
                _ => serializer.serialize_i128(*n),
            },
            Value::Float(n) => serializer.serialize_f64(*n),
            Value::String(text) => serializer.serialize_str(text),
            Value::Seq(items) => {
                let mut seq = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    seq.serialize_element(&Plain(item))?;
                }
                seq.end()
            }
            Value::Map(entries) => {
                let mut map = serializer.serialize_map(None)?;
                for entry in entries.iter().filter(|e| !e.value.off) {
                    map.serialize_entry(&*entry.key, &Plain(&entry.value))?;
                }
                map.end()
            }
        }
    }
}

impl Serialize for Node {
    /// Our own serializer takes the node as it is, with its places.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if ours::mode() == Mode::Foreign {
            return Plain(self).serialize(serializer);
        }
        ours::put_node(self.clone());
        serializer.serialize_newtype_struct(ours::NODE, &())
    }
}

impl<'de> Deserialize<'de> for Node {
    /// Our own deserializer hands the node over as it is, with its places.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Node;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("any value")
            }

            fn visit_unit<E>(self) -> Result<Node, E> {
                Ok(ours::take_node().unwrap_or_default())
            }

            fn visit_bool<E>(self, b: bool) -> Result<Node, E> {
                Ok(Node::new(Value::Bool(b)))
            }

            fn visit_i64<E>(self, n: i64) -> Result<Node, E> {
                Ok(Node::new(Value::Int(n.into())))
            }

            fn visit_u64<E>(self, n: u64) -> Result<Node, E> {
                Ok(Node::new(Value::Int(n.into())))
            }

            fn visit_f64<E>(self, n: f64) -> Result<Node, E> {
                Ok(Node::new(Value::Float(n)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Node, E> {
                Ok(Node::from(text))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Node::new(Value::Seq(items)))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
                let mut entries = Vec::new();
                while let Some((key, value)) = map.next_entry::<String, Node>()? {
                    entries.push(Entry { key: key.into(), key_span: None, value });
                }
                Ok(Node::new(Value::Map(entries)))
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Node, D::Error> {
                inner.deserialize_any(Self)
            }
        }
        deserializer.deserialize_newtype_struct(ours::NODE, Visitor)
    }
}

#[cfg(test)]
pub(crate) mod tests;
