//! Sets of names by pattern.

use serde::{Deserialize, Serialize};

use crate::StringList;

/// Names with `*` and `?` as wildcards: those that fit `included` and not `excluded`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Included {
    /// Names that are taken.
    pub included: StringList,
    /// Names that are left out although they are included.
    pub excluded: StringList,
}

impl Included {
    /// Whether nothing is written: no name is taken.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Whether `name` is taken.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        let any = |patterns: &[String]| patterns.iter().any(|p| matches(p.as_bytes(), name.as_bytes()));
        any(&self.included) && !any(&self.excluded)
    }
}

/// Whether `name` fits a pattern with `*` and `?`. Each star is tried once, so the time is bounded by the product
/// of both lengths.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(&c) if c == b'?' || Some(&c) == name.get(n) => {
                p += 1;
                n += 1;
            }
            _ => match &mut star {
                Some((at, taken)) => {
                    *taken += 1;
                    (p, n) = (*at + 1, *taken);
                }
                None => return false,
            },
        }
    }
    pattern.iter().skip(p).all(|&c| c == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn included_names_take_wildcards() {
        let names = Included {
            included: StringList::from_iter(["service.*", "h?st"]),
            excluded: StringList::from_iter(["*.id"]),
        };
        assert!(names.has("service.name") && names.has("host"));
        assert!(!names.has("service.instance.id") && !names.has("hoost") && !names.has("zone"));
    }
}
