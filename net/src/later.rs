//! Keys that otelcol has and this crate does not build yet.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sluice_config::Checker;

/// A key that is refused when it is written with a value. Its content is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Later(bool);

impl Later {
    /// True when the YAML has the key with something that could mean anything: not `null`, `[]`, `{}` or `""`.
    #[must_use]
    pub fn is_written(self) -> bool {
        self.0
    }

    /// True when there is nothing to print; for `skip_serializing_if`.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        !self.0
    }

    /// Reports the key when it is written.
    pub fn check(self, key: &str, at: &mut Checker<'_>) {
        if self.0 {
            at.key(key).error("not built yet: remove the key");
        }
    }
}

impl Serialize for Later {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

impl<'de> Deserialize<'de> for Later {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Later;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }

            fn visit_unit<E>(self) -> Result<Later, E> {
                Ok(Later(false))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Later, E> {
                Ok(Later(true))
            }

            fn visit_i64<E>(self, _: i64) -> Result<Later, E> {
                Ok(Later(true))
            }

            fn visit_u64<E>(self, _: u64) -> Result<Later, E> {
                Ok(Later(true))
            }

            fn visit_f64<E>(self, _: f64) -> Result<Later, E> {
                Ok(Later(true))
            }

            fn visit_str<E>(self, text: &str) -> Result<Later, E> {
                Ok(Later(!text.is_empty()))
            }

            fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<Later, A::Error> {
                let mut written = false;
                while list.next_element::<de::IgnoredAny>()?.is_some() {
                    written = true;
                }
                Ok(Later(written))
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Later, A::Error> {
                let mut written = false;
                while map.next_entry::<de::IgnoredAny, de::IgnoredAny>()?.is_some() {
                    written = true;
                }
                Ok(Later(written))
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
