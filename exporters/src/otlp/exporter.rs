//! The calls, and what each answer means.

use std::sync::OnceLock;

use async_trait::async_trait;
use http::HeaderMap;
use sluice_component::{Context, Host, Reason, StartError};
use sluice_config::ByteSize;
use sluice_net::grpc::{Client, ClientSettings, Code, Status, retry_delay};
use sluice_pdata::{Pdata, Signal};
use tokio::time::Instant;

use crate::{
    protocol::{Payload, export_response},
    sending::{Encoded, Outcome, Wire},
};

/// OTLP on gRPC.
pub(super) struct Grpc {
    settings: ClientSettings,
    path: &'static str,
    client: OnceLock<Client>,
}

impl Grpc {
    pub(super) fn new(settings: ClientSettings, signal: Signal) -> Self {
        let path = match signal {
            Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        };
        Self { settings, path, client: OnceLock::new() }
    }
}

#[async_trait]
impl Wire for Grpc {
    type Request = Payload;

    async fn start(&self, host: &Host) -> Result<(), StartError> {
        let client = Client::new(&self.settings, "", host)?;
        let first = client.clone();
        drop(host.spawn("connect", async move {
            // The first request tells why there is no connection.
            if let Err(status) = first.warm_up().await {
                tracing::debug!(error = %status.message(), "no connection yet");
            }
        }));
        self.client.get_or_init(|| client);
        Ok(())
    }

    fn encode(&self, data: &Pdata) -> Encoded<Payload> {
        Payload::protobuf(data).into()
    }

    fn items(request: &Payload) -> usize {
        request.items
    }

    fn size(request: &Payload) -> ByteSize {
        request.size()
    }

    async fn send(&self, request: &Payload, cx: &Context) -> Outcome {
        let Some(client) = self.client.get() else {
            return Outcome::retry(Reason::Unavailable, "the exporter was not started");
        };
        let timeout = cx.deadline().map(|at| at.saturating_duration_since(Instant::now()));
        match client.unary(self.path, &request.chunks, timeout, &HeaderMap::new()).await {
            // The status alone says that the backend has the data.
            Ok(reply) => export_response(&reply.message).unwrap_or_default().into(),
            Err(status) => outcome(&status),
        }
    }
}

/// The error of a call, as gRPC programs print it.
#[derive(Debug, thiserror::Error)]
#[error("rpc error: code = {code:?} desc = {message}")]
struct RpcError {
    code: Code,
    message: String,
}

/// What a status means, by OTLP's table.
pub(super) fn outcome(status: &Status) -> Outcome {
    let cause = RpcError { code: status.code(), message: status.message().to_owned() };
    let delay = retry_delay(status);
    let hint = delay.filter(|delay| !delay.is_zero());
    let reason = match status.code() {
        // A backend that is too busy says when to come again; one that does not has a limit that stays.
        Code::ResourceExhausted if delay.is_none() => return Outcome::fatal(Reason::Permanent, cause),
        Code::ResourceExhausted => Reason::Throttled,
        Code::Cancelled
        | Code::DeadlineExceeded
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unavailable
        | Code::DataLoss
            if hint.is_some() =>
        {
            Reason::Throttled
        }
        Code::DeadlineExceeded => Reason::Timeout,
        Code::Cancelled | Code::Aborted | Code::OutOfRange | Code::Unavailable | Code::DataLoss => {
            Reason::Unavailable
        }
        Code::Unauthenticated => return Outcome::fatal(Reason::Unauthenticated, cause),
        Code::PermissionDenied => return Outcome::fatal(Reason::PermissionDenied, cause),
        Code::Ok
        | Code::Unknown
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::FailedPrecondition
        | Code::Unimplemented
        | Code::Internal => return Outcome::fatal(Reason::Permanent, cause),
    };
    Outcome::Retry { after: hint, reason, cause: std::sync::Arc::new(cause) }
}
