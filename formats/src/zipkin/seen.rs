//! Which keys a span has, without a hash per key as long as they are few.

use std::collections::HashSet;

/// Most keys that are compared one by one.
const FEW: usize = 32;

#[derive(Debug, Default)]
pub(super) struct Seen<'a> {
    /// A bit for each key's fingerprint: keys without theirs are not here.
    bits: u64,
    keys: Vec<&'a [u8]>,
    many: HashSet<&'a [u8]>,
}

/// One bit that depends on the key.
#[inline]
pub(super) fn fingerprint(key: &[u8]) -> u64 {
    let middle = key.get(key.len() / 2).copied().unwrap_or(0);
    let last = key.last().copied().unwrap_or(0);
    1 << ((key.len() + usize::from(middle) * 7 + usize::from(last) * 13) & 63)
}

impl<'a> Seen<'a> {
    pub(super) fn clear(&mut self) {
        self.bits = 0;
        self.keys.clear();
        self.many.clear();
    }

    /// Says whether the key is new.
    #[inline]
    pub(super) fn insert(&mut self, key: &'a [u8]) -> bool {
        let bit = fingerprint(key);
        if self.bits & bit != 0 && self.has(key) {
            return false;
        }
        self.bits |= bit;
        if self.keys.len() < FEW {
            self.keys.push(key);
        } else {
            self.many.insert(key);
        }
        true
    }

    /// Whether the key, whose fingerprint is given, is here.
    #[inline]
    pub(super) fn contains(&self, key: &[u8], fingerprint: u64) -> bool {
        self.bits & fingerprint != 0 && self.has(key)
    }

    fn has(&self, key: &[u8]) -> bool {
        self.keys.contains(&key) || (!self.many.is_empty() && self.many.contains(key))
    }
}
