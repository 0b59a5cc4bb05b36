//! One encoded request.

use sluice_config::ByteSize;
#[cfg(any(feature = "jaeger-exporter", feature = "jaeger-thrift-exporter"))]
use sluice_formats::jaeger::by_process;
use sluice_pdata::Chunks;
#[cfg(any(
    feature = "jaeger-exporter",
    feature = "jaeger-thrift-exporter",
    feature = "otlp-exporter",
    feature = "otlphttp-exporter"
))]
use sluice_pdata::Pdata;
#[cfg(any(feature = "jaeger-exporter", feature = "jaeger-thrift-exporter"))]
use sluice_pdata::view::ResourceSpansView;

#[cfg(any(feature = "jaeger-exporter", feature = "jaeger-thrift-exporter"))]
use crate::sending::Encoded;

/// The body of one request.
#[derive(Debug)]
pub(crate) struct Payload {
    /// The body in pieces, to be sent from where they lie.
    pub(crate) chunks: Chunks,
    /// Spans, data points or log records.
    pub(crate) items: usize,
}

impl Payload {
    /// `items` in a format of their own.
    #[cfg(any(
        feature = "jaeger-exporter",
        feature = "jaeger-thrift-exporter",
        feature = "prometheus-remote-write-exporter",
        feature = "zipkin-exporter"
    ))]
    pub(crate) fn of(body: Vec<u8>, items: usize) -> Self {
        Self { chunks: Chunks::from_iter([body.into()]), items }
    }

    /// One request per process of Jaeger, as `encode` writes it; it says how many spans it wrote, or `None` for nothing.
    #[cfg(any(feature = "jaeger-exporter", feature = "jaeger-thrift-exporter"))]
    pub(crate) fn per_process(
        data: &Pdata,
        encode: impl Fn(&[ResourceSpansView<'_>], &mut Vec<u8>) -> Option<usize>,
    ) -> Encoded<Self> {
        let processes = by_process(data.traces());
        // What Jaeger writes is about as large as what it is made from.
        let share = data.size() / processes.len().max(1);
        let request = |process: Vec<ResourceSpansView<'_>>| {
            let mut body = Vec::with_capacity(share);
            encode(&process, &mut body).filter(|&spans| spans > 0).map(|spans| Self::of(body, spans))
        };
        Encoded { requests: processes.into_iter().filter_map(request).collect(), unconvertible: Vec::new() }
    }

    /// OTLP as protobuf: nothing is copied.
    #[cfg(any(feature = "otlp-exporter", feature = "otlphttp-exporter"))]
    pub(crate) fn protobuf(data: &Pdata) -> Self {
        Self { chunks: data.wire(), items: data.items() }
    }

    /// OTLP as JSON.
    #[cfg(feature = "otlphttp-exporter")]
    pub(crate) fn json(data: &Pdata) -> Self {
        let mut text = Vec::new();
        sluice_pdata::json::encode_request(data, &mut text);
        Self { chunks: Chunks::from_iter([text.into()]), items: data.items() }
    }

    /// The size of the body before compression.
    pub(crate) fn size(&self) -> ByteSize {
        ByteSize::new(self.chunks.iter().map(|chunk| chunk.len() as u64).sum())
    }
}
