//! What the gRPC and the HTTP server share: listening, one task per connection, ages, drain.

use std::{
    borrow::Cow,
    convert::Infallible,
    future::Future,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use sluice_component::{Budget, Host, StartError};
use tokio::{sync::Notify, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    endpoint::Endpoint,
    heard::{Heard, Words},
    linger::Linger,
    listen,
    listen::Stream,
    tls,
    watch::{PingPolicy, Watched},
};

/// A server that listens. Dropping it stops it at once; [`Running::shutdown`] lets requests finish.
pub(crate) struct Running {
    addresses: Vec<SocketAddr>,
    /// Stops accepting and asks connections to end.
    stop: CancellationToken,
    /// Ends what is left.
    kill: CancellationToken,
    tasks: TaskTracker,
}

/// Serves one connection of its protocol.
pub(crate) trait Protocol: Send + Sync + 'static {
    /// Runs until the connection ends. `control` says when to say goodbye.
    fn serve<I>(
        self: Arc<Self>,
        io: I,
        peer: Option<SocketAddr>,
        control: Control,
    ) -> impl Future<Output = ()> + Send
    where
        I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static;
}

/// How long connections may live, and what their clients keep to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ages {
    /// Without a request in flight.
    pub(crate) idle: Option<Duration>,
    /// In all, before they are asked to end.
    pub(crate) age: Option<Duration>,
    /// From then on, before they are cut.
    pub(crate) grace: Option<Duration>,
    /// To finish the TLS handshake, then to say that it is HTTP/2 or to finish the first head, and to be idle while other connections are refused;
    /// 10 s where there is none.
    pub(crate) handshake: Option<Duration>,
    /// How often clients may ping; `None` is as often as they like.
    pub(crate) pings: Option<PingPolicy>,
}

/// A peer that says nothing is not waited for any longer than this.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// After a goodbye: for a request that crossed it to arrive, and for a peer to take more of its last answer.
const GRACE: Duration = Duration::from_millis(500);

/// What one connection shares with its server.
pub(crate) struct Control {
    pub(crate) activity: Arc<Activity>,
    pub(crate) tasks: TaskTracker,
    pub(crate) window: Window,
    words: Words,
    ages: Ages,
    stop: CancellationToken,
    kill: CancellationToken,
}

/// The requests in flight on one connection.
#[derive(Debug)]
pub(crate) struct Activity {
    busy: AtomicUsize,
    /// There was a request.
    used: AtomicBool,
    /// Somebody waits for the connection to be idle: without it, requests need no clock.
    watched: AtomicBool,
    idle_since: Mutex<Instant>,
    ended: Notify,
}

/// One request in flight.
#[derive(Debug)]
pub(crate) struct Busy(Arc<Activity>);

impl Activity {
    pub(crate) fn new(watched: bool) -> Arc<Self> {
        Arc::new(Self {
            busy: AtomicUsize::new(0),
            used: AtomicBool::new(false),
            watched: AtomicBool::new(watched),
            idle_since: Mutex::new(Instant::now()),
            ended: Notify::new(),
        })
    }

