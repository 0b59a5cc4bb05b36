//! The series of one target, from one scrape to the next: which there were, how relabelling left them, which ended.

use std::{
    hash::{BuildHasher, RandomState},
    num::NonZeroU64,
};

use hashbrown::HashTable;
use sluice_component::{OverBudget, Permit};
use sluice_formats::prometheus::{
    labels::Labels,
    model::{Value, stale_nan},
    to_otlp::{self, Sample},
};

use super::{
    appender::Appender,
    numbers::{Number, push},
    texts::Texts,
};

/// All series of a target.
#[derive(Debug)]
pub(super) struct SeriesCache {
    /// So that labels are read and changed once per series and not once per scrape.
    texts: Texts,
    /// Different texts can come to the same labels.
    by_identity: HashTable<Number>,
    hashers: [RandomState; 2],
    series: Vec<Series>,
    free: Vec<Number>,
    /// Counts scrapes, from 1.
    scrape: u32,
    /// How many texts this scrape had.
    seen_texts: usize,
    /// The last good scrape that arrived, and how many texts it left.
    good: (u32, usize),
    /// About what all of it occupies.
    bytes: usize,
    /// What is said of metrics, which others keep.
    beside: usize,
    /// Holds at least both in the budget.
    permit: Permit,
}

/// What a text costs beside its bytes.
const TEXT_COST: usize = 56;
/// What a series costs beside its attributes.
const SERIES_COST: usize = 160;
/// The budget is asked in steps of this.
const STEP: usize = 64 << 10;
/// Lists and tables are made anew when no more than one of so many places is used.
pub(super) const MOST_FREE: usize = 4;
/// So many new texts are remembered in any case of scrapes that failed or did not arrive.
const SPARE_TEXTS: usize = 1000;

/// One of many: its labels are not kept, only what they were translated to.
#[derive(Debug, Default)]
struct Series {
    /// `None` if there is no form for the labels.
    translated: Option<to_otlp::Series>,
    /// `None` where the number is free.
    identity: Option<Identity>,
    last_ms: i64,
    /// The scrape that added it.
    added: u32,
    /// The last scrape that handed it on.
    seen: u32,
    /// The last scrape that had a text for it: what a text stands for keeps its number, also where its sample was
    /// dropped.
    touched: u32,
    /// Whether it was handed on and did not end since.
    is_live: bool,
    /// Whether its end is told: not for series with timestamps of their own, unless that is asked for.
    is_tracked: bool,
}

/// Two hashes of the labels under keys that nobody knows, 128 bits: no two series have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity(NonZeroU64, u64);

/// What the bytes of a series stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// It was not there before.
    New,
    /// Relabelling drops it.
    Dropped,
    /// The series of this number.
    Series(Number),
}

/// When a sample was.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp {
    /// Whether the time is the target's.
    pub(super) is_own: bool,
    /// Whether the end of series with such a time is told.
    pub(super) is_tracked: bool,
}

/// Why a sample is not handed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Misplaced {
    /// The series was in this scrape already.
    Duplicate,
    /// It is older than the last one.
    OutOfOrder,
    /// It is far ahead of this machine's clock.
    TooFarAhead,
    /// Its labels have no form in OTLP.
    Untranslatable,
}

impl Misplaced {
    /// For people and as a label.
    pub(in super::super) const fn reason(self) -> &'static str {
        match self {
            Self::Duplicate => "the series was in the scrape already",
            Self::OutOfOrder => "the sample is older than the one before",
            Self::TooFarAhead => "the timestamp is more than ten minutes ahead",
            Self::Untranslatable => "the labels have no form in OTLP",
        }
    }

    /// The word for what is counted without the metric's name, for a reason of whatever kind.
    pub(in super::super) fn word(reason: &str) -> &'static str {
        let words = [
            (Self::Duplicate, "duplicate_timestamp"),
            (Self::OutOfOrder, "out_of_order"),
            (Self::TooFarAhead, "too_far_in_future"),
        ];
        words.into_iter().find(|(own, _)| own.reason() == reason).map_or("unconvertible", |(_, word)| word)
    }
}

