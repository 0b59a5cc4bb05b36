//! The spans of stories.

use std::{collections::VecDeque, sync::Arc};

use rand::rngs::StdRng;
use sluice_pdata::{
    Pdata,
    otlp::{
        ExportTraceServiceRequest,
        trace::v1::{ResourceSpans, ScopeSpans, Span},
    },
};

use super::by_service;
use crate::cli::generate::{
    attributes::Extra,
    shop::{Purpose, Shop, scope},
    story::{Stories, Told},
};

#[derive(Debug)]
pub(in crate::cli::generate) struct Traces {
    shop: Arc<Shop>,
    stories: Stories,
    extra: Extra,
    rng: StdRng,
    /// Told, and not sent yet.
    spans: VecDeque<(usize, Span)>,
    /// Spans that are still to be told, where there is an end: the last story is a whole one too.
    left: Option<u64>,
}

impl Traces {
    pub(super) fn new(shop: Arc<Shop>, stories: Stories, extra: Extra, count: Option<u64>) -> Self {
        let rng = shop.rng(Purpose::Rest);
        Self { shop, stories, extra, rng, spans: VecDeque::new(), left: count }
    }

    pub(super) fn next(&mut self, items: usize, now: u64) -> Pdata {
        while self.spans.len() < items {
            let most = self.left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
            let story = self.stories.next(now, most);
            self.left = self.left.map(|left| left.saturating_sub(story.len() as u64));
            for Told { service, mut span } in story {
                self.extra.add(&mut self.rng, &mut span.attributes);
                self.spans.push_back((service, span));
            }
        }
        let groups = by_service(&mut self.spans, items);
        let resource_spans = groups.into_iter().filter_map(|(service, spans)| {
            let resource = Some(self.shop.resource(self.shop.services.get(service)?, 0));
            let scope_spans = vec![ScopeSpans { scope: scope(), spans, ..ScopeSpans::default() }];
            Some(ResourceSpans { resource, scope_spans, ..ResourceSpans::default() })
        });
        Pdata::from_traces(ExportTraceServiceRequest { resource_spans: resource_spans.collect() })
    }
}
