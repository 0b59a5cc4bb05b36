//! Knows whether a peer has said enough to be one, and whether it still takes what it is sent: a peer that does
//! neither is not waited for.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The preface of an HTTP/2 client; more than enough to tell it from HTTP/1.
const PREFACE: usize = 24;

/// What was said on a connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Words(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// Bytes that the peer sent, up to a preface.
    read: AtomicUsize,
    written: AtomicUsize,
    http2: AtomicBool,
}

impl Words {
    /// True when the peer has said as much as a preface has.
    pub(crate) fn are_enough(&self) -> bool {
        self.0.read.load(Ordering::Relaxed) >= PREFACE
    }

    /// Whether the peer has said that it speaks HTTP/2: then it need not say more until it has something to ask.
    pub(crate) fn are_http2(&self) -> bool {
        self.0.http2.load(Ordering::Relaxed)
    }

    pub(crate) fn set_http2(&self) {
        self.0.http2.store(true, Ordering::Relaxed);
    }

    /// Bytes that the peer was sent.
    pub(crate) fn written(&self) -> usize {
        self.0.written.load(Ordering::Relaxed)
    }

    fn write(&self, result: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = result {
            self.0.written.fetch_add(bytes, Ordering::Relaxed);
        }
        result
    }
}

/// A stream that counts its first bytes.
#[derive(Debug)]
pub(crate) struct Heard<S> {
    stream: S,
    words: Words,
}

impl<S> Heard<S> {
    pub(crate) fn new(stream: S, words: Words) -> Self {
        Self { stream, words }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Heard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buf);
        if !self.words.are_enough() {
            self.words.0.read.fetch_add(buf.filled().len() - before, Ordering::Relaxed);
        }
        result
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Heard<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.words.write(result)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.words.write(result)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