impl Series {
    fn ends(&self) -> bool {
        self.is_live && self.is_tracked && self.translated.is_some()
    }

    fn cost(&self) -> usize {
        SERIES_COST + self.translated.as_ref().map_or(0, to_otlp::Series::attributes_len)
    }
}

/// Which series ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// Those that a good scrape did not have.
    Missing,
    /// All: the scrape failed, or the target is gone.
    All,
    /// None: there was no room to tell it.
    Nothing,
}

impl SeriesCache {
    /// An empty cache, which grows within `permit`.
    pub(super) fn new(permit: Permit) -> Self {
        Self {
            texts: Texts::default(),
            by_identity: HashTable::new(),
            hashers: [RandomState::new(), RandomState::new()],
            series: Vec::new(),
            free: Vec::new(),
            scrape: 0,
            seen_texts: 0,
            good: (0, 0),
            bytes: 0,
            beside: 0,
            permit,
        }
    }

    /// Forgets everything, for a target that has more than there is room for.
    pub(super) fn clear(&mut self) {
        self.texts = Texts::default();
        self.by_identity = HashTable::new();
        self.series = Vec::new();
        self.free = Vec::new();
        self.good = (self.scrape, 0);
        (self.bytes, self.beside) = (0, 0);
        self.permit.shrink_to(0);
    }

    /// Forgets what texts stand for. Series stay: the next scrape finds them by their labels, or ends them.
    pub(super) fn forget_texts(&mut self) {
        self.texts = Texts::default();
        self.good.1 = 0;
        self.bytes = self.series.iter().filter(|series| series.identity.is_some()).map(Series::cost).sum();
    }

    fn take(&mut self, bytes: usize) -> Result<(), OverBudget> {
        self.bytes += bytes;
        match (self.bytes + self.beside).saturating_sub(self.permit.bytes()) {
            0 => Ok(()),
            more => self.permit.grow(more.max(STEP)),
        }
    }

    /// Holds what is said of metrics as well, so many bytes of it.
    ///
    /// # Errors
    /// There is no room for it.
    pub(super) fn hold_beside(&mut self, bytes: usize) -> Result<(), OverBudget> {
        self.beside = bytes;
        self.take(0)
    }

    /// Another scrape begins.
    pub(super) fn begin(&mut self) {
        if self.scrape == u32::MAX {
            // Seven weeks of a scrape each millisecond, or 136 years of one each second: all begins anew.
            self.clear();
            self.scrape = 0;
            self.good = (0, 0);
        }
        self.scrape += 1;
        self.seen_texts = 0;
        self.texts.begin();
    }

    /// The bytes of the series that probably comes next.
    pub(super) fn expected(&self) -> &[u8] {
        self.texts.expected()
    }

    /// Looks the bytes up.
    pub(super) fn lookup(&mut self, text: &[u8]) -> Known {
        let Some((series, is_new)) = self.texts.find(text, self.scrape) else { return Known::New };
        self.seen_texts += usize::from(is_new);
        let Some(number) = series else { return Known::Dropped };
        self.touch(number);
        Known::Series(number)
    }

    /// Remembers that relabelling drops what these bytes stand for.
    ///
    /// # Errors
    /// There is no room for it.
    pub(super) fn drop(&mut self, text: &[u8]) -> Result<(), OverBudget> {
        self.remember(text, None)
    }

