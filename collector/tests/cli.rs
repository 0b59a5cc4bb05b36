//! The binary's commands, as a user types them.

#[path = "cli/harness.rs"]
mod harness;

use harness::{file, sluice, target};

const GOOD: &str = "\
receivers: {nop: }
exporters: {nop: }
service:
  telemetry: {metrics: {level: none}}
  pipelines: {traces: {receivers: [nop], exporters: [nop]}}
";

#[test]
fn version_and_help_exit_with_0() {
    let expected = format!("sluice version {}\n", env!("CARGO_PKG_VERSION"));
    for arguments in [&["version"][..], &["--version"]] {
        let done = sluice(arguments);
        assert_eq!((done.code, done.out.as_str(), done.err.as_str()), (0, expected.as_str(), ""));
    }
    assert_eq!(sluice(&["--help"]).code, 0);
}

#[test]
fn arguments_that_make_no_sense_exit_with_1() {
    for arguments in
        [&["--nonsense"][..], &["nonsense"], &["sleep", "10"], &["--feature-gates", "x.y", "version"]]
    {
        let done = sluice(arguments);
        assert_eq!(done.code, 1, "{arguments:?}: {done:?}");
        assert!(!done.err.is_empty(), "{arguments:?}");
    }
}

#[test]
fn validate_prints_the_tier_of_each_pipeline() {
    let good = file(GOOD);
    let done = sluice(&["validate", "--config", good.path()]);
    let tier = "traces: T0, an OK means that the items are in a bounded memory queue\n";
    assert_eq!((done.code, done.out.as_str(), done.err.as_str()), (0, tier, ""));
    let done = sluice(&["validate", "--quiet", "--config", good.path()]);
    assert_eq!((done.code, done.out.as_str(), done.err.as_str()), (0, "", ""));
}

#[test]
fn every_problem_is_printed_with_its_place_after_otelcols_prefix() {
    let bad = file(&GOOD.replace("metrics: {level: none}", "metrics: {level: loud}, log: {}"));
    let done = sluice(&["validate", "--config", bad.path()]);
    let expected = format!(
        "Error: failed to get config: cannot unmarshal the configuration: 2 problems\n\
         error: service.telemetry.metrics.level: unknown level `loud` (known: none, basic, normal, detailed)\n\
         \x20 --> {path}:4:32\n\
         \x20  |\n\
         \x204 |   telemetry: {{metrics: {{level: loud}}, log: {{}}}}\n\
         \x20  |                                ^^^^\n\
         error: service.telemetry: unknown key `log`\n\
         \x20 --> {path}:4:39\n\
         \x20  |\n\
         \x204 |   telemetry: {{metrics: {{level: loud}}, log: {{}}}}\n\
         \x20  |                                       ^^^ did you mean `logs`?\n\
         2 problems, nothing was started\n",
        path = bad.path()
    );
    assert_eq!((done.code, done.out.as_str()), (1, ""));
    assert_eq!(done.err, expected);
    // `run` finds the same.
    assert_eq!(sluice(&["--config", bad.path()]).err, expected);
}

#[test]
fn what_does_not_fit_together_is_an_invalid_configuration() {
    let bad = file(&GOOD.replace("receivers: [nop]", "receivers: []"));
    let done = sluice(&["validate", "--config", bad.path()]);
    assert_eq!(done.code, 1);
    assert!(done.err.starts_with("Error: invalid configuration: 1 problem\n"), "{}", done.err);
}

#[test]
fn a_file_that_is_not_there_cannot_be_resolved() {
    let done = sluice(&["validate", "--config", "/nonexistent.yaml"]);
    assert_eq!(done.code, 1);
    let prefix = "Error: failed to get config: cannot resolve the configuration: 1 problem\n";
    assert!(done.err.starts_with(prefix) && done.err.contains("/nonexistent.yaml"), "{}", done.err);
}

#[test]
fn problems_can_be_had_as_json() {
    let bad = file(&GOOD.replace("receivers: [nop]", "receivers: [nope]"));
    let done = sluice(&["validate", "--format", "json", "--config", bad.path()]);
    let found: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!((done.code, found["valid"].as_bool()), (1, Some(false)));
    assert_eq!(found["problems"][0]["line"], 5);
    assert_eq!(found["problems"][0]["file"], bad.path());
    let done = sluice(&["validate", "--format", "json", "--config", file(GOOD).path()]);
    let found: serde_json::Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!((done.code, found["valid"].as_bool()), (0, Some(true)));
    assert_eq!(found["pipelines"][0], serde_json::json!({"id": "traces", "tier": "T0"}));
}

