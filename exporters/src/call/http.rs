//! Posts, and what each answer means.

use std::{fmt, sync::OnceLock};

use http::{HeaderMap, StatusCode};
use sluice_component::{Host, Reason, StartError};
#[cfg(any(
    feature = "jaeger-thrift-exporter",
    feature = "otlphttp-exporter",
    feature = "zipkin-exporter"
))]
use sluice_net::http::retry_after;
use sluice_net::http::{Answer, Client, ClientError, ClientSettings, Encoding as MediaType};

use super::{
    Payload,
    status::{RpcStatus, rpc_status, rpc_status_json},
    url::redacted,
};
use crate::sending::Outcome;

/// A URL of one backend.
pub(crate) struct Http {
    settings: ClientSettings,
    url: String,
    content_type: &'static str,
    client: OnceLock<Client>,
}

impl Http {
    pub(crate) fn new(settings: ClientSettings, url: String, content_type: &'static str) -> Self {
        Self { settings, url, content_type, client: OnceLock::new() }
    }

    /// Builds the client. A backend that is down is no error.
    pub(crate) fn start(&self, host: &Host) -> Result<(), StartError> {
        let client = Client::new(&self.settings, "", host)?;
        self.client.get_or_init(|| client);
        Ok(())
    }

    /// Posts once, within the `timeout` of the settings. Any status but 2xx is an outcome.
    #[cfg(any(
        feature = "jaeger-thrift-exporter",
        feature = "otlphttp-exporter",
        feature = "zipkin-exporter"
    ))]
    pub(crate) async fn post(&self, request: &Payload) -> Result<Answer, Outcome> {
        match self.ask(request, &HeaderMap::new()).await? {
            answer if answer.status.is_success() => Ok(answer),
            answer => Err(failure(&self.url, &answer)),
        }
    }

    /// The same with headers, and any status is an answer.
    pub(crate) async fn ask(&self, request: &Payload, headers: &HeaderMap) -> Result<Answer, Outcome> {
        let Some(client) = self.client.get() else {
            return Err(Outcome::retry(Reason::Unavailable, "the exporter was not started"));
        };
        match client.post(&self.url, self.content_type, &request.chunks, headers).await {
            Ok(answer) => Ok(answer),
            Err(error @ ClientError::Timeout { .. }) => Err(Outcome::retry(Reason::Timeout, error)),
            Err(error) if error.is_retryable() => Err(Outcome::retry(Reason::Unavailable, error)),
            Err(error) => Err(Outcome::fatal(Reason::Permanent, error)),
        }
    }
}

#[cfg(feature = "prometheus-remote-write-exporter")]
impl Http {
    /// An answer that is no success, as an error.
    pub(crate) fn error(&self, answer: &Answer) -> HttpError {
        HttpError::new(&self.url, answer)
    }
}

/// What an answer that is no success means, by OTLP's table.
#[cfg(any(feature = "jaeger-thrift-exporter", feature = "otlphttp-exporter", feature = "zipkin-exporter"))]
fn failure(url: &str, answer: &Answer) -> Outcome {
    let cause = HttpError::new(url, answer);
    let hint = match answer.status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => retry_after(&answer.headers),
        _ => None,
    };
    let hint = hint.filter(|hint| !hint.is_zero());
    let reason = match answer.status {
        StatusCode::TOO_MANY_REQUESTS => Reason::Throttled,
        StatusCode::SERVICE_UNAVAILABLE if hint.is_some() => Reason::Throttled,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            Reason::Unavailable
        }
        StatusCode::UNAUTHORIZED => return Outcome::fatal(Reason::Unauthenticated, cause),
        StatusCode::FORBIDDEN => return Outcome::fatal(Reason::PermissionDenied, cause),
        StatusCode::PAYLOAD_TOO_LARGE => return Outcome::fatal(Reason::TooLarge, cause),
        _ => return Outcome::fatal(Reason::Permanent, cause),
    };
    Outcome::Retry { after: hint, reason, cause: std::sync::Arc::new(cause) }
}

/// An answer that is no success.
#[derive(Debug, thiserror::Error)]
pub(crate) struct HttpError {
    url: String,
    status: StatusCode,
    said: Said,
}

/// What stood in the body.
#[derive(Debug)]
enum Said {
    Nothing,
    Status(RpcStatus),
    Text(String),
}

impl HttpError {
    fn new(url: &str, answer: &Answer) -> Self {
        let status = match MediaType::of(&answer.headers) {
            _ if answer.body.is_empty() => None,
            Some(MediaType::Json) => rpc_status_json(&answer.body),
            Some(MediaType::Protobuf) => rpc_status(&answer.body),
            None => None,
        };
        let said = match status {
            Some(status) => Said::Status(status),
            None if answer.body.is_empty() => Said::Nothing,
            None => Said::Text(String::from_utf8_lossy(&answer.body).into_owned()),
        };
        Self { url: redacted(url), status: answer.status, said }
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, status, said } = self;
        let status = status.as_u16();
        write!(f, "error exporting items, request to {url} responded with HTTP Status Code {status}")?;
        match said {
            Said::Nothing => Ok(()),
            Said::Status(RpcStatus { message, details }) => {
                write!(f, ", Message={message}, Details=[{}]", details.join(" "))
            }
            Said::Text(body) => write!(f, ", Body={body}"),
        }
    }
}
