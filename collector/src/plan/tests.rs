use sluice_config::{Node, Problems};

use super::*;
use crate::testdata::toys;

/// The plan of `yaml`, or the rendered problems.
fn plan(yaml: &str) -> Result<Plan, String> {
    let mut problems = Problems::new();
    let root = Node::from_yaml("test.yaml", yaml).map_err(|problems| problems.to_string())?;
    Plan::check(&toys(), root, &mut problems).ok_or_else(|| problems.to_string())
}

fn problem(yaml: &str) -> String {
    plan(yaml).err().unwrap_or_else(|| panic!("accepted:\n{yaml}"))
}

/// A configuration with one pipeline, with `extra` put under its top level.
fn with(service: &str, extra: &str) -> String {
    format!(
        "receivers: {{toy: }}\nprocessors: {{toy: }}\nexporters: {{toy: , toy/b: }}\n{extra}\nservice:\n{service}"
    )
}

const PIPELINE: &str = "  pipelines: {traces: {receivers: [toy], processors: [toy], exporters: [toy]}}";

#[test]
fn a_sound_configuration_is_a_plan() {
    let plan = plan(&with(PIPELINE, "")).unwrap();
    assert_eq!(plan.pipelines.len(), 1);
    assert_eq!(plan.to_text(), "traces (T0): toy -> toy -> toy\nunused: exporters.toy/b\n");
}

#[test]
fn every_mistake_of_a_pipeline_is_told_at_once() {
    let text = problem(&with(
        "  pipelines:\n    traces: {receivers: [toi], processors: [toy, toy], exporters: []}\n    spans: {}\n    profiles: {}",
        "extension: {}",
    ));
    for expected in [
        "unknown key `extension`",
        "did you mean `extensions`?",
        "service.pipelines.traces.receivers[0]: references receiver \"toi\" which is not configured",
        "did you mean `toy`?",
        "references processor \"toy\" multiple times",
        "service.pipelines.traces: must have at least one exporter",
        "unknown signal `spans`",
        "profiles pipelines do not exist in sluice yet",
    ] {
        assert!(text.contains(expected), "missing: {expected}\n{text}");
    }
}

#[test]
fn a_reference_to_nothing_says_what_may_have_been_meant() {
    let text = problem(
        "receivers: {toy: }\nprocessors: {toy/p: }\nexporters: {toy: }\nservice:\n  pipelines:\n    \
         traces: {receivers: {toy: }, processors: [toy], exporters: [toy/p]}",
    );
    for expected in [
        "traces.receivers: expected a list, found a section",
        "write `[toy]`",
        "`toy` is configured under `receivers`: it is no processor",
        "`toy/p` is configured under `processors`: it is no exporter",
    ] {
        assert!(text.contains(expected), "missing: {expected}\n{text}");
    }
    let text = problem(&with("  pipelines: {traces: {receivers: [forward/very_far], exporters: [toy]}}", ""));
    assert!(text.contains("configured receivers: toy"), "{text}");
    let text =
        problem(&with("  pipelines: {traces: {receivers: [toy/quite_another], exporters: [toy]}}", ""));
    assert!(text.contains("configure it: add `toy/quite_another:` under `receivers`"), "{text}");
}

#[test]
fn unknown_types_are_told_apart() {
    let text = problem(&with(PIPELINE, "extensions: {opamp: }\nconnectors: {forwrd: , failover: , toy: }"));
    assert!(
        text.contains("`opamp` is known from otelcol-contrib; sluice does not have this extension yet"),
        "{text}"
    );
    assert!(text.contains("unknown type: \"forwrd\" for id: \"forwrd\""), "{text}");
    assert!(text.contains("the nearest that exists is `forward`"), "{text}");
    assert!(text.contains("otelcol-contrib has no connector of this name either"), "{text}");
    assert!(text.contains("the nearest that exists is `forward`: it hands everything on to all"), "{text}");
    assert!(text.contains("`toy` is one of the receivers"), "{text}");
}

#[test]
fn an_undecodable_component_is_not_blamed_on_its_pipelines() {
    let text = problem(&with(PIPELINE, "").replace("receivers: {toy: }", "receivers: {toy: {colour: red}}"));
    assert!(text.contains("colour"), "{text}");
    assert!(!text.contains("which is not configured"), "{text}");
}

#[test]
fn nothing_at_all_is_an_empty_configuration_file() {
    assert!(problem("").contains("empty configuration file"));
    let text = problem("service: {}");
    assert!(text.contains("no receiver configuration specified in config"), "{text}");
    assert!(text.contains("no exporter configuration specified in config"), "{text}");
    assert!(text.contains("service must have at least one pipeline"), "{text}");
}

#[test]
fn a_connector_needs_both_sides() {
    let text = problem(&with(
        "  pipelines: {traces: {receivers: [toy], exporters: [forward]}}",
        "connectors: {forward: }",
    ));
    assert!(
        text.contains(
            "connector \"forward\" used as exporter in [traces] pipeline but not used in any supported receiver pipeline"
        ),
        "{text}"
    );
    let text = problem(&with(
        "  pipelines: {traces: {receivers: [forward], exporters: [toy]}}",
        "connectors: {forward: }",
    ));
    assert!(
        text.contains("used as receiver in [traces] pipeline but not used in any supported exporter"),
        "{text}"
    );
}

