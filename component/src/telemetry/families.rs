//! Every metric of the collector, declared once.

use std::ops::Index;

use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, core::Collector};
use sluice_pdata::Signal;

use super::{
    Level,
    calls::{self, CallFamilies},
};
use crate::ids::Kind;

/// One family per signal, because otelcol puts the noun of the signal into the name.
#[derive(Debug, Clone)]
pub struct PerSignal<T>([T; 3]);

impl<T> Index<Signal> for PerSignal<T> {
    type Output = T;

    fn index(&self, signal: Signal) -> &T {
        let [traces, metrics, logs] = &self.0;
        match signal {
            Signal::Traces => traces,
            Signal::Metrics => metrics,
            Signal::Logs => logs,
        }
    }
}

/// otelcol's nouns in metric names.
const NOUNS: [(&str, &str); 3] =
    [("spans", "spans"), ("metric_points", "metric points"), ("log_records", "log records")];

#[derive(Debug)]
pub(super) struct Families {
    pub(super) receiver_accepted: PerSignal<IntCounterVec>,
    pub(super) receiver_refused: PerSignal<IntCounterVec>,
    pub(super) receiver_rejected: IntCounterVec,
    pub(super) receiver_unconverted: IntCounterVec,
    pub(super) receiver_packets: IntCounterVec,
    pub(super) receiver_dropped_packets: IntCounterVec,
    pub(super) processor_incoming: IntCounterVec,
    pub(super) processor_outgoing: IntCounterVec,
    pub(super) batch_send_size: HistogramVec,
    pub(super) batch_send_size_bytes: HistogramVec,
    pub(super) batch_size_trigger: IntCounterVec,
    pub(super) batch_timeout_trigger: IntCounterVec,
    pub(super) batch_metadata_cardinality: IntGaugeVec,
    pub(super) memory_limiter_accepted: PerSignal<IntCounterVec>,
    pub(super) memory_limiter_refused: PerSignal<IntCounterVec>,
    pub(super) unconverted_points: IntCounterVec,
    pub(super) streams: IntGaugeVec,
    pub(super) exporter_sent: PerSignal<IntCounterVec>,
    pub(super) exporter_send_failed: PerSignal<IntCounterVec>,
    pub(super) exporter_enqueue_failed: PerSignal<IntCounterVec>,
    pub(super) exporter_rejected: IntCounterVec,
    pub(super) exporter_retries: IntCounterVec,
    pub(super) exporter_unconverted: IntCounterVec,
    pub(super) queue_size: IntGaugeVec,
    pub(super) queue_capacity: IntGaugeVec,
    pub(super) in_flight: IntGaugeVec,
    pub(super) enqueue_size: HistogramVec,
    pub(super) enqueue_size_bytes: HistogramVec,
    pub(super) queue_batch_send_size: HistogramVec,
    pub(super) queue_batch_send_size_bytes: HistogramVec,
    pub(super) processor_internal_duration: Option<HistogramVec>,
    pub(super) calls: Option<CallFamilies>,
    pub(super) receiver_produced: IntCounterVec,
    processor_consumed: IntCounterVec,
    connector_consumed: IntCounterVec,
    exporter_consumed: IntCounterVec,
    processor_produced: IntCounterVec,
    connector_produced: IntCounterVec,
}

