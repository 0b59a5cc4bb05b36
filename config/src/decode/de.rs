//! The serde `Deserializer` over one [`Node`].

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;

use serde::de::{self, IntoDeserializer, Visitor};

use super::access::{EnumValue, Fields, Items, OnAndValue};
use crate::node::{Node, Value};
use crate::path::join;
use crate::source::Span;
use crate::{Problem, Problems, ours};

/// What one run over the tree shares.
pub(super) struct Cx<'a> {
    set_aside: &'a HashSet<usize>,
    run: RefCell<Run>,
}

/// What one run found.
#[derive(Default)]
pub(super) struct Run {
    /// What ended the run, and the address of the node to set aside. No problem: a null where the default is meant.
    pub(super) failed: Option<(Option<Problem>, usize)>,
    pub(super) unknown: Problems,
    /// Places of secrets.
    pub(super) noted: Problems,
}

impl<'a> Cx<'a> {
    pub(super) fn new(set_aside: &'a HashSet<usize>) -> Self {
        Self { set_aside, run: RefCell::default() }
    }

    pub(super) fn finish(self) -> Run {
        self.run.into_inner()
    }

    pub(super) fn is_set_aside(&self, node: &Node) -> bool {
        self.set_aside.contains(&De::address(node))
    }

    /// Notes an unknown key. Those beyond the first thousand are left for the next time.
    pub(super) fn unknown(&self, problem: impl FnOnce() -> Problem) {
        let unknown = &mut self.run.borrow_mut().unknown;
        if unknown.len() < 1000 {
            unknown.push(problem());
        }
    }

    pub(super) fn hide(&self, span: Option<&Span>) {
        self.run.borrow_mut().noted.hide(span);
    }

    /// Ends the run with this problem and has `culprit` set aside.
    pub(super) fn fail(&self, problem: Option<Problem>, culprit: usize) -> Error {
        self.run.borrow_mut().failed = Some((problem, culprit));
        Error::Recorded
    }
}

/// What went wrong, for serde. The problem itself, with its place, is in the [`Run`].
#[derive(Debug)]
pub(super) enum Error {
    Recorded,
    /// From a visitor, which does not know the place: recorded by the first [`De`] that sees it.
    Custom(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Recorded => f.write_str("cannot be read"),
            Self::Custom(message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Custom(message.to_string())
    }

    fn invalid_type(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::Custom(format!("expected {expected}, found {found}"))
    }

    fn invalid_value(found: de::Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::Custom(format!("expected {expected}, found {found}"))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Custom(format!("`{field}` must be given"))
    }
}

/// What a value is part of, which decides what a null means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A field of settings: null means its default.
    Field,
    /// An item of a list or of a free map: there is no default.
    Item,
}

/// One value about to be decoded.
pub(super) struct De<'a> {
    pub(super) node: &'a Node,
    pub(super) path: String,
    pub(super) cx: &'a Cx<'a>,
    pub(super) role: Role,
    /// What is set aside when the value does not fit: the node itself, or the one that it was made from.
    pub(super) culprit: usize,
    /// Keys claimed so far, when this is squashed into the section around it.
    pub(super) squashed: Option<&'a RefCell<Vec<&'static str>>>,
    /// A key that [`crate::Section`] reads and the settings inside need not know.
    pub(super) also_known: Option<&'static str>,
}

impl<'a> De<'a> {
    pub(super) fn root(node: &'a Node, path: &str, cx: &'a Cx<'a>) -> Self {
        Self::new(node, path.to_owned(), cx, Role::Field)
    }

    pub(super) fn new(node: &'a Node, path: String, cx: &'a Cx<'a>, role: Role) -> Self {
        Self { node, path, cx, role, culprit: Self::address(node), squashed: None, also_known: None }
    }

    /// Nodes are told apart by address: the tree does not move while it is decoded.
    pub(super) fn address(node: &Node) -> usize {
        std::ptr::from_ref(node).addr()
    }

    /// Runs `decode` for this value and records what a visitor found wrong with it.
    pub(super) fn guard<T>(self, decode: impl FnOnce(Self) -> Result<T, Error>) -> Result<T, Error> {
        let (node, path, cx, culprit) = (self.node, self.path.clone(), self.cx, self.culprit);
        decode(self).map_err(|error| match error {
            Error::Recorded => error,
            // After a value of this section was set aside, "must be given" would be said of what was given.
            Error::Custom(text) if text.ends_with("must be given") && has_set_aside(node, cx) => {
                cx.fail(None, culprit)
            }
            Error::Custom(text) => cx.fail(Some(with_notes(Problem::error(path, text), node)), culprit),
        })
    }

