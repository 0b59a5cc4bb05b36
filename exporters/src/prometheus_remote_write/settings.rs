//! `exporters: prometheus_remote_write:`

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sluice_config::{ByteSize, Check, Checker, GoDuration, Headers, Section};
use sluice_formats::prometheus::names::Strategy;
use sluice_net::{compression::Compression, http, later::Later};

use crate::{
    resource_labels::ResourceLabels,
    sending::{Queue, Retry, settings::TIMEOUT},
};

/// The body size of a request where the YAML says nothing or 0.
const MAX_BATCH_SIZE_BYTES: usize = 3_000_000;
/// Each lane is a place in memory and at most one request on its way.
const MOST_LANES: i64 = 1000;
/// Headers that the protocol sets.
const RESERVED: [&str; 4] =
    ["content-encoding", "content-type", "x-prometheus-remote-write-version", "user-agent"];

/// `exporters: prometheus_remote_write:` - the same keys and defaults as otelcol, and some more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The HTTP client's keys stand at the top level; `endpoint` is the whole URL, `timeout` is for one attempt.
    #[serde(rename = "..client")]
    top: http::ClientSettings,
    /// Or below a key of their own, as in newer files.
    http: Section<http::ClientSettings>,
    /// Before each metric's name, with an underscore.
    pub namespace: String,
    /// For series that do not have them.
    pub external_labels: BTreeMap<String, String>,
    /// What becomes of names; empty is as `add_metric_suffixes` says.
    pub translation_strategy: String,
    /// Whether names end in unit and type, where `translation_strategy` is empty.
    pub add_metric_suffixes: bool,
    /// Sends metadata in requests of their own, with remote write 1.0. With 2.0 each series has its metadata.
    pub send_metadata: bool,
    /// Leaves `otel_scope_name` and its like out.
    pub disable_scope_info: bool,
    /// The series that describes a resource.
    pub target_info: TargetInfo,
    /// Resource attributes as labels of each series.
    #[serde(rename = "..resource_labels")]
    pub resource_labels: ResourceLabels,
    /// Remote write 1.0 or 2.0.
    pub protobuf_message: ProtobufMessage,
    /// Largest request before compression, in bytes; 0 is the default.
    pub max_batch_size_bytes: i64,
    /// Requests of one batch that are sent at the same time; absent is as many as consumers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_batch_request_parallelism: Option<i64>,
    /// Histograms with explicit bounds become native ones with custom buckets. Needs remote write 2.0.
    pub convert_histograms_to_nhcb: bool,
    /// Deltas are added up to the totals that Prometheus needs.
    pub accumulate_deltas: Section<AccumulateDeltas>,
    /// Further attempts.
    pub retry_on_failure: Section<Retry>,
    /// The queue in front of the backend.
    pub remote_write_queue: Section<RemoteWriteQueue>,
    /// The queue with the keys of every other exporter, in place of `remote_write_queue`.
    pub sending_queue: Section<Queue>,
    /// A log on disk; refused for now.
    #[serde(skip_serializing_if = "Later::is_absent")]
    pub wal: Later,
    /// Removed from otelcol.
    #[serde(skip_serializing_if = "Later::is_absent")]
    pub export_created_metric: Later,
    /// Removed from otelcol.
    #[serde(skip_serializing_if = "Later::is_absent")]
    pub scope_info: Later,
}

/// `target_info:`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TargetInfo {
    /// Whether there is such a series.
    pub enabled: bool,
}

impl Default for TargetInfo {
    fn default() -> Self {
        Self { enabled: true }
    }
}

/// `protobuf_message:`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ProtobufMessage {
    /// Remote write 1.0.
    #[default]
    #[serde(rename = "prometheus.WriteRequest")]
    V1,
    /// Remote write 2.0, and 1.0 for a server that answers 415.
    #[serde(rename = "io.prometheus.write.v2.Request")]
    V2,
}

/// `accumulate_deltas:`. `enabled: false` drops deltas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccumulateDeltas {
    /// Most series whose deltas are added up; points of further ones are dropped.
    pub max_streams: u32,
    /// A series is forgotten when nothing was added for so long.
    pub max_stale: GoDuration,
}

impl Default for AccumulateDeltas {
    fn default() -> Self {
        Self { max_streams: 100_000, max_stale: GoDuration::from_secs(300) }
    }
}

/// `remote_write_queue:`. `enabled: false` switches it off: then the caller waits for the backend's verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RemoteWriteQueue {
    /// Batches that are held.
    pub queue_size: i64,
    /// Requests sent at the same time, each of series of its own.
    pub num_consumers: i64,
}

