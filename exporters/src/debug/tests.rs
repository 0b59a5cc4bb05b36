use std::path::PathBuf;

use sluice_component::testkit::{build_cx, host, load_examples, process};
use sluice_component::{Context, Delivery, Exporter, ExporterFactory, Kind, Registry};
use sluice_config::{Node, Problems, decode_over};
use sluice_pdata::{Limits, Pdata, Signal, json};
use std::sync::{Arc, Mutex};

use super::exporter::dump_of;
use super::settings::Verbosity;
use super::{Factory, Settings};

fn testdata(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "testdata", "debug", name].iter().collect()
}

fn batch(signal: Signal) -> Pdata {
    let text = std::fs::read(testdata(&format!("{signal}.json"))).unwrap();
    let wire = json::decode_request(signal, &text, &Limits::default()).unwrap();
    Pdata::from_wire(signal, wire, &Limits::default()).unwrap().0
}

/// Compares with the file, or writes it if `BLESS` is set.
fn golden(signal: Signal, name: &str, verbosity: Verbosity) {
    let text = dump_of(&batch(signal), verbosity);
    let path = testdata(&format!("{signal}.{name}.txt"));
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    for (i, (line, expected)) in text.lines().zip(expected.lines()).enumerate() {
        assert_eq!(line, expected, "{signal}.{name}.txt, line {}", i + 1);
    }
    assert_eq!(text, expected);
}

#[test]
fn detailed_prints_every_field_as_otelcol_does() {
    Signal::ALL.into_iter().for_each(|signal| golden(signal, "detailed", Verbosity::Detailed));
}

#[test]
fn normal_prints_a_line_per_item_as_otelcol_does() {
    Signal::ALL.into_iter().for_each(|signal| golden(signal, "normal", Verbosity::Normal));
}

#[test]
fn i15_telemetry_cannot_drive_the_terminal_or_fake_lines() {
    for signal in Signal::ALL {
        for verbosity in [Verbosity::Normal, Verbosity::Detailed] {
            let text = dump_of(&batch(signal), verbosity);
            assert!(text.chars().all(|letter| letter == '\n' || !letter.is_control()));
            assert!(!text.contains("\nSpan #7"));
        }
    }
}

fn settings(yaml: &str) -> Result<Settings, Problems> {
    let node = Node::from_yaml("test.yaml", yaml)?;
    let mut problems = Problems::default();
    let settings = decode_over(&Settings::default(), &node, "exporters::debug", &mut problems);
    match settings {
        Some(settings) if problems.is_empty() => Ok(settings),
        _ => Err(problems),
    }
}

#[test]
fn documented_yaml_loads() {
    let registry = Registry::default().exporter::<Factory>();
    assert_eq!(load_examples(&registry, include_str!("../../../docs/components/exporters/debug.md")), 3);
}

#[test]
fn what_otelcol_refuses_is_refused_in_its_words() {
    for (yaml, text) in [
        ("verbosity: none", "verbosity level \"None\" is not supported"),
        ("verbosity: loud", "unknown metrics level \"loud\""),
        ("output_paths: [stderr]", "output_paths is not supported when use_internal_logger is true"),
        (
            "{use_internal_logger: false, output_paths: []}",
            "output_paths must not be empty when use_internal_logger is false",
        ),
        ("sending_queue: {queue_size: 5}", "the queue of the debug exporter is not built yet"),
        ("sending_queue:", "the queue of the debug exporter is not built yet"),
        ("verbossity: basic", "verbossity"),
    ] {
        let problems = settings(yaml).unwrap_err();
        assert!(format!("{problems:?}").contains(text.replace('"', "\\\"").as_str()), "{yaml}: {problems:?}");
    }
    assert_eq!(settings("verbosity: Detailed").unwrap().verbosity(), Some(Verbosity::Detailed));
    assert!(settings("sending_queue: {enabled: false}").is_ok());
}

fn exporter(settings: &Settings, signal: Signal) -> Arc<dyn Exporter> {
    Factory::build(settings, build_cx(&process(), Kind::Exporter, "debug/x", signal)).unwrap()
}

