//! What the tests of network exporters share: an exporter in a pipeline of its own, and backends on real sockets that
//! follow a script.

pub(crate) mod backend;
#[cfg(feature = "grpc-client")]
pub(crate) mod grpc;
#[cfg(feature = "http-client")]
pub(crate) mod http;
mod rows;

pub(crate) use rows::Rows;

use std::{marker::PhantomData, net::SocketAddr, sync::Arc, time::Duration};

use sluice_component::{
    Context, Exporter, ExporterFactory, Kind, PipelineId, State, host::Process, ledger::Balance, testkit,
};
use sluice_config::{Check, Node, Problems, decode_over};
use sluice_pdata::{
    Pdata, Signal,
    otlp::{
        ExportLogsServiceRequest, ExportMetricsServiceRequest, ExportTraceServiceRequest,
        common::v1::{AnyValue, KeyValue, any_value},
        logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
        metrics::v1::{
            Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric, number_data_point,
        },
        resource::v1::Resource,
        trace::v1::{ResourceSpans, ScopeSpans, Span},
    },
};
use tokio::time::Instant;

/// The settings that `yaml` means below `exporters.<name>`, or every problem with them.
pub(crate) fn parse<S>(name: &str, yaml: &str) -> Result<S, Vec<String>>
where
    S: Default + Check + serde::Serialize + for<'de> serde::Deserialize<'de>,
{
    let node = Node::from_yaml("test.yaml", yaml).unwrap();
    let mut problems = Problems::new();
    let settings = decode_over(&S::default(), &node, &format!("exporters.{name}"), &mut problems);
    settings.ok_or_else(|| problems.iter().map(ToString::to_string).collect())
}

/// Items of a signal that differ.
pub(crate) fn items(signal: Signal, items: usize) -> Pdata {
    match signal {
        Signal::Logs => logs(items),
        Signal::Metrics => gauges(1000, items),
        Signal::Traces => spans(items),
    }
}

/// Log records that differ.
pub(crate) fn logs(items: usize) -> Pdata {
    let record = |n: usize| LogRecord { severity_text: format!("s{n}"), ..LogRecord::default() };
    let log_records = (0..items).map(record).collect();
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }];
    Pdata::from_logs(ExportLogsServiceRequest { resource_logs })
}

/// A gauge's points at so many milliseconds, each of a series of its own.
pub(crate) fn gauges(at: u64, items: usize) -> Pdata {
    let point = |n: usize| {
        let value = Some(any_value::Value::StringValue(format!("{n}")));
        let number = KeyValue { key: "n".to_owned(), value: Some(AnyValue { value }), ..KeyValue::default() };
        NumberDataPoint {
            attributes: vec![number],
            time_unix_nano: at * 1_000_000,
            value: Some(number_data_point::Value::AsDouble(1.5)),
            ..NumberDataPoint::default()
        }
    };
    let data = metric::Data::Gauge(Gauge { data_points: (0..items).map(point).collect() });
    let metrics = vec![Metric { name: "g".to_owned(), data: Some(data), ..Metric::default() }];
    let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
    let resource_metrics = vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }];
    Pdata::from_metrics(ExportMetricsServiceRequest { resource_metrics })
}

/// Spans that differ, of one resource without attributes.
pub(crate) fn spans(items: usize) -> Pdata {
    spans_with(Resource::default(), items)
}

/// Spans of a service.
#[cfg(any(feature = "jaeger-exporter", feature = "jaeger-thrift-exporter"))]
pub(crate) fn spans_of(service: &str, items: usize) -> Pdata {
    let value = Some(any_value::Value::StringValue(service.to_owned()));
    let name =
        KeyValue { key: "service.name".to_owned(), value: Some(AnyValue { value }), ..KeyValue::default() };
    spans_with(Resource { attributes: vec![name], ..Resource::default() }, items)
}

fn spans_with(resource: Resource, items: usize) -> Pdata {
    let span = |n: usize| Span {
        trace_id: vec![1; 16],
        span_id: (n as u64 + 1).to_be_bytes().to_vec(),
        name: format!("s{n}"),
        start_time_unix_nano: 1_700_000_000_000_000_000,
        end_time_unix_nano: 1_700_000_000_001_000_000,
        ..Span::default()
    };
    let scope_spans = vec![ScopeSpans { spans: (0..items).map(span).collect(), ..ScopeSpans::default() }];
    let resource = Some(resource);
    let resource_spans = vec![ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }];
    Pdata::from_traces(ExportTraceServiceRequest { resource_spans })
}

/// An address where nobody listens yet.
pub(crate) async fn nobody() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap()
}

/// A started exporter in a pipeline of its own.
pub(crate) struct Stand<F> {
    process: Arc<Process>,
    exporter: Arc<dyn Exporter>,
    signal: Signal,
    factory: PhantomData<F>,
}

impl<F: ExporterFactory> Stand<F> {
    pub(crate) async fn new(process: &Arc<Process>, signal: Signal, settings: &F::Settings) -> Self {
        let cx = testkit::build_cx(process, Kind::Exporter, F::TYPE, signal);
        let exporter = F::build(settings, cx).unwrap();
        exporter.start(&testkit::host(process, Kind::Exporter, F::TYPE)).await.unwrap();
        Self { process: process.clone(), exporter, signal, factory: PhantomData }
    }

    /// Offers `items` of its signal.
    pub(crate) async fn offer_items(&self, items: usize) {
        self.offer(self::items(self.signal, items)).await;
    }

    pub(crate) async fn offer(&self, data: Pdata) {
        let account = self.process.ledger.account(&PipelineId::new(self.signal, ""));
        let branch = account.branch(&testkit::component(Kind::Exporter, F::TYPE));
        let items = data.items();
        self.exporter.consume(Context::default().on_branch(branch), data).await.unwrap();
        account.accepted(items);
    }

    /// Offers what is expected to be refused.
    #[cfg(feature = "prometheus-remote-write-exporter")]
    pub(crate) async fn refuses(&self, data: Pdata) -> sluice_component::Refusal {
        self.exporter.consume(Context::default(), data).await.unwrap_err()
    }

    /// Shuts down and gives the balance, which must be even with nothing held.
    pub(crate) async fn drained(self) -> Balance {
        self.exporter.shutdown(Instant::now() + Duration::from_secs(20)).await.unwrap();
        let balance = self.process.ledger.balances().remove(0);
        assert!(balance.is_even() && balance.held() == 0, "{balance:?}");
        balance
    }

    pub(crate) async fn becomes(&self, state: State) {
        let component = testkit::component(Kind::Exporter, F::TYPE);
        for _ in 0..1000 {
            if self.process.health.reports()[&component].state == state {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("never became {state:?}");
    }
}
