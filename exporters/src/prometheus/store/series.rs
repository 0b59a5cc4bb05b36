//! One series: what names it, and what its stream said last.

use sluice_formats::prometheus::{
    expose,
    from_otlp::{Reason, metric::Temporality},
    model::Exemplar,
    names::Namer,
};
use sluice_pdata::{
    stream::{Accumulated, Gaps, StreamId},
    view::DataPointView,
};

use super::View;
use crate::prometheus::{
    exemplars,
    kept::{Bounds, Kept},
    labels::Texts,
    lost::Lost,
    point::Point,
};

/// A series.
#[derive(Debug)]
pub(in crate::prometheus) struct Series {
    pub(super) stream: StreamId,
    pub(super) labels: Texts,
    kept: Kept,
    exemplars: Box<[Exemplar]>,
    /// If the stream is one of deltas.
    sum: Option<Box<Sum>>,
    start: u64,
    time: u64,
    /// When the last point came; milliseconds of the store's clock.
    pub(in crate::prometheus) updated: u64,
}

/// The deltas of a stream, added up.
#[derive(Debug, Default)]
struct Sum(Option<Accumulated>);

impl Series {
    /// The series of a stream whose first point this is.
    pub(in crate::prometheus) fn new(
        point: Point<'_, '_>,
        labels: Texts,
        bounds: &mut Bounds,
        namer: &Namer,
        now: u64,
    ) -> Result<Self, Lost> {
        let mut series = Self {
            stream: point.stream,
            labels,
            kept: Kept::Number(0.0),
            exemplars: Box::default(),
            sum: (point.temporality == Temporality::Delta).then(Box::default),
            start: 0,
            time: 0,
            updated: now,
        };
        series.update(point, bounds, namer, now)?;
        Ok(series)
    }

    /// Takes a point; one that is older than what is there changes nothing.
    pub(in crate::prometheus) fn update(
        &mut self,
        point: Point<'_, '_>,
        bounds: &mut Bounds,
        namer: &Namer,
        now: u64,
    ) -> Result<(), Lost> {
        if point.is_too_large(self.labels.own.len() + self.labels.base.len()) {
            return Err(Reason::TooLarge.into());
        }
        match &mut self.sum {
            Some(sum) => {
                let total = sum.add(point.view)?;
                self.kept.set(&total.view(), bounds)?;
                (self.start, self.time) = (total.start_time_unix_nano(), total.time_unix_nano());
            }
            None if point.view.time_unix_nano() < self.time => return Ok(()),
            None => {
                self.kept.set(point.view, bounds)?;
                (self.start, self.time) = (point.view.start_time_unix_nano(), point.view.time_unix_nano());
            }
        }
        self.exemplars = exemplars::kept(point.view, point.view.exemplars(), namer);
        self.updated = now;
        Ok(())
    }

    /// Whether the stream of `point` began when this one's had ended: a process that was started again, mostly.
    pub(in crate::prometheus) fn ended_before(&self, point: Point<'_, '_>) -> bool {
        point.temporality == Temporality::Cumulative && point.view.start_time_unix_nano() > self.time
    }

    pub(super) fn point(&self, view: View) -> expose::Point<'_> {
        expose::Point {
            labels: [&self.labels.own, &self.labels.base],
            timestamp_ms: millis(self.time).filter(|_| view.timestamps),
            start_ms: millis(self.start),
            data: self.kept.data(&self.exemplars),
        }
    }

    /// Bytes on the heap. The base of the labels is shared and does not count.
    pub(super) fn heap(&self) -> usize {
        /// Of an exemplar's labels.
        const TEXT: usize = 128;
        let exemplars = self.exemplars.len() * (size_of::<Exemplar>() + TEXT);
        // A sum holds its buckets beside those that are shown, and bounds that are not shared.
        let sum = self.sum.as_ref().map_or(0, |_| size_of::<Sum>() + 2 * self.kept.heap());
        self.labels.own.len() + self.kept.heap() + exemplars + sum
    }
}

impl Sum {
    fn add(&mut self, delta: &DataPointView<'_>) -> Result<&Accumulated, Lost> {
        Ok(Accumulated::add_to(&mut self.0, delta, Gaps::Restart).map_err(Reason::from)?)
    }
}

fn millis(time: u64) -> Option<i64> {
    i64::try_from(time / 1_000_000).ok().filter(|_| time > 0)
}
