//! What is known of metric families, from one scrape to the next.

use std::collections::HashMap;

use crate::prometheus::model::{Metadata, MetricType};

/// Most bytes of names, help and units. Whoever sends more is forgotten and learned anew.
const MAX_BYTES: usize = 16 << 20;

/// What TYPE, HELP and UNIT said of families, the last word of each.
#[derive(Debug, Default)]
pub struct Families {
    by_name: HashMap<String, Known>,
    generation: u64,
    bytes: usize,
    /// Counts expositions, from 1; 0 if there are none.
    round: u64,
}

/// What is known of a family, and which exposition told its help and unit last.
#[derive(Debug, Default)]
struct Known {
    metadata: Metadata,
    help_round: u64,
    unit_round: u64,
}

impl Families {
    /// Another exposition begins: of several help texts and units of a family, its first one counts. An exposition that
    /// contradicts itself in the same way each time changes nothing then.
    pub fn begin(&mut self) {
        self.round += 1;
    }

    /// Takes note of a type.
    pub fn set_type(&mut self, family: &str, kind: MetricType) {
        self.set(family, |known| {
            let changed = known.metadata.kind != kind;
            known.metadata.kind = kind;
            changed
        });
    }

    /// Takes note of a help text.
    pub fn set_help(&mut self, family: &str, help: &str) {
        let round = self.round;
        self.set(family, |known| {
            is_first(&mut known.help_round, round) && set_text(&mut known.metadata.help, help)
        });
    }

    /// Takes note of a unit, in Prometheus's words.
    pub fn set_unit(&mut self, family: &str, unit: &str) {
        let round = self.round;
        self.set(family, |known| {
            is_first(&mut known.unit_round, round) && set_text(&mut known.metadata.unit, unit)
        });
    }

    /// Counts the changes. A [`Series`](super::Series) that was made under another generation has to be made again:
    /// its type may have changed.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// What is known of a family.
    #[must_use]
    pub fn get(&self, family: &str) -> Option<&Metadata> {
        self.by_name.get(family).map(|known| &known.metadata)
    }

    /// About how many bytes all of it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn set(&mut self, family: &str, change: impl FnOnce(&mut Known) -> bool) {
        if let Some(known) = self.by_name.get_mut(family) {
            let before = cost(family, known);
            if !change(known) {
                return;
            }
            self.bytes = (self.bytes + cost(family, known)).saturating_sub(before);
        } else {
            let mut known = Known::default();
            change(&mut known);
            self.bytes += cost(family, &known);
            self.by_name.insert(family.to_owned(), known);
        }
        self.generation += 1;
        if self.bytes > MAX_BYTES {
            // The samples of the family that was just told come next: it stays.
            self.by_name.retain(|name, _| name == family);
            self.bytes = self.by_name.iter().map(|(name, known)| cost(name, known)).sum();
        }
    }
}

fn cost(family: &str, known: &Known) -> usize {
    family.len() + known.metadata.help.len() + known.metadata.unit.len() + size_of::<(String, Known)>()
}

/// Whether nothing was told in this exposition before.
fn is_first(told: &mut u64, round: u64) -> bool {
    round == 0 || std::mem::replace(told, round) != round
}

fn set_text(known: &mut String, text: &str) -> bool {
    let changed = known != text;
    if changed {
        text.clone_into(known);
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_makes_a_new_generation_and_a_repetition_does_not() {
        let mut families = Families::default();
        let mut before = families.generation();
        for (changes, kind, help) in [
            (true, MetricType::Counter, "a"),
            (false, MetricType::Counter, "a"),
            (true, MetricType::Gauge, "a"),
            (true, MetricType::Gauge, "b"),
        ] {
            families.set_type("f", kind);
            families.set_help("f", help);
            families.set_unit("f", "");
            assert_eq!(families.generation() != before, changes);
            before = families.generation();
        }
        let known = families.get("f").unwrap();
        assert_eq!((known.kind, known.help.as_str()), (MetricType::Gauge, "b"));
    }

    #[test]
    fn an_exposition_that_contradicts_itself_makes_a_new_generation_once() {
        let mut families = Families::default();
        let mut generations = Vec::new();
        for last in ["b", "b", "c"] {
            families.begin();
            for help in ["a", last] {
                families.set_help("f", help);
                families.set_unit("f", help);
            }
            generations.push(families.generation());
        }
        assert_eq!(generations, [2, 2, 2]);
        families.begin();
        families.set_help("f", "d");
        assert_eq!(families.get("f").unwrap().help, "d", "the next one may find other words");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut families = Families::default();
        let help = "x".repeat(1 << 20);
        for number in 0..40 {
            families.set_help(&number.to_string(), &help);
            assert!(families.by_name.len() <= 17);
            assert!(families.get(&number.to_string()).is_some(), "{number}: what was just told stays");
        }
        assert!(families.get("39").is_some());
        for _ in 0..40 {
            families.set_help("39", "");
            families.set_help("39", &help);
        }
        assert!(families.get("39").is_some(), "a text that replaces another takes no more room");
    }
}