    fn fail(&self, message: impl Into<String>) -> Error {
        self.cx.fail(Some(self.problem(message)), self.culprit)
    }

    fn problem(&self, message: impl Into<String>) -> Problem {
        with_notes(Problem::error(&self.path, message), self.node)
    }

    fn mismatch(&self, expected: &str) -> Error {
        if self.node.is_null() && self.role == Role::Field {
            return self.cx.fail(None, self.culprit);
        }
        let problem = self.problem(format!("expected {expected}, found {}", self.node.describe()));
        let scalar = matches!(self.node.value, Value::Bool(_) | Value::Int(_) | Value::Float(_));
        let problem = if scalar && expected == "a string" && self.node.raw().is_none() {
            problem.help("put it in quotes to make it a string")
        } else {
            match self.meant(expected) {
                Some(help) => problem.help(help),
                None => problem,
            }
        };
        self.cx.fail(Some(problem), self.culprit)
    }

    /// What a string in the place of something else was meant to be.
    fn meant(&self, expected: &str) -> Option<String> {
        let Value::String(text) = &self.node.value else { return None };
        let plain = crate::scalar::plain(text);
        match (expected, &plain) {
            _ if is_reference(self.node) => None,
            ("an integer", Value::Int(_))
            | ("a number", Value::Int(_) | Value::Float(_))
            | ("true or false", Value::Bool(_)) => Some("remove the quotes".to_owned()),
            ("a section", _) => {
                let (key, value) = text.split_once(':')?;
                let is_key = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
                let fits = is_key && !value.is_empty() && !value.starts_with([' ', '/']);
                fits.then(|| format!("a blank is missing after `{key}:`"))
            }
            _ => None,
        }
    }

    fn integer(&self, range: std::ops::RangeInclusive<i128>) -> Result<i128, Error> {
        let whole = match self.node.value {
            Value::Int(n) => n,
            #[expect(clippy::cast_possible_truncation, reason = "whole and far inside the range")]
            Value::Float(n) if n.fract() == 0.0 && n.abs() < 9.0e18 => n as i128,
            _ => return Err(self.mismatch("an integer")),
        };
        if range.contains(&whole) {
            return Ok(whole);
        }
        let (least, most) = range.into_inner();
        Err(self.fail(format!("`{whole}` is out of range: must be between {least} and {most}")))
    }

    /// What keeps the value from being a secret. The words show nothing of it, nor of a reference's default.
    fn why_no_secret(&self) -> Option<Problem> {
        if !is_reference(self.node) {
            self.cx.hide(self.node.span());
        }
        let unset: Vec<_> = self.node.unset_variables().map(|name| format!("`{name}`")).collect();
        let text = match &self.node.value {
            _ if !unset.is_empty() => {
                format!("environment variable {} is not set, and this is a secret", unset.join(", "))
            }
            Value::String(_) | Value::Null => return None,
            _ if self.node.raw().is_some() => return None,
            Value::Seq(_) => "expected a string, found a list".to_owned(),
            Value::Map(_) => "expected a string, found a section".to_owned(),
            _ => "expected a string: put the value in quotes".to_owned(),
        };
        Some(Problem::error(&self.path, text).at(self.node.span()))
    }

    fn map_access(self, fields: Option<&'static [&'static str]>) -> Fields<'a> {
        Fields::new(self, fields)
    }
}

fn has_set_aside(node: &Node, cx: &Cx<'_>) -> bool {
    node.entries().iter().any(|entry| cx.is_set_aside(&entry.value))
}

/// Adds the place, and what the value has to do with the environment.
fn with_notes(problem: Problem, node: &Node) -> Problem {
    let mut problem = problem.at(node.span());
    for name in node.unset_variables() {
        problem = problem.note(format!("environment variable `{name}` is not set"));
    }
    match &node.expanded {
        Some(expanded) if expanded.unset.is_empty() => {
            let problem = problem.note(format!("the value is that of `{}`", expanded.reference));
            expanded
                .not_yaml
                .iter()
                .fold(problem, |problem, why| problem.note(format!("read as a string: {why}")))
        }
        _ => problem,
    }
}

macro_rules! integers {
    ($($method:ident $visit:ident $type:ty,)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let n = self.integer(<$type>::MIN.into()..=<$type>::MAX.into())?;
            visitor.$visit(<$type>::try_from(n).unwrap_or_default())
        }
    )*};
}

