//! Requests in other formats than OTLP.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use sluice_component::{Context, Permit, quiet::Quiet};
use sluice_formats::{Malformed, Rejected, Translated};
use sluice_net::http::{Incoming, Response, StatusCode, header, text_response};
use sluice_pdata::Limits;

use super::{Admitted, Failure, Intake};

/// What a request may grow when it becomes OTLP, which takes about as much as compact Thrift and less than everything
/// else. Only what is made of empty elements grows more.
const GROWTH: usize = 4;
/// What every request may become.
const FREE: usize = 64 << 10;

/// Tells of items that were rejected although their neighbours passed: these protocols have no words for it.
#[derive(Debug, Default)]
pub(super) struct Rejections(Mutex<Quiet>);

impl Intake {
    /// Makes OTLP of a request. `permit` comes as that of the body and leaves as that of the data; what is decoded is
    /// bounded by what was reserved for it.
    pub(crate) fn translate(
        &self,
        body: Bytes,
        mut permit: Permit,
        decode: impl FnOnce(&[u8], &Limits) -> Result<Translated, Malformed>,
    ) -> Result<Admitted, Failure> {
        let room = body.len().saturating_mul(GROWTH).max(FREE);
        self.reserve(&mut permit, room)?;
        let limits = Limits { max_decoded_bytes: self.limits.max_decoded_bytes.min(room), ..self.limits };
        let Translated { wire, rejected, .. } = decode(&body, &limits)?;
        drop(body);
        permit.shrink_to(wire.len());
        self.tell(&rejected);
        let (admitted, _) = self.admit(wire, permit)?;
        Ok(Admitted { rejected: admitted.rejected + rejected.items(), ..admitted })
    }

    /// Makes OTLP of a request, hands it over and waits for the verdict.
    pub(crate) async fn take(
        &self,
        cx: Context,
        body: Bytes,
        permit: Permit,
        decode: impl FnOnce(&[u8], &Limits) -> Result<Translated, Malformed>,
    ) -> Result<(), Failure> {
        let admitted = self.translate(body, permit, decode)?;
        self.hand_on(cx, admitted).await
    }

    fn tell(&self, rejected: &Rejected) {
        let Some(message) = rejected.message() else { return };
        let mut quiet = self.rejections.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((requests, spans)) = quiet.note(rejected.items()) {
            let component = self.receiver();
            tracing::warn!(%component, requests, spans, last = message, "rejected spans that break a rule of their format");
        }
    }
}

/// What Zipkin and Jaeger answer to what they took: 202 without a body.
pub(crate) fn accepted() -> Response {
    let mut response = Response::new(Bytes::new().into());
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

/// The media type of a request in lower case, without parameters.
pub(crate) fn media_type(request: &Incoming) -> Option<String> {
    let value = request.headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let media_type = value.split(';').next().unwrap_or_default().trim();
    (!media_type.is_empty()).then(|| media_type.to_ascii_lowercase())
}

/// The answer to a media type that is not known.
pub(crate) fn unknown_media_type(media_type: Option<&str>, supported: &str) -> Response {
    let found = media_type.unwrap_or("none");
    let text = format!("415 unsupported media type: {found}, supported: [{supported}]");
    text_response(StatusCode::UNSUPPORTED_MEDIA_TYPE, &text, None)
}
