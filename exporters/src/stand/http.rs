//! A backend of HTTP.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use bytes::Bytes;
use http::HeaderMap;
use sluice_component::{Kind, host::Process, testkit};
use sluice_net::http::{Handler, Incoming, Response, Server, ServerSettings};
use tokio::time::Instant;

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
