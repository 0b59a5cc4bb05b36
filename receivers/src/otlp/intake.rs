//! What both transports do with the bytes of a request.

use std::sync::Arc;

use bytes::Bytes;
use sluice_component::{ComponentRef, Consume, Context, Host, Permit, Reason, Refusal};
use sluice_net::http::Encoding;
use sluice_pdata::{
    Limits, Pdata, Repairs, Signal, WireError,
    json::{self, JsonError},
};

use super::answer;

/// Takes the requests of one signal.
pub(super) struct Intake {
    pub(super) signal: Signal,
    next: Arc<dyn Consume>,
    host: Host,
    limits: Limits,
}

/// Why a request is not answered with success.
#[derive(Debug)]
pub(super) enum Failure {
    /// It is not an OTLP request.
    Malformed(String),
    /// It is one, but larger than what this process decodes.
    TooLarge(String),
    /// The pipelines did not take it.
    Refused(Refusal),
}

impl Intake {
    pub(super) fn new(signal: Signal, next: Arc<dyn Consume>, host: Host) -> Self {
        let mut limits = Limits::default();
        limits.max_decoded_bytes = limits.max_decoded_bytes.min(host.budget().limit());
        Self { signal, next, host, limits }
    }

    pub(super) fn receiver(&self) -> &ComponentRef {
        self.host.component()
    }

    /// Checks the `body` of a request, hands it over and waits for the verdict. Gives the body of the response.
    ///
    /// `permit` stays with the data for as long as somebody holds it.
    pub(super) async fn take(
        &self,
        cx: Context,
        encoding: Encoding,
        body: Bytes,
        permit: Permit,
    ) -> Result<Bytes, Failure> {
        let (mut data, repairs) = self.admit(encoding, body)?;
        let rejected = repairs.rejected_items;
        if rejected > 0 {
            self.host.rejected_at_the_door(self.signal, Reason::Invalid.as_str(), rejected);
        }
        if !data.is_empty() {
            data.hold(Arc::new(permit));
            self.next.consume(cx, data).await.map_err(Failure::Refused)?;
        }
        Ok(answer::response(encoding, self.signal, &repairs))
    }

    fn admit(&self, encoding: Encoding, body: Bytes) -> Result<(Pdata, Repairs), Failure> {
        let body = match encoding {
            Encoding::Protobuf => body,
            Encoding::Json => json::decode_request(self.signal, &body, &self.limits)?,
        };
        Ok(Pdata::from_wire(self.signal, body, &self.limits)?)
    }
}

impl From<WireError> for Failure {
    fn from(error: WireError) -> Self {
        match error {
            WireError::Malformed { .. } => Self::Malformed(error.to_string()),
            WireError::TooLarge { .. } => Self::TooLarge(error.to_string()),
        }
    }
}

impl From<JsonError> for Failure {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::Malformed { .. } => Self::Malformed(error.to_string()),
            JsonError::TooLarge { .. } => Self::TooLarge(error.to_string()),
        }
    }
}
