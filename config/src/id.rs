//! Component ids: `type` or `type/name`.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::ours;

/// The id of a component, `type` or `type/name`, as a key of `receivers:`, `exporters:` and so on.
///
/// It prints the way it was written (blanks around both parts are trimmed), because metric labels and file
/// names depend on the user's spelling: `otlp` and its newer name `otlp_grpc` are different ids.
#[derive(Clone)]
pub struct ComponentId {
    text: Box<str>,
    type_len: usize,
}

/// Why a text is not a [`ComponentId`]. Prints otelcol's own words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing but blanks.
    #[error("id must not be empty")]
    Empty,
    /// A slash with no name after it.
    #[error("in {0:?} id: the part after / should not be empty")]
    NoName(String),
    /// A slash with no type before it.
    #[error("in {0:?} id: the part before / should not be empty")]
    NoType(String),
    /// The type is not a letter followed by at most 62 letters, digits and underscores.
    #[error(
        "in {id:?} id: invalid character(s) in type {type_:?}: a type is a letter, then up to 62 letters, digits or `_`"
    )]
    BadType {
        /// The id as written.
        id: String,
        /// Its part before the slash.
        type_: String,
    },
    /// The name has whitespace, control characters or symbols, or is longer than 1024 characters.
    #[error(
        "in {id:?} id: invalid character(s) in name {name:?}: a name is 1 to 1024 characters without blanks, control characters or symbols"
    )]
    BadName {
        /// The id as written.
        id: String,
        /// Its part after the slash.
        name: String,
    },
}

impl ComponentId {
    /// Builds an id from its two parts; an empty `name` means none.
    pub fn new(type_: &str, name: &str) -> Result<Self, IdError> {
        if name.is_empty() { type_.parse() } else { format!("{type_}/{name}").parse() }
    }

    /// The type as written, `otlp` in `otlp/backend`.
    pub fn type_(&self) -> &str {
        self.text.get(..self.type_len).unwrap_or(&self.text)
    }

    /// The name, `backend` in `otlp/backend`; empty when there is none. It may contain slashes.
    pub fn name(&self) -> &str {
        self.text.get(self.type_len + 1..).unwrap_or("")
    }

    /// The id as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for ComponentId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        if text.trim().is_empty() {
            return Err(IdError::Empty);
        }
        let (type_, name) = match text.split_once('/') {
            Some((type_, name)) => (type_.trim(), Some(name.trim())),
            None => (text.trim(), None),
        };
        if type_.is_empty() {
            return Err(IdError::NoType(text.to_owned()));
        }
        if name == Some("") {
            return Err(IdError::NoName(text.to_owned()));
        }
        if !is_type(type_) {
            return Err(IdError::BadType { id: text.to_owned(), type_: type_.to_owned() });
        }
        match name {
            None => Ok(Self { text: type_.into(), type_len: type_.len() }),
            Some(name) if is_name(name) => {
                Ok(Self { text: format!("{type_}/{name}").into(), type_len: type_.len() })
            }
            Some(name) => Err(IdError::BadName { id: text.to_owned(), name: name.to_owned() }),
        }
    }
}

/// `^[a-zA-Z][0-9a-zA-Z_]{0,62}$`
fn is_type(text: &str) -> bool {
    text.len() <= 63
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// `^[^\pZ\pC\pS]+$`, 1 to 1024 characters.
pub(crate) fn is_name(text: &str) -> bool {
    use unicode_general_category::{GeneralCategory as G, get_general_category};
    let allowed = |c| {
        !matches!(
            get_general_category(c),
            G::SpaceSeparator
                | G::LineSeparator
                | G::ParagraphSeparator
                | G::Control
                | G::Format
                | G::Surrogate
                | G::PrivateUse
                | G::MathSymbol
                | G::CurrencySymbol
                | G::ModifierSymbol
                | G::OtherSymbol
        )
    };
    !text.is_empty() && text.chars().count() <= 1024 && text.chars().all(allowed)
}

impl fmt::Display for ComponentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for ComponentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text)
    }
}

impl Serialize for ComponentId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for ComponentId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = ComponentId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a component id, `type` or `type/name`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ComponentId, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<ComponentId, D::Error> {
                inner.deserialize_str(Self)
            }
        }
        deserializer.deserialize_newtype_struct(ours::ID, Visitor)
    }
}

impl AsRef<str> for ComponentId {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

// Equality, order and hash are those of the text alone, so that a map keyed by ids can be asked with a `str`.
impl PartialEq for ComponentId {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for ComponentId {}

impl Hash for ComponentId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl PartialOrd for ComponentId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ComponentId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl Borrow<str> for ComponentId {
    fn borrow(&self) -> &str {
        &self.text
    }
}

#[cfg(test)]
mod tests;