    /// Marks a request until the mark is dropped.
    pub(crate) fn begin(self: &Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Ordering::SeqCst);
        self.used.store(true, Ordering::Relaxed);
        Busy(self.clone())
    }

    /// Whether a request is in flight.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::SeqCst) > 0
    }

    /// Whether there was a request.
    fn was_used(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }

    /// When the last request ended; `None` while one is in flight.
    fn idle_since(&self) -> Option<Instant> {
        (!self.is_busy()).then(|| *self.idle_since.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts idle time from now on.
    fn watch(&self) {
        *self.idle_since.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        // Either the last request sees this, or who waits sees that it has ended.
        self.watched.store(true, Ordering::SeqCst);
    }

    /// Waits until no request has been in flight for `time`, and no longer than that takes at the least. False when
    /// there was one meanwhile. A connection that never had one counts from its start.
    async fn is_idle_for(&self, time: Duration) -> bool {
        let was_used = self.was_used();
        if was_used {
            self.watch();
        }
        let Some(since) = self.idle_since() else { return false };
        tokio::time::sleep_until(since + time).await;
        self.was_used() == was_used && self.idle_since() == Some(since)
    }

    /// Returns when no request has been in flight for `time`; the activity is watched.
    async fn idle_for(&self, time: Duration) {
        loop {
            let ended = self.ended.notified();
            match self.idle_since() {
                Some(since) if since.elapsed() >= time => return,
                Some(since) => tokio::time::sleep_until(since + time).await,
                None => ended.await,
            }
        }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        if self.0.busy.fetch_sub(1, Ordering::SeqCst) == 1 && self.0.watched.load(Ordering::SeqCst) {
            *self.0.idle_since.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
            self.0.ended.notify_one();
        }
    }
}

/// Receive windows out of a quarter of the budget, so that the connections of all servers together cannot buffer
/// more than that.
#[derive(Debug, Clone)]
struct Windows {
    budget: Budget,
    refused: Arc<Mutex<Refused>>,
}

/// The connections that were refused for lack of windows.
#[derive(Debug, Default)]
struct Refused {
    unsaid: u64,
    said: Option<Instant>,
    asked: Option<Instant>,
}

/// The window that one connection was granted.
#[derive(Debug)]
pub(crate) struct Window {
    bytes: u32,
    budget: Budget,
}

const SMALLEST_WINDOW: usize = 64 << 10;
const LARGEST_WINDOW: usize = 1 << 20;
/// However small the budget is.
const FEWEST_CONNECTIONS: usize = 64;
/// Between two log lines about refused connections.
const SAY_EVERY: Duration = Duration::from_secs(10);
/// Between two calls on idle connections to make room.
const ASK_EVERY: Duration = Duration::from_secs(1);

impl Windows {
    /// A 64th of what is left of the quarter, within 64 KiB and 1 MiB; `None` when that does not fit.
    fn grant(&self) -> Option<Window> {
        let most = (self.budget.limit() / 4).max(FEWEST_CONNECTIONS * SMALLEST_WINDOW);
        let windows = self.budget.windows();
        let mut bytes = 0;
        let fits = |granted: usize| {
            let left = most.saturating_sub(granted);
            bytes = (left / 64).clamp(SMALLEST_WINDOW, LARGEST_WINDOW);
            (bytes <= left).then(|| granted + bytes)
        };
        windows.granted.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits).ok()?;
        Some(Window { bytes: u32::try_from(bytes).unwrap_or(u32::MAX), budget: self.budget.clone() })
    }

    /// Counts a connection that was refused, and asks idle ones to make room. The number to log, now and then.
    fn refuse(&self) -> Option<u64> {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.unsaid += 1;
        if refused.asked.is_none_or(|asked| asked.elapsed() >= ASK_EVERY) {
            refused.asked = Some(Instant::now());
            self.budget.windows().wanted.notify_waiters();
        }
        if refused.said.is_some_and(|said| said.elapsed() < SAY_EVERY) {
            return None;
        }
        refused.said = Some(Instant::now());
        Some(std::mem::take(&mut refused.unsaid))
    }
}

impl Window {
    pub(crate) fn bytes(&self) -> u32 {
        self.bytes
    }

    /// Waits until a connection is refused because there are no windows left.
    async fn wanted(&self) {
        self.budget.windows().wanted.notified().await;
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.budget.windows().granted.fetch_sub(self.bytes as usize, Ordering::Relaxed);
    }
}

/// Binds `endpoint` and serves `protocol` on it. `key` is the YAML key of the settings block below the component,
/// empty for the component itself.
pub(crate) async fn run<P: Protocol>(
    host: &Host,
    key: &str,
    endpoint: &Endpoint,
    tls: Option<Arc<tls::ServerTls>>,
    ages: Ages,
    protocol: Arc<P>,
) -> Result<Running, StartError> {
    let listeners = listen::bind(endpoint).await.map_err(|error| {
        let message = format!("cannot listen on {endpoint}: {}", plain(&error));
        StartError::new(host.component().clone(), &join(key, "endpoint"), message)
    })?;
    let running = Running {
        addresses: listeners.iter().filter_map(listen::Listener::address).collect(),
        stop: CancellationToken::new(),
        kill: CancellationToken::new(),
        tasks: TaskTracker::new(),
    };
    let windows = Windows { budget: host.budget().clone(), refused: Arc::default() };
    for listener in listeners {
        let (stop, kill, tasks) = (running.stop.clone(), running.kill.clone(), running.tasks.clone());
        let (windows, tls, protocol) = (windows.clone(), tls.clone(), protocol.clone());
        let endpoint = endpoint.clone();
        // Drain has to wait for the accept loop as well: it may hold a connection that it has just accepted.
        let accepting = tasks.token();
        host.spawn("accept", async move {
            let _accepting = accepting;
            let mut said = None;
            while let Some((stream, peer)) = stop.run_until_cancelled(listener.accept(&mut said)).await {
                let Some(window) = windows.grant() else {
                    if let Some(connections) = windows.refuse() {
                        tracing::warn!(
                            %endpoint,
                            connections,
                            "connections refused: those that are open may already buffer a quarter of the memory budget"
                        );
                    }
                    continue;
                };
                let control = Control {
                    activity: Activity::new(ages.idle.is_some()),
                    tasks: tasks.clone(),
                    window,
                    words: Words::default(),
                    ages,
                    stop: stop.clone(),
                    kill: kill.clone(),
                };
                tasks.spawn(connection(stream, peer, tls.clone(), protocol.clone(), control));
            }
        });
    }
    running.tasks.close();
    Ok(running)
}

