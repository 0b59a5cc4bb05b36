//! The struct form and what is remembered about it.

use std::sync::OnceLock;

use bytes::Bytes;
use prost::Message;

use crate::otlp::metrics::v1::metric::Data;
use crate::otlp::{ExportLogsServiceRequest, ExportMetricsServiceRequest, ExportTraceServiceRequest};
use crate::signal::Signal;

/// One request as structs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Structs {
    Traces(ExportTraceServiceRequest),
    Metrics(ExportMetricsServiceRequest),
    Logs(ExportLogsServiceRequest),
}

impl Structs {
    pub(crate) fn empty(signal: Signal) -> Self {
        match signal {
            Signal::Traces => Self::Traces(Default::default()),
            Signal::Metrics => Self::Metrics(Default::default()),
            Signal::Logs => Self::Logs(Default::default()),
        }
    }

    /// Appends what `chunk`, a request that the walk accepted, holds.
    pub(crate) fn merge(&mut self, chunk: &Bytes) {
        let merged = match self {
            Self::Traces(request) => request.merge(chunk.as_ref()),
            Self::Metrics(request) => request.merge(chunk.as_ref()),
            Self::Logs(request) => request.merge(chunk.as_ref()),
        };
        #[expect(clippy::expect_used, reason = "fuzzed: the walk accepts nothing that prost refuses")]
        merged.expect("bytes that the walk accepted decode");
    }

    /// Appends the resources of `other`, which has the same signal.
    pub(crate) fn append(&mut self, other: Self) {
        match (self, other) {
            (Self::Traces(to), Self::Traces(from)) => to.resource_spans.extend(from.resource_spans),
            (Self::Metrics(to), Self::Metrics(from)) => to.resource_metrics.extend(from.resource_metrics),
            (Self::Logs(to), Self::Logs(from)) => to.resource_logs.extend(from.resource_logs),
            _ => debug_assert!(false, "requests of different signals cannot be joined"),
        }
    }

    /// Calls `visit` with each resource, in order.
    #[cfg(test)]
    pub(crate) fn each_resource(
        &mut self,
        visit: impl FnMut(&mut Option<crate::otlp::resource::v1::Resource>),
    ) {
        match self {
            Self::Traces(request) => {
                request.resource_spans.iter_mut().map(|r| &mut r.resource).for_each(visit)
            }
            Self::Metrics(request) => {
                request.resource_metrics.iter_mut().map(|r| &mut r.resource).for_each(visit)
            }
            Self::Logs(request) => request.resource_logs.iter_mut().map(|r| &mut r.resource).for_each(visit),
        }
    }

    fn encode(&self) -> Bytes {
        match self {
            Self::Traces(request) => request.encode_to_vec(),
            Self::Metrics(request) => request.encode_to_vec(),
            Self::Logs(request) => request.encode_to_vec(),
        }
        .into()
    }

    fn encoded_len(&self) -> usize {
        match self {
            Self::Traces(request) => request.encoded_len(),
            Self::Metrics(request) => request.encoded_len(),
            Self::Logs(request) => request.encoded_len(),
        }
    }

    fn count(&self) -> usize {
        match self {
            Self::Traces(request) => {
                request.resource_spans.iter().flat_map(|r| &r.scope_spans).map(|s| s.spans.len()).sum()
            }
            Self::Metrics(request) => {
                let scopes = request.resource_metrics.iter().flat_map(|r| &r.scope_metrics);
                scopes.flat_map(|s| &s.metrics).map(|metric| data_points(metric.data.as_ref())).sum()
            }
            Self::Logs(request) => {
                request.resource_logs.iter().flat_map(|r| &r.scope_logs).map(|s| s.log_records.len()).sum()
            }
        }
    }
}

fn data_points(data: Option<&Data>) -> usize {
    match data {
        None => 0,
        Some(Data::Gauge(gauge)) => gauge.data_points.len(),
        Some(Data::Sum(sum)) => sum.data_points.len(),
        Some(Data::Histogram(histogram)) => histogram.data_points.len(),
        Some(Data::ExponentialHistogram(histogram)) => histogram.data_points.len(),
        Some(Data::Summary(summary)) => summary.data_points.len(),
    }
}

/// Structs with their item count, encoded size and encoding, each computed when first asked for.
#[derive(Debug, Clone)]
pub(crate) struct Decoded {
    structs: Structs,
    items: OnceLock<usize>,
    size: OnceLock<usize>,
    wire: OnceLock<Bytes>,
}

impl Decoded {
    pub(crate) fn new(structs: Structs) -> Self {
        Self { structs, items: OnceLock::new(), size: OnceLock::new(), wire: OnceLock::new() }
    }

    pub(crate) fn structs(&self) -> &Structs {
        &self.structs
    }

    pub(crate) fn into_structs(self) -> Structs {
        self.structs
    }

    /// The structs to edit; forgets what was computed about them.
    pub(crate) fn structs_mut(&mut self) -> &mut Structs {
        self.items.take();
        self.size.take();
        self.wire.take();
        &mut self.structs
    }

    pub(crate) fn items(&self) -> usize {
        *self.items.get_or_init(|| self.structs.count())
    }

    pub(crate) fn size(&self) -> usize {
        *self.size.get_or_init(|| match self.wire.get() {
            Some(wire) => wire.len(),
            None => self.structs.encoded_len(),
        })
    }

    pub(crate) fn wire(&self) -> &Bytes {
        self.wire.get_or_init(|| self.structs.encode())
    }
}
