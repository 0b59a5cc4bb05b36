//! How serde walks lists, sections and enums.

use std::cell::RefCell;
use std::collections::HashSet;

use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor};

use super::de::{Cx, De, Error, Role};
use super::key::KeyDe;
use crate::node::{Entry, Node, Value};
use crate::path::join;
use crate::problem::is_sensitive;
use crate::{ComponentId, Problem};

/// A field whose name starts with this is decoded from the section around it.
const SQUASH: &str = "..";

/// The entries of a section, for a struct or a free map.
pub(super) struct Fields<'a> {
    node: &'a Node,
    path: String,
    cx: &'a Cx<'a>,
    /// The names that the struct knows; `None` for a free map.
    fields: Option<&'static [&'static str]>,
    /// Keys claimed by the struct and by all that is squashed into it.
    claims: RefCell<Vec<&'static str>>,
    outer_claims: Option<&'a RefCell<Vec<&'static str>>>,
    entry: usize,
    field: usize,
    next: Option<Next<'a>>,
    ids: HashSet<ComponentId>,
}

enum Next<'a> {
    Value(&'a Entry),
    Squashed,
}

impl<'a> Fields<'a> {
    pub(super) fn new(de: De<'a>, fields: Option<&'static [&'static str]>) -> Self {
        let own = fields.unwrap_or_default().iter().filter(|name| !name.starts_with(SQUASH));
        let claims: Vec<_> = own.copied().chain(de.also_known).collect();
        Self {
            node: de.node,
            path: de.path,
            cx: de.cx,
            fields,
            claims: RefCell::new(claims),
            outer_claims: de.squashed,
            entry: 0,
            field: 0,
            next: None,
            ids: HashSet::new(),
        }
    }

    /// The next entry that is this struct's own, or any for a free map.
    fn next_entry(&mut self) -> Option<&'a Entry> {
        while let Some(entry) = self.node.entries().get(self.entry) {
            self.entry += 1;
            let ours = match (self.fields, self.outer_claims) {
                (Some(fields), _) => fields.contains(&&*entry.key) && !entry.key.starts_with(SQUASH),
                // A free map that is squashed takes what no struct around it has claimed.
                (None, Some(claims)) => !claims.borrow().contains(&&*entry.key),
                (None, None) => true,
            };
            if ours && !self.cx.is_set_aside(&entry.value) {
                return Some(entry);
            }
        }
        None
    }

    fn next_squashed(&mut self) -> Option<&'static str> {
        let fields = self.fields?;
        while let Some(name) = fields.get(self.field) {
            self.field += 1;
            if name.starts_with(SQUASH) {
                return Some(name);
            }
        }
        None
    }

    /// Reports the keys that nobody claimed; a squashed struct hands its claims outwards instead.
    fn finish(&self) {
        let claims = self.claims.borrow();
        match (self.fields, self.outer_claims) {
            (None, None) => {}
            (None, Some(outer)) => outer.borrow_mut().push(ALL),
            (Some(_), Some(outer)) => outer.borrow_mut().extend(claims.iter()),
            (Some(_), None) if claims.contains(&ALL) => {}
            (Some(_), None) => {
                for entry in self.node.entries() {
                    if !claims.contains(&&*entry.key) {
                        self.unknown(entry, &claims);
                    }
                }
            }
        }
    }

    fn unknown(&self, entry: &Entry, known: &[&'static str]) {
        if is_sensitive(&entry.key) {
            self.cx.hide(entry.value.span());
        }
        self.cx.unknown(|| {
            let span = entry.key_span.as_ref().or(entry.value.span());
            let problem = Problem::error(&self.path, format!("unknown key `{}`", entry.key)).at(span);
            problem.suggest(&entry.key, "known keys", known.iter().copied())
        });
    }
}

