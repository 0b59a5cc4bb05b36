//! The series of one target, from one scrape to the next: which there were, how relabelling left them, which ended.

use std::{
    collections::{HashMap, hash_map::Entry as Slot},
    sync::Arc,
};

use foldhash::fast::RandomState;
use sluice_component::{OverBudget, Permit};
use sluice_formats::prometheus::{
    labels::{Labels, LabelsBuilder},
    model::{Value, stale_nan},
    to_otlp::{self, Catalog, Families, Sample},
};

use super::{appender::Appender, texts::Texts};

/// All series of a target.
#[derive(Debug)]
pub(super) struct SeriesCache {
    /// So that labels are read and changed once per series and not once per scrape.
    texts: Texts,
    /// Different texts can come to the same labels.
    numbers: HashMap<Arc<Labels>, usize, RandomState>,
    series: Vec<Series>,
    free: Vec<usize>,
    /// Counts scrapes, from 1.
    scrape: u64,
    /// How many texts this scrape had.
    seen_texts: usize,
    /// The last good scrape that arrived, and how many texts it left.
    good: (u64, usize),
    /// About what all of it occupies.
    bytes: usize,
    /// Holds at least that in the budget.
    permit: Permit,
}

/// What a text costs beside its bytes.
const TEXT_COST: usize = 64;
/// What a series costs beside its labels, which are there twice: once translated.
const SERIES_COST: usize = 320;
/// The budget is asked in steps of this.
const STEP: usize = 64 << 10;
/// So many new texts are remembered in any case of scrapes that failed or did not arrive.
const SPARE_TEXTS: usize = 1000;

#[derive(Debug, Default)]
struct Series {
    /// Empty where the number is free.
    labels: Arc<Labels>,
    /// What translation made of the labels; `None` if there is no form for them.
    translated: Option<to_otlp::Series>,
    /// The scrape that added it.
    added: u64,
    /// The last scrape that handed it on.
    seen: u64,
    /// The last scrape that had a text for it: what a text stands for keeps its number, also where its sample was
    /// dropped.
    touched: u64,
    /// Whether it was handed on and did not end since.
    is_live: bool,
    /// Whether its end is told: not for series with timestamps of their own, unless that is asked for.
    is_tracked: bool,
    last_ms: i64,
}

/// What the bytes of a series stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// It was not there before.
    New,
    /// Relabelling drops it.
    Dropped,
    /// The series of this number.
    Series(usize),
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
    fn cost(&self) -> usize {
        let labels: usize = self.labels.iter().map(|(name, value)| name.len() + value.len()).sum();
        SERIES_COST + 2 * labels
    }
}

/// What turns labels into series of OTLP.
#[derive(Debug)]
pub(super) struct Translation {
    pub(super) catalog: Catalog,
    pub(super) families: Families,
}

impl Translation {
    /// What a series was translated to, again if something else was said of families since.
    fn keep_up<'s>(
        &mut self,
        labels: &Labels,
        translated: &'s mut Option<to_otlp::Series>,
    ) -> Option<&'s to_otlp::Series> {
        let generation = self.families.generation();
        if translated.as_ref().is_none_or(|series| series.generation() != generation) {
            *translated = self.catalog.series(labels, &self.families).ok();
        }
        translated.as_ref()
    }
}

/// Which series ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// Those that a good scrape did not have.
    Missing,
    /// All: the scrape failed, or the target is gone.
    All,
}

impl SeriesCache {
    /// An empty cache, which grows within `permit`.
    pub(super) fn new(permit: Permit) -> Self {
        Self {
            texts: Texts::default(),
            numbers: HashMap::default(),
            series: Vec::new(),
            free: Vec::new(),
            scrape: 0,
            seen_texts: 0,
            good: (0, 0),
            bytes: 0,
            permit,
        }
    }

    /// Forgets everything, for a target that has more than there is room for.
    pub(super) fn clear(&mut self) {
        self.texts = Texts::default();
        self.numbers = HashMap::default();
        self.series = Vec::new();
        self.free = Vec::new();
        self.good = (self.scrape, 0);
        self.bytes = 0;
        self.permit.shrink_to(0);
    }

    /// Forgets what texts stand for. Series stay: the next scrape finds them by their labels, or ends them.
    pub(super) fn forget_texts(&mut self) {
        self.texts = Texts::default();
        self.good.1 = 0;
        self.bytes = self.series.iter().filter(|series| !series.labels.is_empty()).map(Series::cost).sum();
    }

    fn take(&mut self, bytes: usize) -> Result<(), OverBudget> {
        self.bytes += bytes;
        match self.bytes.saturating_sub(self.permit.bytes()) {
            0 => Ok(()),
            more => self.permit.grow(more.max(STEP)),
        }
    }