impl Default for RemoteWriteQueue {
    fn default() -> Self {
        Self { queue_size: 10_000, num_consumers: 5 }
    }
}

impl Default for Settings {
    fn default() -> Self {
        let client = http::ClientSettings {
            timeout: TIMEOUT,
            compression: Compression::Snappy,
            write_buffer_size: ByteSize::kib(512),
            ..http::ClientSettings::default()
        };
        let retry = Retry { initial_interval: GoDuration::from_millis(50), ..Retry::default() };
        Self {
            http: Section::off_with(client.clone()),
            top: client,
            namespace: String::new(),
            external_labels: BTreeMap::new(),
            translation_strategy: String::new(),
            add_metric_suffixes: true,
            send_metadata: false,
            disable_scope_info: false,
            target_info: TargetInfo::default(),
            resource_labels: ResourceLabels::default(),
            protobuf_message: ProtobufMessage::default(),
            max_batch_size_bytes: 3_000_000,
            max_batch_request_parallelism: None,
            convert_histograms_to_nhcb: false,
            accumulate_deltas: Section::on(AccumulateDeltas::default()),
            retry_on_failure: Section::on(retry),
            remote_write_queue: Section::on(RemoteWriteQueue::default()),
            sending_queue: Section::off_with(Queue::default()),
            wal: Later::default(),
            export_created_metric: Later::default(),
            scope_info: Later::default(),
        }
    }
}

impl Settings {
    /// The HTTP client's settings, wherever they stand.
    #[must_use]
    pub fn client(&self) -> &http::ClientSettings {
        self.http.as_option().unwrap_or(&self.top)
    }

    /// The same without the headers that are not the user's to set.
    pub(super) fn client_to_use(&self) -> http::ClientSettings {
        let client = self.client();
        let own = client.headers.iter().filter(|(name, _)| !is_reserved(name));
        let headers: Headers = own.map(|(name, value)| (name, value.clone())).collect();
        // Bodies come compressed.
        http::ClientSettings { headers, compression: Compression::None, ..client.clone() }
    }

    pub(super) fn strategy(&self) -> Strategy {
        match Strategy::parse(&self.translation_strategy) {
            Some(strategy) => strategy,
            None if self.add_metric_suffixes => Strategy::UnderscoreEscapingWithSuffixes,
            None => Strategy::UnderscoreEscapingWithoutSuffixes,
        }
    }

    pub(super) fn max_request_bytes(&self) -> usize {
        usize::try_from(self.max_batch_size_bytes).ok().filter(|&max| max > 0).unwrap_or(MAX_BATCH_SIZE_BYTES)
    }

    /// The queue, whichever of the two keys it was written under.
    pub(super) fn queue(&self) -> Section<Queue> {
        match (self.sending_queue.is_on(), self.remote_write_queue.as_option()) {
            (true, _) => self.sending_queue.clone(),
            (false, None) => Section::off_with(Queue::default()),
            (false, Some(&RemoteWriteQueue { queue_size, num_consumers })) => {
                Section::on(Queue { queue_size, num_consumers, ..Queue::default() })
            }
        }
    }

    /// Into how many lanes series are parted: as many requests are sent at the same time.
    pub(super) fn lanes(&self) -> usize {
        let consumers = match self.sending_queue.as_option() {
            Some(queue) => queue.num_consumers,
            None => {
                let queue = self.remote_write_queue.as_option().copied().unwrap_or_default();
                queue.num_consumers
            }
        };
        let lanes = self.max_batch_request_parallelism.unwrap_or(consumers).clamp(1, MOST_LANES);
        usize::try_from(lanes).unwrap_or(1)
    }

    fn check_client(&self, at: &mut Checker<'_>) {
        let client = self.client();
        if client.endpoint.is_empty() {
            at.key("endpoint").error(
                "requires a non-empty \"endpoint\": the whole URL, such as http://localhost:9090/api/v1/write",
            );
        }
        client.check(at);
        if client.compression != Compression::Snappy {
            at.key("compression").error("compression type must be snappy");
        }
        for (name, _) in client.headers.iter().filter(|(name, _)| is_reserved(name)) {
            at.section("headers").key(name).warn("is set by remote write itself; this value is not sent");
        }
    }