impl Families {
    /// Declares all families; those above `level` work but are not exposed.
    pub(super) fn declare(registry: &Registry, level: Level) -> Self {
        let at = |needs: Level| Declare { registry, exposed: level >= needs };
        let basic = at(Level::Basic);
        let normal = at(Level::Normal);
        let detailed = at(Level::Detailed);
        let id_and_signal = ["exporter", "data_type"];
        let consumed = [
            "otelcol_component_id",
            "otelcol_component_kind",
            "otelcol_pipeline_id",
            "otelcol_signal",
            "otelcol_component_outcome",
        ];
        Self {
            receiver_accepted: basic.per_signal(
                "otelcol_receiver_accepted_",
                "Number of {} successfully pushed into the pipeline.",
                &["receiver", "transport"],
            ),
            receiver_refused: basic.per_signal(
                "otelcol_receiver_refused_",
                "Number of {} that could not be pushed into the pipeline.",
                &["receiver", "transport"],
            ),
            receiver_rejected: basic.counter(
                "sluice_receiver_rejected_items",
                "Number of items that a receiver rejected one by one although their neighbours passed.",
                &["receiver", "signal", "reason"],
            ),
            receiver_unconverted: basic.counter(
                "sluice_receiver_unconverted_points",
                "Number of samples that a receiver could not hand on as data points.",
                &["receiver", "metric", "reason"],
            ),
            receiver_packets: basic.counter(
                "sluice_receiver_packets",
                "Number of UDP packets that a receiver took from the kernel.",
                &["receiver", "transport"],
            ),
            receiver_dropped_packets: basic.counter(
                "sluice_receiver_dropped_packets",
                "Number of UDP packets that a receiver, or the kernel on its socket, dropped.",
                &["receiver", "transport", "reason"],
            ),
            processor_incoming: basic.counter(
                "otelcol_processor_incoming_items",
                "Number of items passed to the processor.",
                &["processor", "otel_signal"],
            ),
            processor_outgoing: basic.counter(
                "otelcol_processor_outgoing_items",
                "Number of items emitted from the processor.",
                &["processor", "otel_signal"],
            ),
            batch_send_size: normal.histogram(
                "otelcol_processor_batch_batch_send_size",
                "Number of units in the batch",
                &["processor"],
                BATCH_ITEMS,
            ),
            batch_send_size_bytes: detailed.histogram(
                "otelcol_processor_batch_batch_send_size_bytes",
                "Number of bytes in batch that was sent.",
                &["processor"],
                BATCH_BYTES,
            ),
            batch_size_trigger: normal.counter(
                "otelcol_processor_batch_batch_size_trigger_send",
                "Number of times the batch was sent due to a size trigger",
                &["processor"],
            ),
            batch_timeout_trigger: normal.counter(
                "otelcol_processor_batch_timeout_trigger_send",
                "Number of times the batch was sent due to a timeout trigger",
                &["processor"],
            ),
            batch_metadata_cardinality: normal.gauge(
                "otelcol_processor_batch_metadata_cardinality",
                "Number of distinct metadata value combinations being processed",
                &["processor"],
            ),
            memory_limiter_accepted: basic.per_signal(
                "otelcol_processor_memory_limiter_accepted_",
                "Number of {} successfully pushed into the next component in the pipeline.",
                &["processor"],
            ),
            memory_limiter_refused: basic.per_signal(
                "otelcol_processor_memory_limiter_refused_",
                "Number of {} that were rejected by the next component in the pipeline.",
                &["processor"],
            ),
            unconverted_points: basic.counter(
                "sluice_processor_unconverted_points",
                "Number of data points that a processor of metric streams could not convert.",
                &["processor", "reason"],
            ),
            streams: basic.gauge(
                "sluice_processor_streams",
                "Number of metric streams that a processor remembers.",
                &["processor"],
            ),
            exporter_sent: basic.per_signal(
                "otelcol_exporter_sent_",
                "Number of {} successfully sent to destination.",
                &["exporter", "server_address", "server_port", "url_path"],
            ),
            exporter_send_failed: basic.per_signal(
                "otelcol_exporter_send_failed_",
                "Number of {} in failed attempts to send to destination.",
                &["exporter", "error_type", "error_permanent"],
            ),
            exporter_enqueue_failed: basic.per_signal(
                "otelcol_exporter_enqueue_failed_",
                "Number of {} failed to be added to the sending queue.",
                &["exporter"],
            ),
            exporter_rejected: basic.counter(
                "sluice_exporter_rejected_items",
                "Number of items that the destination rejected in a partial success.",
                &id_and_signal,
            ),
            exporter_unconverted: basic.counter(
                "sluice_exporter_unconverted_points",
                "Number of data points that have no form in the exporter's format.",
                &["exporter", "metric", "reason"],
            ),
            exporter_retries: basic.counter(
                "sluice_exporter_retries",
                "Number of attempts to send a request again.",
                &id_and_signal,
            ),
            queue_size: basic.gauge(
                "otelcol_exporter_queue_size",
                "Current size of the retry queue (in batches)",
                &id_and_signal,
            ),
            queue_capacity: basic.gauge(
                "otelcol_exporter_queue_capacity",
                "Fixed capacity of the retry queue (in batches)",
                &id_and_signal,
            ),
            in_flight: basic.gauge(
                "otelcol_exporter_in_flight_requests",
                "Number of requests being sent, waits between retries included.",
                &id_and_signal,
            ),
            enqueue_size: detailed.histogram(
                "otelcol_exporter_enqueue_size",
                "Number of units in the request that was put into the queue.",
                &["exporter"],
                BATCH_ITEMS,
            ),
            enqueue_size_bytes: detailed.histogram(
                "otelcol_exporter_enqueue_size_bytes",
                "Number of bytes in the request that was put into the queue.",
                &["exporter"],
                BATCH_BYTES,
            ),
            queue_batch_send_size: detailed.histogram(
                "otelcol_exporter_queue_batch_send_size",
                "Number of units in the batch",
                &["exporter"],
                BATCH_ITEMS,
            ),
            queue_batch_send_size_bytes: detailed.histogram(
                "otelcol_exporter_queue_batch_send_size_bytes",
                "Number of bytes in batch that was sent.",
                &["exporter"],
                BATCH_BYTES,
            ),
            // A clock is read twice for each batch: not where nobody sees it.
            processor_internal_duration: detailed.exposed.then(|| {
                detailed.histogram(
                    "otelcol_processor_internal_duration",
                    "Duration of time taken to process a batch of telemetry data through the processor.",
                    &["processor", "otel_signal"],
                    SECONDS,
                )
            }),
            calls: detailed.exposed.then(|| {
                let family =
                    |name, help, labels: &[&str]| detailed.histogram(name, help, labels, calls::SECONDS);
                CallFamilies {
                    http_server: family(
                        "http_server_request_duration",
                        "Duration of HTTP server requests.",
                        &calls::HTTP_LABELS,
                    ),
                    http_client: family(
                        "http_client_request_duration",
                        "Duration of HTTP client requests.",
                        &calls::HTTP_LABELS,
                    ),
                    rpc_server: family(
                        "rpc_server_call_duration",
                        "Measures the duration of inbound remote procedure calls (RPC).",
                        &calls::RPC_LABELS,
                    ),
                    rpc_client: family(
                        "rpc_client_call_duration",
                        "Measures the duration of outbound remote procedure calls (RPC).",
                        &calls::RPC_LABELS,
                    ),
                }
            }),
            receiver_produced: basic.counter(
                "otelcol_receiver_produced_items",
                "Number of items emitted from the receiver.",
                &consumed,
            ),
            processor_consumed: basic.counter(
                "otelcol_processor_consumed_items",
                "Number of items passed to the processor.",
                &consumed,
            ),
            connector_consumed: basic.counter(
                "otelcol_connector_consumed_items",
                "Number of items passed to the connector.",
                &consumed,
            ),
            exporter_consumed: basic.counter(
                "otelcol_exporter_consumed_items",
                "Number of items passed to the exporter.",
                &consumed,
            ),
            processor_produced: basic.counter(
                "otelcol_processor_produced_items",
                "Number of items emitted from the processor.",
                &consumed,
            ),
            connector_produced: basic.counter(
                "otelcol_connector_produced_items",
                "Number of items emitted from the connector.",
                &consumed,
            ),
        }
    }

