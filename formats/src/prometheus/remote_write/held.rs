//! Exemplars that wait for a sample of their series: OTLP has them in points only, and Prometheus sends them apart.

use std::collections::HashMap;

use crate::prometheus::labels::Labels;
use crate::prometheus::model::Exemplar;

/// Exemplars of a generation; there are two. When one is full, the older one goes.
const MAX_YOUNG: usize = 5_000;
/// Of one series.
const MAX_OF_SERIES: usize = 100;
/// Prometheus keeps none with more characters in its labels.
const MAX_CHARS: usize = 128;

/// Exemplars by the labels of their series.
#[derive(Debug, Default)]
pub(super) struct Held {
    young: HashMap<Labels, Vec<Exemplar>>,
    young_len: usize,
    old: HashMap<Labels, Vec<Exemplar>>,
}

impl Held {
    pub(super) fn is_empty(&self) -> bool {
        self.young.is_empty() && self.old.is_empty()
    }

    /// Takes out those of a series.
    pub(super) fn take(&mut self, labels: &Labels) -> Vec<Exemplar> {
        let mut exemplars = self.old.remove(labels).unwrap_or_default();
        if let Some(mut young) = self.young.remove(labels) {
            self.young_len = self.young_len.saturating_sub(young.len());
            exemplars.append(&mut young);
        }
        exemplars
    }

    /// Keeps exemplars of a series, none twice. Returns how many of them are kept.
    pub(super) fn keep(&mut self, labels: Labels, exemplars: Vec<Exemplar>) -> usize {
        if self.young_len >= MAX_YOUNG {
            self.old = std::mem::take(&mut self.young);
            self.young_len = 0;
        }
        let kept = self.young.entry(labels).or_default();
        let mut found = 0;
        for exemplar in exemplars {
            let chars =
                exemplar.labels.iter().map(|(name, value)| name.chars().count() + value.chars().count());
            if kept.contains(&exemplar) {
                // A request that came again.
                found += 1;
            } else if kept.len() < MAX_OF_SERIES && chars.sum::<usize>() <= MAX_CHARS {
                kept.push(exemplar);
                self.young_len += 1;
                found += 1;
            }
        }
        found
    }

    /// Takes over what others keep.
    pub(super) fn join(&mut self, other: Self) {
        for (labels, exemplars) in other.old.into_iter().chain(other.young) {
            self.keep(labels, exemplars);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(number: usize) -> Labels {
        [("__name__", format!("m{number}"))].into_iter().collect()
    }

    fn exemplar(value: f64) -> Exemplar {
        Exemplar { value, ..Exemplar::default() }
    }

    #[test]
    fn what_is_kept_is_found_once() {
        let mut held = Held::default();
        assert_eq!(held.keep(series(1), vec![exemplar(1.0), exemplar(2.0)]), 2);
        assert_eq!(held.keep(series(1), vec![exemplar(2.0)]), 1, "it came again");
        let mut other = Held::default();
        other.keep(series(2), vec![exemplar(3.0)]);
        held.join(other);
        assert_eq!(held.take(&series(1)), [exemplar(1.0), exemplar(2.0)]);
        assert_eq!(held.take(&series(2)), [exemplar(3.0)]);
        assert!(held.take(&series(1)).is_empty() && held.is_empty());
    }

    #[test]
    fn the_oldest_give_way() {
        let mut held = Held::default();
        for number in 0..3 * MAX_YOUNG {
            held.keep(series(number), vec![exemplar(1.0)]);
            assert!(held.young.len() + held.old.len() <= 2 * MAX_YOUNG);
        }
        assert!(held.take(&series(0)).is_empty());
        assert_eq!(held.take(&series(3 * MAX_YOUNG - 1)).len(), 1);
    }

    #[test]
    fn many_of_one_series_and_large_ones_are_not_kept() {
        let mut held = Held::default();
        let many: Vec<_> = (0..200_u8).map(|value| exemplar(value.into())).collect();
        assert_eq!(held.keep(series(1), many), MAX_OF_SERIES);
        let labels: Labels = [("k", "v".repeat(MAX_CHARS))].into_iter().collect();
        assert_eq!(held.keep(series(2), vec![Exemplar { labels, ..exemplar(1.0) }]), 0);
    }
}