    /// Another scrape begins.
    pub(super) fn begin(&mut self) {
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

    /// Remembers what these bytes stand for. The second value says whether the series is new.
    ///
    /// # Errors
    /// There is no room for it.
    pub(super) fn add(
        &mut self,
        text: &[u8],
        labels: &mut LabelsBuilder,
    ) -> Result<(usize, bool), OverBudget> {
        let (number, is_new) = match self.numbers.entry(Arc::new(labels.build())) {
            Slot::Occupied(known) => (*known.get(), false),
            Slot::Vacant(vacant) => {
                let labels = vacant.key().clone();
                let series = Series { labels, added: self.scrape, ..Series::default() };
                let number = self.free.pop().unwrap_or(self.series.len());
                match self.series.get_mut(number) {
                    Some(free) => *free = series,
                    None => self.series.push(series),
                }
                (*vacant.insert(number), true)
            }
        };
        if is_new {
            self.take(self.series.get(number).map_or(0, Series::cost))?;
        }
        self.touch(number);
        self.remember(text, Some(number))?;
        Ok((number, is_new))
    }

    fn touch(&mut self, number: usize) {
        if let Some(series) = self.series.get_mut(number) {
            series.touched = self.scrape;
        }
    }

    fn remember(&mut self, text: &[u8], series: Option<usize>) -> Result<(), OverBudget> {
        self.seen_texts += 1;
        self.texts.insert(text, series, self.scrape);
        self.take(text.len() + TEXT_COST)
    }

    /// What the metric of a series is called.
    pub(super) fn metric_name(&self, number: usize) -> &str {
        self.series.get(number).map_or("", |series| series.labels.metric_name())
    }

    /// Hands a sample on, unless it is misplaced.
    pub(super) fn append(
        &mut self,
        number: usize,
        sample: Sample<'_>,
        stamp: Stamp,
        translation: &mut Translation,
        appender: &mut impl Appender,
    ) -> Result<(), Misplaced> {
        let Some(series) = self.series.get_mut(number) else { return Ok(()) };
        let was_here = std::mem::replace(&mut series.seen, self.scrape);
        if was_here == self.scrape && (!stamp.is_own || sample.timestamp_ms == series.last_ms) {
            return Err(Misplaced::Duplicate);
        }
        if stamp.is_own && was_here > 0 && sample.timestamp_ms < series.last_ms {
            return Err(Misplaced::OutOfOrder);
        }
        series.last_ms = sample.timestamp_ms;
        series.is_tracked = !stamp.is_own || stamp.is_tracked;
        let translated = translation.keep_up(&series.labels, &mut series.translated);
        let translated = translated.ok_or(Misplaced::Untranslatable)?;
        appender.append(&series.labels, translated, &sample);
        Ok(())
    }

    /// Hands on that series ended at `at_ms`.
    pub(super) fn tell_ends(&self, ended: Ended, at_ms: i64, appender: &mut impl Appender) {
        for series in &self.series {
            if series.is_live && series.is_tracked && (ended == Ended::All || series.seen != self.scrape) {
                let Some(translated) = &series.translated else { continue };
                let value = Value::Float(stale_nan());
                appender.append(
                    &series.labels,
                    translated,
                    &Sample { timestamp_ms: at_ms, start_ms: None, value, exemplars: &[] },
                );
            }
        }
    }

    /// What was handed on arrived. A good scrape forgets what it did not have; after one that failed everything is
    /// remembered, to be found again by the next.
    pub(super) fn settle(&mut self, ended: Ended) {
        let scrape = self.scrape;
        if ended == Ended::All {
            self.series.iter_mut().for_each(|series| series.is_live = false);
            return;
        }
        self.series.iter_mut().for_each(|series| series.is_live = series.seen == scrape);
        self.free(|series| series.touched != scrape);
        if self.seen_texts < self.texts.len() {
            let bytes = &mut self.bytes;
            self.texts.forget_others(scrape, |length| *bytes = bytes.saturating_sub(length + TEXT_COST));
        }
        self.good = (scrape, self.texts.len());
        self.permit.shrink_to(self.bytes + STEP);
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
        self.permit.shrink_to(self.bytes + STEP);
    }

    /// Forgets the series of which this holds, and gives their numbers to others. No text may name them any more.
    fn free(&mut self, is_gone: impl Fn(&Series) -> bool) {
        for (number, series) in self.series.iter_mut().enumerate() {
            if !series.labels.is_empty() && is_gone(series) {
                self.bytes = self.bytes.saturating_sub(series.cost());
                self.numbers.remove(&*series.labels);
                *series = Series::default();
                self.free.push(number);
            }
        }
    }
}
