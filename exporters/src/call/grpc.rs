//! Unary calls, and what each status means.

use std::sync::{Arc, OnceLock};

use http::HeaderMap;
use sluice_component::{Context, Host, Reason, StartError, telemetry::Destination};
use sluice_net::grpc::{Client, ClientSettings, Code, Reply, Status, retry_delay};
use tokio::time::Instant;

use super::Payload;
use crate::sending::Outcome;

/// A method of one backend.
pub(crate) struct Grpc {
    settings: ClientSettings,
    path: &'static str,
    client: OnceLock<Client>,
}

impl Grpc {
    pub(crate) fn new(settings: ClientSettings, path: &'static str) -> Self {
        Self { settings, path, client: OnceLock::new() }
    }

    /// Builds the client and begins to connect. A backend that is down is no error.
    pub(crate) fn start(&self, host: &Host) -> Result<(), StartError> {
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

    /// Calls once, until the deadline of `cx`. Any status but OK is an outcome.
    pub(crate) async fn call(&self, request: &Payload, cx: &Context) -> Result<Reply, Outcome> {
        let Some(client) = self.client.get() else {
            return Err(Outcome::retry(Reason::Unavailable, "the exporter was not started"));
        };
        let timeout = cx.deadline().map(|at| at.saturating_duration_since(Instant::now()));
        let reply = client.unary(self.path, &request.chunks, timeout, &HeaderMap::new()).await;
        reply.map_err(|status| outcome(&status))
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
fn outcome(status: &Status) -> Outcome {
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
    Outcome::Retry { after: hint, reason, cause: Arc::new(cause) }
}

/// The endpoint in parts, for metric labels.
pub(crate) fn destination(settings: &ClientSettings) -> Destination {
    let endpoint = settings.endpoint.trim_end_matches('/');
    if let Some(path) = endpoint.strip_prefix("unix:") {
        let address = path.strip_prefix("//").unwrap_or(path).to_owned();
        return Destination { address, ..Destination::default() };
    }
    let name = endpoint.rsplit('/').next().unwrap_or_default();
    let name = name.strip_prefix("dns:").unwrap_or(name);
    let (host, port) = match name.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port),
        _ => (name, ""),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Destination { address: host.to_owned(), port: port.to_owned(), path: String::new() }
}

#[cfg(test)]
mod tests {
    use sluice_net::grpc::with_retry_delay;

    use super::*;

    #[test]
    fn every_code_is_retried_as_otlp_says() {
        use Code as C;
        let retried =
            [C::Cancelled, C::DeadlineExceeded, C::Aborted, C::OutOfRange, C::Unavailable, C::DataLoss];
        for number in 1..=16 {
            let code = Code::from_i32(number);
            let bare = outcome(&Status::new(code, "x"));
            assert_eq!(
                matches!(bare, Outcome::Retry { after: None, .. }),
                retried.contains(&code),
                "{code:?}"
            );
            let hinted = outcome(&with_retry_delay(code, "x", std::time::Duration::from_secs(7)));
            let may = retried.contains(&code) || code == C::ResourceExhausted;
            assert_eq!(matches!(hinted, Outcome::Retry { after: Some(_), .. }), may, "{code:?}");
        }
        let zero = with_retry_delay(C::ResourceExhausted, "x", std::time::Duration::ZERO);
        assert!(matches!(outcome(&zero), Outcome::Retry { after: None, .. }));
    }

    #[test]
    fn labels_are_host_and_port() {
        for (endpoint, address, port) in [
            ("h:4317", "h", "4317"),
            ("http://h:4317/", "h", "4317"),
            ("dns:///h:1", "h", "1"),
            ("dns:h:1", "h", "1"),
            ("[::1]:4317", "::1", "4317"),
            ("h", "h", ""),
            ("unix:///run/a.sock", "/run/a.sock", ""),
        ] {
            let settings = ClientSettings { endpoint: endpoint.to_owned(), ..ClientSettings::default() };
            let destination = destination(&settings);
            assert_eq!(
                (destination.address.as_str(), destination.port.as_str()),
                (address, port),
                "{endpoint}"
            );
        }
    }
}