    /// Remembers what these bytes stand for. The second value says whether the series is new; then it has to be
    /// [translated](Self::set_translated).
    ///
    /// # Errors
    /// There is no room for it.
    pub(super) fn add(&mut self, text: &[u8], labels: &Labels) -> Result<(Number, bool), OverBudget> {
        let [one, other] = self.hashers.each_ref().map(|hasher| hasher.hash_one(labels));
        let identity = Identity(NonZeroU64::MIN | one, other);
        let found = self.by_identity.find(identity.hash(), |number| self.identity(*number) == Some(identity));
        let (number, is_new) = match found {
            Some(known) => (*known, false),
            None => {
                self.take(SERIES_COST)?;
                (self.insert(identity)?, true)
            }
        };
        self.touch(number);
        self.remember(text, Some(number))?;
        Ok((number, is_new))
    }

    fn insert(&mut self, identity: Identity) -> Result<Number, OverBudget> {
        let series = Series { identity: Some(identity), added: self.scrape, ..Series::default() };
        let number = match self.free.pop() {
            Some(free) => free,
            // No budget is so large that a number is lacking.
            None => Number::of(self.series.len()).ok_or(OverBudget {
                wanted: 1,
                used: usize::MAX,
                limit: usize::MAX,
            })?,
        };
        match self.series.get_mut(number.index()) {
            Some(free) => *free = series,
            None => push(&mut self.series, series),
        }
        let Self { series, by_identity, .. } = self;
        let hash = |other: &Number| {
            series.get(other.index()).and_then(|series| series.identity).map_or(0, Identity::hash)
        };
        by_identity.insert_unique(identity.hash(), number, hash);
        Ok(number)
    }

    fn identity(&self, number: Number) -> Option<Identity> {
        self.series.get(number.index())?.identity
    }

    fn touch(&mut self, number: Number) {
        if let Some(series) = self.series.get_mut(number.index()) {
            series.touched = self.scrape;
        }
    }

    fn remember(&mut self, text: &[u8], series: Option<Number>) -> Result<(), OverBudget> {
        self.seen_texts += 1;
        self.texts.insert(text, series, self.scrape);
        self.take(text.len() + TEXT_COST)
    }

    /// Whether a series was translated under this generation of families.
    pub(super) fn is_translated(&self, number: Number, generation: u64) -> bool {
        let translated = self.series.get(number.index()).and_then(|series| series.translated.as_ref());
        translated.is_some_and(|series| series.generation() == generation)
    }

    /// Takes what the labels of a series were translated to.
    ///
    /// # Errors
    /// There is no room for it.
    pub(super) fn set_translated(
        &mut self,
        number: Number,
        translated: Option<to_otlp::Series>,
    ) -> Result<(), OverBudget> {
        let Some(series) = self.series.get_mut(number.index()) else { return Ok(()) };
        let before = series.cost();
        series.translated = translated;
        let more = series.cost();
        self.bytes = self.bytes.saturating_sub(before);
        self.take(more)
    }

    /// Hands a sample on, unless it is misplaced.
    pub(super) fn append(
        &mut self,
        number: Number,
        sample: &Sample<'_>,
        stamp: Stamp,
        appender: &mut impl Appender,
    ) -> Result<(), Misplaced> {
        let Some(series) = self.series.get_mut(number.index()) else { return Ok(()) };
        let was_here = std::mem::replace(&mut series.seen, self.scrape);
        if was_here == self.scrape && (!stamp.is_own || sample.timestamp_ms == series.last_ms) {
            return Err(Misplaced::Duplicate);
        }
        if stamp.is_own && was_here > 0 && sample.timestamp_ms < series.last_ms {
            return Err(Misplaced::OutOfOrder);
        }
        series.last_ms = sample.timestamp_ms;
        series.is_tracked = !stamp.is_own || stamp.is_tracked;
        let translated = series.translated.as_ref().ok_or(Misplaced::Untranslatable)?;
        appender.append(translated, sample);
        Ok(())
    }

    /// How many series [end](Self::tell_ends) with all.
    pub(super) fn live(&self) -> usize {
        self.series.iter().filter(|series| series.ends()).count()
    }

