use std::collections::BTreeMap;

use sluice_component::{
    ComponentRef, Kind, Level, PipelineId, Reason, Telemetry, telemetry::Destination, testkit::component,
};
use sluice_config::{Node, Problems, decode};
use sluice_pdata::Signal;

use super::{
    text::{Format, Style, encode},
    *,
};

fn settings(yaml: &str) -> TelemetrySettings {
    let node = Node::from_yaml("c.yaml", yaml).unwrap();
    let mut problems = Problems::new();
    decode(&node, "service.telemetry", &mut problems).unwrap_or_else(|| panic!("{problems}"))
}

/// Metrics in which every family has a series.
fn full() -> Telemetry {
    let telemetry = Telemetry::new(Level::Detailed);
    let of = |kind: Kind, id: &str| -> ComponentRef { component(kind, id) };
    let to = Destination { address: "backend".into(), port: "4317".into(), path: String::new() };
    let (receiver, exporter) = (of(Kind::Receiver, "otlp"), of(Kind::Exporter, "otlp/a"));
    let (batch, limiter) = (of(Kind::Processor, "batch"), of(Kind::Processor, "memory_limiter"));
    for signal in Signal::ALL {
        telemetry.receiver(&receiver, signal).accepted("grpc", 7);
        telemetry.receiver(&receiver, signal).refused("http", 1);
        telemetry.exporter(&exporter, signal, &to).sent.inc_by(3);
        telemetry.processor(&batch, signal).incoming.inc();
        telemetry.memory_limiter(&limiter, signal).accepted.inc();
        for component in [&batch, &exporter, &of(Kind::Connector, "forward")] {
            telemetry.consumed(component, &PipelineId::new(signal, "")).count(Ok(()), 1);
        }
    }
    telemetry.receiver_rejected(&receiver, Signal::Traces, "zero_id", 1);
    telemetry.batch(&batch).send_size.observe(8192.0);
    telemetry
}

fn exposed(reader: &str, format: Format) -> String {
    let settings =
        settings(&format!("metrics: {{readers: [{{pull: {{exporter: {{prometheus: {reader}}}}}}}]}}"));
    let telemetry = full();
    let resource = settings.resource.resolve("i-1");
    encode(&telemetry.registry().gather(), &Style::new(&settings.metrics.listeners()[0], &resource), format)
}

/// `name{labels}` -> type, without values.
fn shapes(text: &str) -> BTreeMap<String, String> {
    let mut kind = String::new();
    let mut shapes = BTreeMap::new();
    for line in text.lines() {
        if let Some(typed) = line.strip_prefix("# TYPE ") {
            typed.rsplit(' ').next().unwrap().clone_into(&mut kind);
        } else if !line.starts_with('#') {
            let (name, rest) = line.split_once('{').unwrap_or_else(|| (line.split(' ').next().unwrap(), ""));
            let labels = rest.split("\",").filter_map(|l| l.split_once("=\"")).map(|(n, _)| n);
            let labels: Vec<_> = labels.filter(|label| *label != "le").collect();
            shapes.insert(format!("{name}{{{}}}", labels.join(",")), kind.clone());
        }
    }
    shapes
}

#[test]
fn names_labels_and_types_are_otelcols() {
    let text = exposed("{}", Format::Prometheus);
    let shapes = shapes(&text);
    let consumed = "otelcol_component_id,otelcol_component_kind,otelcol_component_outcome,otelcol_pipeline_id,otelcol_signal";
    let mut expected = vec![
        ("otelcol_processor_incoming_items{otel_signal,processor}".to_owned(), "counter"),
        ("otelcol_processor_outgoing_items{otel_signal,processor}".to_owned(), "counter"),
        ("otelcol_processor_batch_batch_send_size_bucket{processor}".to_owned(), "histogram"),
        ("otelcol_processor_batch_batch_send_size_sum{processor}".to_owned(), "histogram"),
        ("otelcol_processor_batch_batch_send_size_count{processor}".to_owned(), "histogram"),
        ("otelcol_processor_batch_batch_size_trigger_send{processor}".to_owned(), "counter"),
        ("otelcol_processor_batch_timeout_trigger_send{processor}".to_owned(), "counter"),
        ("otelcol_processor_batch_metadata_cardinality{processor}".to_owned(), "gauge"),
        ("otelcol_exporter_queue_size{data_type,exporter}".to_owned(), "gauge"),
        ("otelcol_exporter_queue_capacity{data_type,exporter}".to_owned(), "gauge"),
        ("otelcol_exporter_in_flight_requests{data_type,exporter}".to_owned(), "gauge"),
        (format!("otelcol_processor_consumed_items{{{consumed}}}"), "counter"),
        (format!("otelcol_connector_consumed_items{{{consumed}}}"), "counter"),
        (format!("otelcol_exporter_consumed_items{{{consumed}}}"), "counter"),
        ("target_info{service_instance_id,service_name,service_version}".to_owned(), "gauge"),
    ];
    for noun in ["spans", "metric_points", "log_records"] {
        expected.extend([
            (format!("otelcol_receiver_accepted_{noun}{{receiver,transport}}"), "counter"),
            (format!("otelcol_receiver_refused_{noun}{{receiver,transport}}"), "counter"),
            (format!("otelcol_processor_memory_limiter_accepted_{noun}{{processor}}"), "counter"),
            // The label `url_path` of otlp_http is empty here, and so left out.
            (format!("otelcol_exporter_sent_{noun}{{exporter,server_address,server_port}}"), "counter"),
            (format!("otelcol_exporter_send_failed_{noun}{{exporter}}"), "counter"),
            (format!("otelcol_exporter_enqueue_failed_{noun}{{exporter}}"), "counter"),
        ]);
    }
    for (shape, kind) in expected {
        assert_eq!(shapes.get(&shape).map(String::as_str), Some(kind), "{shape} in\n{text}");
    }
    assert!(!text.contains("_total"), "{text}");
    assert!(
        text.contains("otelcol_receiver_accepted_spans{receiver=\"otlp\",transport=\"grpc\"} 7\n"),
        "{text}"
    );
}

