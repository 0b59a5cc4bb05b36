//! How long requests take: the metrics of OpenTelemetry's instrumentation of HTTP and gRPC, at level detailed.

use std::{borrow::Cow, time::Instant};

use prometheus::HistogramVec;

/// One side of one protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// `http.server.request.duration`
    HttpServer,
    /// `http.client.request.duration`
    HttpClient,
    /// `rpc.server.call.duration`
    RpcServer,
    /// `rpc.client.call.duration`
    RpcClient,
}

/// The families of all sides. They exist only at level detailed: a clock is read twice for each request.
#[derive(Debug, Clone)]
pub(super) struct CallFamilies {
    pub(super) http_server: HistogramVec,
    pub(super) http_client: HistogramVec,
    pub(super) rpc_server: HistogramVec,
    pub(super) rpc_client: HistogramVec,
}

/// What there is of HTTP in labels; every value has to be one of few.
pub(super) const HTTP_LABELS: [&str; 5] =
    ["http_request_method", "http_response_status_code", "server_address", "server_port", "url_scheme"];
/// And of gRPC.
pub(super) const RPC_LABELS: [&str; 5] =
    ["rpc_method", "rpc_response_status_code", "server_address", "server_port", "rpc_system_name"];

/// In seconds, as the semantic conventions have them.
pub(super) const SECONDS: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1., 2.5, 5., 7.5, 10.];

/// Takes the time of requests on one side; below level detailed it does nothing.
#[derive(Debug, Clone)]
pub struct CallMetrics(pub(super) Option<HistogramVec>);

impl CallMetrics {
    /// Takes time from now on, until the answer is told or the result dropped. `method` and the rest become labels, so
    /// what comes from outside must have been made one of few values before: `method` is HTTP's, or
    /// `package.Service/Method`; `protocol` is `http`, `https` or `grpc`.
    #[must_use]
    pub fn begin(&self, method: &str, address: &str, port: &str, protocol: &'static str) -> Call {
        Call(self.0.as_ref().map(|family| Taken {
            family: family.clone(),
            begun: Instant::now(),
            labels: [method.to_owned(), address.to_owned(), port.to_owned()],
            protocol,
            status: Cow::Borrowed(""),
        }))
    }
}

/// A request under way.
#[derive(Debug)]
pub struct Call(Option<Taken>);

#[derive(Debug)]
struct Taken {
    family: HistogramVec,
    begun: Instant,
    labels: [String; 3],
    protocol: &'static str,
    status: Cow<'static, str>,
}

impl Call {
    /// It was answered so. A request that ends without has no status.
    pub fn answered(mut self, status: impl Into<Cow<'static, str>>) {
        if let Some(taken) = &mut self.0 {
            taken.status = status.into();
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let [method, address, port] = &self.labels;
        let labels: [&str; 5] = [method, &self.status, address, port, self.protocol];
        self.family.with_label_values(&labels).observe(self.begun.elapsed().as_secs_f64());
    }
}
