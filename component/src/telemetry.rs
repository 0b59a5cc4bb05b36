//! The collector's own metrics, under otelcol's names so that existing dashboards work.
//!
//! Each metric is declared once, in `families`, with its help text and labels; components get handles. The
//! exposition (names with or without suffixes, resource labels) is the collector's business: this module
//! only keeps a [`prometheus::Registry`]. A label that is empty is left out there.

mod calls;
mod families;
mod packets;
mod streams;
mod unconverted;

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

pub use calls::{Call, CallMetrics, Side};
use families::Families;
pub use families::PerSignal;
pub use packets::{PacketLoss, PacketMetrics};
use prometheus::{Histogram, HistogramTimer, HistogramVec, IntCounter, IntCounterVec, IntGauge};
use sluice_pdata::{Pdata, Signal};
pub use streams::{PointLoss, StreamMetrics};
pub use unconverted::UnconvertedMetrics;

use crate::{
    ids::{ComponentRef, PipelineId},
    refusal::{Reason, Refusal},
};

/// How much the collector tells of itself: `service.telemetry.metrics.level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Level {
    /// No metrics and no listener.
    None,
    /// Without those of `batch`.
    Basic,
    /// The default.
    #[default]
    Normal,
    /// Everything.
    Detailed,
}

/// The process's metrics. Cloning shares them.
#[derive(Clone)]
pub struct Telemetry(Arc<Inner>);

struct Inner {
    level: Level,
    registry: prometheus::Registry,
    families: Families,
}

impl Telemetry {
    /// Declares all metrics of `level`.
    #[must_use]
    pub fn new(level: Level) -> Self {
        let registry = prometheus::Registry::new();
        let families = Families::declare(&registry, level);
        Self(Arc::new(Inner { level, registry, families }))
    }

    /// How much is told.
    #[must_use]
    pub fn level(&self) -> Level {
        self.0.level
    }

    /// Where the exposition reads, and where components may register metrics of their own.
    #[must_use]
    pub fn registry(&self) -> &prometheus::Registry {
        &self.0.registry
    }

    /// Counts what a receiver handed on or was refused. Booked by the graph, not by receivers.
    #[must_use]
    pub fn receiver(&self, receiver: &ComponentRef, signal: Signal) -> ReceiverMetrics {
        ReceiverMetrics {
            telemetry: self.clone(),
            receiver: receiver.id().to_string(),
            signal,
            by_transport: Arc::default(),
        }
    }

    /// Counts items that a receiver rejected although their neighbours pass.
    pub fn receiver_rejected(&self, receiver: &ComponentRef, signal: Signal, reason: &str, items: usize) {
        let labels = [receiver.id().to_string(), signal.as_str().to_owned(), reason.to_owned()];
        self.0.families.receiver_rejected.with_label_values(&labels).inc_by(items as u64);
    }

    /// Counts the packets that arrive at a receiver over `transport`, where nobody can be refused.
    #[must_use]
    pub fn packets(&self, receiver: &ComponentRef, transport: &'static str) -> PacketMetrics {
        PacketMetrics::new(&self.0.families, receiver, transport)
    }

    /// How long the requests on one side of a protocol take.
    #[must_use]
    pub fn calls(&self, side: Side) -> CallMetrics {
        CallMetrics(self.0.families.calls.as_ref().map(|families| {
            let family = match side {
                Side::HttpServer => &families.http_server,
                Side::HttpClient => &families.http_client,
                Side::RpcServer => &families.rpc_server,
                Side::RpcClient => &families.rpc_client,
            };
            family.clone()
        }))
    }

    /// The counters of one exporter instance. `destination` fills otelcol's `server.address`, `server.port`
    /// and `url.path` labels.
    #[must_use]
    pub fn exporter(
        &self,
        exporter: &ComponentRef,
        signal: Signal,
        destination: &Destination,
    ) -> ExporterMetrics {
        let f = &self.0.families;
        let id = exporter.id().to_string();
        let Destination { address, port, path } = destination;
        let sent = [id.as_str(), address, port, path];
        let one = [id.as_str()];
        let two = [id.as_str(), signal.as_str()];
        ExporterMetrics {
            sent: f.exporter_sent[signal].with_label_values(&sent),
            send_failed: FailedMetrics {
                family: f.exporter_send_failed[signal].clone(),
                exporter: id.clone(),
                all: f.exporter_send_failed[signal].with_label_values(&[id.as_str(), "", ""]),
                in_detail: self.level() == Level::Detailed,
            },
            enqueue_failed: f.exporter_enqueue_failed[signal].with_label_values(&one),
            rejected: f.exporter_rejected.with_label_values(&two),
            queue_size: f.queue_size.with_label_values(&two),
            queue_capacity: f.queue_capacity.with_label_values(&two),
            in_flight: f.in_flight.with_label_values(&two),
            retries: f.exporter_retries.with_label_values(&two),
            enqueued: self.sizes(&f.enqueue_size, &f.enqueue_size_bytes, &id),
            batched: self.sizes(&f.queue_batch_send_size, &f.queue_batch_send_size_bytes, &id),
        }
    }

