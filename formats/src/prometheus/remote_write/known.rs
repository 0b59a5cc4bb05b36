//! What earlier requests said that later ones need.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError, RwLock};

use super::held::Held;
use crate::prometheus::to_otlp::Families;

/// Resources whose `target_info` is kept for certain; up to twice as many are.
const TARGETS: usize = 1000;
/// A `target_info` with more bytes of labels is not kept.
const MAX_TARGET_INFO: usize = 8 << 10;

/// What is remembered from request to request: the metadata of version 1.0, which comes apart from the samples, what
/// `target_info` says of resources, which comes with other samples, and exemplars that wait for a sample of their series.
/// Bounded: some 16 MiB of each of the first two, and 10,000 exemplars.
#[derive(Debug, Default)]
pub struct Known {
    pub(super) families: RwLock<Families>,
    targets: Mutex<Targets>,
    exemplars: Mutex<Held>,
}

/// Two generations: what is used moves to the young one, and the old one goes when the young one is full.
#[derive(Debug, Default)]
struct Targets {
    young: HashMap<(String, String), Vec<u8>>,
    old: HashMap<(String, String), Vec<u8>>,
}

impl Known {
    /// Remembers what is said of a resource, or says what was said before.
    pub(super) fn target_info(&self, job: &str, instance: &str, info: &mut Vec<u8>) {
        let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (job.to_owned(), instance.to_owned());
        if info.is_empty() {
            let Some(known) = targets.recall(key) else { return };
            info.clone_from(known);
        } else if info.len() <= MAX_TARGET_INFO {
            targets.keep(key, info.clone());
        }
    }
}

impl Known {
    /// Lends the exemplars that wait, until [`give_back`](Self::give_back). Another request sees none of them meanwhile.
    pub(super) fn lend(&self) -> Held {
        std::mem::take(&mut *self.exemplars.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn give_back(&self, held: Held) {
        let mut exemplars = self.exemplars.lock().unwrap_or_else(PoisonError::into_inner);
        let meanwhile = std::mem::replace(&mut *exemplars, held);
        exemplars.join(meanwhile);
    }
}

impl Targets {
    fn recall(&mut self, key: (String, String)) -> Option<&Vec<u8>> {
        if let Some(info) = self.old.remove(&key) {
            self.keep(key.clone(), info);
        }
        self.young.get(&key)
    }

    fn keep(&mut self, key: (String, String), info: Vec<u8>) {
        if self.young.len() >= TARGETS && !self.young.contains_key(&key) {
            self.old = std::mem::take(&mut self.young);
        }
        self.old.remove(&key);
        self.young.insert(key, info);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recall(known: &Known, job: &str) -> Vec<u8> {
        let mut info = Vec::new();
        known.target_info(job, "i", &mut info);
        info
    }

    #[test]
    fn the_last_word_on_a_target_is_kept() {
        let known = Known::default();
        known.target_info("a", "i", &mut vec![1]);
        known.target_info("a", "i", &mut vec![2]);
        assert_eq!((recall(&known, "a"), recall(&known, "b")), (vec![2], vec![]));
    }

    #[test]
    fn the_targets_that_are_kept_are_the_ones_in_use() {
        let known = Known::default();
        known.target_info("used", "i", &mut vec![1]);
        for number in 0..10 * TARGETS {
            known.target_info(&number.to_string(), "i", &mut vec![1]);
            assert_eq!(recall(&known, "used"), [1]);
        }
        let targets = known.targets.lock().unwrap();
        assert!(targets.young.len() + targets.old.len() <= 2 * TARGETS);
        drop(targets);
        assert!(recall(&known, "0").is_empty());
    }

    #[test]
    fn what_is_large_is_not_kept() {
        let known = Known::default();
        known.target_info("a", "i", &mut vec![1; MAX_TARGET_INFO + 1]);
        assert!(recall(&known, "a").is_empty());
    }
}
