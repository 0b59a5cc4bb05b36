//! A backend of HTTP.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::HeaderMap;
use sluice_component::{ExporterFactory, Kind, Reason, State, host::Process, testkit};
use sluice_net::http::{Handler, Incoming, Response, Server, ServerSettings};
use sluice_pdata::Signal;
use tokio::time::Instant;

use super::{Stand, nobody};

/// Answers by its script, then with success.
pub(crate) struct Backend {
    script: Mutex<VecDeque<Response>>,
    seen: Mutex<Vec<Seen>>,
}

/// A request that came.
#[derive(Clone)]
pub(crate) struct Seen {
    pub(crate) at: Instant,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

#[async_trait]
impl Handler for Backend {
    async fn handle(&self, mut request: Incoming) -> Response {
        let (path, headers) = (request.path().to_owned(), request.headers.clone());
        let (body, _permit) = request.read().await.unwrap();
        self.seen.lock().unwrap().push(Seen { at: Instant::now(), path, headers, body });
        self.script.lock().unwrap().pop_front().unwrap_or_else(|| answer(200, &[], b""))
    }
}

impl Backend {
    pub(crate) fn new(script: impl IntoIterator<Item = Response>) -> Arc<Self> {
        Arc::new(Self { script: Mutex::new(script.into_iter().collect()), seen: Mutex::default() })
    }

    pub(crate) async fn serve(
        self: &Arc<Self>,
        process: &Arc<Process>,
        endpoint: &str,
    ) -> (Server, SocketAddr) {
        let host = testkit::host(process, Kind::Receiver, "backend");
        let server = Server::start(&ServerSettings::at(endpoint), "", &host, self.clone()).await.unwrap();
        let address = server.addresses()[0];
        (server, address)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: &'static [u8]) -> Response {
    let mut builder = http::Response::builder().status(status);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(Bytes::from_static(body)).unwrap()
}

// Rows that hold for every exporter; each has its own test for them.

/// e1, e2: a backend that comes later gets everything.
pub(crate) async fn comes_later<F: ExporterFactory>(
    signal: Signal,
    settings: impl Fn(SocketAddr) -> F::Settings,
) {
    let process = testkit::process();
    let address = nobody().await;
    let exporter = Stand::<F>::new(&process, signal, &settings(address)).await;
    for _ in 0..20 {
        exporter.offer_items(5).await;
    }
    exporter.becomes(State::RecoverableError).await;
    let backend = Backend::new([]);
    let (_server, _) = backend.serve(&process, &address.to_string()).await;
    exporter.becomes(State::Ok).await;
    assert_eq!(exporter.drained().await.sent, 100);
    assert_eq!(backend.seen().len(), 20);
}

/// e5: the backend's hint, `pause`, is the least wait.
pub(crate) async fn waits_as_told<F: ExporterFactory>(
    signal: Signal,
    settings: impl Fn(SocketAddr) -> F::Settings,
    busy: Response,
    pause: Duration,
) {
    let process = testkit::process();
    let backend = Backend::new([busy]);
    let (_server, address) = backend.serve(&process, "127.0.0.1:0").await;
    let exporter = Stand::<F>::new(&process, signal, &settings(address)).await;
    exporter.offer_items(5).await;
    assert_eq!(exporter.drained().await.sent, 5);
    let seen = backend.seen();
    assert_eq!(seen.len(), 2);
    assert!(seen[1].at - seen[0].at >= pause);
}

/// e6: two such answers are retried, with the same bytes.
pub(crate) async fn tries_again<F: ExporterFactory>(
    signal: Signal,
    settings: impl Fn(SocketAddr) -> F::Settings,
    script: [Response; 2],
) {
    let process = testkit::process();
    let backend = Backend::new(script);
    let (_server, address) = backend.serve(&process, "127.0.0.1:0").await;
    let exporter = Stand::<F>::new(&process, signal, &settings(address)).await;
    exporter.offer_items(5).await;
    assert_eq!(exporter.drained().await.sent, 5);
    let seen = backend.seen();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|request| request.body == seen[0].body));
}

/// e7: such an answer is not retried.
pub(crate) async fn gives_up<F: ExporterFactory>(
    signal: Signal,
    settings: impl Fn(SocketAddr) -> F::Settings,
    no: Response,
) {
    let process = testkit::process();
    let what = format!("{no:?}");
    let backend = Backend::new([no]);
    let (_server, address) = backend.serve(&process, "127.0.0.1:0").await;
    let exporter = Stand::<F>::new(&process, signal, &settings(address)).await;
    exporter.offer_items(5).await;
    let balance = exporter.drained().await;
    assert_eq!((balance.sent, balance.dropped[&Reason::Permanent]), (0, 5), "{what}");
    assert_eq!(backend.seen().len(), 1, "{what}");
}
