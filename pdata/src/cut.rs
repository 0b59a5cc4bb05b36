//! Counting and cutting requests on the wire: only the headers of enclosing messages are written anew.
//!
//! A resource, scope or metric that is cut keeps everything but its children on both sides. Whole resources are
//! not copied: the piece refers to the bytes it was cut from.

#[cfg(test)]
mod tests;

use std::ops::Range;

use bytes::Bytes;
use smallvec::SmallVec;

use crate::pdata::Chunks;
use crate::signal::Signal;
use crate::wire::{Field, OpenMessage, Reader, WireType, Write, fields, varint_len};

/// The way down from a request to its items: at each level the fields that hold the next one.
pub(crate) type Path = &'static [Level];

/// Some field numbers of a message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Level(u32);

impl Level {
    const fn of(number: u32) -> Self {
        Self(1 << number)
    }

    pub(crate) const fn contains(self, number: u32) -> bool {
        number < u32::BITS && self.0 >> number & 1 == 1
    }
}

/// The way from a request of this signal to its items.
pub(crate) fn path(signal: Signal) -> Path {
    const RECORDS: Path = &[Level::of(1), Level::of(2), Level::of(2)];
    /// Data points sit two levels below a metric: in one of five kinds of data, then in `data_points`.
    const DATA: Level = Level(1 << 5 | 1 << 7 | 1 << 9 | 1 << 10 | 1 << 11);
    const DATA_POINTS: Path = &[Level::of(1), Level::of(2), Level::of(2), DATA, Level::of(1)];
    match signal {
        Signal::Traces | Signal::Logs => RECORDS,
        Signal::Metrics => DATA_POINTS,
    }
}

/// Number of items in a message that was checked before; `path` leads from it to them.
pub(crate) fn count(path: Path, body: &[u8]) -> usize {
    let Some((level, below)) = path.split_first() else { return 1 };
    let mut items = 0;
    let mut reader = Reader::new(body);
    while !reader.is_empty() {
        let Ok(key) = reader.key() else { break };
        if key.wire_type() == Some(WireType::Len) {
            let Ok(child) = reader.bytes() else { break };
            if level.contains(key.number()) {
                items += if below.is_empty() { 1 } else { count(below, child) };
            }
        } else if reader.value(key).is_err() {
            break;
        }
    }
    items
}

/// Some of the items that were cut.
#[derive(Default)]
pub(crate) struct Piece {
    pub(crate) chunks: Chunks,
    pub(crate) items: usize,
}

/// What a piece is measured by.
#[derive(Clone, Copy, PartialEq)]
enum Measure {
    Items,
    Bytes,
}

/// Cuts a request after its first `items` items: gives what is before and what is behind.
pub(crate) fn after_items(signal: Signal, chunks: &Chunks, items: usize) -> (Piece, Piece) {
    let mut pieces = Cutter::new(Measure::Items, items, usize::MAX).cut(signal, chunks).into_iter();
    (pieces.next().unwrap_or_default(), pieces.next().unwrap_or_default())
}

/// Cuts a request into pieces of at most `max_bytes` each, except for what cannot be cut: single items that are larger
/// alone, and messages whose own fields take more than half a piece (see [`Cutter::is_worth_opening`]).
pub(crate) fn by_size(signal: Signal, chunks: &Chunks, max_bytes: usize) -> Vec<Piece> {
    Cutter::new(Measure::Bytes, max_bytes, max_bytes).cut(signal, chunks)
}

/// Cuts a request into pieces of at most `max_items` items each, except for messages whose own fields would be most of
/// what comes out (see [`Cutter::is_worth_opening`]).
pub(crate) fn by_items(signal: Signal, chunks: &Chunks, max_items: usize) -> Vec<Piece> {
    Cutter::new(Measure::Items, max_items, max_items).cut(signal, chunks)
}

/// Fields of a message that each piece may repeat, whatever that comes to.
const SMALL_HEADER: usize = 4 << 10;

/// Fills one piece after the other, reading the request once.
struct Cutter<'a> {
    measure: Measure,
    /// What the current piece can still take.
    room: usize,
    /// What the pieces after it can take.
    limit: usize,
    chunk: Bytes,
    /// The messages around the current position that had to be opened because they do not fit as a whole.
    open: SmallVec<[Envelope<'a>; 4]>,
    piece: Piece,
    /// Whole resources of `chunk` that belong to the piece.
    run: Range<usize>,
    /// A resource, partly in the piece.
    out: Vec<u8>,
    done: Vec<Piece>,
}

/// A message whose children go to several pieces.
struct Envelope<'a> {
    number: u32,
    body: &'a [u8],
    /// The numbers of the fields that are children; everything else goes to each piece.
    children: Level,
    /// Bytes of that everything else.
    header: usize,
    /// What opening it takes away from the room of a piece.
    cost: usize,
    /// Set once it was opened in the current piece.
    opened: Option<OpenMessage>,
}

impl<'a> Cutter<'a> {
    fn new(measure: Measure, first: usize, then: usize) -> Self {
        Self {
            measure,
            room: first,
            limit: then,
            chunk: Bytes::new(),
            open: SmallVec::new(),
            piece: Piece::default(),
            run: 0..0,
            out: Vec::new(),
            done: Vec::new(),
        }
    }