#[test]
fn a_connector_does_not_change_the_signal_unless_it_can() {
    let text = problem(&with(
        "  pipelines: {traces: {receivers: [toy], exporters: [forward]}, logs: {receivers: [forward], exporters: [toy]}}",
        "connectors: {forward: }",
    ));
    assert!(text.contains("used as exporter in [traces] pipeline but not used"), "{text}");
    assert!(text.contains("used as receiver in [logs] pipeline but not used"), "{text}");
}

#[test]
fn cycles_are_refused() {
    let text = problem(&with(
        "  pipelines:\n    traces/a: {receivers: [toy, forward/ba], exporters: [forward/ab]}\n    traces/b: {receivers: [forward/ab], exporters: [forward/ba]}",
        "connectors: {forward/ab: , forward/ba: }",
    ));
    assert!(
        text.contains(
            "cycle detected: connector \"forward/ab\" (traces to traces) -> connector \"forward/ba\" (traces to traces)"
        ),
        "{text}"
    );
}

#[test]
fn an_id_of_a_connector_is_ambiguous_with_an_exporter_of_the_same_name() {
    let text = problem(&with(PIPELINE, "connectors: {toy: }"));
    assert!(text.contains("ambiguous ID: Found both \"toy\" exporter and \"toy\" connector"), "{text}");
}

#[test]
fn pipelines_that_feed_others_come_after_them() {
    let plan = plan(&with(
        "  pipelines:\n    traces/in: {receivers: [toy], exporters: [forward]}\n    traces/out: {receivers: [forward], exporters: [toy]}",
        "connectors: {forward: }",
    ))
    .unwrap();
    let order: Vec<String> = plan.pipelines.iter().map(|p| p.id.to_string()).collect();
    assert_eq!(order, ["traces/out", "traces/in"]);
}

#[test]
fn the_tier_follows_connectors() {
    let yaml = with(
        "  pipelines:\n    traces/in: {receivers: [toy], exporters: [forward]}\n    traces/out: {receivers: [forward], exporters: [toy]}",
        "connectors: {forward: }",
    );
    let waiting = plan(&yaml.replace("exporters: {toy: ,", "exporters: {toy: {waits: true},")).unwrap();
    assert!(waiting.pipelines.iter().all(|p| p.tier == Tier::EndToEnd));
    let queued = plan(&yaml).unwrap();
    assert!(queued.pipelines.iter().all(|p| p.tier == Tier::Memory));
}

#[test]
fn i17_paths_through_connectors_are_not_followed_one_by_one() {
    // Two ways from each pipeline to the next: 2^200 paths.
    let mut connectors = String::from("connectors:\n");
    let mut pipelines =
        String::from("  pipelines:\n    traces/0: {receivers: [toy], exporters: [forward/a0, forward/b0]}\n");
    for n in 0..200 {
        let next = n + 1;
        connectors += &format!("  forward/a{n}:\n  forward/b{n}:\n");
        let exporters = if n == 199 { "toy".to_owned() } else { format!("forward/a{next}, forward/b{next}") };
        pipelines += &format!(
            "    traces/{next}: {{receivers: [forward/a{n}, forward/b{n}], exporters: [{exporters}]}}\n"
        );
    }
    let yaml = with(&pipelines, &connectors).replace("exporters: {toy: ,", "exporters: {toy: {waits: true},");
    let plan = plan(&yaml).unwrap();
    assert!(plan.pipelines.iter().all(|p| p.tier == Tier::EndToEnd));
}

#[test]
fn two_components_on_one_port_are_found_before_the_start() {
    let yaml = with("  pipelines: {traces: {receivers: [toy, toy/b], exporters: [toy]}}", "")
        .replace("receivers: {toy: }", "receivers: {toy: {port: 4317}, toy/b: {port: 4317}}");
    let text = problem(&yaml);
    assert!(text.contains("TCP 127.0.0.1:4317 is also claimed by receivers.toy"), "{text}");
}

#[test]
fn a_component_on_the_port_of_the_own_metrics_is_found_before_the_start() {
    let text = problem(&with(PIPELINE, "").replace("receivers: {toy: }", "receivers: {toy: {port: 8888}}"));
    assert!(
        text.contains("receivers.toy: TCP 127.0.0.1:8888 is also claimed by service.telemetry.metrics"),
        "{text}"
    );
}

#[test]
fn defaults_are_filled_in_and_unused_components_left_out() {
    let yaml = plan(&with(PIPELINE, "")).unwrap().effective(sluice_component::factory::Secrets::Redacted);
    assert!(yaml.at("receivers::toy::port").is_some());
    assert!(yaml.at("exporters::toy/b").is_none());
    assert!(yaml.at("service::telemetry::metrics::level").is_some());
    assert!(yaml.at("sluice::shutdown_timeout").is_some());
}

#[test]
fn dot_names_are_quoted() {
    let dot = plan(&with(PIPELINE, "")).unwrap().to_dot();
    assert!(dot.contains("\"receivers.toy\" -> \"entry of traces\";"), "{dot}");
    assert!(dot.contains("\"traces: processors.toy\" -> \"exporters.toy\";"), "{dot}");
}
