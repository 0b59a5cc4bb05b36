//! One entry of `actions` or `attributes` in the YAML.

use serde::{Deserialize, Serialize};
use sluice_config::{Entry, Node, Value};
use sluice_pdata::{EncodedAttribute, otlp::common::v1 as common};

use super::ConvertedType;

/// One action, with otelcol's keys. Which of them it takes depends on `action`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Action {
    /// The attribute that is acted upon.
    pub key: String,
    /// What is done to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionKind>,
    /// For `insert`, `update`, `upsert`: the value, with the type that it has in the YAML.
    #[serde(skip_serializing_if = "Node::is_null")]
    pub value: Node,
    /// Or the attribute whose value is taken.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub from_attribute: String,
    /// Or what is taken of the request: `metadata.<header>`, `auth.<attribute>` or `client.address`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub from_context: String,
    /// The value if there is none in the other attribute or in the request.
    #[serde(skip_serializing_if = "Node::is_null")]
    pub default_value: Node,
    /// For `delete` and `hash`: a regular expression that is found anywhere in a key. For `extract`: one with named
    /// groups that is searched for in the attribute's text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pattern: String,
    /// For `convert`: the type that the value gets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub converted_type: Option<ConvertedType>,
}

/// What an action does. In the YAML in either case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
pub enum ActionKind {
    /// Adds an attribute that is not there.
    Insert,
    /// Changes an attribute that is there.
    Update,
    /// Adds or changes.
    Upsert,
    /// Removes attributes.
    Delete,
    /// Puts a hash in the place of values.
    Hash,
    /// Makes attributes of parts of a text.
    Extract,
    /// Changes the type of a value.
    Convert,
}

impl ActionKind {
    const ALL: [Self; 7] =
        [Self::Insert, Self::Update, Self::Upsert, Self::Delete, Self::Hash, Self::Extract, Self::Convert];

    /// As it is written, in lower case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Upsert => "upsert",
            Self::Delete => "delete",
            Self::Hash => "hash",
            Self::Extract => "extract",
            Self::Convert => "convert",
        }
    }
}

impl From<ActionKind> for &'static str {
    fn from(kind: ActionKind) -> Self {
        kind.as_str()
    }
}

impl TryFrom<String> for ActionKind {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|kind| text.eq_ignore_ascii_case(kind.as_str()));
        found.ok_or_else(|| {
            let known = Self::ALL.map(Self::as_str).join(", ");
            format!("unsupported action {text:?}: it must be one of {known}")
        })
    }
}

/// The attribute `key` with a value as it is written; none for `null`.
///
/// # Errors
/// When it is nested deeper than an attribute may be, or is an integer beyond 64 bits with a sign.
pub(crate) fn encoded(key: &str, node: &Node) -> Result<Option<EncodedAttribute>, &'static str> {
    if node.is_null() { Ok(None) } else { Ok(Some(EncodedAttribute::new(key, &any_value(node, 1)?))) }
}

fn any_value(node: &Node, depth: u32) -> Result<common::AnyValue, &'static str> {
    use common::any_value::Value as Any;
    const DEEPEST: u32 = 64;
    if depth > DEEPEST {
        return Err("is nested more than 64 levels deep");
    }
    let value = match node.value() {
        Value::Null => None,
        Value::Bool(value) => Some(Any::BoolValue(*value)),
        Value::Int(value) => Some(Any::IntValue(i64::try_from(*value).map_err(|_| "does not fit 64 bits")?)),
        Value::Float(value) => Some(Any::DoubleValue(*value)),
        Value::String(value) => Some(Any::StringValue(value.to_string())),
        Value::Seq(items) => {
            let values = items.iter().map(|item| any_value(item, depth + 1)).collect::<Result<_, _>>()?;
            Some(Any::ArrayValue(common::ArrayValue { values }))
        }
        Value::Map(entries) => {
            let member = |entry: &Entry| -> Result<_, &'static str> {
                let value = Some(any_value(&entry.value, depth + 1)?);
                Ok(common::KeyValue { key: entry.key.to_string(), value, ..common::KeyValue::default() })
            };
            let values = entries.iter().map(member).collect::<Result<_, _>>()?;
            Some(Any::KvlistValue(common::KeyValueList { values }))
        }
    };
    Ok(common::AnyValue { value })
}
