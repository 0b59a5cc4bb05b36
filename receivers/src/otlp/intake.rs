//! What both transports do with the bytes of a request.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use sluice_component::{ComponentRef, Consume, Context, Host, OverBudget, Permit, Reason, Refusal};
use sluice_net::http::Encoding;
use sluice_pdata::{
    Limits, Pdata, Repairs, Signal, WireError,
    json::{self, JsonError},
};

use super::answer;

/// What a client is asked to wait when the process has no room for its request.
pub(super) const NO_ROOM_DELAY: Duration = Duration::from_secs(1);

/// What the decoder of JSON holds besides the text, as a multiple of the text: what it writes, the lengths that go
/// in between (`{},` is three bytes of text and eight of length), and the copy that joins both.
const JSON_GROWTH: usize = 4;

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
    /// The process has no room for its decoded form now.
    NoRoom(OverBudget),
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
        mut permit: Permit,
    ) -> Result<Bytes, Failure> {
        let (mut data, repairs) = self.admit(encoding, body, &mut permit)?;
        if !data.is_empty() {
            data.hold(Arc::new(permit));
            self.next.consume(cx, data).await.map_err(Failure::Refused)?;
        }
        // Not before the verdict: a request that is refused comes again, with the same items to reject.
        if repairs.rejected_items > 0 {
            let reason = Reason::Invalid.as_str();
            self.host.rejected_at_the_door(self.signal, reason, repairs.rejected_items);
        }
        Ok(answer::response(encoding, self.signal, &repairs))
    }

    /// Turns the body into data. `permit` comes as that of the body and leaves as that of the data.
    fn admit(
        &self,
        encoding: Encoding,
        body: Bytes,
        permit: &mut Permit,
    ) -> Result<(Pdata, Repairs), Failure> {
        let body = match encoding {
            Encoding::Protobuf => body,
            Encoding::Json => {
                self.reserve(permit, body.len().saturating_mul(JSON_GROWTH))?;
                let decoded = json::decode_request(self.signal, &body, &self.limits)?;
                drop(body);
                permit.shrink_to(decoded.len());
                decoded
            }
        };
        let received = body.as_ptr();
        let (data, repairs) = Pdata::from_wire(self.signal, body, &self.limits)?;
        if data.wire().iter().any(|chunk| chunk.as_ptr() != received) {
            // It was rewritten; U+FFFD takes three bytes in place of one.
            self.reserve(permit, data.size().saturating_sub(permit.bytes()))?;
            permit.shrink_to(data.size());
        }
        Ok((data, repairs))
    }

    /// Takes `more` bytes into the permit. What the budget could not even hold alone is too large, not to be tried
    /// again.
    fn reserve(&self, permit: &mut Permit, more: usize) -> Result<(), Failure> {
        let limit = self.host.budget().limit();
        if permit.bytes().saturating_add(more) > limit {
            let what = "memory to decode the request";
            return Err(WireError::TooLarge { what, limit }.into());
        }
        permit.grow(more).map_err(Failure::NoRoom)
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
