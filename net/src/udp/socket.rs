//! Binds a UDP socket and receives many packets at once.

use std::{
    io,
    net::{SocketAddr, UdpSocket},
    time::Duration,
};

use socket2::{Domain, Protocol, Socket, Type};

/// How long a call waits for a first packet, and so how soon the thread sees that it is to stop.
const WAIT: Duration = Duration::from_millis(100);

/// Binds `address`, with a buffer of `buffer` bytes in the kernel if that is not 0.
pub(super) fn bind(address: SocketAddr, v6_only: bool, buffer: usize) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(v6_only)?;
    }
    if buffer > 0 {
        socket.set_recv_buffer_size(buffer)?;
    }
    socket.set_read_timeout(Some(WAIT))?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// The bytes that the kernel gave to the buffer of `socket`, as they are asked for.
pub(super) fn buffer_size(socket: &UdpSocket) -> io::Result<usize> {
    let bytes = socket2::SockRef::from(socket).recv_buffer_size()?;
    // Linux doubles what it is asked for, to have room for its own books, and tells the double.
    Ok(if cfg!(target_os = "linux") { bytes / 2 } else { bytes })
}

/// One packet in the receiver's buffer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Raw<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) peer: Option<SocketAddr>,
    /// There was more than the buffer holds.
    pub(super) is_cut: bool,
}

#[cfg(target_os = "linux")]
pub(super) use linux::Batch;
#[cfg(not(target_os = "linux"))]
pub(super) use one::Batch;

#[cfg(target_os = "linux")]
mod linux {
    use std::{io::IoSliceMut, os::fd::AsRawFd};

    use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, recvmmsg};

    use super::{Raw, SocketAddr, UdpSocket, io};

    /// Packets per call.
    const MOST: usize = 64;

    /// Room for the packets of one call. Pages of it that no packet has reached take no memory.
    pub(crate) struct Batch {
        buffer: Vec<u8>,
        packet: usize,
        headers: MultiHeaders<SockaddrStorage>,
    }

    impl Batch {
        pub(crate) fn new(packet: usize) -> Self {
            Self { buffer: vec![0; packet * MOST], packet, headers: MultiHeaders::preallocate(MOST, None) }
        }

        /// Waits for a packet, a moment at most, and gives it with all that have come besides.
        pub(crate) fn receive(&mut self, socket: &UdpSocket) -> io::Result<Vec<Raw<'_>>> {
            let Self { buffer, packet, headers } = self;
            let received: Vec<_> = {
                let mut slices: Vec<_> =
                    buffer.chunks_exact_mut(*packet).map(|room| [IoSliceMut::new(room)]).collect();
                let flags = MsgFlags::MSG_WAITFORONE;
                recvmmsg(socket.as_raw_fd(), headers, slices.iter_mut(), flags, None)?
                    .map(|message| (message.bytes, message.address, message.flags))
                    .collect()
            };
            let rooms = buffer.chunks_exact(*packet);
            let raw = rooms.zip(received).map(|(room, (len, from, flags))| Raw {
                bytes: room.get(..len).unwrap_or(room),
                peer: from.and_then(address),
                is_cut: flags.contains(MsgFlags::MSG_TRUNC),
            });
            Ok(raw.collect())
        }
    }

    fn address(from: SockaddrStorage) -> Option<SocketAddr> {
        let v4 = from.as_sockaddr_in().map(|v4| SocketAddr::V4((*v4).into()));
        v4.or_else(|| from.as_sockaddr_in6().map(|v6| SocketAddr::V6((*v6).into())))
    }
}

#[cfg(not(target_os = "linux"))]
mod one {
    use super::{Raw, UdpSocket, io};

    /// Room for one packet and a byte, by which a longer one is known.
    pub(crate) struct Batch(Vec<u8>);

    impl Batch {
        pub(crate) fn new(packet: usize) -> Self {
            Self(vec![0; packet + 1])
        }

        /// Waits for a packet, a moment at most.
        pub(crate) fn receive(&mut self, socket: &UdpSocket) -> io::Result<Vec<Raw<'_>>> {
            let (len, peer) = socket.recv_from(&mut self.0)?;
            let is_cut = len == self.0.len();
            Ok(vec![Raw { bytes: self.0.get(..len).unwrap_or_default(), peer: Some(peer), is_cut }])
        }
    }
}
