//! Against a server on a real socket that follows a script. What it gets is read by our receiver's decoder.

mod answers;
mod order;
mod requests;

use std::{net::SocketAddr, sync::Arc};

use sluice_component::{host::Process, testkit};
use sluice_formats::prometheus::{
    labels::LabelsBuilder,
    model::NativeHistogram,
    remote_write::{Version, decode::Decoder},
};
use sluice_net::http::{Response, Server};
use sluice_pdata::Signal;

use super::{Factory, Settings};
use crate::stand::{self, Stand, backend::Seen, http::Backend};

const PATH: &str = "/api/v1/write";
const V2: &str = "protobuf_message: io.prometheus.write.v2.Request";

fn parse(yaml: &str) -> Result<Settings, Vec<String>> {
    stand::parse("prometheus_remote_write", yaml)
}

/// To `address`, in one lane, with waits that suit a test.
fn settings(address: SocketAddr, more: &str) -> Settings {
    in_lanes(address, 1, more)
}

fn in_lanes(address: SocketAddr, lanes: usize, more: &str) -> Settings {
    let retry = "retry_on_failure: {initial_interval: 10ms, max_interval: 20ms}";
    let lanes = format!("max_batch_request_parallelism: {lanes}");
    parse(&format!("{{endpoint: 'http://{address}{PATH}', {retry}, {lanes}, {more}}}")).unwrap()
}

/// An exporter and its backend.
struct Pair {
    process: Arc<Process>,
    backend: Arc<Backend>,
    exporter: Stand<Factory>,
    _server: Server,
}

impl Pair {
    async fn new(more: &str, script: impl IntoIterator<Item = Response>) -> Self {
        Self::with(|address| settings(address, more), script).await
    }

    async fn with(
        settings: impl FnOnce(SocketAddr) -> Settings,
        script: impl IntoIterator<Item = Response>,
    ) -> Self {
        let process = testkit::process();
        let backend = Backend::new(PATH, script);
        let (server, address) = backend.serve(&process, "127.0.0.1:0").await;
        let exporter = Stand::new(&process, Signal::Metrics, &settings(address)).await;
        Self { process, backend, exporter, _server: server }
    }
}

fn version(seen: &Seen) -> Version {
    match seen.header("x-prometheus-remote-write-version") {
        "0.1.0" => Version::V1,
        "2.0.0" => Version::V2,
        other => panic!("{other}"),
    }
}

/// The protobuf of a request, whose head is as the protocol demands.
fn body(seen: &Seen) -> Vec<u8> {
    let content_type = match version(seen) {
        Version::V1 => "application/x-protobuf",
        Version::V2 => "application/x-protobuf;proto=io.prometheus.write.v2.Request",
    };
    assert_eq!((seen.header("content-type"), seen.header("content-encoding")), (content_type, "snappy"));
    assert!(seen.header("user-agent").starts_with("sluice/"));
    // The server took the snappy block apart.
    seen.body.to_vec()
}

/// The series of a request: `g{n="1"} 1.5@1000`.
fn lines(seen: &Seen) -> Vec<String> {
    let body = body(seen);
    let decoder = Decoder::new(version(seen), &body).unwrap();
    let mut labels = LabelsBuilder::default();
    let mut histogram = NativeHistogram::default();
    let mut lines = Vec::new();
    for series in decoder.series() {
        series.labels(&mut labels, usize::MAX).unwrap();
        let labels = labels.build();
        let mut line = format!("{labels:?}");
        series.each_sample(|value, at, _| line.push_str(&format!(" {value}@{at}"))).unwrap();
        let count = |h: &NativeHistogram| format!("{:?}/{:?}", h.schema, h.count);
        series
            .each_histogram(&mut histogram, |h, at, _| line.push_str(&format!(" {}@{at}", count(h.unwrap()))))
            .unwrap();
        lines.push(line);
    }
    lines
}
