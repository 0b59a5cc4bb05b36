//! Series as requests.
//!
//! All series of a stream go into one lane, whichever batch they come with, and lanes are what an exporter keeps in
//! order. `v1` and `v2` write one series each; `histogram` is the same in both.

mod histogram;
mod v1;
mod v2;

use std::collections::HashSet;

use sluice_pdata::wire::Write;

use super::Version;
use crate::prometheus::from_otlp::{SeriesSet, SeriesView, Symbol, Symbols};

/// How large a request may be. The series of one stream are not separated, however many they are.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes before compression.
    pub max_bytes: usize,
    /// Series.
    pub max_series: usize,
}

/// One request, before compression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'b> {
    /// Protobuf.
    pub body: &'b [u8],
    /// Its lane: requests of one lane must be sent one after the other.
    pub lane: usize,
    /// What is in it.
    pub holds: Holds,
}

/// How many of what is in a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Holds {
    /// OTLP data points; `target_info` is none.
    pub points: usize,
    /// Series.
    pub series: usize,
    /// Numbers.
    pub samples: usize,
    /// Native histograms.
    pub histograms: usize,
    /// Exemplars.
    pub exemplars: usize,
}

/// Writes a batch as requests over `lanes` lanes, at least one, lane after lane, and shows each of them: there is one body
/// at a time, in memory that all have after each other, of which `room` bytes are taken at once. Requests of one lane are
/// in the order of time.
pub fn encode(
    set: &SeriesSet,
    version: Version,
    lanes: usize,
    limits: Limits,
    room: usize,
    mut each: impl FnMut(Request<'_>),
) {
    match version {
        Version::V1 => write(set, lanes.max(1), limits, v1::Body::with_capacity(room), &mut each),
        Version::V2 => write(set, lanes.max(1), limits, v2::Body::with_capacity(room), &mut each),
    }
}

/// What is known of the families, as a request of version 1.0 without series. `None` if there is nothing.
#[must_use]
pub fn metadata(set: &SeriesSet) -> Option<Vec<u8>> {
    let (symbols, mut body) = (set.symbols(), Vec::new());
    let mut seen = HashSet::new();
    for family in set.families().iter().filter(|family| seen.insert(family.name)) {
        body.put_message_field(3, 64, |body: &mut Vec<u8>| {
            body.put_varint_field(1, family.kind.number());
            for (number, text) in [(2, family.name), (4, family.help), (5, family.unit)] {
                if text != Symbol::EMPTY {
                    body.put_bytes_field(number, symbols.bytes(text));
                }
            }
        });
    }
    (!body.is_empty()).then_some(body)
}

/// The body of a request in the making.
trait Body {
    /// A place to return to.
    type Mark: Copy;

    fn put(&mut self, series: &SeriesView<'_>, symbols: &Symbols);
    fn len(&self) -> usize;
    fn mark(&self) -> Self::Mark;
    /// Forgets what was put since.
    fn cut(&mut self, mark: Self::Mark);
    /// The whole body. [`clear`](Self::clear) has to be next.
    fn bytes(&mut self) -> &[u8];
    /// Begins the next one.
    fn clear(&mut self);
}

fn write(set: &SeriesSet, lanes: usize, limits: Limits, body: impl Body, each: &mut impl FnMut(Request<'_>)) {
    let mut lane = Lane::new(set.symbols(), limits, body, each);
    for number in 0..lanes {
        lane.number = number;
        // Below the number of lanes.
        let is_of = |series: &SeriesView<'_>| usize::try_from(series.stream() % lanes as u64) == Ok(number);
        for series in set.series().filter(is_of) {
            lane.put(series);
        }
        lane.put_stream();
        lane.finish();
    }
}

/// The requests of one lane.
struct Lane<'s, 'e, B, E> {
    number: usize,
    symbols: &'s Symbols,
    limits: Limits,
    body: B,
    holds: Holds,
    /// The series of one stream, which stay together.
    stream: Vec<SeriesView<'s>>,
    each: &'e mut E,
}

impl<'s, 'e, B: Body, E: FnMut(Request<'_>)> Lane<'s, 'e, B, E> {
    fn new(symbols: &'s Symbols, limits: Limits, body: B, each: &'e mut E) -> Self {
        Self { number: 0, symbols, limits, body, holds: Holds::default(), stream: Vec::new(), each }
    }

    fn put(&mut self, series: SeriesView<'s>) {
        if self.stream.last().is_some_and(|last| last.stream() != series.stream()) {
            self.put_stream();
        }
        self.stream.push(series);
    }

    /// Writes the series of a stream, into the next request if this one would become too large.
    fn put_stream(&mut self) {
        let (mark, before) = (self.body.mark(), self.holds);
        self.write_stream();
        let too_large = self.body.len() > self.limits.max_bytes || self.holds.series > self.limits.max_series;
        if too_large && before.series > 0 {
            self.body.cut(mark);
            self.holds = before;
            self.finish();
            self.write_stream();
        }
        self.stream.clear();
    }

    fn write_stream(&mut self) {
        for series in &self.stream {
            self.body.put(series, self.symbols);
            self.holds.add(series);
        }
    }

    fn finish(&mut self) {
        let holds = std::mem::take(&mut self.holds);
        if holds.series > 0 {
            (self.each)(Request { body: self.body.bytes(), lane: self.number, holds });
            self.body.clear();
        }
    }
}

impl Holds {
    fn add(&mut self, series: &SeriesView<'_>) {
        self.series += 1;
        for sample in series.samples() {
            self.samples += 1;
            self.points += sample.points as usize;
        }
        for histogram in series.histograms() {
            self.histograms += 1;
            self.points += histogram.points as usize;
        }
        self.exemplars += series.exemplars().count();
    }
}
