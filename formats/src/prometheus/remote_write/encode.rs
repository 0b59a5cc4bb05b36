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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Protobuf.
    pub body: Vec<u8>,
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

/// Writes a batch as requests over `lanes` lanes, at least one. Requests of one lane are in the order of time.
#[must_use]
pub fn encode(set: &SeriesSet, version: Version, lanes: usize, limits: Limits) -> Vec<Request> {
    let lanes = lanes.max(1);
    let mut requests = Vec::new();
    match version {
        Version::V1 => write::<v1::Body>(set, lanes, limits, &mut requests),
        Version::V2 => write::<v2::Body>(set, lanes, limits, &mut requests),
    }
    requests
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
trait Body: Default {
    /// A place to return to.
    type Mark: Copy;

    fn put(&mut self, series: &SeriesView<'_>, symbols: &Symbols);
    fn len(&self) -> usize;
    fn mark(&self) -> Self::Mark;
    /// Forgets what was put since.
    fn cut(&mut self, mark: Self::Mark);
    /// Gives the body and begins the next one.
    fn take(&mut self) -> Vec<u8>;
}

fn write<B: Body>(set: &SeriesSet, lanes: usize, limits: Limits, requests: &mut Vec<Request>) {
    let mut writers: Vec<Lane<'_, B>> = (0..lanes).map(|lane| Lane::new(lane, limits)).collect();
    for series in set.series() {
        // Below the number of lanes.
        let lane = usize::try_from(series.stream() % lanes as u64).unwrap_or(0);
        if let Some(lane) = writers.get_mut(lane) {
            lane.put(series, set.symbols(), requests);
        }
    }
    for mut lane in writers {
        lane.put_stream(set.symbols(), requests);
        lane.finish(requests);
    }
}

/// The requests of one lane.
struct Lane<'s, B> {
    number: usize,
    limits: Limits,
    body: B,
    holds: Holds,
    /// The series of one stream, which stay together.
    stream: Vec<SeriesView<'s>>,
}

impl<'s, B: Body> Lane<'s, B> {
    fn new(number: usize, limits: Limits) -> Self {
        Self { number, limits, body: B::default(), holds: Holds::default(), stream: Vec::new() }
    }

    fn put(&mut self, series: SeriesView<'s>, symbols: &Symbols, requests: &mut Vec<Request>) {
        if self.stream.last().is_some_and(|last| last.stream() != series.stream()) {
            self.put_stream(symbols, requests);
        }
        self.stream.push(series);
    }

    /// Writes the series of a stream, into the next request if this one would become too large.
    fn put_stream(&mut self, symbols: &Symbols, requests: &mut Vec<Request>) {
        let (mark, before) = (self.body.mark(), self.holds);
        self.write_stream(symbols);
        let too_large = self.body.len() > self.limits.max_bytes || self.holds.series > self.limits.max_series;
        if too_large && before.series > 0 {
            self.body.cut(mark);
            self.holds = before;
            self.finish(requests);
            self.write_stream(symbols);
        }
        self.stream.clear();
    }

    fn write_stream(&mut self, symbols: &Symbols) {
        for series in &self.stream {
            self.body.put(series, symbols);
            self.holds.add(series);
        }
    }

    fn finish(&mut self, requests: &mut Vec<Request>) {
        let holds = std::mem::take(&mut self.holds);
        if holds.series > 0 {
            requests.push(Request { body: self.body.take(), lane: self.number, holds });
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