async fn printed_to_file(yaml: &str, batches: &[Pdata]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.txt");
    let mut settings = settings(yaml).unwrap();
    settings.use_internal_logger = false;
    settings.output_paths = vec![path.to_str().unwrap().to_owned()].into();
    assert_eq!(Factory::delivery(&settings), Delivery::Direct);
    for data in batches {
        let exporter = exporter(&settings, data.signal());
        exporter.start(&host(&process(), Kind::Exporter, "debug/x")).await.unwrap();
        exporter.consume(Context::default(), data.clone()).await.unwrap();
        exporter.shutdown(tokio::time::Instant::now()).await.unwrap();
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    std::fs::read_to_string(path).unwrap()
}

#[tokio::test]
async fn without_the_internal_logger_text_goes_to_the_paths() {
    let text = printed_to_file("verbosity: basic", &Signal::ALL.map(batch)).await;
    assert_eq!(
        text,
        concat!(
            "Traces\t{\"resource spans\": 2, \"spans\": 3}\n",
            "Metrics\t{\"resource metrics\": 1, \"metrics\": 10, \"data points\": 18}\n",
            "Logs\t{\"resource logs\": 1, \"log records\": 4}\n",
        )
    );
    let text = printed_to_file("verbosity: normal", &[batch(Signal::Logs)]).await;
    let expected = dump_of(&batch(Signal::Logs), Verbosity::Normal);
    assert_eq!(text, format!("Logs\t{{\"resource logs\": 1, \"log records\": 4}}\n{expected}"));
}

#[tokio::test]
async fn path_that_cannot_be_opened_fails_the_start_and_names_the_key() {
    let settings = Settings {
        use_internal_logger: false,
        output_paths: vec!["/nonexistent/dir/out".to_owned()].into(),
        ..Settings::default()
    };
    let error = exporter(&settings, Signal::Logs)
        .start(&host(&process(), Kind::Exporter, "debug/x"))
        .await
        .unwrap_err();
    assert!(error.to_string().starts_with("exporters.debug/x.output_paths: cannot open"), "{error}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn full_disk_refuses_with_retry() {
    let settings = Settings {
        use_internal_logger: false,
        output_paths: vec!["/dev/full".to_owned()].into(),
        ..Settings::default()
    };
    let exporter = exporter(&settings, Signal::Logs);
    exporter.start(&host(&process(), Kind::Exporter, "debug/x")).await.unwrap();
    let refusal = exporter.consume(Context::default(), batch(Signal::Logs)).await.unwrap_err();
    assert!(refusal.is_retryable());
    assert_eq!((refusal.reason, refusal.items), (sluice_component::Reason::Io, 4));
}

/// The log as JSON lines, from this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn internal_logger_gets_a_summary_with_otelcols_fields_and_the_dump() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let settings = settings("verbosity: detailed").unwrap();
    assert_eq!(Factory::delivery(&settings), Delivery::CannotRefuse);
    let exporter = exporter(&settings, Signal::Metrics);
    exporter.start(&host(&process(), Kind::Exporter, "debug/x")).await.unwrap();
    exporter.consume(Context::default(), batch(Signal::Metrics)).await.unwrap();
    drop(guard);

    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let lines: Vec<_> = lines.iter().filter(|line| line["level"] == "INFO").collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(
        lines[0]["fields"],
        serde_json::json!({
            "message": "Metrics",
            "otelcol.component.id": "debug/x",
            "otelcol.component.kind": "exporter",
            "otelcol.signal": "metrics",
            "resource metrics": 1,
            "metrics": 10,
            "data points": 18,
        })
    );
    assert_eq!(lines[1]["fields"]["message"], dump_of(&batch(Signal::Metrics), Verbosity::Detailed));
    assert_eq!(lines[1]["fields"]["otelcol.component.id"], "debug/x");
}

#[tokio::test(start_paused = true)]
async fn sampling_holds_back_equal_lines() {
    let settings = settings("{sampling_initial: 1, sampling_thereafter: 0}").unwrap();
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().json().with_writer(move || writer.clone()).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let exporter = exporter(&settings, Signal::Logs);
    for _ in 0..5 {
        exporter.consume(Context::default(), batch(Signal::Logs)).await.unwrap();
    }
    drop(guard);
    assert_eq!(String::from_utf8(log.0.lock().unwrap().clone()).unwrap().lines().count(), 1);
}

/// Bytes of the specification's own examples, through the whole exporter text.
#[test]
fn examples_of_the_specification_print() {
    let examples = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../pdata/testdata/otlp");
    for (signal, file, line) in [
        (Signal::Traces, "trace.json", "    Start time     : 2018-12-13 14:51:00 +0000 UTC"),
        (Signal::Metrics, "metrics.json", "Bucket (2.000000, 4.000000], Count: 0"),
        (Signal::Logs, "logs.json", "     -> map.attribute: Map({\"some.map.key\":\"some value\"})"),
        (Signal::Logs, "events.json", "EventName: browser.page_view"),
    ] {
        let text = std::fs::read(examples.join(file)).unwrap();
        let wire = json::decode_request(signal, &text, &Limits::default()).unwrap();
        let (data, _) = Pdata::from_wire(signal, wire, &Limits::default()).unwrap();
        let dump = dump_of(&data, Verbosity::Detailed);
        assert!(dump.lines().any(|printed| printed == line), "{dump}");
    }
}
