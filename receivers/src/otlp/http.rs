//! The three paths over HTTP, and every status code.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use sluice_component::async_trait;
use sluice_net::http::{
    BodyError, Encoding, Handler, HeaderValue, Incoming, Method, Response, StatusCode, header,
    status_response,
};
use sluice_pdata::Signal;

use super::{
    intake::{Failure, Intake, NO_ROOM_DELAY},
    settings::{HttpSettings, with_slash},
};

/// The gRPC codes that stand in the bodies of failures.
mod code {
    pub(super) const INVALID_ARGUMENT: i32 = 3;
    pub(super) const DEADLINE_EXCEEDED: i32 = 4;
    pub(super) const RESOURCE_EXHAUSTED: i32 = 8;
    pub(super) const UNIMPLEMENTED: i32 = 12;
    pub(super) const UNAVAILABLE: i32 = 14;
}

/// The paths of the signals that a pipeline takes.
pub(super) struct Paths(HashMap<String, Arc<Intake>>);

impl Paths {
    pub(super) fn new(settings: &HttpSettings, intakes: &[Arc<Intake>]) -> Self {
        let path = |signal| match signal {
            Signal::Traces => &settings.traces_url_path,
            Signal::Metrics => &settings.metrics_url_path,
            Signal::Logs => &settings.logs_url_path,
        };
        Self(intakes.iter().map(|intake| (with_slash(path(intake.signal)), intake.clone())).collect())
    }
}

#[async_trait]
impl Handler for Paths {
    async fn handle(&self, mut request: Incoming) -> Response {
        let Some(intake) = self.0.get(request.path()) else {
            return text(StatusCode::NOT_FOUND, "404 page not found");
        };
        if request.method != Method::POST {
            let mut response =
                text(StatusCode::METHOD_NOT_ALLOWED, "405 method not allowed, supported: [POST]");
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
            return response;
        }
        let Some(encoding) = Encoding::of(&request.headers) else {
            return text(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "415 unsupported media type, supported: [application/json, application/x-protobuf]",
            );
        };
        let (body, permit) = match request.read().await {
            Ok(read) => read,
            Err(error) => return unread(encoding, &error),
        };
        let cx = request.context(intake.receiver(), "http");
        match intake.take(cx, encoding, body, permit).await {
            Ok(body) => {
                let mut response = Response::new(body);
                let value = HeaderValue::from_static(encoding.content_type());
                response.headers_mut().insert(header::CONTENT_TYPE, value);
                response
            }
            Err(failure) => failed(encoding, failure),
        }
    }
}

fn text(status: StatusCode, text: &'static str) -> Response {
    let mut response = Response::new(Bytes::from_static(text.as_bytes()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}

fn unread(encoding: Encoding, error: &BodyError) -> Response {
    let (code, wait) = match error {
        BodyError::TooLarge { .. } => (code::RESOURCE_EXHAUSTED, None),
        BodyError::OverBudget(_) => (code::UNAVAILABLE, Some(NO_ROOM_DELAY)),
        BodyError::UnknownEncoding(_) => (code::UNIMPLEMENTED, None),
        BodyError::Corrupt { .. } | BodyError::Broken(_) => (code::INVALID_ARGUMENT, None),
        BodyError::Timeout => (code::DEADLINE_EXCEEDED, None),
    };
    status_response(encoding, error.status(), code, &error.to_string(), wait)
}

fn failed(encoding: Encoding, failure: Failure) -> Response {
    match failure {
        Failure::Malformed(text) => {
            status_response(encoding, StatusCode::BAD_REQUEST, code::INVALID_ARGUMENT, &text, None)
        }
        Failure::TooLarge(text) => {
            status_response(encoding, StatusCode::PAYLOAD_TOO_LARGE, code::RESOURCE_EXHAUSTED, &text, None)
        }
        Failure::NoRoom(error) => {
            let (status, code) = (StatusCode::SERVICE_UNAVAILABLE, code::UNAVAILABLE);
            status_response(encoding, status, code, &error.to_string(), Some(NO_ROOM_DELAY))
        }
        Failure::Refused(refusal) => {
            let answer = refusal.answer();
            let status = StatusCode::from_u16(answer.http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            status_response(encoding, status, answer.grpc, &refusal.chain(), answer.retry_after)
        }
    }
}
