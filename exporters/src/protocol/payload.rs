//! One encoded request.

use sluice_config::ByteSize;
use sluice_pdata::{Chunks, Pdata};

/// One `Export*ServiceRequest`, encoded.
#[derive(Debug)]
pub(crate) struct Payload {
    /// The body in pieces, to be sent from where they lie.
    pub(crate) chunks: Chunks,
    /// Spans, data points or log records.
    pub(crate) items: usize,
}

impl Payload {
    /// As protobuf: nothing is copied.
    pub(crate) fn protobuf(data: &Pdata) -> Self {
        Self { chunks: data.wire(), items: data.items() }
    }

    /// As JSON.
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
