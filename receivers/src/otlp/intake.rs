//! What both transports do with the bytes of a request.

use bytes::Bytes;
use sluice_component::{Context, Permit};
use sluice_net::http::Encoding;
use sluice_pdata::json::{self, JsonError};

use super::answer;
use crate::intake::{Failure, Intake};

/// What the decoder of JSON holds besides the text, as a multiple of the text: what it writes, the lengths that go
/// in between (`{},` is three bytes of text and eight of length), and the copy that joins both.
const JSON_GROWTH: usize = 4;

/// Checks the `body` of a request, hands it over and waits for the verdict. Gives the body of the response.
///
/// `permit` stays with the data for as long as somebody holds it.
pub(super) async fn take(
    intake: &Intake,
    cx: Context,
    encoding: Encoding,
    body: Bytes,
    mut permit: Permit,
) -> Result<Bytes, Failure> {
    let body = match encoding {
        Encoding::Protobuf => body,
        Encoding::Json => from_json(intake, body, &mut permit)?,
    };
    let (admitted, repairs) = intake.admit(body, permit)?;
    intake.hand_on(cx, admitted).await?;
    Ok(answer::response(encoding, intake.signal(), &repairs))
}

fn from_json(intake: &Intake, text: Bytes, permit: &mut Permit) -> Result<Bytes, Failure> {
    intake.reserve(permit, text.len().saturating_mul(JSON_GROWTH))?;
    let decoded = json::decode_request(intake.signal(), &text, intake.limits())?;
    drop(text);
    permit.shrink_to(decoded.len());
    Ok(decoded)
}

impl From<JsonError> for Failure {
    fn from(error: JsonError) -> Self {
        match error {
            JsonError::Malformed { .. } => Self::Malformed(error.to_string()),
            JsonError::TooLarge { .. } => Self::TooLarge(error.to_string()),
        }
    }
}
