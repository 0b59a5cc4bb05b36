//! The tree that configuration is read into: every value knows where it was written.

use std::sync::Arc;

use crate::source::{Origin, Source, Span};
use crate::{Problems, parse};

/// A value of the configuration with its place.
#[derive(Debug, Clone, Default)]
pub struct Node {
    pub(crate) value: Value,
    pub(crate) span: Option<Span>,
    pub(crate) origin: Origin,
    pub(crate) expanded: Option<Box<Expanded>>,
    /// A section that is present only for its defaults (see [`crate::Section`]).
    pub(crate) off: bool,
}

/// What a [`Node`] holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// `null`, `~` or nothing.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer; the reader keeps to what fits an `i64` or a `u64`.
    Int(i128),
    /// Any other number.
    Float(f64),
    /// Text.
    String(Box<str>),
    /// A list.
    Seq(Vec<Node>),
    /// A section: keys in the order in which they were written, none twice.
    Map(Vec<Entry>),
}

/// One `key: value` of a section.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key.
    pub key: Box<str>,
    /// Where the key was written.
    pub key_span: Option<Span>,
    /// The value.
    pub value: Node,
}

/// What is remembered of a value that came from `${...}`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Expanded {
    /// The text as it was before it was read as YAML; only for a value that is one reference and nothing else.
    pub(crate) raw: Option<Box<str>>,
    /// The reference as written, `${env:PORT}`.
    pub(crate) reference: Box<str>,
    /// Why the text is a string and nothing else, when it is not valid YAML.
    pub(crate) not_yaml: Option<Box<str>>,
    /// Names of variables that were not set and had no default.
    pub(crate) unset: Vec<Box<str>>,
}

impl Node {
    /// Reads one YAML document. `name` is what problems call the text.
    ///
    /// `${...}` is left as it is; [`crate::Loader`] expands it.
    pub fn from_yaml(name: &str, text: &str) -> Result<Self, Problems> {
        parse::parse(&Source::new(name, text), &Origin::File)
    }

    /// A value that nobody wrote.
    pub fn new(value: Value) -> Self {
        Self { value, ..Self::default() }
    }

    /// An empty section that nobody wrote.
    pub fn empty_map() -> Self {
        Self::new(Value::Map(Vec::new()))
    }

    /// What it holds.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Where it was written; `None` for defaults and values built in code.
    pub fn span(&self) -> Option<&Span> {
        self.span.as_ref()
    }

    /// Who gave it.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The text before it was read as YAML, when the value is one `${...}` and nothing else.
    pub fn raw(&self) -> Option<&str> {
        self.expanded.as_ref()?.raw.as_deref()
    }

    /// The environment variables it refers to that are not set and have no default.
    pub fn unset_variables(&self) -> impl Iterator<Item = &str> {
        self.expanded.iter().flat_map(|e| e.unset.iter().map(AsRef::as_ref))
    }

    /// True for `null`, and for a key with nothing after it.
    pub fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// True for `null`, `{}`, `[]` and `""`.
    pub fn is_empty(&self) -> bool {
        match &self.value {
            Value::Null => true,
            Value::Map(entries) => entries.is_empty(),
            Value::Seq(items) => items.is_empty(),
            Value::String(text) => text.is_empty(),
            _ => false,
        }
    }

    /// The text of a string; for a value that is one `${...}`, the raw text.
    pub fn as_str(&self) -> Option<&str> {
        match (&self.value, self.raw()) {
            (_, Some(raw)) => Some(raw),
            (Value::String(text), None) => Some(text),
            _ => None,
        }
    }

