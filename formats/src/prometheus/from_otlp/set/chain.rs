//! Elements of one series, which stand among those of all in one buffer, each with the number of the next.

use super::{Exemplar, Histogram, Sample};

/// Number of an element that is none.
pub(super) const NONE: u32 = u32::MAX;

/// An index as it is stored. No batch has 2^32 of anything.
pub(super) fn number(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(NONE)
}

/// Elements of one series: the first, and the last so far.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chain {
    first: u32,
    last: u32,
}

/// What stands in a chain.
pub(super) trait Link: Copy {
    /// Whether there may be only one in a millisecond.
    const ONE_AT_A_TIME: bool;
    fn next(&self) -> u32;
    fn set_next(&mut self, next: u32);
    fn at(&self) -> i64;
}

macro_rules! links {
    ($($element:ident: $one_at_a_time:literal)*) => {$(
        impl Link for $element {
            const ONE_AT_A_TIME: bool = $one_at_a_time;

            fn next(&self) -> u32 {
                self.next
            }

            fn set_next(&mut self, next: u32) {
                self.next = next;
            }

            fn at(&self) -> i64 {
                self.timestamp
            }
        }
    )*};
}

links!(Sample: true Histogram: true Exemplar: false);

impl Chain {
    /// A chain of nothing.
    pub(super) const EMPTY: Self = Self { first: NONE, last: NONE };

    pub(super) fn push<T: Link>(&mut self, buffer: &mut Vec<T>, element: T) {
        let new = number(buffer.len());
        buffer.push(element);
        match buffer.get_mut(self.last as usize) {
            Some(last) => last.set_next(new),
            None => self.first = new,
        }
        self.last = new;
    }

    pub(super) fn iter<T: Link>(self, buffer: &[T]) -> impl Iterator<Item = &T> {
        let mut at = self.first;
        std::iter::from_fn(move || {
            let element = buffer.get(at as usize)?;
            at = element.next();
            Some(element)
        })
    }

    pub(super) fn is_empty(self) -> bool {
        self.first == NONE
    }

    /// Puts the elements in the order of time. Where there may be only one in a millisecond, the one that came last
    /// stays, after `replace` saw it and the one before.
    pub(super) fn sort<T: Link>(&mut self, buffer: &mut [T], mut replace: impl FnMut(&T, &mut T)) {
        let in_order = |a: &T, b: &T| a.at() < b.at() || (a.at() == b.at() && !T::ONE_AT_A_TIME);
        if self.iter(buffer).is_sorted_by(|a, b| in_order(a, b)) {
            return;
        }
        let mut all: Vec<T> = self.iter(buffer).copied().collect();
        // Stable: of one millisecond, the one that came last stays last.
        all.sort_by_key(T::at);
        let mut sorted: Vec<T> = Vec::with_capacity(all.len());
        for mut element in all {
            if let Some(before) = sorted.pop_if(|before| !in_order(before, &element)) {
                replace(&before, &mut element);
            }
            sorted.push(element);
        }
        // The places of the elements stay, in another order.
        let mut places = Vec::with_capacity(sorted.len());
        let mut at = self.first;
        while let Some(element) = buffer.get(at as usize).filter(|_| places.len() < sorted.len()) {
            places.push(at);
            at = element.next();
        }
        let nexts = places.iter().skip(1).copied().chain([NONE]);
        for ((&place, next), mut element) in places.iter().zip(nexts).zip(sorted) {
            element.set_next(next);
            if let Some(slot) = buffer.get_mut(place as usize) {
                *slot = element;
            }
        }
        self.last = places.last().copied().unwrap_or(NONE);
    }
}
