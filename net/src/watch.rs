//! What h2 does not tell about HTTP/2 connections: how often a client pings, and whether its frames carry anything.
//!
//! [`Watched`] lies under h2 and reads the heads of the frames that pass, in both directions. A client that breaks a
//! rule is sent GOAWAY with ENHANCE_YOUR_CALM between two of our frames, and its connection ends as if the client had
//! ended it. What is not HTTP/2 is left alone.

mod frames;

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use frames::{Frame, Frames, Kind};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Instant,
};

use crate::{heard::Words, serve::Activity};

/// How often clients may ping. The rules and their constants are gRPC's own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PingPolicy {
    /// The least time between two pings.
    pub(crate) min_time: Duration,
    /// Whether that goes for connections without a call in flight too.
    pub(crate) without_stream: bool,
}

/// The least time between two pings without a call in flight, where those are not permitted.
const PINGS_WITHOUT_STREAM: Duration = Duration::from_secs(2 * 60 * 60);
/// Pings that came too early and are forgiven, until we send data or headers again.
const FORGIVEN: u8 = 2;

/// Frames that may come without payload at once.
const BURST: usize = 10_000;
/// And for how much time, and how much payload, another one may.
const FRAME_EVERY: Duration = Duration::from_millis(1);
const BYTES_PER_FRAME: usize = 8;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a client did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Breach {
    Pings,
    Frames,
}

impl Breach {
    /// GOAWAY's debug data. gRPC clients know the first and ping less often from then on.
    fn as_str(self) -> &'static str {
        match self {
            Self::Pings => "too_many_pings",
            Self::Frames => "too_many_frames_without_data",
        }
    }
}

/// The rules, and how a client has kept to them so far.
#[derive(Debug)]
struct Rules {
    pings: Option<PingPolicy>,
    activity: Arc<Activity>,
    /// Frames without payload that may still come.
    allowed: usize,
    counted: Instant,
    last_ping: Option<Instant>,
    strikes: u8,
    /// A call has begun since the last ping.
    called: bool,
    last_stream: u32,
}

impl Rules {
    fn received(&mut self, frame: Frame) -> Result<(), Breach> {
        match frame.kind {
            Kind::Data => self.allowed = (self.allowed + frame.length / BYTES_PER_FRAME).min(BURST),
            Kind::Headers => {
                self.called = true;
                self.last_stream = self.last_stream.max(frame.stream);
            }
            Kind::Ping => self.pinged()?,
            Kind::Other => {}
        }
        if self.allowed == 0 {
            let earned = self.counted.elapsed().as_millis() / FRAME_EVERY.as_millis();
            self.allowed = usize::try_from(earned).unwrap_or(BURST).min(BURST);
            self.counted = Instant::now();
        }
        self.allowed = self.allowed.checked_sub(1).ok_or(Breach::Frames)?;
        Ok(())
    }

    fn pinged(&mut self) -> Result<(), Breach> {
        let Some(policy) = self.pings else { return Ok(()) };
        let now = Instant::now();
        let calls = std::mem::take(&mut self.called) || self.activity.is_busy();
        let gap = if calls || policy.without_stream { policy.min_time } else { PINGS_WITHOUT_STREAM };
        let early = self.last_ping.replace(now).is_some_and(|last| now - last < gap);
        self.strikes += u8::from(early);
        if self.strikes > FORGIVEN { Err(Breach::Pings) } else { Ok(()) }
    }

    /// Clients that measure the connection ping after each answer: those pings are free.
    fn sent(&mut self, frame: Frame) {
        if matches!(frame.kind, Kind::Data | Kind::Headers) {
            (self.strikes, self.last_ping) = (0, None);
        }
    }
}

/// How much of the client's preface has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speaks {
    Perhaps(usize),
    Http2,
    SomethingElse,
}

