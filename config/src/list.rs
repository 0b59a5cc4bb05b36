//! Lists of strings.

use std::ops::Deref;

use serde::{Deserialize, Serialize};

/// A list of strings, or one string that is split at commas.
///
/// Our deserializer splits for every list (so `Vec<String>` does as well); this type says it in the settings.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StringList(Vec<String>);

impl Deref for StringList {
    type Target = [String];

    fn deref(&self) -> &[String] {
        &self.0
    }
}

impl From<Vec<String>> for StringList {
    fn from(list: Vec<String>) -> Self {
        Self(list)
    }
}

impl<'a> FromIterator<&'a str> for StringList {
    fn from_iter<I: IntoIterator<Item = &'a str>>(list: I) -> Self {
        Self(list.into_iter().map(str::to_owned).collect())
    }
}
