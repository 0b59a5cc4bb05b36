//! A request passes receive -> memory_limiter -> batch -> send without a decode, and without an allocation per item.
//!
//! The collector has this thread to itself, and only what this thread allocates is counted: client and backend live on
//! another one, behind sockets.
#![expect(clippy::unwrap_used, reason = "helpers of a test")]

use std::{path::Path, sync::Arc, thread};

use allocation_counter::{AllocationInfo, measure};
use bytes::Bytes;
use sluice::{components, plan::Plan, service::Service};
use sluice_component::{
    Budget, Kind, Telemetry, async_trait,
    host::Process,
    testkit::{self, host},
};
use sluice_config::{Loader, Problems};
use sluice_net::grpc::{Call, Client, ClientSettings, Routes, Server, ServerSettings, Status, Unary};
use sluice_pdata::{
    Chunks, Limits, Pdata, Signal,
    otlp::{
        ExportTraceServiceRequest,
        trace::v1::{ResourceSpans, ScopeSpans, Span},
    },
};
use tokio::{runtime, sync::mpsc, time::Instant};

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const REQUESTS: usize = 64;
const REQUESTS_PER_BATCH: usize = 8;

/// One request with `items` spans of about `size` bytes each, encoded.
fn request(items: usize, size: usize) -> Bytes {
    let name = "x".repeat(size - 32);
    let span = Span { trace_id: vec![1; 16], span_id: vec![2; 8], name, ..Span::default() };
    let scope = ScopeSpans { spans: vec![span; items], ..ScopeSpans::default() };
    let resource = ResourceSpans { scope_spans: vec![scope], ..ResourceSpans::default() };
    Pdata::from_traces(ExportTraceServiceRequest { resource_spans: vec![resource] }).wire().remove(0)
}

/// Tells how many items each of its requests brought.
struct Backend(mpsc::Sender<usize>);

#[async_trait]
impl Unary for Backend {
    async fn call(&self, call: Call) -> Result<Bytes, Status> {
        let (data, _) = Pdata::from_wire(Signal::Traces, call.message, &Limits::default()).unwrap();
        self.0.send(data.items()).await.unwrap();
        Ok(Bytes::new())
    }
}

/// The world outside: sends all requests, and has heard the end of them at its backend, once for each `()` in `go`.
async fn outside(
    directory: &Path,
    request: Bytes,
    items: usize,
    mut go: mpsc::Receiver<()>,
    done: mpsc::Sender<()>,
) {
    let process = testkit::process();
    let (arrived, mut arrivals) = mpsc::channel(REQUESTS);
    let backend = host(&process, Kind::Receiver, "backend");
    let settings = ServerSettings::at(&format!("unix://{}", directory.join("out").display()));
    let routes = Routes::new().with(EXPORT, Arc::new(Backend(arrived)));
    let server = Server::start(&settings, "", &backend, routes).await.unwrap();
    done.send(()).await.unwrap();
    let mut client = None;
    while go.recv().await.is_some() {
        let client = client.get_or_insert_with(|| {
            let settings = ClientSettings::insecure(&format!("unix://{}", directory.join("in").display()));
            Client::new(&settings, "", &host(&process, Kind::Exporter, "client")).unwrap()
        });
        for _ in 0..REQUESTS {
            client
                .unary(EXPORT, &Chunks::from_iter([request.clone()]), None, &Default::default())
                .await
                .unwrap();
        }
        let mut left = REQUESTS * items;
        while left > 0 {
            left -= arrivals.recv().await.unwrap();
        }
        done.send(()).await.unwrap();
    }
    server.shutdown(Instant::now()).await;
}

fn collector(directory: &Path, items: usize) -> Service {
    let yaml = format!(
        "yaml:{{receivers: {{otlp: {{protocols: {{grpc: {{endpoint: {0}/in, transport: unix}}}}}}}},
          processors: {{memory_limiter: {{check_interval: 1h, limit_mib: 4000}},
                       batch: {{timeout: 1h, send_batch_size: {1}}}}},
          exporters: {{otlp_grpc: {{endpoint: 'unix://{0}/out', tls: {{insecure: true}}, compression: none}}}},
          service: {{pipelines: {{traces: {{receivers: [otlp], processors: [memory_limiter, batch], exporters: [otlp_grpc]}}}}}}}}",
        directory.display(),
        items * REQUESTS_PER_BATCH,
    );
    let registry = components::full();
    let loaded = Loader::new().source(&yaml).load().unwrap();
    let mut problems = Problems::new();
    let plan = Plan::check(&registry, loaded.root, &mut problems);
    let plan = plan.unwrap_or_else(|| panic!("{problems}"));
    let process = Process::new(Budget::new(4 << 30), Telemetry::new(plan.telemetry.metrics.level));
    Service::build(plan, &registry, process).unwrap()
}

/// What the collector allocates for all requests, from socket to socket, once it is warm.
fn on_the_way(items: usize, size: usize) -> AllocationInfo {
    let directory = tempfile::tempdir().unwrap();
    let new_runtime = || runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (go, to_go) = mpsc::channel(1);
    let (done, mut is_done) = mpsc::channel(1);
    let (place, request) = (directory.path().to_owned(), request(items, size));
    let outside = thread::spawn(move || new_runtime().block_on(outside(&place, request, items, to_go, done)));
    let runtime = new_runtime();
    runtime.block_on(is_done.recv()).unwrap();
    let service = collector(directory.path(), items);
    runtime.block_on(service.start()).unwrap();
    let mut pass = || {
        go.blocking_send(()).unwrap();
        runtime.block_on(is_done.recv()).unwrap();
    };
    pass();
    let spent = measure(pass);
    drop(go);
    runtime.block_on(service.stop());
    outside.join().unwrap();
    spent
}

#[test]
fn a_request_costs_the_same_few_allocations_whatever_it_carries() {
    let ways = [(10, 64), (10, 6400), (100, 640), (1000, 64)];
    let spent = ways.map(|(items, size)| {
        let AllocationInfo { count_total, bytes_total, .. } = on_the_way(items, size);
        let (allocations, bytes) = (count_total / REQUESTS as u64, bytes_total / REQUESTS as u64);
        println!("{items} spans of {size} bytes: {allocations} allocations, {bytes} bytes per request");
        // A struct of a span alone would be four times the span.
        assert!(bytes <= 2 * (items * size) as u64 + (16 << 10), "{bytes} bytes for {items} spans of {size}");
        allocations
    });
    let (fewest, most) = (spent.iter().min().unwrap(), spent.iter().max().unwrap());
    // 28 or 29 when this was written. How a request is cut into reads and frames is the kernel's business.
    assert!(*most <= 40 && most - fewest <= 8, "{spent:?}");
}
