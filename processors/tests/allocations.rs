//! Passing a request on costs a fixed number of allocations, however many items it has.
#![cfg(all(feature = "batch-processor", feature = "memory-limiter-processor"))]
#![expect(clippy::unwrap_used, reason = "test code")]

use std::alloc::System;

use sluice_component::{
    Context, Kind, Processor, ProcessorFactory, Stage,
    host::Process,
    testkit::{Recorder, build_cx, host, process},
};
use sluice_config::{ByteSize, GoDuration};
use sluice_pdata::{
    Limits, Pdata, Signal,
    otlp::{
        ExportTraceServiceRequest,
        trace::v1::{ResourceSpans, ScopeSpans, Span},
    },
};
use sluice_processors::{batch, memory_limiter};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tokio::time::Instant;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const REQUESTS: usize = 64;

/// One request with `items` spans, as bytes.
fn request(items: usize) -> bytes::Bytes {
    let span =
        Span { trace_id: vec![1; 16], span_id: vec![2; 8], name: "GET /".to_owned(), ..Span::default() };
    let scope = ScopeSpans { spans: vec![span; items], ..ScopeSpans::default() };
    let resource = ResourceSpans { scope_spans: vec![scope], ..ResourceSpans::default() };
    Pdata::from_traces(ExportTraceServiceRequest { resource_spans: vec![resource] }).wire().remove(0)
}

/// Allocations per request from the bytes of a request until its batch is with the recorder.
async fn allocations_per_request(items: usize) -> usize {
    let process: std::sync::Arc<Process> = process();
    let sink = Recorder::new();
    let limiter = {
        let settings = memory_limiter::Settings {
            check_interval: GoDuration::from_secs(3600),
            limit: ByteSize::mib(1 << 20),
            spike_limit: ByteSize::mib(1),
            ..memory_limiter::Settings::default()
        };
        let cx = build_cx(&process, Kind::Processor, "memory_limiter", Signal::Traces);
        memory_limiter::Factory::build(&settings, cx, sink.clone()).unwrap()
    };
    let settings = batch::Settings {
        timeout: GoDuration::from_secs(3600),
        send_batch_size: u32::try_from(items * REQUESTS).unwrap(),
        ..batch::Settings::default()
    };
    let cx = build_cx(&process, Kind::Processor, "batch", Signal::Traces);
    let batch = batch::Factory::build(&settings, cx, sink.clone()).unwrap();
    let (Processor::Transform(limiter), Processor::Stage(batch)) = (limiter, batch) else {
        panic!("a limiter is a transform, a batch is a stage");
    };
    let batch: std::sync::Arc<dyn Stage> = batch;
    batch.start(&host(&process, Kind::Processor, "batch")).await.unwrap();
    let bytes = request(items);
    let cx = Context::default();
    // The first batch warms up what is allocated once.
    let mut spent = 0;
    for _ in 0..2 {
        let already = sink.items();
        let region = Region::new(ALLOCATOR);
        for _ in 0..REQUESTS {
            let (mut data, _) = Pdata::from_wire(Signal::Traces, bytes.clone(), &Limits::default()).unwrap();
            limiter.apply(&cx, &mut data).unwrap();
            batch.consume(cx.clone(), data).await.unwrap();
        }
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        spent = region.change().allocations;
        assert_eq!(sink.items() - already, items * REQUESTS, "the batch has left");
    }
    batch.shutdown(Instant::now()).await.unwrap();
    spent / REQUESTS
}

#[tokio::test]
async fn a_request_costs_the_same_few_allocations_whatever_its_size() {
    let small = allocations_per_request(10).await;
    let large = allocations_per_request(1000).await;
    assert_eq!(small, large);
    assert!(small <= 8, "{small} allocations per request");
}
