//! What travels beside the data: who sent it, until when they wait, and which branch it is on.

use std::{collections::BTreeMap, fmt, net::SocketAddr, sync::Arc};

use tokio::time::Instant;

use crate::{ids::ComponentRef, ledger::Branch};

/// Travels with one batch from the receiver on. Cloning is a few reference counts.
#[derive(Clone, Default)]
pub struct Context {
    request: Arc<Request>,
    deadline: Option<Instant>,
    owned: bool,
    branch: Option<Arc<Branch>>,
}

/// What is known of the request that brought the data.
#[derive(Debug, Clone, Default)]
pub struct Request {
    metadata: BTreeMap<String, Vec<String>>,
    auth: BTreeMap<String, String>,
    peer: Option<SocketAddr>,
    receiver: Option<ComponentRef>,
    transport: &'static str,
    traceparent: Option<String>,
}

impl Context {
    /// Starts the journey of the data that `request` brought, with no deadline.
    #[must_use]
    pub fn new(request: Request) -> Self {
        Self { request: Arc::new(request), ..Self::default() }
    }

    /// The request that brought the data.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Until when the caller waits for the verdict. `None`: the caller named no time.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// The same context with another deadline.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Option<Instant>) -> Self {
        self.deadline = deadline;
        self
    }

    /// The same context for data that the caller has answered for (`batch` in a memory pipeline): no client would
    /// send it again.
    #[must_use]
    pub fn owned(mut self) -> Self {
        self.owned = true;
        self
    }

    /// Whether nobody who could send the data again waits for the verdict: who holds it owns its items. A fan-out
    /// then gives it up on an exporter that stays behind, rather than let that one hold up the others.
    #[must_use]
    pub fn is_owned(&self) -> bool {
        self.owned
    }

    /// The account to book on. Set by the graph between a pipeline's end and each of its exporters.
    #[must_use]
    pub fn branch(&self) -> Option<&Arc<Branch>> {
        self.branch.as_ref()
    }

    /// The same context on `branch`.
    #[must_use]
    pub fn on_branch(mut self, branch: Arc<Branch>) -> Self {
        self.branch = Some(branch);
        self
    }

    /// What of the context may enter a queue: client metadata of `keys` (lower case) only, the branch, no
    /// deadline. Requests that agree on `keys` yield equal [`Request::partition`]s.
    #[must_use]
    pub fn detached(&self, keys: &[String]) -> Self {
        let metadata = keys
            .iter()
            .filter_map(|key| self.request.metadata.get_key_value(key))
            .map(|(key, values)| (key.clone(), values.clone()))
            .collect();
        let request = Request {
            metadata,
            receiver: self.request.receiver.clone(),
            transport: self.request.transport,
            ..Request::default()
        };
        Self { request: Arc::new(request), branch: self.branch.clone(), ..Self::default() }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("transport", &self.request.transport)
            .field("deadline", &self.deadline)
            .field("owned", &self.owned)
            .finish_non_exhaustive()
    }
}

impl Request {
    /// Describes a request that arrived at `receiver` over `transport` (`grpc`, `http`, ..).
    #[must_use]
    pub fn builder(receiver: ComponentRef, transport: &'static str) -> RequestBuilder {
        RequestBuilder(Self { receiver: Some(receiver), transport, ..Self::default() })
    }

    /// The values of the client's header `key`, in lower case. Empty unless the receiver has
    /// `include_metadata: true`.
    #[must_use]
    pub fn metadata(&self, key: &str) -> &[String] {
        self.metadata.get(key).map_or(&[], Vec::as_slice)
    }

    /// The values of `keys` in their order: equal for requests that may share a batch.
    #[must_use]
    pub fn partition(&self, keys: &[String]) -> Vec<Vec<String>> {
        keys.iter().map(|key| self.metadata(key).to_vec()).collect()
    }

    /// What the authenticator said of the client, for example `subject`.
    #[must_use]
    pub fn auth(&self, attribute: &str) -> Option<&str> {
        self.auth.get(attribute).map(String::as_str)
    }

    /// The client's address, where there is one.
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// The receiver that took the request. `None` for data that was made inside the process.
    #[must_use]
    pub fn receiver(&self) -> Option<&ComponentRef> {
        self.receiver.as_ref()
    }

    /// otelcol's `transport` label: `grpc`, `http`, `udp_thrift_compact`, .. Empty inside the process.
    #[must_use]
    pub fn transport(&self) -> &'static str {
        self.transport
    }

    /// The W3C `traceparent` of the request itself.
    #[must_use]
    pub fn traceparent(&self) -> Option<&str> {
        self.traceparent.as_deref()
    }
}

/// Collects what is known of a request; see [`Request::builder`].
#[derive(Debug)]
pub struct RequestBuilder(Request);

impl RequestBuilder {
    /// Adds one header of the client; `key` is lower-cased.
    #[must_use]
    pub fn metadata(mut self, key: &str, value: String) -> Self {
        self.0.metadata.entry(key.to_ascii_lowercase()).or_default().push(value);
        self
    }

    /// Adds what an authenticator learnt.
    #[must_use]
    pub fn auth(mut self, attribute: &str, value: String) -> Self {
        self.0.auth.insert(attribute.to_owned(), value);
        self
    }

    /// Sets the client's address.
    #[must_use]
    pub fn peer(mut self, peer: Option<SocketAddr>) -> Self {
        self.0.peer = peer;
        self
    }

    /// Sets the request's own W3C trace context.
    #[must_use]
    pub fn traceparent(mut self, value: Option<String>) -> Self {
        self.0.traceparent = value;
        self
    }

    /// The finished description.
    #[must_use]
    pub fn build(self) -> Request {
        self.0
    }
}