impl Speaks {
    /// Takes the next bytes and gives those behind the preface.
    fn hear<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let Self::Perhaps(had) = *self else { return bytes };
        let wanted = PREFACE.get(had..).unwrap_or_default();
        let (part, rest) = bytes.split_at(wanted.len().min(bytes.len()));
        *self = match wanted.strip_prefix(part) {
            None => Self::SomethingElse,
            Some([]) => Self::Http2,
            Some(_) => Self::Perhaps(had + part.len()),
        };
        rest
    }
}

/// A stream whose frames are watched.
#[derive(Debug)]
pub(crate) struct Watched<S> {
    stream: S,
    speaks: Speaks,
    words: Words,
    received: Frames,
    sent: Frames,
    rules: Rules,
    /// The client was sent away.
    ended: bool,
}

impl<S> Watched<S> {
    /// `words` learns whether the client speaks HTTP/2.
    pub(crate) fn new(stream: S, pings: Option<PingPolicy>, activity: Arc<Activity>, words: Words) -> Self {
        let rules = Rules {
            pings,
            activity,
            allowed: BURST,
            counted: Instant::now(),
            last_ping: None,
            strikes: 0,
            called: false,
            last_stream: 0,
        };
        let (received, sent) = (Frames::default(), Frames::default());
        Self { stream, speaks: Speaks::Perhaps(0), words, received, sent, rules, ended: false }
    }

    fn hear(&mut self, bytes: &[u8]) -> Result<(), Breach> {
        let before = self.speaks;
        let bytes = self.speaks.hear(bytes);
        if before != self.speaks && self.speaks == Speaks::Http2 {
            self.words.set_http2();
        }
        let mut verdict = Ok(());
        if self.speaks == Speaks::Http2 {
            let rules = &mut self.rules;
            self.received.feed(bytes, |frame| verdict = verdict.and_then(|()| rules.received(frame)));
        }
        verdict
    }

    fn say(&mut self, bytes: &[u8]) {
        if self.speaks != Speaks::SomethingElse {
            let rules = &mut self.rules;
            self.sent.feed(bytes, |frame| rules.sent(frame));
        }
    }
}

impl<S: AsyncWrite + Unpin> Watched<S> {
    /// The last thing that the client hears, unless it takes nothing or we are in the midst of a frame.
    fn goodbye(&mut self, cx: &mut Context<'_>, breach: Breach) -> io::Result<()> {
        tracing::debug!(breach = breach.as_str(), "a client was sent away");
        self.ended = true;
        let frame = go_away(self.rules.last_stream, breach.as_str());
        if self.sent.between()
            && let Poll::Ready(Ok(written)) = Pin::new(&mut self.stream).poll_write(cx, &frame)
            && written == frame.len()
        {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::ConnectionAborted, breach.as_str()))
    }
}

