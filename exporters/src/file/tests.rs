use std::path::Path;
use std::sync::Arc;

use sluice_component::testkit::{build_cx, host, load_examples, process};
use sluice_component::{BuildCx, Claim, Context, Exporter, ExporterFactory, Kind, Reason, Registry};
use sluice_config::{Node, Problems, decode_over};
use sluice_pdata::{Limits, Pdata, Signal, json};
use tokio::time::Instant;

use super::{Factory, Settings};

fn batch(signal: Signal) -> Pdata {
    let file = match signal {
        Signal::Traces => "trace.json",
        Signal::Metrics => "metrics.json",
        Signal::Logs => "logs.json",
    };
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pdata/testdata/otlp");
    let text = std::fs::read(examples.join(file)).unwrap();
    wire(signal, json::decode_request(signal, &text, &Limits::default()).unwrap().to_vec())
}

fn wire(signal: Signal, bytes: Vec<u8>) -> Pdata {
    Pdata::from_wire(signal, bytes.into(), &Limits::default()).unwrap().0
}

fn settings(yaml: &str) -> Result<Settings, Problems> {
    let node = Node::from_yaml("test.yaml", yaml)?;
    let mut problems = Problems::default();
    match decode_over(&Settings::default(), &node, "exporters::file", &mut problems) {
        Some(settings) if problems.is_empty() => Ok(settings),
        _ => Err(problems),
    }
}

fn at(path: &Path, yaml: &str) -> Settings {
    settings(&format!("{{path: '{}', {yaml}}}", path.display())).unwrap()
}

/// The three exporters of one ID, as the graph builds them.
fn exporters(settings: &Settings) -> [Arc<dyn Exporter>; 3] {
    let process = process();
    let first = build_cx(&process, Kind::Exporter, "file", Signal::Traces);
    Signal::ALL.map(|signal| {
        let cx = BuildCx { signal: Some(signal), ..first.clone() };
        Factory::build(settings, cx).unwrap()
    })
}

async fn start(exporters: &[Arc<dyn Exporter>]) {
    for exporter in exporters {
        exporter.start(&host(&process(), Kind::Exporter, "file")).await.unwrap();
    }
}

async fn stop(exporters: &[Arc<dyn Exporter>]) {
    for exporter in exporters {
        exporter.shutdown(Instant::now()).await.unwrap();
    }
}

/// Writes one batch of each signal.
async fn write_all(settings: &Settings) {
    let exporters = exporters(settings);
    start(&exporters).await;
    for (exporter, signal) in exporters.iter().zip(Signal::ALL) {
        exporter.consume(Context::default(), batch(signal)).await.unwrap();
    }
    stop(&exporters).await;
}

fn frames(mut bytes: &[u8]) -> Vec<&[u8]> {
    let mut frames = Vec::new();
    while let Some((len, rest)) = bytes.split_first_chunk::<4>() {
        let (frame, rest) = rest.split_at(u32::from_be_bytes(*len) as usize);
        frames.push(frame);
        bytes = rest;
    }
    assert!(bytes.is_empty());
    frames
}

fn encoded(data: &Pdata) -> Vec<u8> {
    let mut text = Vec::new();
    json::encode_request(data, &mut text);
    text
}

#[tokio::test]
async fn json_is_one_request_per_line_of_all_signals() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.jsonl");
    write_all(&at(&path, "")).await;
    let text = std::fs::read(&path).unwrap();
    let lines: Vec<_> = text.split_inclusive(|byte| *byte == b'\n').collect();
    assert_eq!(lines.len(), 3);
    for (line, signal) in lines.iter().zip(Signal::ALL) {
        assert_eq!(*line, [encoded(&batch(signal)), b"\n".to_vec()].concat());
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn proto_is_preceded_by_its_length() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out");
    write_all(&at(&path, "format: proto")).await;
    let bytes = std::fs::read(&path).unwrap();
    let frames = frames(&bytes);
    assert_eq!(frames.len(), 3);
    for (frame, signal) in frames.iter().zip(Signal::ALL) {
        assert_eq!(*frame, batch(signal).wire()[0]);
    }
}

#[tokio::test]
async fn zstd_compresses_each_request_and_frames_json_too() {
    for (format, level) in [("json", 0), ("proto", 11)] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out");
        let yaml = format!("format: {format}, compression: zstd, compression_params: {{level: {level}}}");
        write_all(&at(&path, &yaml)).await;
        let bytes = std::fs::read(&path).unwrap();
        for (frame, signal) in frames(&bytes).into_iter().zip(Signal::ALL) {
            let plain = zstd::bulk::decompress(frame, 1 << 20).unwrap();
            match format {
                "json" => assert_eq!(plain, encoded(&batch(signal))),
                _ => assert_eq!(plain, batch(signal).wire()[0]),
            }
        }
    }
}