    fn cut(mut self, signal: Signal, chunks: &'a Chunks) -> Vec<Piece> {
        for chunk in chunks {
            self.chunk = chunk.clone();
            self.children(path(signal), chunk);
            self.flush();
        }
        self.finish();
        self.done
    }

    /// Distributes the children of the innermost open message.
    fn children(&mut self, path: Path, body: &'a [u8]) {
        let Some((level, below)) = path.split_first() else { return };
        for field in fields(body) {
            let child = field.len_value().filter(|_| level.contains(field.number));
            let Some(child) = child else {
                // An unknown field of a request stays where it is; those of other messages are copied when it opens.
                if self.open.is_empty() {
                    self.put(field, 0, 0);
                }
                continue;
            };
            let items = count(below, child);
            let weight = match self.measure {
                Measure::Items => items,
                Measure::Bytes => field.raw.len(),
            };
            if self.room == 0 && self.measure == Measure::Items && items > 0 {
                // The cut falls between two children: neither has to be opened for it.
                self.finish();
            }
            let unopened = self.open.iter().filter(|envelope| envelope.opened.is_none());
            let opening: usize = unopened.map(|envelope| envelope.cost).sum();
            if opening + weight <= self.room {
                self.put(field, items, opening + weight);
            } else if below.is_empty()
                || items == 0
                || (self.measure == Measure::Bytes && self.reopening() + weight <= self.limit)
            {
                self.finish();
                self.put(field, items, self.reopening() + weight);
            } else {
                let children = below.first().copied().unwrap_or(Level(0));
                let header = others(child, children).map(|field| field.raw.len()).sum();
                if !self.is_worth_opening(header, items, child.len()) {
                    self.finish();
                    self.put(field, items, self.reopening() + weight);
                    continue;
                }
                let cost = self.cost(child, header);
                self.open.push(Envelope {
                    number: field.number,
                    body: child,
                    children,
                    header,
                    cost,
                    opened: None,
                });
                self.children(below, child);
                self.close();
                self.open.pop();
            }
        }
    }

    /// What it takes to open a message: key, length and header.
    fn cost(&self, body: &[u8], header: usize) -> usize {
        match self.measure {
            Measure::Items => 0,
            Measure::Bytes => 1 + varint_len(body.len() as u64) + header,
        }
    }

    /// Whether a message may be cut whose header, with those of the messages around it, goes to each piece.
    ///
    /// A huge resource with many small spans would grow by its own size with each piece. Where bytes are measured, a
    /// header may be half a piece; where items are, what its pieces repeat may be twice its size. So what all pieces
    /// take stays a small multiple of the request. What is not worth opening now is not later either, since a piece has
    /// the headers of what it was cut from.
    fn is_worth_opening(&self, header: usize, items: usize, size: usize) -> bool {
        match self.measure {
            Measure::Items => {
                let pieces = items.div_ceil(self.limit);
                header <= SMALL_HEADER || header.saturating_mul(pieces) <= size.saturating_mul(2)
            }
            Measure::Bytes => {
                let around: usize = self.open.iter().map(|envelope| envelope.header).sum();
                around + header <= self.limit / 2
            }
        }
    }

    /// What it takes to open all the messages around the current position.
    fn reopening(&self) -> usize {
        self.open.iter().map(|envelope| envelope.cost).sum()
    }

    /// Adds a field to the piece.
    fn put(&mut self, field: Field<'a>, items: usize, weight: usize) {
        self.room = self.room.saturating_sub(weight);
        self.piece.items += items;
        if self.open.is_empty() {
            let start = field.raw.as_ptr().addr() - self.chunk.as_ptr().addr();
            if self.run.end != start {
                self.flush();
                self.run = start..start;
            }
            self.run.end += field.raw.len();
            return;
        }
        if self.out.is_empty() {
            self.flush();
            let resource = self.open.first().map_or(0, |envelope| envelope.body.len());
            self.out.reserve(resource.min(self.limit));
        }
        for envelope in &mut self.open {
            if envelope.opened.is_none() {
                envelope.opened = Some(self.out.open_message(envelope.number, envelope.body.len()));
                others(envelope.body, envelope.children)
                    .for_each(|field| self.out.extend_from_slice(field.raw));
            }
        }
        self.out.extend_from_slice(field.raw);
    }

    /// Ends the innermost open message in the current piece.
    fn close(&mut self) {
        if let Some(opened) = self.open.last_mut().and_then(|envelope| envelope.opened.take()) {
            self.out.close_message(opened);
        }
        if self.open.len() == 1 {
            self.flush();
        }
    }

    /// Moves what was collected into the piece.
    fn flush(&mut self) {
        if !self.run.is_empty() {
            self.piece.chunks.push(self.chunk.slice(std::mem::take(&mut self.run)));
        }
        if !self.out.is_empty() {
            self.piece.chunks.push(std::mem::take(&mut self.out).into());
        }
    }

    /// Ends the piece, unless nothing is in it, and begins the next.
    fn finish(&mut self) {
        for envelope in self.open.iter_mut().rev() {
            if let Some(opened) = envelope.opened.take() {
                self.out.close_message(opened);
            }
        }
        self.flush();
        if !self.piece.chunks.is_empty() {
            self.done.push(std::mem::take(&mut self.piece));
        }
        self.room = self.limit;
    }
}

/// The fields of a message that are not its children.
fn others<'a>(body: &'a [u8], children: Level) -> impl Iterator<Item = Field<'a>> {
    fields(body).filter(move |field| !children.contains(field.number))
}
