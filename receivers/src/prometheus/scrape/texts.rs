//! The bytes that stand for series in an exposition, with what they were found to mean.
//!
//! Targets say their series in the same order each time. So each text remembers the one that came after it, and where
//! that one comes again, nothing is hashed.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// All texts of a target.
#[derive(Debug, Default)]
pub(super) struct Texts {
    texts: Vec<Text>,
    /// Numbers of texts by their bytes.
    by_bytes: HashTable<usize>,
    hasher: RandomState,
    /// The one that was looked up last.
    last: Option<usize>,
    /// The one that began the scrape.
    first: Option<usize>,
}

#[derive(Debug)]
struct Text {
    bytes: Box<[u8]>,
    /// `None`: relabelling drops it.
    series: Option<usize>,
    /// The last scrape that had it.
    seen: u64,
    /// The one that came after it.
    next: Option<usize>,
}

impl Texts {
    /// Another scrape begins.
    pub(super) fn begin(&mut self) {
        self.last = None;
    }

    pub(super) fn len(&self) -> usize {
        self.texts.len()
    }

    /// The number of the one that comes next if the order is that of the scrape before.
    fn next(&self) -> Option<usize> {
        match self.last {
            Some(last) => self.texts.get(last).and_then(|last| last.next),
            None => self.first,
        }
    }

    /// The bytes that come next if the order is that of the scrape before; empty if nobody knows.
    pub(super) fn expected(&self) -> &[u8] {
        self.next().and_then(|next| self.texts.get(next)).map_or(&[], |text| &text.bytes)
    }

    /// The series of a text that is known, `Some(None)` for one that is dropped; and whether it is new in this scrape.
    pub(super) fn find(&mut self, bytes: &[u8], scrape: u64) -> Option<(Option<usize>, bool)> {
        let is_it = |number: &usize| self.texts.get(*number).is_some_and(|text| *text.bytes == *bytes);
        let number = match self.next().filter(is_it) {
            Some(number) => number,
            None => {
                let found = *self.by_bytes.find(self.hasher.hash_one(bytes), is_it)?;
                self.follow(found);
                found
            }
        };
        self.last = Some(number);
        let text = self.texts.get_mut(number)?;
        let is_new = std::mem::replace(&mut text.seen, scrape) != scrape;
        Some((text.series, is_new))
    }

    /// Adds a text that is not known.
    pub(super) fn insert(&mut self, bytes: &[u8], series: Option<usize>, scrape: u64) {
        let number = self.texts.len();
        self.texts.push(Text { bytes: bytes.into(), series, seen: scrape, next: None });
        let Self { texts, by_bytes, hasher, .. } = self;
        let hash = |number: &usize| hasher.hash_one(texts.get(*number).map_or(&[][..], |text| &text.bytes));
        by_bytes.insert_unique(hasher.hash_one(bytes), number, hash);
        self.follow(number);
        self.last = Some(number);
    }

    /// Remembers that this one comes after the last one.
    fn follow(&mut self, number: usize) {
        match self.last {
            None => self.first = Some(number),
            Some(last) => {
                if let Some(last) = self.texts.get_mut(last) {
                    last.next = Some(number);
                }
            }
        }
    }

    /// Forgets the texts that `scrape` did not have, and tells how long each of them was.
    pub(super) fn forget_others(&mut self, scrape: u64, mut forgotten: impl FnMut(usize)) {
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

    /// All numbers have changed.
    fn renumber(&mut self) {
        self.by_bytes.clear();
        (self.first, self.last) = (None, None);
        let Self { texts, by_bytes, hasher, .. } = self;
        let hash = |number: &usize| hasher.hash_one(texts.get(*number).map_or(&[][..], |text| &text.bytes));
        for (number, text) in texts.iter().enumerate() {
            by_bytes.insert_unique(hasher.hash_one(&*text.bytes), number, hash);
        }
        for text in &mut self.texts {
            text.next = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks each of these up, adds what is not known, and gives what they mean.
    fn scrape(texts: &mut Texts, number: u64, words: &[&str]) -> Vec<Option<usize>> {
        texts.begin();
        let look = |word: &&str| match texts.find(word.as_bytes(), number) {
            Some((series, _)) => series,
            None => {
                texts.insert(word.as_bytes(), Some(word.len()), number);
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
