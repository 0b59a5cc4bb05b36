//! What the services count and measure, as SDKs with cumulative temporality send it.
//!
//! A service has as many replicas as the number of series takes. They are collected from in turn; a request holds the
//! points of those whose turn it is, so that no series is in it twice.

mod replica;

use std::sync::Arc;

use rand::{Rng, rngs::StdRng};
pub(super) use replica::APART;
use replica::Replica;
use sluice_pdata::{
    Pdata,
    otlp::{
        ExportMetricsServiceRequest,
        metrics::v1::{ResourceMetrics, ScopeMetrics},
    },
};

use crate::cli::generate::{
    attributes::Extra,
    shop::{Purpose, Shop, scope},
    story::Stories,
};

#[derive(Debug)]
pub(in crate::cli::generate) struct Metrics {
    shop: Arc<Shop>,
    stories: Stories,
    extra: Extra,
    rng: StdRng,
    replicas: Vec<Replica>,
    /// Whose turn it is.
    next: usize,
    /// Collected, and not sent yet.
    left: Pdata,
    /// Each collection has a time of its own.
    last: u64,
}

impl Metrics {
    /// At least `series` time series.
    pub(super) fn new(shop: Arc<Shop>, stories: Stories, extra: Extra, series: usize) -> Self {
        let mut rng = shop.rng(Purpose::Rest);
        // One more than the series take: what is left of a request is at the front of the next one.
        let count = series.div_ceil(Replica::SERIES) + 1;
        let services = shop.services.len();
        let replicas = (0..count.next_multiple_of(services))
            .map(|n| Replica::new(n % services, n / services, rng.random()));
        let replicas = replicas.collect();
        let left = Pdata::from_metrics(ExportMetricsServiceRequest::default());
        Self { shop, stories, extra, rng, replicas, next: 0, left, last: 0 }
    }

    pub(super) fn next(&mut self, items: usize, now: u64) -> Pdata {
        let now = now.max(self.last + 1);
        self.last = now;
        let mut resource_metrics = Vec::new();
        let mut points = self.left.items();
        while points < items {
            resource_metrics.extend(self.collect(now));
            points += Replica::SERIES;
        }
        self.left.append(Pdata::from_metrics(ExportMetricsServiceRequest { resource_metrics }));
        self.left.split_off_front(items)
    }

    /// The points of the replica whose turn it is.
    fn collect(&mut self, now: u64) -> Option<ResourceMetrics> {
        let at = self.next;
        self.next = (at + 1) % self.replicas.len().max(1);
        let replica = self.replicas.get_mut(at)?;
        let service = self.shop.services.get(replica.service)?;
        let story = self.stories.next(now, usize::MAX);
        let of = replica.service;
        let served = story.iter().filter(|told| told.service == of).map(|told| &told.span);
        replica.serves(served, now, &mut self.rng);
        let metrics = replica.metrics(service, now, &self.extra);
        let resource = Some(self.shop.resource(service, replica.number));
        let scope_metrics = vec![ScopeMetrics { scope: scope(), metrics, ..ScopeMetrics::default() }];
        Some(ResourceMetrics { resource, scope_metrics, ..ResourceMetrics::default() })
    }
}
