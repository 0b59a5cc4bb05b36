//! The state over HTTP and over gRPC.

use bytes::Bytes;
use prost::Message;
use sluice_component::{Host, async_trait};
use sluice_net::{
    grpc::{Call, Status as GrpcStatus, Unary},
    http::{Handler, Incoming, Response},
};

use crate::health::{
    probe::{json, not_found},
    status::{Counted, Scope, Status},
};

/// What both transports ask.
#[derive(Clone)]
pub(super) struct Board {
    pub(super) host: Host,
    pub(super) counted: Counted,
}

impl Board {
    fn read(&self, scope: Scope<'_>, verbose: bool) -> Option<Status> {
        let stopping = self.host.stopping().is_cancelled();
        Status::read(self.host.health(), stopping, scope, self.counted, verbose)
    }

    /// Whether the collector takes data, whatever its components say of themselves.
    fn ready(&self) -> Response {
        let is_ready = self.host.health().ready_since().is_some() && !self.host.stopping().is_cancelled();
        if is_ready {
            json(200, Bytes::from_static(b"{\"ready\":true}"))
        } else {
            json(503, Bytes::from_static(b"{\"ready\":false}"))
        }
    }
}

/// Answers on the status path.
pub(super) struct OverHttp {
    pub(super) board: Board,
    /// `None` when it is switched off.
    pub(super) path: Option<String>,
}

#[async_trait]
impl Handler for OverHttp {
    async fn handle(&self, request: Incoming) -> Response {
        match request.path() {
            path if self.path.as_deref() == Some(path) => {}
            "/readyz" => return self.board.ready(),
            _ => return not_found(),
        }
        let query = form(request.query().unwrap_or_default());
        let value = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let scope = match value("pipeline") {
            Some(pipeline) if !pipeline.is_empty() => Scope::Pipeline(pipeline),
            _ => Scope::Whole,
        };
        let verbose = value("verbose").is_some_and(|value| value != "false");
        self.board.read(scope, verbose).map_or_else(not_found, |status| {
            json(status.http, serde_json::to_vec(&status).unwrap_or_default().into())
        })
    }
}

/// The pairs of a query; a name alone has an empty value.
fn form(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (decode(key), decode(value)))
        .collect()
}

/// Answers `grpc.health.v1.Health/Check`.
pub(super) struct OverGrpc(pub(super) Board);

/// The path of the one method that is served.
pub(super) const CHECK: &str = "/grpc.health.v1.Health/Check";

/// `grpc.health.v1.HealthCheckRequest`
#[derive(Clone, PartialEq, Message)]
pub(super) struct CheckRequest {
    #[prost(string, tag = "1")]
    pub(super) service: String,
}

/// `grpc.health.v1.HealthCheckResponse`
#[derive(Clone, PartialEq, Message)]
pub(super) struct CheckResponse {
    #[prost(int32, tag = "1")]
    pub(super) status: i32,
}

pub(super) const SERVING: i32 = 1;
pub(super) const NOT_SERVING: i32 = 2;

#[async_trait]
impl Unary for OverGrpc {
    async fn call(&self, call: Call) -> Result<Bytes, GrpcStatus> {
        let request = CheckRequest::decode(call.message)
            .map_err(|error| GrpcStatus::invalid_argument(format!("malformed request: {error}")))?;
        let scope = match request.service.as_str() {
            "" => Scope::Whole,
            pipeline => Scope::Pipeline(pipeline),
        };
        let status = self
            .0
            .read(scope, false)
            .ok_or_else(|| GrpcStatus::not_found(format!("no pipeline is called `{}`", request.service)))?;
        let status = if status.healthy { SERVING } else { NOT_SERVING };
        Ok(CheckResponse { status }.encode_to_vec().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_decoded() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        assert_eq!(form("pipeline=traces%2Fx&verbose"), [pair("pipeline", "traces/x"), pair("verbose", "")]);
        assert_eq!(form("&a=b+c"), [pair("a", "b c")]);
    }
}
