//! Hosts, handlers and a raw codec for tonic.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::{Buf, BufMut, Bytes};
use sluice_component::{Budget, Host, Kind, async_trait, host::Process, testkit};
use sluice_net::{
    grpc::{self, Call, Status, Unary},
    http,
};
use tokio::{sync::Notify, time::Instant};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

pub(crate) const PATH: &str = "/test.Service/Export";

/// A host whose budget has `bytes`.
pub(crate) fn host(bytes: usize) -> Host {
    let telemetry = sluice_component::Telemetry::new(sluice_component::Level::Detailed);
    let process: Arc<Process> = Process::new(Budget::new(bytes), telemetry);
    testkit::host(&process, Kind::Receiver, "test")
}

pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

/// Waits until `condition` holds, at most 20 s.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = soon();
    while !condition() {
        assert!(Instant::now() < deadline, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Makes the clock pass `seconds`, one by one, so that every task sees them.
pub(crate) async fn pass_seconds(seconds: u32) {
    tokio::time::pause();
    for _ in 0..seconds {
        tokio::time::advance(Duration::from_secs(1)).await;
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }
    tokio::time::resume();
}

pub(crate) async fn within<F: Future>(work: F) -> F::Output {
    tokio::time::timeout_at(soon(), work).await.expect("it hangs")
}

/// Answers with the length of the message and what it was told.
#[derive(Default)]
pub(crate) struct Echo {
    pub(crate) calls: AtomicUsize,
}

#[async_trait]
impl Unary for Echo {
    async fn call(&self, call: Call) -> Result<Bytes, Status> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        assert!(call.permit.bytes() >= call.message.len(), "the message is reserved");
        Ok(call.message)
    }
}

/// Waits to be let go.
#[derive(Default)]
pub(crate) struct Gate {
    pub(crate) entered: AtomicUsize,
    pub(crate) left: AtomicUsize,
    pub(crate) open: Notify,
}

impl Gate {
    pub(crate) async fn pass(&self) {
        struct Leave<'a>(&'a AtomicUsize);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::SeqCst);
            }
        }
        self.entered.fetch_add(1, Ordering::SeqCst);
        let _leave = Leave(&self.left);
        self.open.notified().await;
    }

    pub(crate) fn entered(&self) -> usize {
        self.entered.load(Ordering::SeqCst)
    }

    pub(crate) fn left(&self) -> usize {
        self.left.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Unary for Gate {
    async fn call(&self, call: Call) -> Result<Bytes, Status> {
        self.pass().await;
        Ok(call.message)
    }
}

/// A handler from a closure.
pub(crate) struct Answers<F>(pub(crate) F);

#[async_trait]
impl<F, R> Unary for Answers<F>
where
    F: Fn(Call) -> R + Send + Sync,
    R: Future<Output = Result<Bytes, Status>> + Send,
{
    async fn call(&self, call: Call) -> Result<Bytes, Status> {
        (self.0)(call).await
    }
}

#[async_trait]
impl<F, R> http::Handler for Answers<F>
where
    F: Fn(http::Incoming) -> R + Send + Sync,
    R: Future<Output = http::Response> + Send,
{
    async fn handle(&self, request: http::Incoming) -> http::Response {
        (self.0)(request).await
    }
}

pub(crate) async fn grpc_server(
    settings: &grpc::ServerSettings,
    host: &Host,
    handler: Arc<dyn Unary>,
) -> grpc::Server {
    grpc::Server::start(settings, "protocols.grpc", host, grpc::Routes::new().with(PATH, handler))
        .await
        .unwrap()
}

pub(crate) fn plain_server() -> grpc::ServerSettings {
    grpc::ServerSettings::at("127.0.0.1:0")
}

pub(crate) fn data(bytes: usize) -> Bytes {
    (0..bytes).map(|i| b"spans and points and logs "[(i * i / 3) % 26]).collect::<Vec<u8>>().into()
}

/// Messages as bytes, for tonic.
#[derive(Clone, Copy, Default)]
pub(crate) struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