#[test]
fn components_lists_stability_and_signals() {
    let done = sluice(&["components"]);
    assert_eq!(done.code, 0);
    assert!(done.out.contains("  - name: otlp\n"), "{}", done.out);
    assert!(done.out.contains("traces-to-traces:"), "{}", done.out);
    let list = sluice_config::Node::from_yaml("components", &done.out).unwrap();
    let mut exporters = list.at("exporters").unwrap().items().iter();
    let otlp = exporters.find(|e| e.get("name").unwrap().as_str() == Some("otlp_grpc")).unwrap();
    assert!(otlp.at("stability::logs").unwrap().as_str().is_some());
    let module = format!("sluice {}", env!("CARGO_PKG_VERSION"));
    assert_eq!(otlp.get("module").unwrap().as_str(), Some(module.as_str()));
    assert_eq!(list.at("providers::0::module").unwrap().as_str(), Some(module.as_str()));
    assert_eq!(list.at("converters").unwrap().items().len(), 0);
}

#[test]
fn print_config_fills_in_defaults_and_tells_origins() {
    let good = file(GOOD);
    let done = sluice(&["print-config", "--origins", "--config", good.path(), "--drain-delay", "5s"]);
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.out.contains("drain_delay: 5s  # --drain-delay\n"), "{}", done.out);
    assert!(done.out.contains("shutdown_timeout: 20s  # default\n"), "{}", done.out);
    assert!(done.out.contains(&format!("level: none  # {}:4\n", good.path())), "{}", done.out);
    let json = sluice(&["print-initial-config", "--format", "json", "--config", good.path()]).out;
    let tree: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(tree["service"]["telemetry"]["logs"]["level"], "info");
}

#[test]
fn print_config_reads_back_as_a_good_configuration() {
    let printed = file(&sluice(&["print-config", "--config", file(GOOD).path()]).out);
    let done = sluice(&["validate", "--config", printed.path()]);
    assert_eq!((done.code, done.err.as_str()), (0, ""));

    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    for entry in std::fs::read_dir(examples).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let printed = sluice(&["print-config", "--mode", "unredacted", "--config", path.to_str().unwrap()]);
        assert_eq!(printed.code, 0, "{}: {}", path.display(), printed.err);
        let checked = sluice(&["validate", "--config", file(&printed.out).path()]);
        assert_eq!(checked.code, 0, "{}: {}", path.display(), checked.err);
    }
}

#[test]
fn a_section_that_was_switched_off_is_off_in_what_is_printed() {
    let exporter = "otlp_grpc: {endpoint: 'h:1', sending_queue: {enabled: false, queue_size: 7}}";
    let config = file(
        &GOOD
            .replace("exporters: {nop: }", &format!("exporters: {{{exporter}}}"))
            .replace("exporters: [nop]", "exporters: [otlp_grpc]"),
    );
    let printed = sluice(&["print-config", "--config", config.path()]);
    assert!(printed.out.contains("    sending_queue:\n      enabled: false\n"), "{printed:?}");
    let again = sluice(&["print-config", "--config", file(&printed.out).path()]);
    assert_eq!(again.out, printed.out);
    let json = sluice(&["print-config", "--format", "json", "--config", config.path()]).out;
    let tree: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(tree["exporters"]["otlp_grpc"]["sending_queue"]["enabled"], false);
}

#[test]
fn secrets_are_printed_only_when_asked_for() {
    let config = file(
        &GOOD
            .replace(
                "exporters: {nop: }",
                "exporters: {nop: , otlphttp: {endpoint: 'http://127.0.0.1:1', headers: {x-key: canary}}}",
            )
            .replace("exporters: [nop]", "exporters: [nop, otlphttp]"),
    );
    let redacted = sluice(&["print-config", "--config", config.path()]);
    assert!(redacted.out.contains("[REDACTED]") && !redacted.out.contains("canary"), "{redacted:?}");
    let shown = sluice(&["print-config", "--mode", "unredacted", "--config", config.path()]);
    assert!(shown.out.contains("canary"), "{shown:?}");
    let unchecked = sluice(&["print-config", "--validate=false", "--config", config.path()]);
    assert!(unchecked.out.contains("[REDACTED]") && !unchecked.out.contains("canary"), "{unchecked:?}");
}

#[test]
fn print_config_without_validation_decodes_but_does_not_check() {
    // Refused by checks: no such exporter, no endpoint.
    let config = file(&GOOD.replace("{nop: }\nservice", "{otlp_grpc: }\nservice"));
    assert_eq!(sluice(&["print-config", "--config", config.path()]).code, 1);
    let printed = sluice(&["print-config", "--validate=false", "--config", config.path()]);
    assert_eq!((printed.code, printed.err.as_str()), (0, ""));
    assert!(printed.out.contains("exporters:\n        - nop\n"), "{}", printed.out);
    assert!(printed.out.contains("num_consumers: 10\n"), "{}", printed.out);
    let raw = sluice(&["print-config", "--validate=false", "--mode=unredacted", "--config", config.path()]);
    assert!(raw.out.contains("otlp_grpc: null\n"), "{}", raw.out);
    // What has not the form of a configuration cannot be decoded.
    let malformed = file(&GOOD.replace("receivers: {nop: }", "receivers: {nop: {colour: red}}"));
    let done = sluice(&["print-config", "--validate=false", "--config", malformed.path()]);
    assert_eq!(done.code, 1);
    let prefix = "Error: failed to get config: cannot unmarshal the configuration: 1 problem\n";
    assert!(done.err.starts_with(prefix) && done.err.contains("unknown key `colour`"), "{}", done.err);
}

