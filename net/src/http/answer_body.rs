//! The body of an answer: whole, or in pieces that are made as the client takes them.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::Instant;

/// The body of an answer.
pub struct Body(Source);

enum Source {
    Whole(Bytes),
    Pieces { next: Box<dyn Iterator<Item = Bytes> + Send>, until: Option<Instant> },
}

/// The client took the pieces too slowly: what is left is cut off.
#[derive(Debug, thiserror::Error)]
#[error("the answer was not taken within `write_timeout`")]
pub struct TakenTooSlowly;

impl Body {
    /// A body that is made piece by piece, each when the client has taken most of what was made before: what a client
    /// does not take is not held in memory. A piece is made on the thread that serves the connection, so it should
    /// take no longer than a millisecond or two. The iterator is dropped when the client goes away; the body is cut
    /// off when `write_timeout` passes.
    pub fn pieces(next: impl Iterator<Item = Bytes> + Send + 'static) -> Self {
        Self(Source::Pieces { next: Box::new(next), until: None })
    }

    /// The bytes of a whole body; empty for one in pieces.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Source::Whole(bytes) => bytes,
            Source::Pieces { .. } => &[],
        }
    }

    /// Makes no more pieces after `until`.
    pub(super) fn end_by(&mut self, until: Option<Instant>) {
        if let Source::Pieces { until: limit, .. } = &mut self.0 {
            *limit = until;
        }
    }
}

impl Default for Body {
    fn default() -> Self {
        Bytes::new().into()
    }
}

impl From<Bytes> for Body {
    fn from(whole: Bytes) -> Self {
        Self(Source::Whole(whole))
    }
}

impl From<Vec<u8>> for Body {
    fn from(whole: Vec<u8>) -> Self {
        Bytes::from(whole).into()
    }
}

impl From<String> for Body {
    fn from(whole: String) -> Self {
        Bytes::from(whole).into()
    }
}

impl From<&'static str> for Body {
    fn from(whole: &'static str) -> Self {
        Bytes::from_static(whole.as_bytes()).into()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::Whole(bytes) => fmt::Debug::fmt(bytes, f),
            Source::Pieces { .. } => f.write_str("Pieces"),
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = TakenTooSlowly;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, TakenTooSlowly>>> {
        let piece = match &mut self.0 {
            Source::Whole(bytes) if bytes.is_empty() => None,
            Source::Whole(bytes) => Some(std::mem::take(bytes)),
            Source::Pieces { until: Some(until), .. } if Instant::now() > *until => {
                return Poll::Ready(Some(Err(TakenTooSlowly)));
            }
            Source::Pieces { next, .. } => next.next(),
        };
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.0, Source::Whole(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Source::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Source::Pieces { .. } => SizeHint::default(),
        }
    }
}