#[tokio::test]
async fn file_is_truncated_at_the_start_unless_append() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out");
    let lines = || std::fs::read_to_string(&path).unwrap().lines().count();
    write_all(&at(&path, "append: true")).await;
    write_all(&at(&path, "append: true")).await;
    assert_eq!(lines(), 6);
    write_all(&at(&path, "append: false")).await;
    assert_eq!(lines(), 3);
}

#[tokio::test]
async fn directories_are_created_only_on_request() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a/b/out");
    let exporters = exporters(&at(&path, ""));
    let error = exporters[0].start(&host(&process(), Kind::Exporter, "file")).await.unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("exporters.file.path: cannot open"), "{text}");
    assert!(text.ends_with("(create_directory: true creates the directory)"), "{text}");
    write_all(&at(&path, "create_directory: true, directory_permissions: '0700'")).await;
    assert!(path.exists());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(path.parent().unwrap()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}

#[tokio::test]
async fn what_is_not_started_or_shut_down_refuses_with_retry_and_can_start_again() {
    let dir = tempfile::tempdir().unwrap();
    let settings = at(&dir.path().join("out"), "append: true");
    let exporters = exporters(&settings);
    stop(&exporters).await;
    for _ in 0..2 {
        let refusal = exporters[2].consume(Context::default(), batch(Signal::Logs)).await.unwrap_err();
        assert!(refusal.is_retryable());
        assert_eq!((refusal.reason, refusal.items), (Reason::Stopping, 1));
        start(&exporters).await;
        exporters[2].consume(Context::default(), batch(Signal::Logs)).await.unwrap();
        // The others still write when one has stopped.
        stop(&exporters[..2]).await;
        exporters[2].consume(Context::default(), batch(Signal::Logs)).await.unwrap();
        stop(&exporters).await;
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn full_disk_refuses_with_retry() {
    let exporters = exporters(&at(Path::new("/dev/full"), ""));
    start(&exporters).await;
    let refusal = exporters[1].consume(Context::default(), batch(Signal::Metrics)).await.unwrap_err();
    assert!(refusal.is_retryable());
    assert_eq!((refusal.reason, refusal.items), (Reason::Io, 4));
}

#[tokio::test]
async fn concurrent_batches_never_mix() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out");
    let exporters = exporters(&at(&path, "format: proto"));
    start(&exporters).await;
    let writes = (0..50).map(|_| exporters[0].consume(Context::default(), batch(Signal::Traces)));
    for written in futures_util::future::join_all(writes).await {
        written.unwrap();
    }
    let bytes = std::fs::read(&path).unwrap();
    let frames = frames(&bytes);
    assert_eq!(frames.len(), 50);
    assert!(frames.iter().all(|frame| wire(Signal::Traces, frame.to_vec()).items() == 1));
}

#[test]
fn documented_yaml_loads() {
    let registry = Registry::default().exporter::<Factory>();
    assert_eq!(load_examples(&registry, include_str!("../../../docs/components/exporters/file.md")), 2);
}

#[test]
fn path_is_claimed_so_that_two_exporters_cannot_share_it() {
    let claims = Factory::claims(&settings("{path: ./a.jsonl}").unwrap());
    assert_eq!(claims, [Claim::Path("./a.jsonl".into())]);
}

#[test]
fn what_cannot_work_or_is_not_built_is_refused() {
    for (yaml, text) in [
        ("{}", "path must be non-empty"),
        ("{path: x, format: xml}", "format type is not supported"),
        ("{path: x, compression: gzip}", "compression is not supported"),
        ("{path: x, compression: zstd, append: true}", "append and compression enabled at the same time"),
        ("{path: x, compression: zstd, compression_params: {level: 2}}", "be 1, 3, 6 or 11"),
        ("{path: x, flush_interval: 0s}", "be larger than zero"),
        ("{path: x, directory_permissions: rwx}", "be octal permissions"),
        ("{path: x, rotation: {max_megabytes: 10}}", "rotation is not built yet"),
        ("{path: x, rotation: }", "rotation is not built yet"),
        ("{path: x, group_by: {enabled: true}}", "group_by is not built yet"),
        ("{path: x, encoding: otlp_encoding}", "encoding extensions are not built yet"),
        ("{path: x, patth: y}", "patth"),
    ] {
        let problems = settings(yaml).unwrap_err();
        assert!(format!("{problems:?}").contains(text), "{yaml}: {problems:?}");
    }
    assert!(settings("{path: x, compression: none, group_by: {enabled: false}}").is_ok());
}