    fn sizes(&self, items: &HistogramVec, bytes: &HistogramVec, id: &str) -> Sizes {
        let taken = self.level() == Level::Detailed;
        Sizes(taken.then(|| (items.with_label_values(&[id]), bytes.with_label_values(&[id]))))
    }

    /// The counters of an exporter that keeps no accounts of its own: booked by the graph.
    #[must_use]
    pub fn unqueued_exporter(&self, exporter: &ComponentRef, signal: Signal) -> UnqueuedMetrics {
        let f = &self.0.families;
        let id = exporter.id().as_str();
        UnqueuedMetrics(Arc::new((
            Late::new(&f.exporter_sent[signal], &[id, "", "", ""]),
            Late::new(&f.exporter_send_failed[signal], &[id, "", ""]),
        )))
    }

    /// Counts data points that a receiver or an exporter could not convert, by the metric's name and reason.
    #[must_use]
    pub fn unconverted(&self, component: &ComponentRef) -> UnconvertedMetrics {
        UnconvertedMetrics::new(&self.0.families, component)
    }

    /// The counters of one processor in one pipeline: booked by the graph, not by processors.
    #[must_use]
    pub fn processor(&self, processor: &ComponentRef, signal: Signal) -> ProcessorMetrics {
        let f = &self.0.families;
        let labels = [processor.id().to_string(), signal.as_str().to_owned()];
        ProcessorMetrics {
            incoming: f.processor_incoming.with_label_values(&labels),
            outgoing: f.processor_outgoing.with_label_values(&labels),
            internal_duration: f
                .processor_internal_duration
                .as_ref()
                .map(|family| family.with_label_values(&labels)),
        }
    }

    /// The counters of the `batch` processor.
    #[must_use]
    pub fn batch(&self, processor: &ComponentRef) -> BatchMetrics {
        let f = &self.0.families;
        let id = [processor.id().to_string()];
        BatchMetrics {
            send_size: f.batch_send_size.with_label_values(&id),
            send_size_bytes: f.batch_send_size_bytes.with_label_values(&id),
            size_trigger: f.batch_size_trigger.with_label_values(&id),
            timeout_trigger: f.batch_timeout_trigger.with_label_values(&id),
            metadata_cardinality: f.batch_metadata_cardinality.with_label_values(&id),
        }
    }

    /// The counters of the `memory_limiter` processor.
    #[must_use]
    pub fn memory_limiter(&self, processor: &ComponentRef, signal: Signal) -> MemoryLimiterMetrics {
        let f = &self.0.families;
        let id = [processor.id().to_string()];
        MemoryLimiterMetrics {
            accepted: f.memory_limiter_accepted[signal].with_label_values(&id),
            refused: f.memory_limiter_refused[signal].with_label_values(&id),
        }
    }

    /// The counters of a processor that remembers metric streams.
    #[must_use]
    pub fn streams(&self, processor: &ComponentRef) -> StreamMetrics {
        StreamMetrics::new(&self.0.families, processor)
    }

    /// otelcol's `otelcol.<component>.consumed.items` family for one edge of a pipeline. Booked by the graph.
    #[must_use]
    pub fn consumed(&self, component: &ComponentRef, pipeline: &PipelineId) -> OutcomeMetrics {
        let family = self.0.families.consumed(component.kind());
        OutcomeMetrics::new(family, component, &pipeline.to_string(), pipeline.signal())
    }

    /// otelcol's `otelcol.<component>.produced.items` family: what a processor of `pipeline`, or a connector to all
    /// pipelines of `signal` that it feeds, handed on. Booked by the graph.
    #[must_use]
    pub fn produced(
        &self,
        component: &ComponentRef,
        pipeline: Option<&PipelineId>,
        signal: Signal,
    ) -> OutcomeMetrics {
        let family = self.0.families.produced(component.kind());
        let pipeline = pipeline.map(ToString::to_string).unwrap_or_default();
        OutcomeMetrics::new(family, component, &pipeline, signal)
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry").field("level", &self.0.level).finish_non_exhaustive()
    }
}

