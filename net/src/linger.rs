//! Closes connections so that the peer can still read the last answer.
//!
//! A socket that is closed while the peer is still sending answers with a reset, and the reset may overtake what we
//! wrote last: the client of a refused upload would see a broken connection, which it retries, in place of its 413.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// How long a peer may go on sending after our goodbye.
const PATIENCE: Duration = Duration::from_millis(500);

/// A stream whose shutdown ends our side, then throws away what still comes, until the peer ends its side or
/// [`PATIENCE`] is over.
#[derive(Debug)]
pub(crate) struct Linger<S> {
    stream: S,
    /// Set when our side has ended.
    patience: Option<Pin<Box<Sleep>>>,
}

impl<S> Linger<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, patience: None }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Linger<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Linger<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        /// Reads between two looks at the clock, so that a fast peer cannot hold the thread.
        const READS: usize = 16;
        let this = self.get_mut();
        if this.patience.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
        }
        let patience = this.patience.get_or_insert_with(|| Box::pin(sleep(PATIENCE)));
        if patience.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        for _ in 0..READS {
            let mut scratch = [0; 4 << 10];
            let mut scratch = ReadBuf::new(&mut scratch);
            match ready!(Pin::new(&mut this.stream).poll_read(cx, &mut scratch)) {
                Ok(()) if !scratch.filled().is_empty() => {}
                // The peer has ended its side, or is gone.
                Ok(()) | Err(_) => return Poll::Ready(Ok(())),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, duplex},
        time::Instant,
    };

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_a_peer_sends_after_the_goodbye_is_thrown_away_until_it_ends() {
        let (ours, mut theirs) = duplex(64);
        let mut ours = Linger::new(ours);
        let peer = async {
            let mut goodbye = String::new();
            theirs.read_to_string(&mut goodbye).await.unwrap();
            theirs.write_all(&[0; 100_000]).await.unwrap();
            theirs.shutdown().await.unwrap();
            goodbye
        };
        let us = async {
            ours.write_all(b"413").await.unwrap();
            ours.shutdown().await.unwrap();
        };
        let started = Instant::now();
        let (goodbye, ()) = tokio::join!(peer, us);
        assert_eq!(goodbye, "413");
        assert_eq!(started.elapsed(), Duration::ZERO, "nobody waited for the patience to end");
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_never_ends_is_left_after_a_while() {
        let (ours, _theirs) = duplex(64);
        let started = Instant::now();
        Linger::new(ours).shutdown().await.unwrap();
        assert!(started.elapsed() >= PATIENCE && started.elapsed() < PATIENCE * 2, "{:?}", started.elapsed());
    }
}
