//! What the services log while they serve: a line for each request, one for each query, and one for what fails.

use std::{collections::VecDeque, sync::Arc};

use rand::rngs::StdRng;
use sluice_pdata::{
    Pdata,
    otlp::{
        ExportLogsServiceRequest,
        common::v1::KeyValue,
        logs::v1::{LogRecord, ResourceLogs, ScopeLogs, SeverityNumber},
        trace::v1::{Span, span::SpanKind, status::StatusCode},
    },
};

use super::by_service;
use crate::cli::generate::{
    attributes::{Extra, any},
    shop::{Purpose, Shop, scope},
    story::{Stories, Told, find},
};

/// A request that takes longer than this is warned of, in nanoseconds.
const SLOW: u64 = 50_000_000;

#[derive(Debug)]
pub(in crate::cli::generate) struct Logs {
    shop: Arc<Shop>,
    stories: Stories,
    extra: Extra,
    rng: StdRng,
    /// Logged, and not sent yet.
    records: VecDeque<(usize, LogRecord)>,
}

impl Logs {
    pub(super) fn new(shop: Arc<Shop>, stories: Stories, extra: Extra) -> Self {
        let rng = shop.rng(Purpose::Rest);
        Self { shop, stories, extra, rng, records: VecDeque::new() }
    }

    pub(super) fn next(&mut self, items: usize, now: u64) -> Pdata {
        while self.records.len() < items {
            // The visit itself is logged, so each story adds a record at least.
            for Told { service, span } in self.stories.next(now, usize::MAX) {
                if let Some(mut record) = record(&span) {
                    self.extra.add(&mut self.rng, &mut record.attributes);
                    self.records.push_back((service, record));
                }
            }
        }
        let groups = by_service(&mut self.records, items);
        let resource_logs = groups.into_iter().filter_map(|(service, log_records)| {
            let resource = Some(self.shop.resource(self.shop.services.get(service)?, 0));
            let scope_logs = vec![ScopeLogs { scope: scope(), log_records, ..ScopeLogs::default() }];
            Some(ResourceLogs { resource, scope_logs, ..ResourceLogs::default() })
        });
        Pdata::from_logs(ExportLogsServiceRequest { resource_logs: resource_logs.collect() })
    }
}

/// What is logged at the end of a span: nothing where the called service tells more of it.
fn record(span: &Span) -> Option<LogRecord> {
    let nanos = span.end_time_unix_nano - span.start_time_unix_nano;
    let millis = nanos as f64 / 1e6;
    let failed = span.status.as_ref().is_some_and(|status| status.code == i32::from(StatusCode::Error));
    let is_server = span.kind == i32::from(SpanKind::Server);
    let event = span.events.first();
    let (severity, level, body) = match event {
        Some(event) => {
            let message = find(&event.attributes, "exception.message").unwrap_or_default();
            (SeverityNumber::Error, "ERROR", format!("query failed: {message}"))
        }
        None if is_server && failed => {
            (SeverityNumber::Error, "ERROR", format!("{} failed after {millis:.1} ms", span.name))
        }
        None if is_server && nanos > SLOW => {
            (SeverityNumber::Warn, "WARN", format!("{} was slow: {millis:.1} ms", span.name))
        }
        None if is_server => (SeverityNumber::Info, "INFO", format!("{} took {millis:.1} ms", span.name)),
        None if find(&span.attributes, "db.query.text").is_some() => {
            (SeverityNumber::Debug, "DEBUG", format!("{} took {millis:.1} ms", span.name))
        }
        None => return None,
    };
    let kept =
        ["http.request.method", "http.route", "http.response.status_code", "db.query.text", "error.type"];
    let of_span = span.attributes.iter().filter(|attribute| kept.contains(&attribute.key.as_str()));
    let of_event = event.into_iter().flat_map(|event| &event.attributes);
    let attributes: Vec<KeyValue> = of_span.chain(of_event).cloned().collect();
    Some(LogRecord {
        time_unix_nano: span.end_time_unix_nano,
        observed_time_unix_nano: span.end_time_unix_nano,
        severity_number: severity.into(),
        severity_text: level.to_owned(),
        body: any(body),
        attributes,
        flags: 1,
        trace_id: span.trace_id.clone(),
        span_id: span.span_id.clone(),
        ..LogRecord::default()
    })
}