    /// The `consumed` family of a kind; receivers and extensions consume nothing.
    pub(super) fn consumed(&self, kind: Kind) -> Option<&IntCounterVec> {
        match kind {
            Kind::Processor => Some(&self.processor_consumed),
            Kind::Connector => Some(&self.connector_consumed),
            Kind::Exporter => Some(&self.exporter_consumed),
            Kind::Receiver | Kind::Extension => None,
        }
    }

    /// The `produced` family of a kind. What receivers produce is counted by transport.
    pub(super) fn produced(&self, kind: Kind) -> Option<&IntCounterVec> {
        match kind {
            Kind::Processor => Some(&self.processor_produced),
            Kind::Connector => Some(&self.connector_produced),
            Kind::Receiver | Kind::Exporter | Kind::Extension => None,
        }
    }
}

/// otelcol's own bucket bounds.
const BATCH_ITEMS: &[f64] = &[
    10., 25., 50., 75., 100., 250., 500., 750., 1000., 2000., 3000., 4000., 5000., 6000., 7000., 8000.,
    9000., 10000., 20000., 30000., 50000., 100_000.,
];
const BATCH_BYTES: &[f64] = &[
    10., 25., 50., 75., 100., 250., 500., 750., 1000., 2000., 3000., 4000., 5000., 6000., 7000., 8000.,
    9000., 10000., 20000., 30000., 50000., 100_000., 200_000., 300_000., 400_000., 500_000., 600_000.,
    700_000., 800_000., 900_000., 1_000_000., 2_000_000., 3_000_000., 4_000_000., 5_000_000., 6_000_000.,
    7_000_000., 8_000_000., 9_000_000.,
];

/// Of edits in memory: from a microsecond on.
const SECONDS: &[f64] = &[
    0.000_001, 0.000_01, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
    0.5, 1., 2.5, 5., 10.,
];

struct Declare<'a> {
    registry: &'a Registry,
    exposed: bool,
}

#[expect(
    clippy::expect_used,
    reason = "names and labels are constants of this file; a test declares them all"
)]
impl Declare<'_> {
    fn counter(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        let family = IntCounterVec::new(Opts::new(name, help), labels).expect("valid name and labels");
        self.add(family)
    }

    fn per_signal(&self, prefix: &str, help: &str, labels: &[&str]) -> PerSignal<IntCounterVec> {
        PerSignal(NOUNS.map(|(noun, words)| {
            self.counter(&format!("{prefix}{noun}"), &help.replace("{}", words), labels)
        }))
    }

    fn gauge(&self, name: &str, help: &str, labels: &[&str]) -> IntGaugeVec {
        let family = IntGaugeVec::new(Opts::new(name, help), labels).expect("valid name and labels");
        self.add(family)
    }

    fn histogram(&self, name: &str, help: &str, labels: &[&str], buckets: &[f64]) -> HistogramVec {
        let opts = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.add(HistogramVec::new(opts, labels).expect("valid name and labels"))
    }

    fn add<C: Collector + Clone + 'static>(&self, family: C) -> C {
        if self.exposed {
            self.registry.register(Box::new(family.clone())).expect("each name is declared once");
        }
        family
    }
}
