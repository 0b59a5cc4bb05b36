use sluice_component::{Context, ledger::Balance, testkit};
use sluice_config::{Node as Yaml, Problems};

use super::*;
use crate::testdata::{OUTPUTS, spans, toys};

/// Builds `yaml`, sends 5 spans in at the receiver `toy/<test>` and reads the ledger.
async fn send(test: &str, yaml: &str) -> (Graph, Vec<Balance>, Arc<Process>) {
    let mut problems = Problems::new();
    let root = Yaml::from_yaml("test.yaml", yaml).unwrap();
    let plan = Plan::check(&toys(), root, &mut problems).unwrap_or_else(|| panic!("{problems}"));
    let process = testkit::process();
    let graph = build(&plan, &toys(), &process).unwrap();
    let entry = OUTPUTS.lock().unwrap()[&format!("toy/{test}")].get(Signal::Traces).unwrap().clone();
    entry.consume(Context::default(), spans(5)).await.unwrap();
    let balances = process.ledger.balances();
    for balance in &balances {
        assert!(balance.is_even(), "{balance:?}");
    }
    (graph, balances, process)
}

#[tokio::test]
async fn one_receiver_in_two_pipelines_is_accepted_in_both() {
    let (graph, balances, _process) = send(
        "two",
        "receivers: {toy/two: }\nexporters: {toy/a: , toy/b: }\nservice: {pipelines: {traces: {receivers: [toy/two], exporters: [toy/a, toy/b]}, traces/x: {receivers: [toy/two], exporters: [toy/a]}}}",
    )
    .await;
    let sent: Vec<(String, String, u64)> =
        balances.iter().map(|b| (b.pipeline.to_string(), b.exporter.id().to_string(), b.sent)).collect();
    let expected = [("traces", "toy/a", 5), ("traces", "toy/b", 5), ("traces/x", "toy/a", 5)];
    assert_eq!(sent, expected.map(|(p, e, n)| (p.to_owned(), e.to_owned(), n)));
    let built: Vec<String> = graph.nodes.iter().map(|node| node.component.to_string()).collect();
    assert_eq!(built, ["exporters.toy/a", "exporters.toy/b", "receivers.toy/two"]);
}

#[tokio::test]
async fn what_a_processor_takes_out_is_filtered() {
    let (_, balances, _process) = send(
        "filter",
        "receivers: {toy/filter: }\nprocessors: {toy/1: , toy/2: {drops: true}}\nexporters: {toy: }\nservice: {pipelines: {traces: {receivers: [toy/filter], processors: [toy/1, toy/2], exporters: [toy]}}}",
    )
    .await;
    assert_eq!((balances[0].accepted, balances[0].filtered, balances[0].sent), (5, 5, 0));
}

#[tokio::test]
async fn data_flows_through_a_connector_and_both_pipelines_are_even() {
    let (graph, balances, process) = send(
        "forward",
        "receivers: {toy/forward: }\nconnectors: {forward: }\nexporters: {toy: }\nservice: {pipelines: {traces/in: {receivers: [toy/forward], exporters: [forward]}, traces/out: {receivers: [forward], exporters: [toy]}}}",
    )
    .await;
    assert_eq!(balances.iter().map(|b| (b.accepted, b.sent)).collect::<Vec<_>>(), [(5, 5), (5, 5)]);
    let order: Vec<String> = graph.nodes.iter().map(|node| node.component.to_string()).collect();
    assert_eq!(order, ["exporters.toy", "connectors.forward", "receivers.toy/forward"]);
    let text =
        prometheus::TextEncoder::new().encode_to_string(&process.telemetry.registry().gather()).unwrap();
    assert!(
        text.contains(r#"otelcol_receiver_accepted_spans{receiver="toy/forward",transport=""} 5"#),
        "{text}"
    );
}

#[tokio::test]
async fn what_processors_and_connectors_produce_is_told_by_the_outcome() {
    let (_, _, process) = send(
        "produced",
        "receivers: {toy/produced: }\nprocessors: {toy/1: , toy/2: , toy/3: {drops: true}}\nconnectors: {forward: }\n\
         exporters: {toy: }\nservice: {pipelines: {traces/in: {receivers: [toy/produced], processors: [toy/1, toy/2], \
         exporters: [forward]}, traces/out: {receivers: [forward], processors: [toy/3], exporters: [toy]}}}",
    )
    .await;
    let text =
        prometheus::TextEncoder::new().encode_to_string(&process.telemetry.registry().gather()).unwrap();
    let produced = |id: &str, kind: &str, pipeline: &str| {
        format!(
            "otelcol_{kind}_produced_items{{otelcol_component_id=\"{id}\",otelcol_component_kind=\"{kind}\",\
             otelcol_component_outcome=\"success\",otelcol_pipeline_id=\"{pipeline}\",otelcol_signal=\"traces\"}} 5\n"
        )
    };
    for (id, kind, pipeline, told) in [
        ("toy/1", "processor", "traces/in", true),
        ("toy/2", "processor", "traces/in", true),
        ("toy/3", "processor", "traces/out", false),
        ("forward", "connector", "", true),
    ] {
        assert_eq!(text.contains(&produced(id, kind, pipeline)), told, "{id}\n{text}");
    }
}
