//! The endpoints of an outgoing span, out of its attributes.

use std::net::IpAddr;

use sluice_pdata::view::AnyValueView;

/// What an attribute says of an endpoint. Of two names for the same, the first is the one that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    LocalAddress,
    LocalPort,
    PeerService,
    PeerAddress,
    PeerPort,
}

impl Slot {
    pub(super) fn of(key: &[u8]) -> Option<Self> {
        Some(match key {
            b"network.local.address" | b"net.host.ip" => Self::LocalAddress,
            b"network.local.port" | b"net.host.port" => Self::LocalPort,
            b"service.peer.name" | b"peer.service" => Self::PeerService,
            b"network.peer.address" | b"net.peer.ip" => Self::PeerAddress,
            b"network.peer.port" | b"net.peer.port" => Self::PeerPort,
            _ => return None,
        })
    }
}

/// An attribute.
pub(super) type Pair<'a> = (&'a [u8], AnyValueView<'a>);

/// The attributes that endpoints are made of.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Slots<'a> {
    slots: [Option<Pair<'a>>; 5],
}

impl<'a> Slots<'a> {
    /// Takes an attribute. Returns the one that stays an attribute, if the slot was taken.
    pub(super) fn set(&mut self, slot: Slot, key: &'a [u8], value: AnyValueView<'a>) -> Option<Pair<'a>> {
        let place = self.slots.get_mut(slot as usize)?;
        match *place {
            Some(other) if other.0 != key && other.1 != value => {
                // `service.*` and `network.*` are the current names, `peer.*` and `net.*` the old ones.
                let is_current = |key: &[u8]| key.starts_with(b"service.") || key.starts_with(b"network.");
                if is_current(key) {
                    *place = Some((key, value));
                    Some(other)
                } else {
                    Some((key, value))
                }
            }
            _ => {
                *place = Some((key, value));
                None
            }
        }
    }

    /// The endpoints, and the attributes that make none: they stay attributes.
    pub(super) fn endpoints<'s>(
        &self,
        service: &'s [u8],
    ) -> (Endpoint<'s>, Endpoint<'s>, [Option<Pair<'a>>; 5])
    where
        'a: 's,
    {
        let [local_address, local_port, peer_service, peer_address, peer_port] = self.slots;
        let mut left = [None; 5];
        let [left_local, left_local_port, left_service, left_peer, left_peer_port] = &mut left;
        let mut local = Endpoint { service, ..Endpoint::default() };
        local.take_address(local_address, left_local);
        local.take_port(local_port, left_local_port);
        let mut remote = Endpoint::default();
        match peer_service {
            Some((_, AnyValueView::String(name))) => remote.service = name.as_bytes(),
            other => *left_service = other,
        }
        remote.take_address(peer_address, left_peer);
        remote.take_port(peer_port, left_peer_port);
        (local, remote, left)
    }
}

/// One endpoint; without service and address it is none.
#[derive(Debug, Default)]
pub(super) struct Endpoint<'a> {
    pub(super) service: &'a [u8],
    /// Parsed, and as it stood.
    pub(super) address: Option<(IpAddr, &'a [u8])>,
    /// 0 is unknown.
    pub(super) port: u16,
}

impl<'s> Endpoint<'s> {
    pub(super) fn is_empty(&self) -> bool {
        self.service.is_empty() && self.address.is_none()
    }

    fn take_address<'a: 's>(&mut self, pair: Option<Pair<'a>>, left: &mut Option<Pair<'a>>) {
        if let Some((_, AnyValueView::String(text))) = pair {
            let parsed = std::str::from_utf8(text.as_bytes()).ok().and_then(|text| text.parse().ok());
            self.address = parsed.map(|address| (address, text.as_bytes()));
        }
        if self.address.is_none() {
            *left = pair;
        }
    }

    /// Comes last: an endpoint that is nothing but a port is none.
    fn take_port<'a>(&mut self, pair: Option<Pair<'a>>, left: &mut Option<Pair<'a>>) {
        if !self.is_empty() {
            self.port = match pair {
                Some((_, AnyValueView::Int(port))) => u16::try_from(port).unwrap_or(0),
                Some((_, AnyValueView::String(text))) => {
                    std::str::from_utf8(text.as_bytes()).ok().and_then(|text| text.parse().ok()).unwrap_or(0)
                }
                _ => 0,
            };
        }
        if self.port == 0 {
            *left = pair;
        }
    }
}