/// Claimed by a squashed free map: every key is known.
const ALL: &str = "*";

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        if let Some(entry) = self.next_entry() {
            self.next = Some(Next::Value(entry));
            let key = KeyDe { entry, path: &self.path, cx: self.cx, ids: &mut self.ids };
            return key.guard(seed).map(Some);
        }
        if let Some(name) = self.next_squashed() {
            self.next = Some(Next::Squashed);
            let key: StrDeserializer<'_, Error> = name.into_deserializer();
            return seed.deserialize(key).map(Some);
        }
        self.finish();
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let role = if self.fields.is_some() { Role::Field } else { Role::Item };
        match self.next.take() {
            Some(Next::Value(entry)) => {
                let path = join(&self.path, &entry.key);
                De::new(&entry.value, path, self.cx, role).guard(|de| seed.deserialize(de))
            }
            Some(Next::Squashed) => {
                let mut de = De::new(self.node, self.path.clone(), self.cx, Role::Field);
                de.squashed = Some(&self.claims);
                de.guard(|de| seed.deserialize(de))
            }
            None => Err(de::Error::custom("a value was asked for before its key")),
        }
    }
}

/// The items of a list, or the pieces of a string split at commas.
pub(super) struct Items<'a> {
    rest: std::slice::Iter<'a, Node>,
    index: usize,
    path: String,
    cx: &'a Cx<'a>,
    /// The node that pieces were made from: a bad piece sets all of it aside.
    made_from: Option<usize>,
}

impl<'a> Items<'a> {
    pub(super) fn new(de: De<'a>) -> Self {
        Self { rest: de.node.items().iter(), index: 0, path: de.path, cx: de.cx, made_from: None }
    }

    pub(super) fn pieces(pieces: &'a [Node], de: De<'a>) -> Self {
        Self { rest: pieces.iter(), index: 0, path: de.path, cx: de.cx, made_from: Some(de.culprit) }
    }
}

impl<'de> SeqAccess<'de> for Items<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        for node in self.rest.by_ref() {
            let path = join(&self.path, &format!("[{}]", self.index));
            self.index += 1;
            if self.cx.is_set_aside(node) {
                continue;
            }
            let mut de = De::new(node, path, self.cx, Role::Item);
            de.culprit = self.made_from.unwrap_or(de.culprit);
            return de.guard(|de| seed.deserialize(de)).map(Some);
        }
        Ok(None)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.rest.len())
    }
}

/// A [`crate::Section`] as two items: whether it is on, and its value.
pub(super) struct OnAndValue<'a> {
    on: Option<bool>,
    value: Option<De<'a>>,
}

impl<'a> OnAndValue<'a> {
    pub(super) fn new(mut de: De<'a>) -> Result<Self, Error> {
        let enabled = de.node.get(ENABLED).filter(|node| !de.cx.is_set_aside(node));
        let on = match enabled.map(|node| (node, &node.value)) {
            _ if de.node.off => false,
            Some((_, Value::Bool(on))) => *on,
            None | Some((_, Value::Null)) => true,
            Some((node, _)) => {
                let path = join(&de.path, ENABLED);
                // Says what is wrong with it.
                De::new(node, path, de.cx, Role::Field).guard(<bool as serde::Deserialize>::deserialize)?
            }
        };
        de.also_known = Some(ENABLED);
        Ok(Self { on: Some(on), value: Some(de) })
    }
}

const ENABLED: &str = "enabled";

impl<'de> SeqAccess<'de> for OnAndValue<'_> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        if let Some(on) = self.on.take() {
            return seed.deserialize(on.into_deserializer()).map(Some);
        }
        self.value.take().map(|de| seed.deserialize(de)).transpose()
    }
}

/// `{variant: value}`
pub(super) struct EnumValue<'a> {
    pub(super) entry: &'a Entry,
    pub(super) path: String,
    pub(super) cx: &'a Cx<'a>,
}

impl<'a> EnumValue<'a> {
    fn value(self) -> De<'a> {
        De::new(&self.entry.value, self.path, self.cx, Role::Field)
    }
}

impl<'de> de::EnumAccess<'de> for EnumValue<'_> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let name: StrDeserializer<'_, Error> = (&*self.entry.key).into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> de::VariantAccess<'de> for EnumValue<'_> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        self.value().guard(<() as serde::Deserialize>::deserialize)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        self.value().guard(|de| seed.deserialize(de))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.value().guard(|de| de::Deserializer::deserialize_seq(de, visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.value().guard(|de| de::Deserializer::deserialize_struct(de, "", fields, visitor))
    }
}
