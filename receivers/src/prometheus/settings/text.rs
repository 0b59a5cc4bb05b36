//! Texts as Prometheus reads them: any scalar will do.

use std::{fmt, ops::Deref};

use serde::{Deserialize, Deserializer, Serialize, de};
use sluice_config::{Check, Node, Value};

/// A text. Prometheus takes `regex: true` and `port_label: 9090` for texts, so that they are here too.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(transparent)]
pub struct Text(String);

impl Check for Text {}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.0
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Node::deserialize(deserializer)?;
        if let Some(text) = node.as_str() {
            return Ok(text.into());
        }
        match node.value() {
            Value::Null => Ok(Self::default()),
            Value::Bool(truth) => Ok(Self(truth.to_string())),
            Value::Int(number) => Ok(Self(number.to_string())),
            Value::Float(number) => Ok(Self(number.to_string())),
            _ => Err(de::Error::custom(format!("expected a string, found {}", node.describe()))),
        }
    }
}

/// Whether anything at all is said below `node`: Prometheus's own printed configurations hold empty sections.
pub(super) fn says_anything(node: &Node) -> bool {
    match node.value() {
        Value::Map(entries) => entries.iter().any(|entry| says_anything(&entry.value)),
        Value::Seq(items) => !items.is_empty(),
        _ => !node.is_empty(),
    }
}
