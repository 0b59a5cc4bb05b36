//! Statuses: of refusals, with the delay that a client must wait.

use std::time::Duration;

use sluice_component::Refusal;
pub use tonic::{Code, Status};

/// The name of a code as gRPC's specification writes it: `INVALID_ARGUMENT`.
pub(super) fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
use tonic_types::{ErrorDetails, StatusExt};

use crate::serve::shorten;

/// The status that a server answers for a refusal, with RetryInfo where the client is to wait. Its text has at most
/// 1 KiB.
#[must_use]
pub fn status_of(refusal: &Refusal) -> Status {
    let answer = refusal.answer();
    let code = Code::from_i32(answer.grpc);
    let chain = refusal.chain();
    let text = shorten(&chain);
    match answer.retry_after {
        Some(delay) => with_retry_delay(code, text, delay),
        None => Status::new(code, text),
    }
}

/// A status that tells the client to try again, and not before `delay` has passed.
#[must_use]
pub fn with_retry_delay(code: Code, message: impl Into<String>, delay: Duration) -> Status {
    Status::with_error_details(code, message, ErrorDetails::with_retry_info(Some(delay)))
}

/// The delay of a status' RetryInfo. `Some(Duration::ZERO)` where there is a RetryInfo without one: the status may
/// be retried after the client's own backoff.
#[must_use]
pub fn retry_delay(status: &Status) -> Option<Duration> {
    let info = status.get_details_retry_info()?;
    Some(info.retry_delay.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use sluice_component::{ComponentRef, Kind, Reason, Refusal};

    use super::*;

    fn refusal() -> Refusal {
        let exporter = ComponentRef::new(Kind::Exporter, "otlp".parse().unwrap());
        Refusal::retryable(exporter, sluice_component_signal(), 3, Reason::QueueFull)
    }

    fn sluice_component_signal() -> sluice_pdata::Signal {
        sluice_pdata::Signal::Traces
    }

    #[test]
    fn a_full_queue_is_unavailable_with_retry_info() {
        let status = status_of(&refusal());
        assert_eq!(status.code(), Code::Unavailable);
        assert_eq!(retry_delay(&status), Some(Duration::from_secs(1)));
        assert!(status.message().contains("exporters.otlp refused 3 spans"), "{}", status.message());
    }

    #[test]
    fn a_throttle_passes_its_delay_on() {
        let status = status_of(&refusal().throttle(Duration::from_millis(7500)));
        assert_eq!(retry_delay(&status), Some(Duration::from_millis(7500)));
    }

    #[test]
    fn damaged_details_are_no_delay() {
        let damaged = bytes::Bytes::from_static(&[0x1a, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x00]);
        let status = Status::with_details(Code::Unavailable, "no", damaged);
        assert_eq!(retry_delay(&status), None);
    }
}
