//! The five bytes before each message of gRPC: a compressed flag and a length.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use smallvec::SmallVec;

/// Bytes before each message.
pub const PREFIX: usize = 5;

/// What the prefix of a message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prefix {
    /// The message is in the encoding of the `grpc-encoding` header.
    pub compressed: bool,
    /// Bytes of the message that follow.
    pub length: usize,
}

impl Prefix {
    /// # Errors
    /// The flag, where it is neither 0 nor 1.
    pub fn decode([flag, length @ ..]: [u8; PREFIX]) -> Result<Self, u8> {
        if flag > 1 {
            return Err(flag);
        }
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        Ok(Self { compressed: flag == 1, length })
    }

    /// The five bytes; `None` for a message of 4 GiB and more, which has no prefix.
    #[must_use]
    pub fn encode(self) -> Option<[u8; PREFIX]> {
        let [a, b, c, d] = u32::try_from(self.length).ok()?.to_be_bytes();
        Some([u8::from(self.compressed), a, b, c, d])
    }
}

/// The prefix at the start of a body, which may arrive in parts.
#[derive(Debug, Default)]
pub(super) struct Head {
    bytes: [u8; PREFIX],
    filled: usize,
}

impl Head {
    /// Moves from the front of `data` what is missing of the prefix. Gives it once it is whole.
    ///
    /// # Errors
    /// As [`Prefix::decode`].
    pub(super) fn take(&mut self, data: &mut Bytes) -> Result<Option<Prefix>, u8> {
        for byte in self.bytes.iter_mut().skip(self.filled) {
            if !data.has_remaining() {
                return Ok(None);
            }
            *byte = data.get_u8();
            self.filled += 1;
        }
        Prefix::decode(self.bytes).map(Some)
    }
}

/// A message with its prefix in one buffer, for short answers; a long one is copied.
pub(super) fn encode_short(message: &Bytes) -> Option<Bytes> {
    static EMPTY: [u8; PREFIX] = [0; PREFIX];
    if message.is_empty() {
        return Some(Bytes::from_static(&EMPTY));
    }
    let prefix = Prefix { compressed: false, length: message.len() }.encode()?;
    let mut frame = BytesMut::with_capacity(PREFIX + message.len());
    frame.put_slice(&prefix);
    frame.put_slice(message);
    Some(frame.freeze())
}

/// A message as HTTP/2 sends it: the prefix and the chunks, which are written to the socket where they lie.
#[derive(Debug, Clone)]
pub(super) struct Message {
    prefix: [u8; PREFIX],
    /// Bytes of the prefix that are sent.
    sent: usize,
    chunks: SmallVec<[Bytes; 2]>,
    /// The first chunk that is not sent whole; those before it are empty.
    first: usize,
    remaining: usize,
}

impl Message {
    pub(super) fn new(compressed: bool, chunks: SmallVec<[Bytes; 2]>) -> Option<Self> {
        let length = chunks.iter().map(Bytes::len).sum();
        let prefix = Prefix { compressed, length }.encode()?;
        Some(Self { prefix, sent: 0, chunks, first: 0, remaining: PREFIX + length })
    }
}

impl Buf for Message {
    fn remaining(&self) -> usize {
        self.remaining
    }

    fn chunk(&self) -> &[u8] {
        match self.prefix.get(self.sent..) {
            Some(rest) if !rest.is_empty() => rest,
            _ => {
                self.chunks.get(self.first..).into_iter().flatten().find(|c| !c.is_empty()).map_or(&[], |c| c)
            }
        }
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [std::io::IoSlice<'a>]) -> usize {
        let prefix = self.prefix.get(self.sent..).unwrap_or_default();
        let chunks = self.chunks.get(self.first..).unwrap_or_default().iter().map(|chunk| &chunk[..]);
        let mut filled = 0;
        for (slice, bytes) in
            slices.iter_mut().zip(std::iter::once(prefix).chain(chunks).filter(|b| !b.is_empty()))
        {
            *slice = std::io::IoSlice::new(bytes);
            filled += 1;
        }
        filled
    }

    fn advance(&mut self, mut count: usize) {
        assert!(count <= self.remaining, "cannot advance past the end of the message");
        self.remaining -= count;
        let of_prefix = count.min(PREFIX - self.sent);
        self.sent += of_prefix;
        count -= of_prefix;
        while count > 0 {
            let Some(chunk) = self.chunks.get_mut(self.first) else { return };
            if chunk.len() > count {
                chunk.advance(count);
                return;
            }
            count -= chunk.len();
            *chunk = Bytes::new();
            self.first += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use smallvec::smallvec;

    use super::*;

    #[test]
    fn a_prefix_is_a_flag_and_a_big_endian_length() {
        let prefix = Prefix { compressed: true, length: 0x0102 };
        assert_eq!(prefix.encode(), Some([1, 0, 0, 1, 2]));
        assert_eq!(Prefix::decode([1, 0, 0, 1, 2]), Ok(prefix));
        assert_eq!(Prefix::decode([2, 0, 0, 1, 2]), Err(2));
    }

    #[test]
    fn a_prefix_is_read_however_its_bytes_arrive() {
        let whole = [1, 0, 0, 0, 2, 7, 8];
        for cut in 0..=whole.len() {
            let (mut first, mut second) = (Bytes::copy_from_slice(&whole), Bytes::new());
            if cut < whole.len() {
                second = first.split_off(cut);
            }
            let mut head = Head::default();
            let of_first = head.take(&mut first).unwrap();
            let prefix = of_first.or_else(|| head.take(&mut second).unwrap());
            assert_eq!(prefix, Some(Prefix { compressed: true, length: 2 }), "cut at {cut}");
            assert_eq!([first, second].concat(), [7, 8], "cut at {cut}");
        }
    }

    #[test]
    fn a_message_reads_as_prefix_and_chunks_at_every_step() {
        let chunks = smallvec![Bytes::from_static(b"ab"), Bytes::new(), Bytes::from_static(b"cde")];
        let whole = [0, 0, 0, 0, 5, b'a', b'b', b'c', b'd', b'e'];
        for step in 1..=whole.len() {
            let mut message = Message::new(false, chunks.clone()).unwrap();
            let mut read = Vec::new();
            while message.has_remaining() {
                let mut slices = [std::io::IoSlice::new(&[]); 8];
                let filled = message.chunks_vectored(&mut slices);
                let vectored: usize = slices[..filled].iter().map(|slice| slice.len()).sum();
                assert_eq!(vectored, message.remaining());
                let take = step.min(message.chunk().len());
                read.extend_from_slice(&message.chunk()[..take]);
                message.advance(take);
            }
            assert_eq!(read, whole);
        }
    }
}
