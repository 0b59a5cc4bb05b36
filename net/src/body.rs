//! Reads request bodies: never more than a limit, and nothing that the budget has no room for.

use std::{
    pin::pin,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use bytes::{Buf, Bytes, BytesMut};
use http_body::Body;
use http_body_util::BodyExt;
use sluice_component::{Budget, OverBudget, Permit};

/// How much is allocated ahead of what has arrived.
const STEP: usize = 64 << 10;

/// How often it is looked whether a body still comes; one that brought nothing since the last look has stalled.
const LOOK: Duration = Duration::from_secs(10);
/// The looks after which bytes alone are not enough: they must have come at [`LEAST_PER_LOOK`] on average.
const SLOW_LOOKS: usize = 3;
/// 1.6 KiB/s.
const LEAST_PER_LOOK: usize = 16 << 10;

/// Why a body was not read to its end.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// More bytes than the limit, on the wire or decompressed.
    #[error("{what} is larger than {limit} bytes; raise `{key}` to take it")]
    TooLarge {
        /// What was measured: `the body`, `the decompressed body`.
        what: &'static str,
        /// Bytes allowed.
        limit: usize,
        /// The YAML key that sets the limit.
        key: &'static str,
    },
    /// The process has no room now.
    #[error("refused for lack of memory: {0}")]
    OverBudget(#[from] OverBudget),
    /// An encoding that is not known or not allowed.
    #[error("unsupported Content-Encoding: {0}")]
    UnknownEncoding(String),
    /// The compressed data is damaged.
    #[error("cannot decompress the body as {encoding}: {cause}")]
    Corrupt {
        /// The encoding that was declared.
        encoding: &'static str,
        /// What the decoder said.
        cause: String,
    },
    /// The client went away or broke the protocol.
    #[error("the body ended early: {0}")]
    Broken(String),
    /// The body did not arrive in time.
    #[error("the body stopped arriving, or did not arrive within `read_timeout`")]
    Timeout,
}

impl BodyError {
    /// The HTTP status code of the answer: 413, 503, 415, 400 or 408.
    #[must_use]
    pub fn status(&self) -> http::StatusCode {
        use http::StatusCode as S;
        match self {
            Self::TooLarge { .. } => S::PAYLOAD_TOO_LARGE,
            Self::OverBudget(_) => S::SERVICE_UNAVAILABLE,
            Self::UnknownEncoding(_) => S::UNSUPPORTED_MEDIA_TYPE,
            Self::Corrupt { .. } | Self::Broken(_) => S::BAD_REQUEST,
            Self::Timeout => S::REQUEST_TIMEOUT,
        }
    }
}

/// Bytes that arrive in frames, joined into one buffer; a single frame stays where it is.
#[derive(Debug)]
pub(crate) struct Gather {
    held: Held,
    permit: Permit,
    /// What is taken at once.
    room: usize,
}

#[derive(Debug)]
enum Held {
    One(Bytes),
    Joined(BytesMut),
}

impl Gather {
    pub(crate) fn new(budget: &Budget) -> Result<Self, OverBudget> {
        Self::with_room(budget, 0)
    }

    /// With the first frame, takes memory for so many bytes.
    pub(crate) fn with_room(budget: &Budget, room: usize) -> Result<Self, OverBudget> {
        Ok(Self { held: Held::One(Bytes::new()), permit: budget.reserve(0)?, room })
    }

    fn as_slice(&self) -> &[u8] {
        match &self.held {
            Held::One(frame) => frame,
            Held::Joined(buffer) => buffer,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// Takes one more frame. `expected` bytes are declared in all, which is believed in steps only.
    pub(crate) fn push(&mut self, frame: Bytes, expected: usize) -> Result<(), OverBudget> {
        if frame.is_empty() {
            return Ok(());
        }
        let have = self.len() + frame.len();
        match &mut self.held {
            Held::One(first) if first.is_empty() && have >= self.room => {
                self.permit.grow(frame.len())?;
                self.held = Held::One(frame);
                return Ok(());
            }
            Held::Joined(buffer) if have <= buffer.capacity() => {
                buffer.extend_from_slice(&frame);
                return Ok(());
            }
            Held::One(_) | Held::Joined(_) => {}
        }
        let capacity = expected.min(self.room.max(have + have.max(STEP))).max(have);
        // The old and the new buffer exist side by side while the bytes move.
        self.permit.grow(capacity)?;
        let mut buffer = BytesMut::with_capacity(capacity);
        buffer.extend_from_slice(self.as_slice());
        buffer.extend_from_slice(&frame);
        self.held = Held::Joined(buffer);
        self.permit.shrink_to(capacity);
        Ok(())
    }

    pub(crate) fn finish(self) -> (Bytes, Permit) {
        let bytes = match self.held {
            Held::One(frame) => frame,
            Held::Joined(buffer) => buffer.freeze(),
        };
        (bytes, self.permit)
    }
}

/// The same bytes in a buffer of their own. What arrived in one frame is a slice of the connection's read buffer,
/// all of which it would keep for as long as the data lives, and the budget counts the slice alone; to copy it pays
/// only while it is short.
pub(crate) fn own(bytes: Bytes) -> Bytes {
    /// HTTP/2's smallest limit of a frame.
    const SHORT: usize = 16 << 10;
    if bytes.len() < SHORT { Bytes::copy_from_slice(&bytes) } else { bytes }
}

/// The bytes of one message that have come so far.
#[derive(Debug, Default)]
pub(crate) struct Flow(AtomicUsize);

/// A message stopped coming, or came too slowly.
#[derive(Debug)]
pub(crate) struct Stalled;

impl Flow {
    pub(crate) fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Runs `read` to its end while it adds bytes to this flow. One timer serves the whole message, so a stall is
    /// noticed after 10 to 20 s.
    pub(crate) async fn watch<T>(&self, read: impl Future<Output = T>) -> Result<T, Stalled> {
        let mut read = pin!(read);
        let (mut looks, mut before) = (0, 0);
        loop {
            if let Ok(done) = tokio::time::timeout(LOOK, read.as_mut()).await {
                return Ok(done);
            }
            looks += 1;
            let now = self.0.load(Ordering::Relaxed);
            if now == before || looks >= SLOW_LOOKS && now < looks * LEAST_PER_LOOK {
                return Err(Stalled);
            }
            before = now;
        }
    }
}

/// Reads a whole HTTP body of at most `limit` bytes. Whoever sends it is known to send `usual` bytes.
pub(crate) async fn read_all<B>(
    body: B,
    usual: usize,
    limit: usize,
    key: &'static str,
    budget: &Budget,
    flow: &Flow,
) -> Result<(Bytes, Permit), BodyError>
where
    B: Body,
    B::Data: Buf,
    B::Error: std::fmt::Display,
{
    let too_large = || BodyError::TooLarge { what: "the body", limit, key };
    let hint = body.size_hint();
    if hint.lower() > limit as u64 {
        return Err(too_large());
    }
    let expected = hint.upper().and_then(|upper| usize::try_from(upper).ok()).unwrap_or(usize::MAX);
    let mut body = pin!(body);
    let mut gathered = Gather::with_room(budget, usual.min(limit))?;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| BodyError::Broken(error.to_string()))?;
        let Ok(mut data) = frame.into_data() else { continue };
        if data.remaining() > limit.saturating_sub(gathered.len()) {
            return Err(too_large());
        }
        let data = data.copy_to_bytes(data.remaining());
        flow.add(data.len());
        gathered.push(data, expected.min(limit))?;
    }
    Ok(gathered.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Brings `bytes` every nine seconds, `times` times.
    async fn trickle(bytes: usize, times: usize) -> Result<(), Stalled> {
        let flow = Flow::default();
        let read = async {
            for _ in 0..times {
                tokio::time::sleep(Duration::from_secs(9)).await;
                flow.add(bytes);
            }
        };
        flow.watch(read).await
    }

    #[test]
    fn room_is_taken_once_for_a_body_as_large_as_usual() {
        let budget = Budget::new(4 << 20);
        let mut gathered = Gather::with_room(&budget, 300_000).unwrap();
        for _ in 0..3 {
            gathered.push(Bytes::from(vec![7; 100_000]), usize::MAX).unwrap();
            assert_eq!(budget.used(), 300_000);
        }
        gathered.push(Bytes::from(vec![7; 100_000]), usize::MAX).unwrap();
        let (body, permit) = gathered.finish();
        assert_eq!((body.len(), permit.bytes() >= 400_000), (400_000, true));
        let mut short = Gather::with_room(&budget, 300_000).unwrap();
        short.push(Bytes::from_static(b"x"), 1).unwrap();
        assert_eq!(short.finish().1.bytes(), 1, "what is declared is believed");
        assert!(
            Gather::with_room(&Budget::new(10), 300_000)
                .unwrap()
                .push(Bytes::from_static(b"x"), 300_000)
                .is_err()
        );
    }

    #[test]
    fn a_short_message_does_not_keep_the_read_buffer() {
        let buffer = Bytes::from(vec![7; 1 << 20]);
        let short = own(buffer.slice(..100));
        assert_eq!((&short[..], buffer.is_unique()), (&[7; 100][..], true));
        let long = own(buffer.slice(..100_000));
        assert_eq!((long.len(), buffer.is_unique()), (100_000, false));
    }

    #[tokio::test(start_paused = true)]
    async fn i11_a_body_may_be_slow_but_neither_stall_nor_trickle() {
        assert!(trickle(20 << 10, 100).await.is_ok(), "bytes keep flowing");
        assert!(trickle(1, 3).await.is_ok(), "short enough");
        assert!(trickle(1, 100).await.is_err(), "a byte now and then");
        let flow = Flow::default();
        let silent = tokio::time::timeout(LOOK * 2, flow.watch(std::future::pending::<()>()));
        assert!(silent.await.is_ok_and(|result| result.is_err()), "nothing comes");
    }
}
