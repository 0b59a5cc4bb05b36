//! The heads of the frames in a stream of HTTP/2, which comes in pieces of any size. Payloads are skipped by their
//! length.

/// Length, type, flags and stream (RFC 9113, 4.1).
const HEAD: usize = 9;

/// The head of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    /// Bytes of payload.
    pub(super) length: usize,
    pub(super) kind: Kind,
    pub(super) stream: u32,
}

/// The frames that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Data,
    Headers,
    /// Not the answer to one.
    Ping,
    Other,
}

impl Frame {
    fn of(head: [u8; HEAD]) -> Self {
        const ACK: u8 = 1;
        let [length @ .., kind, flags, a, b, c, d] = head;
        let [high, middle, low] = length;
        let kind = match kind {
            0 => Kind::Data,
            1 => Kind::Headers,
            6 if flags & ACK == 0 => Kind::Ping,
            _ => Kind::Other,
        };
        let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        Self { length, kind, stream: u32::from_be_bytes([a & 0x7f, b, c, d]) }
    }
}

/// Where one direction of a connection stands.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// The beginning of a head.
    head: [u8; HEAD],
    have: usize,
    /// Payload that has not come yet.
    left: usize,
}

impl Frames {
    /// Takes the next bytes of the stream, and shows each frame as soon as its head is complete.
    pub(super) fn feed(&mut self, mut bytes: &[u8], mut each: impl FnMut(Frame)) {
        loop {
            let skipped = self.left.min(bytes.len());
            self.left -= skipped;
            bytes = bytes.get(skipped..).unwrap_or_default();
            if bytes.is_empty() {
                return;
            }
            let wanted = HEAD - self.have;
            let (part, rest) = bytes.split_at(wanted.min(bytes.len()));
            if let Some(head) = self.head.get_mut(self.have..self.have + part.len()) {
                head.copy_from_slice(part);
            }
            self.have += part.len();
            bytes = rest;
            if self.have == HEAD {
                let frame = Frame::of(self.head);
                (self.have, self.left) = (0, frame.length);
                each(frame);
            }
        }
    }

    /// Whether the stream stands between two frames.
    pub(super) fn between(&self) -> bool {
        self.have == 0 && self.left == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_however_the_bytes_are_cut() {
        let stream = [
            &[0, 0, 3, 0, 1, 0, 0, 0, 1][..],
            b"\0\0\x08",
            &[0, 0, 8, 6, 0, 0, 0, 0, 0],
            b"pingping",
            &[0, 0, 0, 4, 1, 0x80, 0, 0, 0],
            &[1, 0, 1, 1, 4, 0x80, 0, 0, 7],
            &[9; 65_537],
            &[0, 0, 8, 6, 1, 0, 0, 0, 0],
            b"pongpong",
        ]
        .concat();
        let frame = |length, kind, stream| Frame { length, kind, stream };
        let expected = [
            frame(3, Kind::Data, 1),
            frame(8, Kind::Ping, 0),
            frame(0, Kind::Other, 0),
            frame(65_537, Kind::Headers, 7),
            frame(8, Kind::Other, 0),
        ];
        for size in [1, 2, 8, 9, 10, 13, 1000, stream.len()] {
            let (mut frames, mut found) = (Frames::default(), Vec::new());
            stream.chunks(size).for_each(|piece| frames.feed(piece, |frame| found.push(frame)));
            assert_eq!(found, expected, "in pieces of {size}");
            assert!(frames.between());
            frames.feed(&[0], |_| ());
            assert!(!frames.between());
        }
    }
}