#[test]
fn print_config_tells_the_place_of_a_reference_and_the_defaults_of_telemetry() {
    let config = file(&GOOD.replace("level: none", "level: \"${env:SLUICE_TEST_LEVEL:-none}\""));
    let done = sluice(&["print-config", "--origins", "--config", config.path()]);
    let expected = format!("level: none  # {}:4, from ${{env:SLUICE_TEST_LEVEL}}\n", config.path());
    assert!(done.out.contains(&expected), "{}", done.out);
    let printed = sluice(&["print-config", "--config", config.path()]).out;
    let version = env!("CARGO_PKG_VERSION");
    let resource = format!(
        "    resource:\n      attributes:\n        - name: service.name\n          value: sluice\n        \
         - name: service.version\n          value: {version}\n"
    );
    assert!(printed.contains(&resource), "{printed}");
    assert!(
        printed.contains("traces:\n      level: none\n      processors: []\n      propagators: []\n"),
        "{printed}"
    );
}

#[test]
fn graph_prints_text_and_dot() {
    let good = file(GOOD);
    assert_eq!(sluice(&["graph", "--config", good.path()]).out, "traces (T0): nop -> nop\n");
    assert!(
        sluice(&["graph", "--format", "dot", "--config", good.path()]).out.starts_with("digraph sluice {")
    );
}

#[test]
fn the_built_in_configuration_is_sound() {
    let done = sluice(&["validate"]);
    assert_eq!((done.code, done.out.lines().count()), (0, 3), "{done:?}");
}

#[test]
fn an_own_setting_that_is_wrong_names_its_flag() {
    let done = sluice(&["validate", "--config", file(GOOD).path(), "--drain-delay", "5x"]);
    assert_eq!(done.code, 1);
    assert!(
        done.err.contains("error: sluice.drain_delay: ") && done.err.contains("--> --drain-delay:1:"),
        "{done:?}"
    );
}

#[test]
fn scrape_shows_what_a_target_exposes_and_becomes() {
    let body = "# TYPE a counter\na 1\na 2\n# HELP b Text.\nb 3\n";
    let done = sluice(&["scrape", &target("text/plain; version=0.0.4", body).to_string()]);
    assert_eq!(done.code, 0, "{done:?}");
    for line in [
        "status        200 OK\n",
        "content type  text/plain; version=0.0.4\n",
        "format        Prometheus text\n",
        "families      2 (1 counter, 1 unknown)\n",
        "samples       3\n",
        "dropped       1 of a: the series was in the scrape already\n",
    ] {
        assert!(done.err.contains(line), "{line}: {}", done.err);
    }
    assert!(done.out.contains("-> Name: a\n") && done.out.contains("-> Name: up\n"), "{}", done.out);
    let url = format!("http://{}/x", target("text/plain", body));
    let json = sluice(&["scrape", &url, "--format", "json", "--job", "mine"]).out;
    let request: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(request["resourceMetrics"][0]["scopeMetrics"][0]["metrics"][0]["name"], "a");
    assert!(json.contains("\"mine\""), "{json}");
}

#[test]
fn scrape_tells_the_line_that_fails_it() {
    let done = sluice(&["scrape", &target("text/plain", "a 1\nb{ 2\n").to_string(), "--format", "none"]);
    assert_eq!(done.code, 1);
    assert!(done.err.contains("samples       1\n") && done.err.contains(": line 2: "), "{}", done.err);
    let done = sluice(&["scrape", &target("text/html", "<html>").to_string()]);
    assert!(done.err.contains("received unsupported Content-Type"), "{}", done.err);
    let fallback = ["--fallback", "PrometheusText0.0.4", "--format", "none"];
    let url = target("text/html", "a 1\n").to_string();
    assert_eq!(sluice(&[&["scrape", &url], &fallback[..]].concat()).code, 0);
    let done = sluice(&["scrape", "localhost", "--fallback", "Text"]);
    assert!(done.code == 1 && done.err.contains("PrometheusText1.0.0"), "{}", done.err);
}

#[test]
fn sleep_waits_and_healthcheck_without_a_collector_fails() {
    assert_eq!(sluice(&["sleep", "1ms"]).code, 0);
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let done = sluice(&["healthcheck", "--endpoint", &format!("http://{free}/")]);
    assert_eq!(done.code, 1);
    assert!(done.err.starts_with("Error: no answer: "), "{done:?}");
}