impl<'de> de::Deserializer<'de> for De<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(b) => visitor.visit_bool(*b),
            Value::Int(n) => match (i64::try_from(*n), u64::try_from(*n)) {
                (_, Ok(n)) => visitor.visit_u64(n),
                (Ok(n), _) => visitor.visit_i64(n),
                _ => visitor.visit_i128(*n),
            },
            Value::Float(n) => visitor.visit_f64(*n),
            Value::String(text) => visitor.visit_str(text),
            Value::Seq(_) => visitor.visit_seq(Items::new(self)),
            Value::Map(_) => visitor.visit_map(self.map_access(None)),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node.value {
            Value::Bool(b) => visitor.visit_bool(b),
            _ => Err(self.mismatch("true or false")),
        }
    }

    integers! {
        deserialize_i8 visit_i8 i8,
        deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64,
        deserialize_u8 visit_u8 u8,
        deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64,
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node.value {
            Value::Float(n) => visitor.visit_f64(n),
            #[expect(
                clippy::cast_precision_loss,
                reason = "an integer was written where any number is wanted"
            )]
            Value::Int(n) => visitor.visit_f64(n as f64),
            _ => Err(self.mismatch("a number")),
        }
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node.as_str() {
            Some(text) => visitor.visit_str(text),
            None if self.node.is_null() && self.role == Role::Item => visitor.visit_str(""),
            None => Err(self.mismatch("a string")),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.node.is_null() && self.node.expanded.is_none() {
            return visitor.visit_none();
        }
        visitor.visit_some(self)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.node.is_null() { visitor.visit_unit() } else { Err(self.mismatch("nothing")) }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        if self.node.entries().is_empty() && self.node.is_empty() {
            return visitor.visit_unit();
        }
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        match name {
            ours::NODE => {
                ours::put_node(self.node.clone());
                visitor.visit_unit()
            }
            ours::SECRET => match self.why_no_secret() {
                Some(problem) => Err(self.cx.fail(Some(problem), self.culprit)),
                None => visitor.visit_newtype_struct(self),
            },
            ours::DURATION
                if matches!(
                    self.node.value,
                    Value::Seq(_) | Value::Map(_) | Value::Bool(_) | Value::Float(_)
                ) =>
            {
                Err(self.mismatch("a duration such as 300ms or 1m30s"))
            }
            ours::DURATION | ours::HEADERS if self.node.is_null() => Err(self.mismatch("a value")),
            ours::HEADERS if !matches!(self.node.value, Value::Seq(_) | Value::Map(_)) => {
                Err(self.mismatch("a map of names to values, or a list of {name, value}"))
            }
            ours::SECTION => visitor.visit_seq(OnAndValue::new(self)?),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.node.value {
            Value::Seq(_) => visitor.visit_seq(Items::new(self)),
            Value::String(_) => {
                let pieces = comma_pieces(self.node);
                visitor.visit_seq(Items::pieces(&pieces, self))
            }
            _ => Err(self.mismatch("a list")),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.node.value {
            Value::Map(_) => visitor.visit_map(self.map_access(None)),
            _ => Err(self.mismatch("a section")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.node.value {
            // Nothing written is all defaults.
            Value::Map(_) | Value::Null => visitor.visit_map(self.map_access(Some(fields))),
            _ => Err(self.mismatch("a section")),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if let Some(text) = self.node.as_str() {
            if !variants.contains(&text) {
                let problem = self.problem(format!("unknown value `{text}`"));
                let problem =
                    problem.suggest(text, "known values", variants.iter().copied().filter(|v| !v.is_empty()));
                return Err(self.cx.fail(Some(problem), self.culprit));
            }
            return visitor.visit_enum(text.into_deserializer());
        }
        match self.node.entries() {
            [entry] if variants.contains(&&*entry.key) => {
                let path = join(&self.path, &entry.key);
                visitor.visit_enum(EnumValue { entry, path, cx: self.cx })
            }
            _ => Err(self.mismatch(&format!("one of {}", variants.join(", ")))),
        }
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }
}

/// Whether what was written is a mere reference, which gives nothing away.
fn is_reference(node: &Node) -> bool {
    node.expanded.as_ref().is_some_and(|e| crate::problem::is_reference(&e.reference))
}

/// `a, b` as the list of strings that it stands for.
fn comma_pieces(node: &Node) -> Vec<Node> {
    let text = node.as_str().unwrap_or("");
    if text.is_empty() {
        return Vec::new();
    }
    let piece =
        |text: &str| Node { span: node.span.clone(), origin: node.origin.clone(), ..Node::from(text.trim()) };
    text.split(',').map(piece).collect()
}