    /// Hands on that series ended at `at_ms`.
    pub(super) fn tell_ends(&self, ended: Ended, at_ms: i64, appender: &mut impl Appender) {
        let value = Value::Float(stale_nan());
        let end = Sample { timestamp_ms: at_ms, start_ms: None, value, exemplars: &[] };
        for series in &self.series {
            if series.ends()
                && (ended == Ended::All || series.seen != self.scrape)
                && let Some(translated) = &series.translated
            {
                appender.append(translated, &end);
            }
        }
    }

    /// What was handed on arrived. A good scrape forgets what it did not have; after one that failed everything is
    /// remembered, to be found again by the next.
    pub(super) fn settle(&mut self, ended: Ended) {
        let scrape = self.scrape;
        match ended {
            Ended::Missing => {}
            Ended::All => return self.series.iter_mut().for_each(|series| series.is_live = false),
            Ended::Nothing => return,
        }
        self.series.iter_mut().for_each(|series| series.is_live = series.seen == scrape);
        self.free(|series| series.touched != scrape);
        if self.seen_texts < self.texts.len() {
            let bytes = &mut self.bytes;
            self.texts.forget_others(scrape, |length| *bytes = bytes.saturating_sub(length + TEXT_COST));
        }
        self.good = (scrape, self.texts.len());
        self.compact();
        self.permit.shrink_to(self.bytes + self.beside + STEP);
    }

    /// Forgets what was added since the last good scrape that arrived, if that has become much: a target can fail for
    /// ever, with other series each time.
    pub(super) fn prune(&mut self) {
        let (scrape, texts) = self.good;
        if self.texts.len() <= 2 * texts + SPARE_TEXTS {
            return;
        }
        self.free(|series| series.added > scrape);
        let bytes = &mut self.bytes;
        self.texts.forget_after(texts, |length| *bytes = bytes.saturating_sub(length + TEXT_COST));
        self.compact();
        self.permit.shrink_to(self.bytes + self.beside + STEP);
    }

    /// Forgets the series of which this holds, and gives their numbers to others. No text may name them any more.
    fn free(&mut self, is_gone: impl Fn(&Series) -> bool) {
        let Self { series, by_identity, free, bytes, .. } = self;
        for (at, series) in series.iter_mut().enumerate().filter(|(_, series)| is_gone(series)) {
            let (Some(number), Some(identity)) = (Number::of(at), series.identity) else { continue };
            *bytes = bytes.saturating_sub(series.cost());
            if let Ok(entry) = by_identity.find_entry(identity.hash(), |other| *other == number) {
                entry.remove();
            }
            *series = Series::default();
            free.push(number);
        }
    }

    /// Gives back the places of series that a target had once, where most of them are free.
    fn compact(&mut self) {
        let used = self.series.len().saturating_sub(self.free.len());
        if used >= self.series.capacity() / MOST_FREE {
            return;
        }
        let (mut numbers, mut kept) = (Vec::with_capacity(self.series.len()), Vec::with_capacity(used));
        for series in std::mem::take(&mut self.series) {
            numbers.push(series.identity.and_then(|_| Number::of(kept.len())));
            if series.identity.is_some() {
                kept.push(series);
            }
        }
        self.free = Vec::new();
        self.by_identity = HashTable::with_capacity(used);
        for (at, identity) in kept.iter().enumerate().filter_map(|(at, series)| Some((at, series.identity?)))
        {
            if let Some(number) = Number::of(at) {
                // There is room for all of them: nothing is hashed again.
                self.by_identity.insert_unique(identity.hash(), number, |_| 0);
            }
        }
        self.series = kept;
        self.texts.move_series(|number| numbers.get(number.index()).copied().flatten());
    }

    /// How many places are allocated.
    #[cfg(test)]
    pub(super) fn places(&self) -> usize {
        self.series.capacity().max(self.by_identity.capacity()).max(self.texts.places())
    }
}

impl Identity {
    fn hash(self) -> u64 {
        self.0.get()
    }
}
