//! Numbers of texts and series, half as large as indices: there are as many of them as a target has series.

use std::num::NonZeroU32;

/// The place of an element in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Number(NonZeroU32);

impl Number {
    /// `None` beyond 2^32, which no budget has room for.
    pub(super) fn of(index: usize) -> Option<Self> {
        let number = u32::try_from(index).ok()?.checked_add(1)?;
        NonZeroU32::new(number).map(Self)
    }

    pub(super) fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// Appends an element. A list grows by an eighth: doubled, half of a large one could be for nothing.
pub(super) fn push<T>(list: &mut Vec<T>, element: T) {
    if list.len() == list.capacity() {
        list.reserve_exact((list.len() / 8).max(16));
    }
    list.push(element);
}