async fn connection<P: Protocol>(
    stream: Stream,
    peer: Option<SocketAddr>,
    tls: Option<Arc<tls::ServerTls>>,
    protocol: Arc<P>,
    control: Control,
) {
    let stream = Linger::new(stream);
    let Some(tls) = tls else {
        let stream = watched(stream, &control);
        return protocol.serve(stream, peer, control).await;
    };
    let limit = control.ages.handshake.unwrap_or(HANDSHAKE);
    let handshake = tokio::time::timeout(limit, tls.accept(stream));
    match control.stop.run_until_cancelled(handshake).await {
        Some(Ok(Ok(stream))) => {
            let stream = watched(stream, &control);
            protocol.serve(stream, peer, control).await;
        }
        Some(Ok(Err(error))) => tracing::debug!(?peer, %error, "TLS handshake failed"),
        Some(Err(_)) => tracing::debug!(?peer, "TLS handshake took too long"),
        None => {}
    }
}

fn watched<S>(stream: S, control: &Control) -> Watched<Heard<S>> {
    let heard = Heard::new(stream, control.words.clone());
    Watched::new(heard, control.ages.pings, control.activity.clone(), control.words.clone())
}

/// A connection that hyper drives.
pub(crate) trait Drive: Future<Output = Result<(), Self::Error>> {
    type Error: std::fmt::Display;

    /// Says goodbye: GOAWAY or `Connection: close`. What is in flight goes on.
    fn say_goodbye(self: Pin<&mut Self>);
}

impl Control {
    /// Drives `connection` until it ends, its time is up, or the server is killed. After a goodbye the requests in
    /// flight go on; when there are none any more the connection is cut, whether the peer agrees or not.
    pub(crate) async fn drive(self, connection: impl Drive) {
        let mut connection = pin!(connection);
        let never = std::future::pending::<()>;
        let age = async {
            match self.ages.age {
                Some(age) => tokio::time::sleep(age).await,
                None => never().await,
            }
        };
        let idle = async {
            match self.ages.idle {
                Some(idle) => self.activity.idle_for(idle).await,
                None => never().await,
            }
        };
        let handshake = self.ages.handshake.unwrap_or(HANDSHAKE);
        // A place that is not used goes to who wants it.
        let wanted = async {
            loop {
                self.window.wanted().await;
                if self.activity.is_idle_for(handshake).await {
                    return;
                }
            }
        };
        let silent = async {
            tokio::time::sleep(handshake).await;
            if self.words.are_http2() || self.activity.was_used() {
                never().await;
            }
        };
        let grace = tokio::select! {
            result = connection.as_mut() => return log_end(result),
            () = silent => return tracing::debug!("the peer of a connection asked for nothing"),
            () = self.stop.cancelled() => None,
            () = age => self.ages.grace,
            () = idle => None,
            () = wanted => None,
        };
        if self.is_silent() {
            return;
        }
        connection.as_mut().say_goodbye();
        self.activity.watch();
        let cut = async {
            match grace {
                Some(grace) => tokio::time::sleep(grace).await,
                None => never().await,
            }
        };
        tokio::select! {
            result = connection => log_end(result),
            () = self.kill.cancelled() => {}
            () = self.quiet() => {}
            () = cut => {}
        }
    }

    /// Returns when no request is in flight any more and the peer takes no more bytes.
    async fn quiet(&self) {
        loop {
            self.activity.idle_for(GRACE).await;
            let written = self.words.written();
            tokio::time::sleep(GRACE).await;
            if self.words.written() == written && self.activity.idle_since().is_some() {
                return;
            }
        }
    }

    fn is_silent(&self) -> bool {
        !self.words.are_enough() && self.activity.idle_since().is_some()
    }
}

fn log_end<E: std::fmt::Display>(result: Result<(), E>) {
    if let Err(error) = result {
        tracing::debug!(%error, "connection ended");
    }
}

impl Running {
    /// The bound TCP addresses; empty for a unix socket.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Stops accepting, says goodbye on every connection and waits for the requests in flight until `deadline`,
    /// when they are cut. True when all of them finished.
    pub(crate) async fn shutdown(&self, deadline: Instant) -> bool {
        self.stop.cancel();
        let finished = tokio::time::timeout_at(deadline, self.tasks.wait()).await.is_ok();
        self.kill.cancel();
        finished
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
        self.kill.cancel();
    }
}

/// Runs hyper's HTTP/2 streams as tasks that a drain waits for.
#[derive(Debug, Clone)]
pub(crate) struct Tasks(pub(crate) TaskTracker);

