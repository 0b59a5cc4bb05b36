//! What the tests of receivers share: a pipeline with moods, and clients that know nothing of our own code.
#![allow(dead_code, reason = "each receiver's tests need a part of it, and each can be built alone")]

pub(crate) mod client;

use std::{
    io::Write as _,
    sync::{Arc, Mutex},
    time::Duration,
};

use sluice_component::{
    Class, Consume, Context, Kind, Reason, Refusal, async_trait, host::Process, testkit::component,
};
use sluice_pdata::{
    Pdata,
    otlp::{ExportTraceServiceRequest, Message, trace::v1::Span},
};
use tokio::time::Instant;

/// What the pipeline answers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mood {
    Take,
    Refuse(Class, Reason),
    Hang,
    Panic,
}

/// The pipeline.
pub(crate) struct Sink {
    mood: Mutex<Mood>,
    pub(crate) taken: Mutex<Vec<(Context, Pdata)>>,
}

impl Sink {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { mood: Mutex::new(Mood::Take), taken: Mutex::default() })
    }

    pub(crate) fn set(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    pub(crate) fn items(&self) -> usize {
        self.taken.lock().unwrap().iter().map(|(_, data)| data.items()).sum()
    }

    pub(crate) fn last(&self) -> (Context, Pdata) {
        self.taken.lock().unwrap().last().cloned().unwrap()
    }

    /// The transports of all batches so far, in their order.
    pub(crate) fn transports(&self) -> Vec<&'static str> {
        self.taken.lock().unwrap().iter().map(|(cx, _)| cx.request().transport()).collect()
    }

    /// The spans of all batches so far.
    pub(crate) fn spans(&self) -> Vec<Span> {
        let taken = self.taken.lock().unwrap();
        let requests = taken.iter().map(|(_, data)| structs(data));
        let resources = requests.flat_map(|request| request.resource_spans);
        resources.flat_map(|resource| resource.scope_spans).flat_map(|scope| scope.spans).collect()
    }
}

/// The request that the data is, decoded.
pub(crate) fn structs(data: &Pdata) -> ExportTraceServiceRequest {
    let wire = data.wire().iter().flat_map(|chunk| chunk.to_vec()).collect::<Vec<_>>();
    ExportTraceServiceRequest::decode(&wire[..]).unwrap()
}

#[async_trait]
impl Consume for Sink {
    async fn consume(&self, cx: Context, data: Pdata) -> Result<(), Refusal> {
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Take => {
                self.taken.lock().unwrap().push((cx, data));
                Ok(())
            }
            Mood::Refuse(class, reason) => {
                let exporter = component(Kind::Exporter, "otlp/backend");
                Err(Refusal { class, ..Refusal::retryable(exporter, data.signal(), data.items(), reason) })
            }
            Mood::Hang => {
                self.taken.lock().unwrap().push((cx, data));
                std::future::pending().await
            }
            Mood::Panic => panic!("a pipeline that panics"),
        }
    }
}

/// The rows of the status table that a pipeline decides: its refusal; the gRPC code, the HTTP status, and whether the
/// client is told when to come again.
pub(crate) const REFUSALS: [(Class, Reason, i32, u16, bool); 11] = [
    (Class::Retryable, Reason::QueueFull, 14, 503, true),
    (Class::Retryable, Reason::MemoryLimit, 14, 503, true),
    (Class::Retryable, Reason::Stopping, 14, 503, true),
    (Class::ThrottleFor(Duration::from_secs(7)), Reason::Throttled, 14, 503, true),
    (Class::Retryable, Reason::RateLimited, 8, 429, true),
    (Class::Permanent, Reason::Unauthenticated, 16, 401, false),
    (Class::Permanent, Reason::PermissionDenied, 7, 403, false),
    (Class::Permanent, Reason::Permanent, 13, 500, false),
    (Class::Retryable, Reason::Unavailable, 14, 503, false),
    (Class::Retryable, Reason::Timeout, 4, 504, false),
    (Class::Permanent, Reason::TooLarge, 13, 500, false),
];

/// Waits until `condition` holds, at most 20 s.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// The exposition of the process's own metrics.
pub(crate) fn metrics(process: &Process) -> String {
    let families = process.telemetry.registry().gather();
    prometheus::TextEncoder::new().encode_to_string(&families).unwrap()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
