//! Binds listeners and accepts connections, whatever the kind of socket.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    time::Instant,
};

use crate::{
    endpoint::{Endpoint, Family},
    resolve::resolve,
};

const BACKLOG: i32 = 1024;
/// Between two log lines about connections that cannot be accepted.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// One bound socket.
pub(crate) enum Listener {
    Tcp(TcpListener),
    /// The file is removed when the listener goes.
    Unix {
        listener: UnixListener,
        _file: UnlinkOnDrop,
    },
}

/// The file of a unix socket.
pub(crate) struct UnlinkOnDrop(PathBuf);

impl Drop for UnlinkOnDrop {
    fn drop(&mut self) {
        drop(std::fs::remove_file(&self.0));
    }
}

/// Binds every address of `endpoint`: both loopback addresses for `localhost`, one dual-stack socket for `:port` and, as
/// Go does, for `[::]:port`.
pub(crate) async fn bind(endpoint: &Endpoint) -> io::Result<Vec<Listener>> {
    match endpoint {
        Endpoint::Unix(path) => Ok(vec![bind_unix(path.clone())?]),
        Endpoint::Tcp { host, port, family } => {
            let bind = |address, v6_only| {
                let listener = bind_tcp(address, v6_only)?;
                let port = listener.local_addr()?.port();
                Ok((Listener::Tcp(listener), port))
            };
            bind_each(endpoint, host, *port, *family, bind).await
        }
    }
}

/// Calls `bind` with each address of a `host:port` and whether an IPv6 socket is to leave out IPv4. It gives the socket
/// and its port.
pub(crate) async fn bind_each<T>(
    endpoint: &Endpoint,
    host: &str,
    mut port: u16,
    family: Family,
    bind: impl Fn(SocketAddr, bool) -> io::Result<(T, u16)>,
) -> io::Result<Vec<T>> {
    let mut addresses = endpoint.literal();
    if addresses.is_empty() {
        let found = resolve(host, port).await?;
        addresses = found.iter().map(|address| address.ip()).filter(|&ip| family.has(ip)).take(1).collect();
    }
    if matches!(host, "" | "::") && family == Family::Any {
        // A kernel without IPv6 still serves IPv4.
        let bound = addresses.iter().find_map(|&ip| bind(SocketAddr::new(ip, port), false).ok());
        return match bound {
            Some((socket, _)) => Ok(vec![socket]),
            None => bind((Ipv4Addr::UNSPECIFIED, port).into(), true).map(|(socket, _)| vec![socket]),
        };
    }
    let mut sockets = Vec::new();
    for ip in addresses {
        match bind(SocketAddr::new(ip, port), true) {
            Ok((socket, bound)) => {
                // Port 0: the second address takes the port that the first was given.
                port = bound;
                sockets.push(socket);
            }
            // localhost on a machine without IPv6.
            Err(error) if !sockets.is_empty() && lacks_address(ip, &error) => {}
            Err(error) => return Err(error),
        }
    }
    if sockets.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::AddrNotAvailable,
            "the host has no address of that transport",
        ));
    }
    Ok(sockets)
}

fn lacks_address(ip: IpAddr, error: &io::Error) -> bool {
    const EAFNOSUPPORT: i32 = 97;
    ip.is_ipv6()
        && (error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(EAFNOSUPPORT))
}

fn bind_tcp(address: SocketAddr, v6_only: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(v6_only)?;
    }
    // A restart must not wait for the old connections' TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

fn bind_unix(path: PathBuf) -> io::Result<Listener> {
    // A socket that nobody answers on was left behind by a process that was killed.
    if let Err(error) = std::os::unix::net::UnixStream::connect(&path)
        && error.kind() == io::ErrorKind::ConnectionRefused
    {
        std::fs::remove_file(&path)?;
    }
    Ok(Listener::Unix { listener: UnixListener::bind(&path)?, _file: UnlinkOnDrop(path) })
}

impl Listener {
    /// `None` for a unix socket.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix { .. } => None,
        }
    }

    async fn accept_once(&self) -> io::Result<(Stream, Option<SocketAddr>)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok((Stream::Tcp(stream), Some(peer)))
            }
            Self::Unix { listener, .. } => {
                listener.accept().await.map(|(stream, _)| (Stream::Unix(stream), None))
            }
        }
    }

    /// The next connection. Waits, longer each time, while the process has no file descriptor or memory to take
    /// one, and says so once a minute; `said` remembers when it did.
    pub(crate) async fn accept(&self, said: &mut Option<Instant>) -> (Stream, Option<SocketAddr>) {
        let mut pause = Duration::from_millis(5);
        loop {
            match self.accept_once().await {
                Ok(accepted) => return accepted,
                Err(error) if is_the_clients(&error) => {}
                Err(error) => {
                    if said.is_none_or(|said| said.elapsed() >= SAY_EVERY) {
                        tracing::warn!(%error, "cannot accept connections, will retry");
                        *said = Some(Instant::now());
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_secs(1));
                }
            }
        }
    }
}

/// Errors of one connection that was gone before it was accepted.
fn is_the_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

/// A plain connection.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Unix(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
