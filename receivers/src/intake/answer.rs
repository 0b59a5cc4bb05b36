//! The one mapping of failures to what clients are told, for all receivers.

use std::time::Duration;

use sluice_net::{
    grpc::{Code, Status, with_retry_delay},
    http::{BodyError, Encoding, Response, StatusCode, status_response, text_response},
};

use super::Failure;

/// What a client is asked to wait when the process has no room for its request.
const NO_ROOM_DELAY: Duration = Duration::from_secs(1);

/// An answer that is no success, in the words of gRPC and HTTP.
#[derive(Debug)]
pub(crate) struct Answer {
    code: Code,
    status: StatusCode,
    text: String,
    wait: Option<Duration>,
}

impl Answer {
    fn new(code: Code, status: StatusCode, text: String) -> Self {
        Self { code, status, text, wait: None }
    }

    /// Over gRPC.
    pub(crate) fn to_status(&self) -> Status {
        match self.wait {
            Some(wait) => with_retry_delay(self.code, &*self.text, wait),
            None => Status::new(self.code, &*self.text),
        }
    }

    /// Over HTTP, as OTLP answers: a `google.rpc.Status` in the encoding of the request.
    pub(crate) fn to_rpc_response(&self, encoding: Encoding) -> Response {
        status_response(encoding, self.status, self.code.into(), &self.text, self.wait)
    }

    /// Over HTTP, as everybody else answers: plain text.
    pub(crate) fn to_text_response(&self) -> Response {
        text_response(self.status, &self.text, self.wait)
    }
}

impl From<Failure> for Answer {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Malformed(text) => Self::new(Code::InvalidArgument, StatusCode::BAD_REQUEST, text),
            Failure::TooLarge(text) => {
                Self::new(Code::ResourceExhausted, StatusCode::PAYLOAD_TOO_LARGE, text)
            }
            Failure::NoRoom(error) => Self {
                wait: Some(NO_ROOM_DELAY),
                ..Self::new(Code::Unavailable, StatusCode::SERVICE_UNAVAILABLE, error.to_string())
            },
            Failure::Refused(refusal) => {
                let answer = refusal.answer();
                let status = StatusCode::from_u16(answer.http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                let code = Code::from_i32(answer.grpc);
                Self { wait: answer.retry_after, ..Self::new(code, status, refusal.chain()) }
            }
        }
    }
}

impl From<BodyError> for Answer {
    fn from(error: BodyError) -> Self {
        let (code, wait) = match error {
            BodyError::TooLarge { .. } => (Code::ResourceExhausted, None),
            BodyError::OverBudget(_) => (Code::Unavailable, Some(NO_ROOM_DELAY)),
            BodyError::UnknownEncoding(_) => (Code::Unimplemented, None),
            BodyError::Corrupt { .. } | BodyError::Broken(_) => (Code::InvalidArgument, None),
            BodyError::Timeout => (Code::DeadlineExceeded, None),
        };
        Self { wait, ..Self::new(code, error.status(), error.to_string()) }
    }
}