#[test]
fn a_reader_may_ask_for_suffixes_and_labels() {
    let text = exposed(
        "{without_type_suffix: false, without_units: false, without_scope_info: false, \
         with_resource_constant_labels: {included: [service.name]}}",
        Format::Prometheus,
    );
    let line = "otelcol_exporter_send_failed_spans_total{exporter=\"otlp/a\",service_name=\"sluice\",otel_scope_name=\"sluice\"";
    assert!(text.contains(line), "{text}");
    assert!(text.contains("# TYPE otelcol_receiver_accepted_spans_total counter\n"), "{text}");
}

#[test]
fn openmetrics_has_the_same_names_and_an_end() {
    let text = exposed("{}", Format::OpenMetrics);
    assert!(
        text.contains("# TYPE otelcol_receiver_accepted_spans unknown\notelcol_receiver_accepted_spans{"),
        "{text}"
    );
    assert!(text.contains("le=\"8000.0\"") && text.ends_with("# EOF\n"), "{text}");
    let text = exposed("{without_type_suffix: false}", Format::OpenMetrics);
    let counter = "# TYPE otelcol_receiver_accepted_spans counter\notelcol_receiver_accepted_spans_total{";
    assert!(text.contains(counter), "{text}");
}

#[test]
fn i15_label_values_are_escaped() {
    let telemetry = Telemetry::new(Level::Normal);
    telemetry.receiver(&component(Kind::Receiver, "otlp"), Signal::Logs).accepted("a\"b\\c\nd", 1);
    let style = Style::new(&Prometheus::default(), &Resource::default());
    let text = encode(&telemetry.registry().gather(), &style, Format::Prometheus);
    assert!(text.contains(r#"transport="a\"b\\c\nd"} 1"#), "{text}");
}

/// One request over a plain socket: the head and the body of the answer.
async fn get(address: SocketAddr, path: &str, accept: &str) -> (String, String) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\naccept: {accept}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

#[tokio::test]
async fn the_listener_serves_metrics_and_the_ledger() {
    let settings =
        settings("metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: 0}}}}]}");
    let process = sluice_component::testkit::process();
    let account = process.ledger.account(&PipelineId::new(Signal::Traces, "a"));
    let branch = account.branch(&component(Kind::Exporter, "otlp/b"));
    account.accepted(5);
    branch.sent(3);
    branch.dropped(Reason::Permanent, 2);

    let exposition = Exposition::start(&settings, &settings.resource.resolve("i"), &process).await.unwrap();
    let address = exposition.addresses()[0];
    let (head, body) = get(address, "/metrics", "*/*").await;
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("text/plain; version=0.0.4"), "{head}");
    for line in [
        r#"sluice_ledger_items{pipeline="traces/a",signal="traces",exporter="otlp/b",state="accepted"} 5"#,
        r#"sluice_ledger_items{pipeline="traces/a",signal="traces",exporter="otlp/b",state="dropped",reason="permanent"} 2"#,
        "# TYPE otelcol_process_uptime counter",
        "# TYPE otelcol_process_cpu_seconds counter",
        "# TYPE sluice_ledger_items gauge",
    ] {
        assert!(body.contains(line), "{line} in\n{body}");
    }
    if cfg!(target_os = "linux") {
        assert!(body.contains("# TYPE otelcol_process_memory_rss gauge"), "{body}");
    }
    if cfg!(feature = "jemalloc") {
        assert!(body.contains("# TYPE otelcol_process_runtime_heap_alloc_bytes gauge"), "{body}");
    }
    let (head, _) =
        get(address, "/metrics", "application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1").await;
    assert!(head.contains("application/openmetrics-text; version=1.0.0"), "{head}");
    let (_, body) = get(address, "/ledger", "*/*").await;
    let rows: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(rows[0]["pipeline"], "traces/a");
    assert_eq!((rows[0]["accepted"].as_u64(), rows[0]["dropped"]["permanent"].as_u64()), (Some(5), Some(2)));
    assert_eq!((rows[0]["held"].as_u64(), rows[0]["even"].as_bool()), (Some(0), Some(true)));
    assert!(get(address, "/", "*/*").await.0.starts_with("HTTP/1.1 404"));
    exposition.shutdown(Instant::now()).await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn level_none_opens_no_listener() {
    let settings = settings("metrics: {level: none}");
    let process = sluice_component::testkit::process();
    let exposition = Exposition::start(&settings, &Resource::default(), &process).await.unwrap();
    assert!(exposition.addresses().is_empty());
}

#[tokio::test]
async fn a_port_that_is_taken_names_the_reader() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let settings = settings(&format!(
        "metrics: {{readers: [{{pull: {{exporter: {{prometheus: {{host: 127.0.0.1, port: {port}}}}}}}}}]}}"
    ));
    let process = sluice_component::testkit::process();
    let error = Exposition::start(&settings, &Resource::default(), &process).await.unwrap_err().to_string();
    let expected = format!(
        "service.telemetry.metrics.readers[0].pull.exporter.prometheus: cannot listen on 127.0.0.1:{port}: address"
    );
    assert!(error.starts_with(&expected), "{error}");
}