    fn check_names(&self, at: &mut Checker<'_>) {
        let empty = |(name, value): (&String, &String)| name.is_empty() || value.is_empty();
        if self.external_labels.iter().any(empty) {
            at.key("external_labels").error(
                "prometheus remote write: external labels configuration contains an empty key or value",
            );
        }
        let word = &self.translation_strategy;
        match Strategy::parse(word) {
            None if !word.is_empty() => {
                let known = Strategy::ALL.map(Strategy::as_str).join(", ");
                at.key("translation_strategy")
                    .error(format!("invalid translation_strategy: {word}; known: {known}"));
            }
            Some(strategy) if !strategy.escapes() && self.protobuf_message == ProtobufMessage::V1 => {
                at.key("translation_strategy").error(format!(
                    "{word} needs remote write 2.0: set protobuf_message to io.prometheus.write.v2.Request"
                ));
            }
            _ => {}
        }
        if self.convert_histograms_to_nhcb && self.protobuf_message == ProtobufMessage::V1 {
            at.key("convert_histograms_to_nhcb").error(
                "custom buckets need remote write 2.0: set protobuf_message to io.prometheus.write.v2.Request",
            );
        }
    }

    fn check_queue(&self, at: &mut Checker<'_>) {
        at.inside("retry_on_failure", &self.retry_on_failure);
        at.inside("remote_write_queue", &self.remote_write_queue);
        at.inside("sending_queue", &self.sending_queue);
        if at.is_written("sending_queue") && at.is_written("remote_write_queue") {
            at.key("sending_queue").error("is the same queue as `remote_write_queue`: write one of them");
        } else if at.is_written("sending_queue") && !self.sending_queue.is_on() {
            at.key("sending_queue")
                .error("to switch the queue off, write `remote_write_queue: {enabled: false}`");
        }
        if self.sending_queue.as_option().is_some_and(|queue| queue.wait_for_result && queue.batch.is_on()) {
            at.section("sending_queue").key("batch").error(
                "cannot be used with `wait_for_result: true` here: requests are made of series, not of callers' batches, so there is no verdict on each caller's part; remove one of the two keys",
            );
        }
        if self.max_batch_size_bytes < 0 {
            at.key("max_batch_size_bytes").error("max_batch_byte_size must be greater than 0");
        }
        if self.max_batch_request_parallelism.is_some_and(|most| !(1..=MOST_LANES).contains(&most)) {
            at.key("max_batch_request_parallelism")
                .error(format!("`max_batch_request_parallelism` must be within 1 and {MOST_LANES}"));
        }
    }

    fn check_removed(&self, at: &mut Checker<'_>) {
        if at.is_written("wal") && self.wal.is_written() {
            at.key("wal").error(
                "a log on disk is not built yet, and otelcol's loses and reorders samples: remove the key; `remote_write_queue.queue_size` batches wait in memory and are retried for `retry_on_failure.max_elapsed_time`",
            );
        }
        if at.is_written("export_created_metric") {
            at.key("export_created_metric").error(
                "was removed from otelcol in v0.118: remove the key; remote write 2.0 sends the start of each series",
            );
        }
        if at.is_written("scope_info") {
            at.key("scope_info").error(
                "was removed from otelcol: series have their scope's labels; see `disable_scope_info`",
            );
        }
    }
}

fn is_reserved(header: &str) -> bool {
    RESERVED.iter().any(|name| name.eq_ignore_ascii_case(header))
}

impl Check for Settings {
    fn check(&self, at: &mut Checker<'_>) {
        if self.http.is_on() {
            let default = Self::default();
            if self.top != default.top {
                at.key("http")
                    .error("the HTTP client's keys stand at the top level or below `http`, not both");
            }
            self.check_client(&mut at.section("http"));
        } else {
            self.check_client(at);
        }
        self.check_names(at);
        self.resource_labels.check(at);
        self.check_queue(at);
        self.check_removed(at);
        at.inside("accumulate_deltas", &self.accumulate_deltas);
    }
}

impl Check for RemoteWriteQueue {
    fn check(&self, at: &mut Checker<'_>) {
        match self.queue_size {
            0 => at.key("queue_size").error("a 0 size queue will drop all the data"),
            ..0 => at.key("queue_size").error("remote write queue size can't be negative"),
            _ => {}
        }
        if !(1..=MOST_LANES).contains(&self.num_consumers) {
            at.key("num_consumers").error(format!("`num_consumers` must be within 1 and {MOST_LANES}"));
        }
    }
}

impl Check for AccumulateDeltas {
    fn check(&self, at: &mut Checker<'_>) {
        if self.max_streams == 0 {
            at.key("max_streams").error("must be positive; to drop deltas, write `enabled: false`");
        }
        if self.max_stale.is_zero() {
            at.key("max_stale").error("must be positive: what is added up has to be forgotten some time");
        }
    }
}

#[cfg(test)]
mod tests;
