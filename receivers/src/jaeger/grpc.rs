//! `api_v2` over gRPC.

use std::sync::Arc;

use bytes::Bytes;
use sluice_component::async_trait;
use sluice_formats::jaeger;
use sluice_net::grpc::{Call, Routes, Status, Unary};

use crate::intake::{Answer, Intake};

/// The one method of the service.
pub(super) const POST_SPANS: &str = "/jaeger.api_v2.CollectorService/PostSpans";

pub(super) fn routes(intake: Arc<Intake>) -> Routes {
    Routes::new().with(POST_SPANS, Arc::new(PostSpans(intake)))
}

struct PostSpans(Arc<Intake>);

#[async_trait]
impl Unary for PostSpans {
    /// The response has no fields.
    async fn call(&self, call: Call) -> Result<Bytes, Status> {
        let intake = &self.0;
        let cx = call.context(intake.receiver());
        let taken = intake.take(cx, call.message, call.permit, jaeger::decode_post_spans).await;
        taken.map(|()| Bytes::new()).map_err(|failure| Answer::from(failure).to_status())
    }
}
