//! The calls.

use async_trait::async_trait;
use sluice_component::{Context, Host, StartError};
use sluice_config::ByteSize;
use sluice_formats::jaeger::encode_post_spans;
use sluice_net::grpc::ClientSettings;
use sluice_pdata::Pdata;

use crate::{
    call::{self, Payload},
    sending::{Encoded, Outcome, Wire},
};

/// Jaeger on gRPC.
pub(super) struct Jaeger(call::Grpc);

impl Jaeger {
    pub(super) fn new(settings: ClientSettings) -> Self {
        Self(call::Grpc::new(settings, "/jaeger.api_v2.CollectorService/PostSpans"))
    }
}

#[async_trait]
impl Wire for Jaeger {
    type Request = Payload;

    async fn start(&self, host: &Host) -> Result<(), StartError> {
        tracing::info!(component = %host.component(), "Jaeger 1.35 and later take OTLP: prefer the otlp_grpc exporter");
        self.0.start(host)
    }

    fn encode(&self, data: Pdata) -> Encoded<Payload> {
        Payload::per_process(&data, encode_post_spans)
    }

    fn items(request: &Payload) -> usize {
        request.items
    }

    fn size(request: &Payload) -> ByteSize {
        request.size()
    }

    async fn send(&self, request: &Payload, cx: &Context) -> Outcome {
        match self.0.call(request, cx).await {
            Ok(_) => Outcome::accepted(),
            Err(outcome) => outcome,
        }
    }
}
