//! Sections that are switched on by being there.

use std::fmt;
use std::marker::PhantomData;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::ours::{self, Mode};
use crate::{Check, Checker};

/// A section of the YAML that is off until it is written.
///
/// | in the YAML | becomes |
/// |---|---|
/// | absent | what the `Default` of the settings around it says |
/// | present, even with nothing after it | on: its defaults, with the keys that are written |
/// | present with `enabled: false` | off |
///
/// A section that is off still carries its value: the defaults with which it would be switched on.
#[derive(Clone, PartialEq, Eq)]
pub struct Section<T> {
    on: bool,
    value: T,
}

impl<T> Section<T> {
    /// On, with this value.
    pub fn on(value: T) -> Self {
        Self { on: true, value }
    }

    /// Off; when the YAML has it, its keys are laid over `value`.
    ///
    /// That takes [`crate::decode_over`]; with [`crate::decode`] they are laid over `T::default()`.
    pub fn off_with(value: T) -> Self {
        Self { on: false, value }
    }

    /// Off; when the YAML has it, its keys are laid over `T::default()`.
    pub fn off() -> Self
    where
        T: Default,
    {
        Self::off_with(T::default())
    }

    /// True when it is on.
    pub fn is_on(&self) -> bool {
        self.on
    }

    /// The value when it is on.
    pub fn as_option(&self) -> Option<&T> {
        self.on.then_some(&self.value)
    }

    /// The value when it is on.
    pub fn into_option(self) -> Option<T> {
        self.on.then_some(self.value)
    }

    /// The value, on or off.
    pub fn value(&self) -> &T {
        &self.value
    }
}

impl<T: Default> Default for Section<T> {
    fn default() -> Self {
        Self::off()
    }
}

impl<T: fmt::Debug> fmt::Debug for Section<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.as_option() {
            Some(value) => f.debug_tuple("On").field(value).finish(),
            None => f.write_str("Off"),
        }
    }
}

impl<T: Check> Check for Section<T> {
    fn check(&self, at: &mut Checker<'_>) {
        if let Some(value) = self.as_option() {
            value.check(at);
        }
    }
}

/// What our serializer sees of a section.
pub(crate) struct Inner<'a, T>(pub(crate) bool, pub(crate) &'a T);

impl<T: Serialize> Serialize for Inner<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (self.0, self.1).serialize(serializer)
    }
}

impl<T: Serialize> Serialize for Section<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match ours::mode() {
            Mode::Foreign => self.as_option().serialize(serializer),
            _ => serializer.serialize_newtype_struct(ours::SECTION, &Inner(self.on, &self.value)),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Section<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> de::Visitor<'de> for Visitor<T> {
            type Value = Section<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a section")
            }

            /// From our deserializer: whether it is on, then its value.
            fn visit_seq<A: de::SeqAccess<'de>>(self, mut parts: A) -> Result<Section<T>, A::Error> {
                let on = parts.next_element()?.unwrap_or(true);
                let value = parts.next_element()?.ok_or_else(|| de::Error::invalid_length(1, &self))?;
                Ok(Section { on, value })
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Section<T>, D::Error> {
                T::deserialize(inner).map(Section::on)
            }
        }
        deserializer.deserialize_newtype_struct(ours::SECTION, Visitor(PhantomData))
    }
}