impl<F> hyper::rt::Executor<F> for Tasks
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    fn execute(&self, future: F) {
        drop(self.0.spawn(future));
    }
}

/// The answer of a handler that cannot fail any more.
pub(crate) type Answered<T> = Result<T, Infallible>;

/// `a.b`, or `b` where `a` is empty.
pub(crate) fn join(section: &str, key: &str) -> String {
    if section.is_empty() { key.to_owned() } else { format!("{section}.{key}") }
}

/// A text for a peer, of at most 1 KiB: what it sent may be quoted in it, and headers have little room.
pub(crate) fn shorten(text: &str) -> Cow<'_, str> {
    const MOST: usize = 1 << 10;
    const END: &str = "...";
    if text.len() <= MOST {
        return Cow::Borrowed(text);
    }
    let kept = (0..=MOST - END.len()).rev().find_map(|end| text.get(..end)).unwrap_or_default();
    Cow::Owned(format!("{kept}{END}"))
}

/// An I/O error in words, without the number of the system call.
pub(crate) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    match text.split_once(" (os error") {
        Some((words, _)) => words.to_lowercase(),
        None => text,
    }
}

/// An error and its causes on one line, each cause once.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let words = cause.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_shrink_with_the_number_of_connections_and_come_back() {
        let windows = Windows { budget: Budget::new(512 << 20), refused: Arc::default() };
        let held: Vec<_> = std::iter::from_fn(|| windows.grant()).collect();
        assert!(held.len() > 200, "{}", held.len());
        let bytes: Vec<_> = held.iter().map(|window| window.bytes() as usize).collect();
        assert_eq!((bytes.first(), bytes.last()), (Some(&LARGEST_WINDOW), Some(&SMALLEST_WINDOW)));
        assert!(bytes.is_sorted_by(|earlier, later| earlier >= later));
        assert!(bytes.iter().sum::<usize>() <= 128 << 20, "a quarter of the budget");
        drop(held);
        assert_eq!(windows.budget.windows().granted.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_long_text_ends_between_two_characters() {
        assert_eq!(shorten("short"), "short");
        let long = "x\u{1f600}".repeat(1000);
        let short = shorten(&long);
        assert!(short.len() <= 1024 && short.len() > 1015 && short.ends_with("..."), "{short}");
    }

    #[tokio::test(start_paused = true)]
    async fn refused_connections_are_said_now_and_then() {
        let windows = Windows { budget: Budget::new(1), refused: Arc::default() };
        assert_eq!(windows.refuse(), Some(1));
        assert_eq!((windows.refuse(), windows.refuse()), (None, None));
        tokio::time::advance(SAY_EVERY).await;
        assert_eq!(windows.refuse(), Some(3));
    }

    #[tokio::test(start_paused = true)]
    async fn an_activity_that_is_watched_late_still_sees_its_last_request_end() {
        let activity = Activity::new(false);
        let busy = activity.begin();
        tokio::time::advance(Duration::from_secs(5)).await;
        activity.watch();
        let watched = Instant::now();
        let idle = activity.idle_for(Duration::from_secs(1));
        let end = async {
            tokio::time::sleep(Duration::from_secs(7)).await;
            drop(busy);
        };
        tokio::join!(idle, end);
        assert_eq!(watched.elapsed(), Duration::from_secs(8));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_when_it_had_no_request_for_so_long() {
        let ten = Duration::from_secs(10);
        let activity = Activity::new(false);
        tokio::time::advance(ten).await;
        let asked = Instant::now();
        assert!(activity.is_idle_for(ten).await, "it never had one");
        assert_eq!(asked.elapsed(), Duration::ZERO);

        let busy = activity.begin();
        assert!(!activity.is_idle_for(ten).await);
        drop(busy);
        let asked = Instant::now();
        assert!(activity.is_idle_for(ten).await);
        assert_eq!(asked.elapsed(), ten, "nobody knew before since when");
        let request = async {
            tokio::time::sleep(ten / 2).await;
            drop(activity.begin());
        };
        assert!(!tokio::join!(activity.is_idle_for(ten), request).0);
    }

    #[tokio::test(start_paused = true)]
    async fn idle_time_counts_from_the_end_of_the_last_request() {
        let activity = Activity::new(true);
        let busy = activity.begin();
        let idle = tokio::time::timeout(Duration::from_secs(60), activity.idle_for(Duration::from_secs(1)));
        assert!(idle.await.is_err(), "a request is in flight");
        drop(busy);
        let ended = Instant::now();
        activity.idle_for(Duration::from_secs(1)).await;
        assert_eq!(ended.elapsed(), Duration::from_secs(1));
    }
}