/// A GOAWAY frame with ENHANCE_YOUR_CALM.
fn go_away(last_stream: u32, debug_data: &str) -> Vec<u8> {
    const GO_AWAY: u8 = 7;
    const ENHANCE_YOUR_CALM: u32 = 11;
    // The texts above are short.
    let length = u8::try_from(8 + debug_data.len()).unwrap_or(u8::MAX);
    let head = [0, 0, length, GO_AWAY, 0, 0, 0, 0, 0];
    [&head[..], &last_stream.to_be_bytes(), &ENHANCE_YOUR_CALM.to_be_bytes(), debug_data.as_bytes()].concat()
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Watched<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
        if this.speaks != Speaks::SomethingElse
            && let Err(breach) = this.hear(buf.filled().get(before..).unwrap_or_default())
        {
            // The end of the stream makes h2 close it in order, so that the goodbye arrives.
            buf.set_filled(before);
            return Poll::Ready(this.goodbye(cx, breach));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(Ok(buf.len()));
        }
        let written = ready!(Pin::new(&mut this.stream).poll_write(cx, buf))?;
        this.say(buf.get(..written).unwrap_or_default());
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(Ok(bufs.iter().map(|buf| buf.len()).sum()));
        }
        let written = ready!(Pin::new(&mut this.stream).poll_write_vectored(cx, bufs))?;
        let mut left = written;
        for buf in bufs {
            let part = buf.get(..left.min(buf.len())).unwrap_or_default();
            this.say(part);
            left -= part.len();
        }
        Poll::Ready(Ok(written))
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const PING: Frame = Frame { length: 8, kind: Kind::Ping, stream: 0 };
    const MINUTE: Duration = Duration::from_secs(60);

    fn rules(min_time: Duration, without_stream: bool) -> Rules {
        let policy = PingPolicy { min_time, without_stream };
        Watched::new((), Some(policy), Activity::new(false), Words::default()).rules
    }

    fn headers(stream: u32) -> Frame {
        Frame { length: 50, kind: Kind::Headers, stream }
    }

    #[tokio::test(start_paused = true)]
    async fn i12_two_early_pings_are_forgiven_and_the_third_is_not() {
        let mut rules = rules(MINUTE, true);
        for _ in 0..10 {
            assert_eq!(rules.received(PING), Ok(()), "in time");
            tokio::time::advance(MINUTE).await;
        }
        let verdicts = [(); 4].map(|()| rules.received(PING));
        assert_eq!(verdicts, [Ok(()), Ok(()), Ok(()), Err(Breach::Pings)]);
    }

    #[tokio::test(start_paused = true)]
    async fn i12_without_a_call_pings_need_a_permit() {
        let mut strict = rules(MINUTE, false);
        let busy = strict.activity.clone().begin();
        for _ in 0..10 {
            assert_eq!(strict.received(PING), Ok(()), "a call is in flight");
            tokio::time::advance(MINUTE).await;
        }
        drop(busy);
        let mut verdicts = Vec::new();
        for _ in 0..3 {
            verdicts.push(strict.received(PING));
            tokio::time::advance(MINUTE).await;
        }
        assert_eq!(verdicts, [Ok(()), Ok(()), Err(Breach::Pings)]);
    }

    #[tokio::test(start_paused = true)]
    async fn i12_a_ping_after_each_answer_is_free() {
        let mut rules = rules(MINUTE, false);
        for call in 0..1000 {
            assert_eq!(rules.received(headers(2 * call + 1)), Ok(()));
            rules.sent(headers(2 * call + 1));
            assert_eq!(rules.received(PING), Ok(()));
        }
        assert_eq!(rules.last_stream, 1999);
    }

    #[tokio::test(start_paused = true)]
    async fn i12_frames_need_payload_or_time() {
        let mut rules = Watched::new((), None, Activity::new(false), Words::default()).rules;
        let reset = Frame { length: 4, kind: Kind::Other, stream: 1 };
        let flood = |rules: &mut Rules| (0..100_000).take_while(|_| rules.received(reset).is_ok()).count();
        assert_eq!(flood(&mut rules), BURST);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(flood(&mut rules), 1000);
        // An honest client: small requests, and twice as many other frames.
        tokio::time::advance(MINUTE).await;
        for call in 0..100_000 {
            let data = Frame { length: 100, kind: Kind::Data, stream: call };
            for frame in [headers(call), data, PING, reset, reset] {
                assert_eq!(rules.received(frame), Ok(()));
            }
        }
        let tiny = Frame { length: 1, kind: Kind::Data, stream: 1 };
        assert!((0..20_000).any(|_| rules.received(tiny).is_err()), "tiny DATA frames");
    }

    #[test]
    fn what_is_not_http2_is_left_alone() {
        let mut speaks = Speaks::Perhaps(0);
        assert_eq!(speaks.hear(b"P"), b"");
        assert_eq!(speaks, Speaks::Perhaps(1));
        speaks.hear(b"OST / HTTP/1.1");
        assert_eq!(speaks, Speaks::SomethingElse);
        let mut speaks = Speaks::Perhaps(0);
        for byte in PREFACE.chunks(5) {
            assert_eq!(speaks.hear(byte), b"");
        }
        assert_eq!((speaks, speaks.hear(b"rest")), (Speaks::Http2, &b"rest"[..]));
        let mut whole = Speaks::Perhaps(0);
        assert_eq!(whole.hear(&[PREFACE, b"rest"].concat()), b"rest");
    }
}
