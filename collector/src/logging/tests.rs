use std::path::Path;

use sluice_config::{Node, Problems, decode};
use tracing::subscriber::with_default;
use tracing_subscriber::layer::SubscriberExt;

use super::*;
use crate::telemetry_settings::TelemetrySettings;

/// What `log` writes under `service.telemetry.logs` of `yaml`, line by line, with the time cut off.
fn written(yaml: &str, log: impl FnOnce()) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let logging = Logging::detached();
    let subscriber = tracing_subscriber::registry().with(Layer(logging.0.clone()));
    with_default(subscriber, || {
        tracing::error!("before the configuration");
        logging.configure(&settings(yaml, &path), &resource()).unwrap();
        log();
    });
    let text = std::fs::read_to_string(path).unwrap();
    let kept: Vec<String> = text.lines().map(str::to_owned).collect();
    assert!(kept[0].contains("before the configuration"), "{text}");
    kept[1..].to_vec()
}

fn settings(yaml: &str, path: &Path) -> Logs {
    let node = Node::from_yaml("c.yaml", yaml).unwrap();
    let mut problems = Problems::new();
    let logs: Logs = decode(&node, "", &mut problems).unwrap_or_else(|| panic!("{problems}"));
    Logs { output_paths: vec![format!("file://{}", path.display())], ..logs }
}

fn resource() -> Resource {
    let node = Node::from_yaml("r.yaml", "resource: {service.version: null}").unwrap();
    let settings: TelemetrySettings = decode(&node, "", &mut Problems::new()).unwrap();
    settings.resource.resolve("i-1")
}

fn after_time(line: &str) -> &str {
    line.split_once('\t').unwrap().1
}

#[test]
fn the_console_form_is_otelcols() {
    let line = line!() + 2;
    let lines = written("{}", || {
        tracing::info!(endpoint = "127.0.0.1:4317", "Starting GRPC server");
    });
    let expected = format!(
        "info\tcollector/logging/tests.rs:{line}\tStarting GRPC server\t{{\"resource\": {{\"service.instance.id\": \
         \"i-1\", \"service.name\": \"sluice\"}}, \"endpoint\": \"127.0.0.1:4317\"}}"
    );
    assert_eq!(after_time(&lines[0]).replace("src/logging", "collector/logging"), expected);
}

#[test]
fn the_json_form_is_otelcols() {
    let lines = written("{encoding: json, disable_caller: true, initial_fields: {team: edge}}", || {
        tracing::warn!(items = 3, "export refused, will retry");
    });
    let (head, rest) = lines[0].split_once("\"msg\"").unwrap();
    assert!(head.starts_with(r#"{"level":"warn","ts":"2"#) && head.ends_with("\","), "{head}");
    let expected = concat!(
        r#":"export refused, will retry","team":"edge","#,
        r#""resource":{"service.instance.id":"i-1","service.name":"sluice"},"items":3}"#
    );
    assert_eq!(rest, expected);
}

#[test]
fn components_and_pipelines_have_otelcols_field_names() {
    let lines = written("{disable_zap_resource: true, disable_caller: true}", || {
        let span = tracing::info_span!("task", component = "exporters.otlp/a", task = "send");
        let _inside = span.enter();
        tracing::info!(pipeline = "traces/a", signal = "traces", task = "again", "x");
        tracing::info!(signal = "terminated", "Received signal from OS");
    });
    let expected = concat!(
        "info\tx\t{\"otelcol.component.id\": \"otlp/a\", \"otelcol.component.kind\": \"exporter\", ",
        "\"otelcol.pipeline.id\": \"traces/a\", \"otelcol.signal\": \"traces\"}"
    );
    assert_eq!(after_time(&lines[0]), expected);
    assert!(lines[1].ends_with("\"signal\": \"terminated\"}"), "{}", lines[1]);
}

#[test]
fn i15_control_characters_are_escaped_in_values_and_messages() {
    let evil = "a\u{1b}[31m\nb\u{9b}c\u{202e}d\u{7f}";
    let console = written("{disable_zap_resource: true, disable_caller: true}", || {
        tracing::info!(value = evil, "{evil}");
    });
    assert_eq!(after_time(&console[0]), r"info	a\u001b[31m");
    assert_eq!(
        console[1],
        "b\\u009bc\\u202ed\\u007f\t{\"value\": \"a\\u001b[31m\\nb\\u009bc\\u202ed\\u007f\"}"
    );
    let json = written("{encoding: json}", || tracing::info!("{evil}"));
    assert!(json[0].contains(r#""msg":"a\u001b[31m\nb\u009bc\u202ed\u007f""#), "{}", json[0]);
}

#[test]
fn a_message_of_several_lines_keeps_them_on_the_console() {
    let lines = written("{disable_zap_resource: true, disable_caller: true}", || {
        tracing::info!("ResourceSpans #0\n    -> a: Str(b)");
    });
    assert_eq!((after_time(&lines[0]), lines[1].as_str()), ("info\tResourceSpans #0", "    -> a: Str(b)"));
}

#[test]
fn lines_below_the_level_and_of_noisy_crates_are_left_out() {
    let lines = written("{level: debug}", || {
        tracing::trace!("too fine");
        tracing::debug!("fine");
        tracing::debug!(target: "h2::codec", "frame");
    });
    assert_eq!(lines.len(), 1);
    let lines = written("{level: error}", || tracing::warn!("quiet"));
    assert_eq!(lines.len(), 0);
}

#[test]
fn repeated_lines_are_thinned_out() {
    let lines = written("{}", || (0..200).for_each(|n| tracing::warn!(n, "the same again")));
    assert_eq!(lines.len(), 11);
}

#[test]
fn an_error_is_written_with_its_causes() {
    #[derive(Debug, thiserror::Error)]
    #[error("cannot send")]
    struct Outer(#[source] std::io::Error);
    let lines = written("{encoding: json}", || {
        let error = Outer(std::io::Error::other("reset"));
        tracing::warn!(error = &error as &dyn std::error::Error, "x");
    });
    assert!(lines[0].contains(r#""error":"cannot send: reset""#), "{}", lines[0]);
}

#[test]
fn a_file_that_cannot_be_opened_is_named() {
    let logging = Logging::detached();
    let logs = Logs { output_paths: vec!["/nonexistent/x.log".to_owned()], ..Logs::default() };
    let error = logging.configure(&logs, &Resource::default()).unwrap_err().to_string();
    assert!(
        error.starts_with("service.telemetry.logs.output_paths: cannot open /nonexistent/x.log: "),
        "{error}"
    );
}
