//! The calls.

use async_trait::async_trait;
use sluice_component::{Context, Host, StartError};
use sluice_config::ByteSize;
use sluice_net::grpc::ClientSettings;
use sluice_pdata::{Pdata, Signal};

use crate::{
    call::{self, Payload, export_response},
    sending::{Encoded, Outcome, Wire},
};

/// OTLP on gRPC.
pub(super) struct Grpc(call::Grpc);

impl Grpc {
    pub(super) fn new(settings: ClientSettings, signal: Signal) -> Self {
        let path = match signal {
            Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        };
        Self(call::Grpc::new(settings, path))
    }
}

#[async_trait]
impl Wire for Grpc {
    type Request = Payload;

    async fn start(&self, host: &Host) -> Result<(), StartError> {
        self.0.start(host)
    }

    fn encode(&self, data: Pdata) -> Encoded<Payload> {
        Payload::protobuf(&data).into()
    }

    fn items(request: &Payload) -> usize {
        request.items
    }

    fn size(request: &Payload) -> ByteSize {
        request.size()
    }

    async fn send(&self, request: &Payload, cx: &Context) -> Outcome {
        match self.0.call(request, cx).await {
            // The status alone says that the backend has the data.
            Ok(reply) => export_response(&reply.message).unwrap_or_default().into(),
            Err(outcome) => outcome,
        }
    }
}