    /// The entries of a section; none for anything else.
    pub fn entries(&self) -> &[Entry] {
        match &self.value {
            Value::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The items of a list; none for anything else.
    pub fn items(&self) -> &[Node] {
        match &self.value {
            Value::Seq(items) => items,
            _ => &[],
        }
    }

    /// The value under `key`, if this is a section that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry of `key`, with the key's own place.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries().iter().find(|entry| &*entry.key == key)
    }

    /// The value at a path of keys and list indices, `exporters::otlp::endpoint`.
    pub fn at(&self, path: &str) -> Option<&Node> {
        path.split("::").try_fold(self, |node, key| match &node.value {
            Value::Seq(items) => items.get(key.parse::<usize>().ok()?),
            _ => node.get(key),
        })
    }

    /// Puts a value under `key`, in place of what was there. Turns anything but a section into one.
    pub fn set(&mut self, key: &str, value: Node) {
        if !matches!(self.value, Value::Map(_)) {
            self.value = Value::Map(Vec::new());
        }
        if let Value::Map(entries) = &mut self.value {
            match entries.iter_mut().find(|entry| &*entry.key == key) {
                Some(entry) => entry.value = value,
                None => entries.push(Entry { key: key.into(), key_span: None, value }),
            }
        }
    }

    /// Says in a few words what kind of value it is, with a short scalar's text: ``string `abc` ``.
    pub fn describe(&self) -> String {
        match &self.value {
            Value::Null => "null".to_owned(),
            Value::Bool(b) => format!("`{b}`"),
            Value::Int(n) => format!("integer `{n}`"),
            Value::Float(n) => format!("number `{n:?}`"),
            Value::String(text) if text.chars().count() > 60 => {
                format!("string `{}...`", text.chars().take(60).collect::<String>())
            }
            Value::String(text) => format!("string `{text}`"),
            Value::Seq(_) => "a list".to_owned(),
            Value::Map(_) => "a section".to_owned(),
        }
    }

    /// Lays `self` over `base`: sections are merged key by key, anything else replaces what it covers. A `null`
    /// leaves the base as it is, but switches a section on that was off.
    pub(crate) fn over(&self, base: &Node) -> Node {
        let mut out = match (&base.value, &self.value) {
            (Value::Map(below), Value::Map(above)) => {
                let mut entries = below.clone();
                for entry in above {
                    // No key is twice in one section: those that were added need no look.
                    match entries.iter_mut().take(below.len()).find(|e| e.key == entry.key) {
                        Some(e) => {
                            e.value = entry.value.over(&e.value);
                            e.key_span.clone_from(&entry.key_span);
                        }
                        None => entries.push(entry.clone()),
                    }
                }
                Node::new(Value::Map(entries))
            }
            (_, Value::Null) => base.clone(),
            _ => return self.clone(),
        };
        out.span.clone_from(&self.span);
        out.origin = self.origin.clone();
        out.expanded.clone_from(&self.expanded);
        out.off = self.off;
        out
    }

    /// Takes places and origins from `written` wherever both have the same key. A section that was switched off there
    /// becomes `enabled: false`, so that what is printed reads as what was written.
    ///
    /// For printing: the settings that were decoded have all values but no origins.
    pub fn with_origins_of(mut self, written: &Node) -> Node {
        self.span.clone_from(&written.span);
        self.origin = written.origin.clone();
        match (&mut self.value, &written.value) {
            (Value::Map(entries), Value::Map(_)) => {
                for entry in entries {
                    if let Some(from) = written.entry(&entry.key) {
                        entry.key_span.clone_from(&from.key_span);
                        let value = std::mem::take(&mut entry.value);
                        entry.value =
                            if value.off { switched_off() } else { value }.with_origins_of(&from.value);
                    }
                }
            }
            (Value::Seq(items), Value::Seq(from)) if items.len() == from.len() => {
                for (item, from) in items.iter_mut().zip(from) {
                    *item = std::mem::take(item).with_origins_of(from);
                }
            }
            _ => {}
        }
        self
    }
}

fn switched_off() -> Node {
    let mut section = Node::empty_map();
    section.set("enabled", Node::new(Value::Bool(false)));
    section
}

impl PartialEq for Node {
    /// Compares values alone, not where they were written.
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key && self.value == other.value
    }
}

impl From<&str> for Node {
    fn from(text: &str) -> Self {
        Self::new(Value::String(text.into()))
    }
}

/// The name of an environment variable as an origin.
pub(crate) fn env_origin(name: &str) -> Origin {
    Origin::Env(Arc::from(name))
}
