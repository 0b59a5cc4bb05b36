//! The requests, and what each answer means.

use std::{fmt, sync::OnceLock};

use async_trait::async_trait;
use http::{HeaderMap, StatusCode};
use sluice_component::{Context, Host, Reason, StartError};
use sluice_config::ByteSize;
use sluice_net::http::{Answer, Client, ClientError, ClientSettings, Encoding as MediaType, retry_after};
use sluice_pdata::Pdata;

use super::{settings::Encoding, url::redacted};
use crate::{
    protocol::{Payload, RpcStatus, export_response, export_response_json, rpc_status, rpc_status_json},
    sending::{Encoded, Outcome, Wire},
};

/// OTLP on HTTP.
pub(super) struct Http {
    settings: ClientSettings,
    encoding: Encoding,
    url: String,
    client: OnceLock<Client>,
}

impl Http {
    pub(super) fn new(settings: ClientSettings, encoding: Encoding, url: String) -> Self {
        Self { settings, encoding, url, client: OnceLock::new() }
    }

    fn media_type(&self) -> MediaType {
        match self.encoding {
            Encoding::Proto => MediaType::Protobuf,
            Encoding::Json => MediaType::Json,
        }
    }
}

#[async_trait]
impl Wire for Http {
    type Request = Payload;

    async fn start(&self, host: &Host) -> Result<(), StartError> {
        let client = Client::new(&self.settings, "", host)?;
        self.client.get_or_init(|| client);
        Ok(())
    }

    fn encode(&self, data: &Pdata) -> Encoded<Payload> {
        match self.encoding {
            Encoding::Proto => Payload::protobuf(data),
            Encoding::Json => Payload::json(data),
        }
        .into()
    }

    fn items(request: &Payload) -> usize {
        request.items
    }

    fn size(request: &Payload) -> ByteSize {
        request.size()
    }

    async fn send(&self, request: &Payload, _cx: &Context) -> Outcome {
        let Some(client) = self.client.get() else {
            return Outcome::retry(Reason::Unavailable, "the exporter was not started");
        };
        let content_type = self.media_type().content_type();
        match client.post(&self.url, content_type, &request.chunks, &HeaderMap::new()).await {
            Ok(answer) => outcome(&self.url, &answer),
            Err(error @ ClientError::Timeout { .. }) => Outcome::retry(Reason::Timeout, error),
            Err(error) if error.is_retryable() => Outcome::retry(Reason::Unavailable, error),
            Err(error) => Outcome::fatal(Reason::Permanent, error),
        }
    }
}

/// What an answer means, by OTLP's table.
fn outcome(url: &str, answer: &Answer) -> Outcome {
    if answer.status.is_success() {
        return success(answer);
    }
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

/// The status says that the backend has the data; a body that cannot be read does not change that.
fn success(answer: &Answer) -> Outcome {
    let answered = match MediaType::of(&answer.headers) {
        _ if answer.truncated => None,
        Some(MediaType::Json) => export_response_json(&answer.body),
        Some(MediaType::Protobuf) => export_response(&answer.body),
        None => None,
    };
    answered.unwrap_or_default().into()
}

/// An answer that is no success.
#[derive(Debug, thiserror::Error)]
struct HttpError {
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
