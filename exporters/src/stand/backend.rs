//! A backend that follows a script, whatever it speaks.

use std::{
    collections::VecDeque,
    fmt::Debug,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::HeaderMap;
use sluice_component::host::Process;
use tokio::time::Instant;

/// An answer of a transport, and how a server gives it.
pub(crate) trait Answer: Debug + Sized {
    /// Serves until it is dropped.
    type Server;

    /// Serves `backend` at `endpoint`, and says at which address that is.
    async fn serve(
        backend: Arc<Backend<Self>>,
        process: &Arc<Process>,
        endpoint: &str,
    ) -> (Self::Server, SocketAddr);
}

/// Answers by its script, then with success.
pub(crate) struct Backend<A> {
    /// The only path that it knows.
    pub(super) path: &'static str,
    script: Mutex<VecDeque<A>>,
    seen: Mutex<Vec<Seen>>,
}

/// A request that came.
#[derive(Clone)]
pub(crate) struct Seen {
    pub(crate) at: Instant,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl<A: Answer> Backend<A> {
    pub(crate) fn new(path: &'static str, script: impl IntoIterator<Item = A>) -> Arc<Self> {
        Arc::new(Self { path, script: Mutex::new(script.into_iter().collect()), seen: Mutex::default() })
    }

    pub(crate) async fn serve(
        self: &Arc<Self>,
        process: &Arc<Process>,
        endpoint: &str,
    ) -> (A::Server, SocketAddr) {
        A::serve(self.clone(), process, endpoint).await
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Takes note of a request. `None` when the script is over.
    pub(super) fn answer(&self, headers: HeaderMap, body: Bytes) -> Option<A> {
        self.seen.lock().unwrap().push(Seen { at: Instant::now(), headers, body });
        self.script.lock().unwrap().pop_front()
    }
}