/// Where an exporter sends, for labels; parts that do not apply stay empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Destination {
    /// `server.address`: the host.
    pub address: String,
    /// `server.port`.
    pub port: String,
    /// `url.path`.
    pub path: String,
}

/// What a receiver handed on, by transport.
#[derive(Debug, Clone)]
pub struct ReceiverMetrics {
    telemetry: Telemetry,
    receiver: String,
    signal: Signal,
    /// The transports seen so far; a receiver has few.
    by_transport: Arc<[OnceLock<(&'static str, Verdicts)>; MOST_TRANSPORTS]>,
}

/// Transports whose counters are remembered; more are looked up each time.
const MOST_TRANSPORTS: usize = 8;

#[derive(Debug)]
struct Verdicts {
    accepted: Late,
    refused: Late,
    /// The same for `otelcol.receiver.produced.items`, which knows no transport.
    produced: Late,
    not_taken: Late,
}

impl ReceiverMetrics {
    /// Counts items that the pipelines took.
    pub fn accepted(&self, transport: &'static str, items: usize) {
        self.with(transport, |verdicts| {
            verdicts.accepted.add(items);
            verdicts.produced.add(items);
        });
    }

    /// Counts items that the pipelines refused, or whose client stopped waiting.
    pub fn refused(&self, transport: &'static str, items: usize) {
        self.with(transport, |verdicts| {
            verdicts.refused.add(items);
            verdicts.not_taken.add(items);
        });
    }

    fn with(&self, transport: &'static str, count: impl FnOnce(&Verdicts)) {
        let find = || {
            let families = &self.telemetry.0.families;
            let labels = [self.receiver.as_str(), transport];
            let accepted = Late::new(&families.receiver_accepted[self.signal], &labels);
            let refused = Late::new(&families.receiver_refused[self.signal], &labels);
            let produced = |outcome| {
                let labels = [&*self.receiver, "receiver", "", self.signal.as_str(), outcome];
                Late::new(&families.receiver_produced, &labels)
            };
            let (produced, not_taken) = (produced("success"), produced("refused"));
            (transport, Verdicts { accepted, refused, produced, not_taken })
        };
        let known =
            self.by_transport.iter().map(|slot| slot.get_or_init(find)).find(|(name, _)| *name == transport);
        match known {
            Some((_, verdicts)) => count(verdicts),
            None => count(&find().1),
        }
    }
}

/// A counter that is looked up once, and is exposed from its first count on.
#[derive(Debug)]
struct Late {
    family: IntCounterVec,
    labels: Box<[String]>,
    counter: OnceLock<IntCounter>,
}

impl Late {
    fn new(family: &IntCounterVec, labels: &[&str]) -> Self {
        let labels = labels.iter().map(|&label| label.to_owned()).collect();
        Self { family: family.clone(), labels, counter: OnceLock::new() }
    }

    fn add(&self, items: usize) {
        self.counter.get_or_init(|| self.family.with_label_values(&self.labels)).inc_by(items as u64);
    }
}

/// Handles of one exporter instance.
#[derive(Debug, Clone)]
pub struct ExporterMetrics {
    /// Items that the backend acknowledged.
    pub sent: IntCounter,
    /// Items given up, after retries.
    pub send_failed: FailedMetrics,
    /// Items that the queue refused.
    pub enqueue_failed: IntCounter,
    /// Items that the backend rejected in a partial success.
    pub rejected: IntCounter,
    /// Fill of the queue, in its sizer's unit.
    pub queue_size: IntGauge,
    /// Capacity of the queue, in its sizer's unit.
    pub queue_capacity: IntGauge,
    /// Requests being sent, waits between retries included.
    pub in_flight: IntGauge,
    /// Attempts after the first.
    pub retries: IntCounter,
    /// Requests that were put into the queue.
    pub enqueued: Sizes,
    /// Batches that were made in the queue.
    pub batched: Sizes,
}

/// Counts items that an exporter gave up: in one counter, or at level detailed in one for each reason.
#[derive(Debug, Clone)]
pub struct FailedMetrics {
    family: IntCounterVec,
    exporter: String,
    all: IntCounter,
    in_detail: bool,
}

impl FailedMetrics {
    /// Counts items by why they were given up, and whether another try could have helped.
    pub fn count(&self, reason: Reason, is_permanent: bool, items: usize) {
        if self.in_detail && items > 0 {
            let permanent = if is_permanent { "true" } else { "false" };
            let labels = [self.exporter.as_str(), reason.as_str(), permanent];
            self.family.with_label_values(&labels).inc_by(items as u64);
        } else {
            self.all.inc_by(items as u64);
        }
    }
}

/// How large requests or batches are: items and encoded bytes. Taken at level detailed only.
#[derive(Debug, Clone)]
pub struct Sizes(Option<(Histogram, Histogram)>);

impl Sizes {
    /// Counts one.
    #[expect(clippy::cast_precision_loss, reason = "a histogram's value")]
    pub fn observe(&self, data: &Pdata) {
        if let Some((items, bytes)) = &self.0 {
            items.observe(data.items() as f64);
            bytes.observe(data.size() as f64);
        }
    }
}

/// What an exporter without a queue sent, and failed to send.
#[derive(Debug, Clone)]
pub struct UnqueuedMetrics(Arc<(Late, Late)>);

impl UnqueuedMetrics {
    /// Counts items by whether the exporter took them.
    pub fn count(&self, sent: bool, items: usize) {
        let (ok, failed) = &*self.0;
        if sent { ok.add(items) } else { failed.add(items) }
    }
}

/// Handles of one processor.
#[derive(Debug, Clone)]
pub struct ProcessorMetrics {
    /// Items that came in.
    pub incoming: IntCounter,
    /// Items that went out.
    pub outgoing: IntCounter,
    /// Seconds of work on each batch; only at level detailed.
    internal_duration: Option<Histogram>,
}

impl ProcessorMetrics {
    /// Takes the time until it is dropped, at level detailed.
    #[must_use]
    pub fn timer(&self) -> Option<HistogramTimer> {
        self.internal_duration.as_ref().map(Histogram::start_timer)
    }
}

/// Handles of one `batch` processor.
#[derive(Debug, Clone)]
pub struct BatchMetrics {
    /// Items per batch.
    pub send_size: Histogram,
    /// Encoded bytes per batch.
    pub send_size_bytes: Histogram,
    /// Batches sent because they were full.
    pub size_trigger: IntCounter,
    /// Batches sent because time was up.
    pub timeout_trigger: IntCounter,
    /// Combinations of client metadata.
    pub metadata_cardinality: IntGauge,
}

/// Handles of one `memory_limiter`.
#[derive(Debug, Clone)]
pub struct MemoryLimiterMetrics {
    /// Items let through.
    pub accepted: IntCounter,
    /// Items refused.
    pub refused: IntCounter,
}

/// Counts what a component of a pipeline consumed, or produced, by the outcome.
#[derive(Debug, Clone)]
pub struct OutcomeMetrics(Option<Arc<Outcomes>>);

#[derive(Debug)]
struct Outcomes {
    success: Late,
    /// Refused for good.
    failure: Late,
    /// Refused, and may come again.
    refused: Late,
}

impl OutcomeMetrics {
    fn new(family: Option<&IntCounterVec>, component: &ComponentRef, pipeline: &str, signal: Signal) -> Self {
        Self(family.map(|family| {
            let late = |outcome| {
                let (id, kind) = (component.id().as_str(), component.kind().as_str());
                Late::new(family, &[id, kind, pipeline, signal.as_str(), outcome])
            };
            Arc::new(Outcomes {
                success: late("success"),
                failure: late("failure"),
                refused: late("refused"),
            })
        }))
    }

    /// Counts items by the component's verdict on them.
    pub fn count(&self, verdict: Result<(), &Refusal>, items: usize) {
        let Some(outcomes) = &self.0 else { return };
        match verdict {
            Ok(()) => outcomes.success.add(items),
            Err(refusal) if refusal.is_retryable() => outcomes.refused.add(items),
            Err(_) => outcomes.failure.add(items),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Kind;

    fn otlp(kind: Kind) -> ComponentRef {
        ComponentRef::new(kind, "otlp".parse().unwrap())
    }

    fn text(telemetry: &Telemetry) -> String {
        prometheus::TextEncoder::new().encode_to_string(&telemetry.registry().gather()).unwrap()
    }

    #[test]
    fn names_are_otelcols_without_suffix() {
        let telemetry = Telemetry::new(Level::Normal);
        telemetry.receiver(&otlp(Kind::Receiver), Signal::Metrics).accepted("grpc", 7);
        let text = text(&telemetry);
        let line = r#"otelcol_receiver_accepted_metric_points{receiver="otlp",transport="grpc"} 7"#;
        assert!(text.contains(line), "{text}");
    }

    #[test]
    fn what_a_receiver_produced_is_counted_over_its_transports() {
        let telemetry = Telemetry::new(Level::Normal);
        let metrics = telemetry.receiver(&otlp(Kind::Receiver), Signal::Traces);
        metrics.accepted("grpc", 7);
        metrics.accepted("http", 2);
        metrics.refused("http", 1);
        let text = text(&telemetry);
        for (outcome, items) in [("success", 9), ("refused", 1)] {
            let line = format!(
                "otelcol_receiver_produced_items{{otelcol_component_id=\"otlp\",otelcol_component_kind=\"receiver\",\
                 otelcol_component_outcome=\"{outcome}\",otelcol_pipeline_id=\"\",otelcol_signal=\"traces\"}} {items}\n"
            );
            assert!(text.contains(&line), "{text}");
        }
    }

    #[test]
    fn the_time_in_processors_is_taken_at_level_detailed_alone() {
        for (level, taken) in [(Level::Normal, false), (Level::Detailed, true)] {
            let telemetry = Telemetry::new(level);
            let timer = telemetry.processor(&otlp(Kind::Processor), Signal::Logs).timer();
            assert_eq!(timer.is_some(), taken);
            drop(timer);
            let one = r#"otelcol_processor_internal_duration_count{otel_signal="logs",processor="otlp"} 1"#;
            assert_eq!(text(&telemetry).contains(one), taken);
        }
    }

    #[test]
    fn calls_are_timed_with_their_answer_or_without_one() {
        let telemetry = Telemetry::new(Level::Detailed);
        let calls = telemetry.calls(Side::RpcServer);
        calls.begin("a.B/C", "localhost", "4317", "grpc").answered("OK");
        drop(calls.begin("a.B/C", "localhost", "4317", "grpc"));
        for status in ["OK", ""] {
            let line = format!(
                "rpc_server_call_duration_count{{rpc_method=\"a.B/C\",rpc_response_status_code=\"{status}\",\
                 rpc_system_name=\"grpc\",server_address=\"localhost\",server_port=\"4317\"}} 1\n"
            );
            assert!(text(&telemetry).contains(&line), "{}", text(&telemetry));
        }
        let telemetry = Telemetry::new(Level::Normal);
        telemetry.calls(Side::HttpServer).begin("GET", "localhost", "4318", "http").answered("200");
        assert!(!text(&telemetry).contains("http_server_request_duration"));
    }

    #[test]
    fn failures_are_told_apart_at_level_detailed() {
        for (level, labels) in [
            (Level::Normal, r#"error_permanent="",error_type="","#),
            (Level::Detailed, r#"error_permanent="true",error_type="too_large","#),
        ] {
            let telemetry = Telemetry::new(level);
            let metrics = telemetry.exporter(&otlp(Kind::Exporter), Signal::Logs, &Destination::default());
            metrics.send_failed.count(Reason::TooLarge, true, 3);
            let line = format!("otelcol_exporter_send_failed_log_records{{{labels}exporter=\"otlp\"}} 3\n");
            assert!(text(&telemetry).contains(&line), "{}", text(&telemetry));
        }
    }

    #[test]
    fn how_large_requests_are_is_told_at_level_detailed_alone() {
        for (level, told) in [(Level::Normal, false), (Level::Detailed, true)] {
            let telemetry = Telemetry::new(level);
            let metrics = telemetry.exporter(&otlp(Kind::Exporter), Signal::Logs, &Destination::default());
            metrics.enqueued.observe(&Pdata::from_logs(Default::default()));
            metrics.batched.observe(&Pdata::from_logs(Default::default()));
            for name in
                ["enqueue_size", "enqueue_size_bytes", "queue_batch_send_size", "queue_batch_send_size_bytes"]
            {
                let one = format!("otelcol_exporter_{name}_count{{exporter=\"otlp\"}} 1");
                assert_eq!(text(&telemetry).contains(&one), told, "{name}");
            }
        }
    }

    #[test]
    fn basic_leaves_out_the_batch_processor() {
        let telemetry = Telemetry::new(Level::Basic);
        telemetry.batch(&otlp(Kind::Processor)).size_trigger.inc();
        assert!(!text(&telemetry).contains("processor_batch"));
    }
}
