//! A backend of gRPC.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use bytes::Bytes;
use http::HeaderMap;
use sluice_component::{Kind, host::Process, testkit};
use sluice_net::grpc::{Call, Routes, Server, ServerSettings, Status, Unary};
use tokio::time::Instant;

/// Answers by its script, then with success.
pub(crate) struct Backend {
    path: &'static str,
    script: Mutex<VecDeque<Result<Bytes, Status>>>,
    seen: Mutex<Vec<Seen>>,
}

/// A call that came.
#[derive(Clone)]
pub(crate) struct Seen {
    pub(crate) at: Instant,
    pub(crate) message: Bytes,
    pub(crate) headers: HeaderMap,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

#[async_trait]
impl Unary for Backend {
    async fn call(&self, call: Call) -> Result<Bytes, Status> {
        let seen = Seen { at: Instant::now(), message: call.message, headers: call.headers };
        self.seen.lock().unwrap().push(seen);
        self.script.lock().unwrap().pop_front().unwrap_or_else(|| Ok(Bytes::new()))
    }
}

impl Backend {
    /// Knows the method at `path` alone.
    pub(crate) fn new(
        path: &'static str,
        script: impl IntoIterator<Item = Result<Bytes, Status>>,
    ) -> Arc<Self> {
        let script = Mutex::new(script.into_iter().collect());
        Arc::new(Self { path, script, seen: Mutex::default() })
    }

    pub(crate) async fn serve(
        self: &Arc<Self>,
        process: &Arc<Process>,
        endpoint: &str,
    ) -> (Server, SocketAddr) {
        let host = testkit::host(process, Kind::Receiver, "backend");
        let routes = Routes::new().with(self.path, self.clone());
        let server = Server::start(&ServerSettings::at(endpoint), "", &host, routes).await.unwrap();
        let address = server.addresses()[0];
        (server, address)
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}
