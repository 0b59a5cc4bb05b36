use sluice_component::{Delivery, ExporterFactory, Registry, testkit};

use super::*;
use crate::{prometheus_remote_write::Factory, stand};

fn parse(yaml: &str) -> Result<Settings, Vec<String>> {
    stand::parse("prometheus_remote_write", yaml)
}

const ENDPOINT: &str = "endpoint: 'http://h:9090/api/v1/write'";

fn with(more: &str) -> Settings {
    parse(&format!("{{{ENDPOINT}, {more}}}")).unwrap()
}

fn problems(more: &str) -> String {
    parse(&format!("{{{ENDPOINT}, {more}}}")).unwrap_err().join("\n")
}

#[test]
fn the_defaults_are_otelcols() {
    let settings = with("");
    assert_eq!(settings.client().timeout.as_secs(), 5);
    assert_eq!(settings.client().compression, Compression::Snappy);
    assert_eq!(settings.strategy(), Strategy::UnderscoreEscapingWithSuffixes);
    assert_eq!(settings.protobuf_message, ProtobufMessage::V1);
    assert_eq!((settings.max_request_bytes(), settings.lanes()), (3_000_000, 5));
    assert!(settings.target_info.enabled && !settings.send_metadata && !settings.disable_scope_info);
    assert_eq!(settings.resource_labels, ResourceLabels::default());
    let queue = settings.queue().into_option().unwrap();
    assert_eq!((queue.queue_size, queue.num_consumers), (10_000, 5));
    assert_eq!(settings.retry_on_failure.value().initial_interval, GoDuration::from_millis(50));
    assert_eq!(settings.accumulate_deltas.as_option(), Some(&AccumulateDeltas::default()));
    assert_eq!(Factory::delivery(&settings), Delivery::MemoryQueue);
}

#[test]
fn the_queue_may_be_written_under_either_key() {
    let own = with("remote_write_queue: {queue_size: 7, num_consumers: 3}");
    let queue = own.queue().into_option().unwrap();
    assert_eq!((queue.queue_size, queue.num_consumers, own.lanes()), (7, 3, 3));
    let off = with("remote_write_queue: {enabled: false}");
    assert_eq!((off.queue().is_on(), Factory::delivery(&off)), (false, Delivery::Direct));
    let other = with("sending_queue: {queue_size: 9, wait_for_result: true}");
    let queue = other.queue().into_option().unwrap();
    assert_eq!((queue.queue_size, queue.num_consumers, other.lanes()), (9, 10, 10));
    assert_eq!(Factory::delivery(&other), Delivery::WaitsForResult);
    assert_eq!(with("max_batch_request_parallelism: 2").lanes(), 2);
    assert!(problems("sending_queue: {}, remote_write_queue: {}").contains("write one of them"));
    assert!(problems("sending_queue: {enabled: false}").contains("remote_write_queue: {enabled: false}"));
}

#[test]
fn the_queue_either_batches_or_waits_for_results() {
    let both = problems("sending_queue: {wait_for_result: true, batch: {}}");
    assert!(both.contains("sending_queue.batch: cannot be used with `wait_for_result: true` here"), "{both}");
    with("sending_queue: {batch: {}}");
    with("sending_queue: {wait_for_result: true, batch: {enabled: false}}");
}

#[test]
fn the_client_may_stand_below_http() {
    let settings = parse("{http: {endpoint: 'http://h/w', timeout: 7s}}").unwrap();
    assert_eq!((settings.client().endpoint.as_str(), settings.client().timeout.as_secs()), ("http://h/w", 7));
    assert_eq!(settings.client().compression, Compression::Snappy);
    assert!(problems("http: {endpoint: 'http://h/w'}").contains("not both"));
    let missing = parse("{http: {timeout: 7s}}").unwrap_err().join("\n");
    assert!(missing.starts_with("exporters.prometheus_remote_write.http.endpoint: requires"), "{missing}");
}

#[test]
fn headers_of_the_protocol_are_not_the_user_s_to_set() {
    let settings = with(
        "headers: {User-Agent: x, content-encoding: gzip, Content-Type: y, X-Prometheus-Remote-Write-Version: '3', authorization: z}",
    );
    let client = settings.client_to_use();
    let names: Vec<&str> = client.headers.iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["authorization"]);
}

#[test]
fn what_is_wrong_is_told() {
    let missing = parse("{}").unwrap_err().join("\n");
    assert!(
        missing.starts_with("exporters.prometheus_remote_write.endpoint: requires a non-empty"),
        "{missing}"
    );
    for (yaml, text) in [
        ("external_labels: {a: ''}", "external labels configuration contains an empty key or value"),
        ("translation_strategy: x", "invalid translation_strategy: x"),
        ("translation_strategy: NoTranslation", "needs remote write 2.0"),
        ("translation_strategy: NoUTF8EscapingWithSuffixes", "needs remote write 2.0"),
        ("convert_histograms_to_nhcb: true", "need remote write 2.0"),
        ("protobuf_message: x", "protobuf_message"),
        ("max_batch_size_bytes: -1", "max_batch_byte_size must be greater than 0"),
        ("max_batch_request_parallelism: 0", "max_batch_request_parallelism"),
        ("remote_write_queue: {queue_size: -1}", "remote write queue size can't be negative"),
        ("remote_write_queue: {queue_size: 0}", "a 0 size queue will drop all the data"),
        ("remote_write_queue: {num_consumers: 0}", "num_consumers"),
        ("compression: gzip", "compression type must be snappy"),
        (
            "wal: {directory: /x}",
            "prometheus_remote_write.wal: a log on disk is not built yet, and otelcol's loses and reorders samples: remove the key; `remote_write_queue.queue_size` batches wait in memory and are retried for `retry_on_failure.max_elapsed_time`",
        ),
        ("export_created_metric: {enabled: true}", "export_created_metric: was removed"),
        ("scope_info: {enabled: true}", "scope_info: was removed"),
        ("accumulate_deltas: {max_streams: 0}", "max_streams"),
        ("accumulate_deltas: {max_stale: 0s}", "max_stale"),
        ("retry_on_failure: {multiplier: -1}", "multiplier"),
        ("no_such_key: 1", "no_such_key"),
    ] {
        let problems = problems(yaml);
        assert!(problems.contains(text), "{yaml}: {problems}");
        assert_eq!(problems.lines().count(), 1, "{yaml}: {problems}");
    }
}

#[test]
fn zero_is_the_default_size() {
    assert_eq!(with("max_batch_size_bytes: 0").max_request_bytes(), 3_000_000);
}

#[test]
fn the_examples_of_the_page_load_under_both_names() {
    let registry = Registry::default().exporter::<Factory>();
    let page = include_str!("../../../../docs/components/exporters/prometheus_remote_write.md");
    assert_eq!(testkit::load_examples(&registry, page), 3);
}
