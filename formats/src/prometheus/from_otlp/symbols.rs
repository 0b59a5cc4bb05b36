//! Strings, each of them once.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// A string of [`Symbols`]. Of one table, equal symbols are equal strings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Symbol(u32);

impl Symbol {
    /// The empty string, in every table.
    pub const EMPTY: Self = Self(0);

    /// Its number: 0 and up, in the order in which the strings came.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A table of strings. Looking up takes one hash; a new string is copied once, into one buffer for all.
#[derive(Debug, Clone)]
pub struct Symbols {
    text: Vec<u8>,
    entries: Vec<Entry>,
    table: HashTable<Symbol>,
    hasher: RandomState,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    start: usize,
    end: usize,
    hash: u64,
}

impl Default for Symbols {
    fn default() -> Self {
        Self::with(RandomState::default())
    }
}

impl Symbols {
    /// Forgets all strings but the empty one, and keeps the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.entries.clear();
        self.table.clear();
        self.intern(b"");
    }

    /// A table without strings and memory, with the same hashes.
    pub(super) fn released(&self) -> Self {
        Self::with(self.hasher.clone())
    }

    fn with(hasher: RandomState) -> Self {
        let (text, entries, table) = (Vec::new(), Vec::new(), HashTable::new());
        let mut symbols = Self { text, entries, table, hasher };
        symbols.clear();
        symbols
    }

    /// How many strings there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Never: the empty string is always there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The symbol of a string. After 2^32 strings, which no batch has, it is that of the empty one.
    pub fn intern(&mut self, text: &[u8]) -> Symbol {
        let hash = self.hasher.hash_one(text);
        let Self { text: all, entries, table, .. } = self;
        let found = table.find(hash, |symbol| {
            entries.get(symbol.index()).is_some_and(|entry| entry.hash == hash && entry.of(all) == text)
        });
        if let Some(symbol) = found {
            return *symbol;
        }
        let Ok(number) = u32::try_from(entries.len()) else { return Symbol::EMPTY };
        let start = all.len();
        all.extend_from_slice(text);
        entries.push(Entry { start, end: all.len(), hash });
        let symbol = Symbol(number);
        table.insert_unique(hash, symbol, |symbol| entries.get(symbol.index()).map_or(0, |entry| entry.hash));
        symbol
    }

    /// The string of a symbol.
    #[must_use]
    pub fn bytes(&self, symbol: Symbol) -> &[u8] {
        self.entries.get(symbol.index()).map_or(&[], |entry| entry.of(&self.text))
    }

    /// The string of a symbol that was text when it came.
    #[must_use]
    pub fn text(&self, symbol: Symbol) -> &str {
        sluice_pdata::view::Text::new(self.bytes(symbol)).as_str()
    }

    /// A hash of the string, the same in every table with the same hasher, however often it is cleared.
    pub(super) fn hash(&self, symbol: Symbol) -> u64 {
        self.entries.get(symbol.index()).map_or(0, |entry| entry.hash)
    }

    pub(super) fn hasher(&self) -> &RandomState {
        &self.hasher
    }
}

impl Entry {
    fn of<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        text.get(self.start..self.end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_strings_are_one_symbol() {
        let mut symbols = Symbols::default();
        let numbers: Vec<Symbol> =
            ["a", "", "b", "a", "é"].iter().map(|text| symbols.intern(text.as_bytes())).collect();
        assert_eq!(numbers, [Symbol(1), Symbol::EMPTY, Symbol(2), Symbol(1), Symbol(3)]);
        assert_eq!(symbols.text(Symbol(3)), "é");
        let (len, hash) = (symbols.len(), symbols.hash(Symbol(2)));
        assert_eq!(len, 4);
        symbols.clear();
        assert_eq!((symbols.len(), symbols.text(Symbol(1))), (1, ""));
        let b = symbols.intern(b"b");
        assert_eq!((b, symbols.hash(b)), (Symbol(1), hash), "the hash outlives the table's content");
    }
}
