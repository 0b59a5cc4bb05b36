//! Thrift over HTTP: `POST /api/traces`.

use std::sync::Arc;

use sluice_component::async_trait;
use sluice_formats::jaeger::{self, Protocol};
use sluice_net::http::{Handler, Incoming, Response};

use crate::intake::{
    Answer, Intake,
    foreign::{accepted, media_type, unknown_media_type},
    replies::{not_a_post, not_found},
};

const PATH: &str = "/api/traces";
/// The label of metrics: what otelcol calls it.
const TRANSPORT: &str = "collector_http";

/// The handler of the one path.
pub(super) struct Traces(pub(super) Arc<Intake>);

#[async_trait]
impl Handler for Traces {
    async fn handle(&self, mut request: Incoming) -> Response {
        if request.path() != PATH {
            return not_found();
        }
        if let Some(response) = not_a_post(&request) {
            return response;
        }
        let media_type = media_type(&request);
        if !matches!(
            media_type.as_deref(),
            Some("application/x-thrift" | "application/vnd.apache.thrift.binary")
        ) {
            let supported = "application/x-thrift, application/vnd.apache.thrift.binary";
            return unknown_media_type(media_type.as_deref(), supported);
        }
        let (body, permit) = match request.read().await {
            Ok(read) => read,
            Err(error) => return Answer::from(error).to_text_response(),
        };
        let intake = &self.0;
        let cx = request.context(intake.receiver(), TRANSPORT);
        let decode = |body: &[u8], limits: &_| jaeger::decode_thrift_batch(body, Protocol::Binary, limits);
        match intake.take(cx, body, permit, decode).await {
            Ok(()) => accepted(),
            Err(failure) => Answer::from(failure).to_text_response(),
        }
    }
}
