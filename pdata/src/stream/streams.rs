//! What is remembered of each stream, within bounds.

use super::StreamId;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::time::{Duration, Instant};

/// A map from streams to what is remembered of them, of bounded size, which forgets streams that fell silent.
///
/// It survives nothing: a new process starts empty.
#[derive(Debug)]
pub struct Streams<T> {
    entries: HashMap<StreamId, Entry<T>, BuildHasherDefault<AsItIs>>,
    max_streams: usize,
    max_age: Duration,
    swept: Option<Instant>,
}

#[derive(Debug)]
struct Entry<T> {
    seen: Instant,
    memory: Option<T>,
}

/// There is no room for one more stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the limit of streams is reached")]
pub struct Full;

impl<T> Streams<T> {
    /// Remembers at most `max_streams` streams, each until it was not asked for during `max_age`; zero is for ever.
    #[must_use]
    pub fn new(max_streams: usize, max_age: Duration) -> Self {
        let max_age = if max_age.is_zero() { Duration::MAX } else { max_age };
        Self { entries: HashMap::default(), max_streams, max_age, swept: None }
    }

    /// What is remembered of a stream, to read and to write: nothing if it is new or was silent for too long.
    ///
    /// A stream that is asked for takes a place, which silent streams give back within a quarter of `max_age`.
    ///
    /// # Errors
    /// When the stream is new and there is no place. Nothing has changed then.
    pub fn at(&mut self, id: StreamId, now: Instant) -> Result<&mut Option<T>, Full> {
        self.sweep(now);
        if self.entries.len() >= self.max_streams && !self.entries.contains_key(&id) {
            return Err(Full);
        }
        let entry = self.entries.entry(id).or_insert(Entry { seen: now, memory: None });
        if now.saturating_duration_since(entry.seen) > self.max_age {
            entry.memory = None;
        }
        entry.seen = now;
        Ok(&mut entry.memory)
    }

    /// What is remembered of a stream, for who has nothing to say of it: it takes no place, and stays as silent as it was.
    #[must_use]
    pub fn get(&self, id: StreamId, now: Instant) -> Option<&T> {
        let entry = self.entries.get(&id)?;
        let is_fresh = now.saturating_duration_since(entry.seen) <= self.max_age;
        entry.memory.as_ref().filter(|_| is_fresh)
    }

    /// Forgets the streams that were silent for too long. Looks at all of them, at most four times in `max_age`;
    /// [`at`](Self::at) does the same, so only who has nothing to ask for a long time needs to call this.
    pub fn sweep(&mut self, now: Instant) {
        let since = now.saturating_duration_since(*self.swept.get_or_insert(now));
        if since > self.max_age / 4 {
            self.swept = Some(now);
            self.entries.retain(|_, entry| now.saturating_duration_since(entry.seen) <= self.max_age);
            if self.entries.len() < self.entries.capacity() / 4 {
                self.entries.shrink_to_fit();
            }
        }
    }

    /// How many streams take a place.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no stream takes a place.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// Ids are hashes already.
#[derive(Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    #[expect(clippy::cast_possible_truncation, reason = "any half will do")]
    fn write_u128(&mut self, id: u128) {
        self.0 = id as u64;
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("a stream's id is a u128");
    }
}
