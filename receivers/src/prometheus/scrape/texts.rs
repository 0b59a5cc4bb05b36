//! The bytes that stand for series in an exposition, with what they were found to mean.
//!
//! Targets say their series in the same order each time. So each text remembers the one that came after it, and where
//! that one comes again, nothing is hashed.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::{
    numbers::{Number, push},
    series::MOST_FREE,
};

/// All texts of a target.
#[derive(Debug, Default)]
pub(super) struct Texts {
    texts: Vec<Text>,
    /// Numbers of texts by their bytes.
    by_bytes: HashTable<Number>,
    hasher: RandomState,
    /// The one that was looked up last.
    last: Option<Number>,
    /// The one that began the scrape.
    first: Option<Number>,
}

#[derive(Debug)]
struct Text {
    bytes: Box<[u8]>,
    /// `None`: relabelling drops it.
    series: Option<Number>,
    /// The one that came after it.
    next: Option<Number>,
    /// The last scrape that had it.
    seen: u32,
}

impl Texts {
    /// Another scrape begins.
    pub(super) fn begin(&mut self) {
        self.last = None;
    }

    pub(super) fn len(&self) -> usize {
        self.texts.len()
    }

    fn get(&self, number: Number) -> &[u8] {
        self.texts.get(number.index()).map_or(&[], |text| &text.bytes)
    }

    /// The number of the one that comes next if the order is that of the scrape before.
    fn next(&self) -> Option<Number> {
        match self.last {
            Some(last) => self.texts.get(last.index()).and_then(|last| last.next),
            None => self.first,
        }
    }

    /// The bytes that come next if the order is that of the scrape before; empty if nobody knows.
    pub(super) fn expected(&self) -> &[u8] {
        self.next().map_or(&[], |next| self.get(next))
    }

    /// The series of a text that is known, `Some(None)` for one that is dropped; and whether it is new in this scrape.
    pub(super) fn find(&mut self, bytes: &[u8], scrape: u32) -> Option<(Option<Number>, bool)> {
        let is_it = |number: &Number| self.get(*number) == bytes;
        let number = match self.next().filter(is_it) {
            Some(number) => number,
            None => {
                let found = *self.by_bytes.find(self.hasher.hash_one(bytes), is_it)?;
                self.follow(found);
                found
            }
        };
        self.last = Some(number);
        let text = self.texts.get_mut(number.index())?;
        let is_new = std::mem::replace(&mut text.seen, scrape) != scrape;
        Some((text.series, is_new))
    }

    /// Adds a text that is not known.
    pub(super) fn insert(&mut self, bytes: &[u8], series: Option<Number>, scrape: u32) {
        let Some(number) = Number::of(self.texts.len()) else { return };
        push(&mut self.texts, Text { bytes: bytes.into(), series, next: None, seen: scrape });
        let Self { texts, by_bytes, hasher, .. } = self;
        by_bytes.insert_unique(hasher.hash_one(bytes), number, |other| hash(texts, hasher, *other));
        self.follow(number);
        self.last = Some(number);
    }

    /// Remembers that this one comes after the last one.
    fn follow(&mut self, number: Number) {
        match self.last {
            None => self.first = Some(number),
            Some(last) => {
                if let Some(last) = self.texts.get_mut(last.index()) {
                    last.next = Some(number);
                }
            }
        }
    }

    /// Forgets the texts that `scrape` did not have, and tells how long each of them was.
    pub(super) fn forget_others(&mut self, scrape: u32, mut forgotten: impl FnMut(usize)) {
        self.texts.retain(|text| {
            let stays = text.seen == scrape;
            if !stays {
                forgotten(text.bytes.len());
            }
            stays
        });
        self.renumber();
    }

    /// Forgets all texts but the `first` ones that were added, and tells how long each of them was.
    pub(super) fn forget_after(&mut self, first: usize, mut forgotten: impl FnMut(usize)) {
        for text in self.texts.drain(first.min(self.texts.len())..) {
            forgotten(text.bytes.len());
        }
        self.renumber();
    }

    /// The series have other numbers.
    pub(super) fn move_series(&mut self, now: impl Fn(Number) -> Option<Number>) {
        for text in &mut self.texts {
            text.series = text.series.and_then(&now);
        }
    }

    /// How many places are allocated.
    #[cfg(test)]
    pub(super) fn places(&self) -> usize {
        self.texts.capacity().max(self.by_bytes.capacity())
    }

    /// All numbers have changed.
    fn renumber(&mut self) {
        if self.texts.len() < self.texts.capacity() / MOST_FREE {
            self.texts.shrink_to_fit();
            self.by_bytes = HashTable::with_capacity(self.texts.len());
        }
        self.by_bytes.clear();
        (self.first, self.last) = (None, None);
        let Self { texts, by_bytes, hasher, .. } = self;
        for (number, text) in texts.iter().enumerate().filter_map(|(at, text)| Some((Number::of(at)?, text)))
        {
            let rehash = |other: &Number| hash(texts, hasher, *other);
            by_bytes.insert_unique(hasher.hash_one(&*text.bytes), number, rehash);
        }
        for text in &mut self.texts {
            text.next = None;
        }
    }
}

fn hash(texts: &[Text], hasher: &RandomState, number: Number) -> u64 {
    hasher.hash_one(texts.get(number.index()).map_or(&[][..], |text| &text.bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks each of these up, adds what is not known, and gives what they mean.
    fn scrape(texts: &mut Texts, number: u32, words: &[&str]) -> Vec<Option<usize>> {
        texts.begin();
        let look = |word: &&str| match texts.find(word.as_bytes(), number) {
            Some((series, _)) => series.map(Number::index),
            None => {
                texts.insert(word.as_bytes(), Number::of(word.len()), number);
                None
            }
        };
        words.iter().map(look).collect()
    }

    #[test]
    fn texts_are_found_in_every_order() {
        let mut texts = Texts::default();
        assert_eq!(scrape(&mut texts, 1, &["a", "bb", "ccc"]), [None, None, None]);
        for (number, words) in [
            (2, ["a", "bb", "ccc"]),
            (3, ["ccc", "a", "bb"]),
            (4, ["ccc", "a", "bb"]),
            (5, ["bb", "bb", "a"]),
        ] {
            let expected: Vec<_> = words.iter().map(|word| Some(word.len())).collect();
            assert_eq!(scrape(&mut texts, number, &words), expected, "{number}");
        }
        let mut lengths = Vec::new();
        texts.forget_others(5, |length| lengths.push(length));
        assert_eq!((lengths, texts.len()), (vec![3], 2));
        assert_eq!(scrape(&mut texts, 6, &["a", "ccc", "bb"]), [Some(1), None, Some(2)]);
        assert_eq!(scrape(&mut texts, 7, &["a", "ccc", "bb"]), [Some(1), Some(3), Some(2)]);
    }

    #[test]
    fn a_text_is_new_once_in_a_scrape() {
        let mut texts = Texts::default();
        texts.insert(b"a", None, 1);
        texts.begin();
        assert_eq!(texts.find(b"a", 2), Some((None, true)));
        assert_eq!(texts.find(b"a", 2), Some((None, false)));
        assert_eq!(texts.find(b"b", 2), None);
    }
}
