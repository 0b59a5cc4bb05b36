//! The three services over gRPC.

use std::sync::Arc;

use bytes::Bytes;
use sluice_component::async_trait;
use sluice_net::{
    grpc::{Call, Routes, Status, Unary},
    http::Encoding,
};
use sluice_pdata::Signal;

use super::intake::take;
use crate::intake::{Answer, Intake};

/// The path of the one method of a signal's service.
pub(super) fn path(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        Signal::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        Signal::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
    }
}

/// A signal that no pipeline takes has no route: UNIMPLEMENTED.
pub(super) fn routes(intakes: &[Arc<Intake>]) -> Routes {
    intakes.iter().fold(Routes::new(), |routes, intake| {
        routes.with(path(intake.signal()), Arc::new(Export(intake.clone())))
    })
}

struct Export(Arc<Intake>);

#[async_trait]
impl Unary for Export {
    async fn call(&self, call: Call) -> Result<Bytes, Status> {
        let cx = call.context(self.0.receiver());
        let taken = take(&self.0, cx, Encoding::Protobuf, call.message, call.permit).await;
        taken.map_err(|failure| Answer::from(failure).to_status())
    }
}
