//! Points of OTLP become series of the store.

use std::{cell::OnceCell, sync::Arc};

use sluice_component::Budget;
use sluice_formats::prometheus::{from_otlp::metric::Temporality, names::Namer};
use sluice_pdata::{
    stream::{MetricId, ResourceId},
    view::{
        DataPointView, MetricView, MetricsView, NumberDataPointView, NumberView, ResourceView,
        ScopeMetricsView,
    },
};

use super::{
    labels::{Base, Labels, Rules, Texts},
    lost::{Losses, Lost},
    naming::Description,
    point::Point,
    settings::Settings,
    store::{Family, Rows, Series, Store},
};

/// Takes batches in.
#[derive(Debug)]
pub(super) struct Intake {
    pub(super) store: Arc<Store>,
    rules: Rules,
    target_info: Option<Description>,
}

impl Intake {
    /// `None` for settings that were not checked.
    pub(super) fn new(settings: &Settings, budget: Budget) -> Option<Self> {
        let namer = Namer::new(settings.strategy()?, &settings.namespace);
        let target_info = Description::target_info(&namer);
        let store = Arc::new(Store::new(settings, budget));
        Some(Self { store, rules: Rules::new(settings, namer), target_info })
    }

    /// Takes what it can of a batch. The rest is in the losses.
    pub(super) fn take<'a>(&self, metrics: MetricsView<'a>) -> Losses<'a> {
        let mut losses = Losses::default();
        let mut description = Description::default();
        for resource in metrics {
            let id = ResourceId::of(&resource.resource);
            let mut latest = 0;
            for scope in resource.scope_metrics {
                let scope_id = id.scope(&scope);
                let base = LazyBase {
                    rules: &self.rules,
                    resource: &resource.resource,
                    scope,
                    base: OnceCell::new(),
                };
                for metric in scope.metrics {
                    match self.metric(&metric, scope_id.metric(&metric), &base, &mut description, &mut losses)
                    {
                        Ok(time) => latest = latest.max(time),
                        Err(lost) => self.lose(&mut losses, &metric, lost, metric.data.len()),
                    }
                }
            }
            if latest > 0 {
                // It is no point of the batch: there is nothing to book.
                let _taken = self.target_info(id, &resource.resource, latest);
            }
        }
        losses
    }

    /// Takes the points of a metric; gives the time of the latest.
    fn metric<'a>(
        &self,
        metric: &MetricView<'a>,
        id: MetricId,
        base: &LazyBase<'_, 'a>,
        description: &mut Description,
        losses: &mut Losses<'a>,
    ) -> Result<u64, Lost> {
        let temporality = Temporality::of(metric)?;
        description.set(metric, &self.rules.namer)?;
        self.family(description, |family, rows| {
            if !family.has_help(&description.help) {
                losses.other_help(metric.name.as_str());
            }
            let mut latest = 0;
            for point in metric.data.data_points() {
                let stream = id.stream(&point.attributes());
                let (kind, name) = (description.kind, description.name.len());
                let point = Point { stream, view: &point, temporality, kind, name };
                latest = latest.max(point.view.time_unix_nano());
                let labels = || Ok((self.rules.own(&point.view.attributes())?, base.get()));
                if let Err(lost) = self.put(rows, point, labels) {
                    self.lose(losses, metric, lost, 1);
                }
            }
            latest
        })
    }

    fn lose<'a>(&self, losses: &mut Losses<'a>, metric: &MetricView<'a>, lost: Lost, points: usize) {
        losses.add(metric.name.as_str(), lost, points);
        if matches!(lost, Lost::MaxSeries | Lost::MemoryLimit) {
            self.store.overflown(points);
        }
    }

    /// Works on the series of a family, which nobody else sees meanwhile.
    fn family<R>(
        &self,
        description: &Description,
        work: impl FnOnce(&Family, &mut Rows) -> R,
    ) -> Result<R, Lost> {
        loop {
            let family = self.store.family(description)?;
            let mut rows = family.rows();
            // A sweep may have removed the family since it was found.
            if rows.is_closed() {
                continue;
            }
            let result = work(&family, &mut rows);
            let empty = rows.is_empty();
            drop(rows);
            if empty {
                self.store.remove(&family);
            }
            return Ok(result);
        }
    }

    fn put<'b>(
        &self,
        rows: &mut Rows,
        point: Point<'_, '_>,
        labels: impl FnOnce() -> Result<(Labels, &'b Base), Lost>,
    ) -> Result<(), Lost> {
        let room = &self.store.room;
        let known = rows.find(point.stream);
        match (point.view.has_no_recorded_value(), known) {
            (true, Some(at)) => {
                rows.remove(at, room);
                Ok(())
            }
            (true, None) => Ok(()),
            (false, Some(at)) => {
                let now = self.store.now();
                if let Some((series, bounds)) = rows.series(at) {
                    series.update(point, bounds, &self.rules.namer, now)?;
                }
                rows.resized(at, room)
            }
            (false, None) => {
                let (own, base) = labels()?;
                let labels = base.with(&own, point.kind, |text| self.store.share(text))?;
                let base = labels.base.clone();
                let taken = self.put_new(rows, point, labels);
                if taken.is_err() {
                    self.store.unshare(base);
                }
                taken
            }
        }
    }

    /// Puts the first point of a stream.
    fn put_new(&self, rows: &mut Rows, point: Point<'_, '_>, labels: Texts) -> Result<(), Lost> {
        let room = &self.store.room;
        if let Some((at, owner)) = rows.same_labels(&labels) {
            if !owner.ended_before(point) && !self.store.is_silent(owner.updated) {
                return Err(Lost::SameSeries);
            }
            rows.remove(at, room);
        }
        let series = Series::new(point, labels, &mut rows.bounds, &self.rules.namer, self.store.now())?;
        rows.insert(series, room)
    }

    /// Tells what the resource says of itself.
    fn target_info(&self, id: ResourceId, resource: &ResourceView<'_>, time: u64) -> Result<(), Lost> {
        let Some(description) = &self.target_info else { return Ok(()) };
        if !self.rules.has_target_info(resource) {
            return Ok(());
        }
        let metric = MetricView::default();
        let stream = id.scope(&ScopeMetricsView::default()).metric(&metric).stream(&resource.attributes);
        let view = DataPointView::Number(NumberDataPointView {
            time_unix_nano: time,
            value: Some(NumberView::Int(1)),
            ..NumberDataPointView::default()
        });
        let (kind, name) = (description.kind, description.name.len());
        let point = Point { stream, view: &view, temporality: Temporality::Cumulative, kind, name };
        let base = Base::constant(&self.rules);
        let labels = || Ok((self.rules.target_info(resource), &base));
        self.family(description, |_, rows| self.put(rows, point, labels))?
    }
}

/// The base of a scope's labels, made when a series is new.
struct LazyBase<'r, 'a> {
    rules: &'r Rules,
    resource: &'r ResourceView<'a>,
    scope: ScopeMetricsView<'a>,
    base: OnceCell<Base>,
}

impl LazyBase<'_, '_> {
    fn get(&self) -> &Base {
        self.base.get_or_init(|| self.rules.base(self.resource, Some(&self.scope)))
    }
}
