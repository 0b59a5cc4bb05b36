//! Keys of free maps: strings, component ids, and whatever else a type reads from text.

use std::collections::HashSet;

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;

use super::de::{Cx, De, Error};
use crate::node::Entry;
use crate::path::join;
use crate::{ComponentId, Problem, ours};

/// The key of an entry about to be decoded.
pub(super) struct KeyDe<'a> {
    pub(super) entry: &'a Entry,
    pub(super) path: &'a str,
    pub(super) cx: &'a Cx<'a>,
    /// Component ids of this map so far: blanks around their parts do not make two of one.
    pub(super) ids: &'a mut HashSet<ComponentId>,
}

impl KeyDe<'_> {
    /// Decodes, and on a mistake sets the whole entry aside.
    pub(super) fn guard<'de, K: DeserializeSeed<'de>>(self, seed: K) -> Result<K::Value, Error> {
        let (entry, path, cx) = (self.entry, self.path, self.cx);
        seed.deserialize(self).map_err(|error| match error {
            Error::Recorded => error,
            Error::Custom(text) => {
                let span = entry.key_span.as_ref().or(entry.value.span());
                let problem = Problem::error(join(path, &entry.key), text).at(span);
                cx.fail(Some(problem), De::address(&entry.value))
            }
        })
    }

    fn text(&self) -> StrDeserializer<'_, Error> {
        (&*self.entry.key).into_deserializer()
    }

    fn number<T: std::str::FromStr>(&self) -> Result<T, Error> {
        self.entry.key.parse().map_err(|_| de::Error::custom("expected an integer as the key"))
    }
}

impl<'de> de::Deserializer<'de> for KeyDe<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(&self.entry.key)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_i64(self.number()?)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_u64(self.number()?)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        if name == ours::ID
            && let Ok(id) = self.entry.key.parse::<ComponentId>()
        {
            if self.ids.contains(&id) {
                return Err(de::Error::custom(format!("duplicate name {:?}", id.as_str())));
            }
            self.ids.insert(id);
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        de::Deserializer::deserialize_enum(self.text(), name, variants, visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i128 u8 u16 u32 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}
