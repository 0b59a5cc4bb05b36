//! Decoders behind one bound.

use std::io::Read;

use bytes::Bytes;
use flate2::{Decompress, FlushDecompress, Status};
use sluice_component::{Budget, Permit};

use super::{Codec, DecodeError};

/// The first bytes of framed snappy: a stream identifier chunk.
const SNAPPY_FRAMED: &[u8] = b"\xff\x06\x00\x00sNaPpY";

/// Decompresses all of `input`; the output's capacity is reserved in `budget`.
pub(super) fn decompress(
    codec: Codec,
    input: &[u8],
    limit: usize,
    budget: &Budget,
) -> Result<(Bytes, Permit), DecodeError> {
    let (buffer, permit) = (Vec::new(), budget.reserve(0)?);
    let mut output = Output { codec, buffer, length: 0, limit, permit, budget };
    match codec {
        Codec::Gzip => output.drain(flate2::bufread::MultiGzDecoder::new(input), guess(input))?,
        Codec::Zlib | Codec::Deflate => output.inflate(input)?,
        Codec::Zstd => output.zstd(input)?,
        // Framed snappy of nothing is nothing.
        Codec::Snappy if !input.is_empty() && !input.starts_with(SNAPPY_FRAMED) => {
            output.snappy_block(input)?
        }
        Codec::Snappy | Codec::SnappyFramed => {
            output.drain(snap::read::FrameDecoder::new(input), guess(input))?;
        }
        Codec::Lz4 => output.lz4(input)?,
    }
    Ok(output.finish())
}

/// Where the output's buffer starts.
fn guess(input: &[u8]) -> usize {
    input.len().saturating_mul(8).clamp(4 << 10, 256 << 10)
}

/// What is decompressed, within a limit and the budget.
struct Output<'a> {
    codec: Codec,
    /// Zeroed behind `length`.
    buffer: Vec<u8>,
    length: usize,
    limit: usize,
    permit: Permit,
    budget: &'a Budget,
}

impl Output<'_> {
    fn corrupt(&self, cause: impl ToString) -> DecodeError {
        DecodeError::Corrupt { codec: self.codec, cause: cause.to_string() }
    }

    /// Makes the buffer `capacity` bytes long, if the budget has room for the old one and the new one.
    fn grow(&mut self, capacity: usize) -> Result<(), DecodeError> {
        self.permit.grow(capacity)?;
        self.buffer.reserve_exact(capacity.saturating_sub(self.buffer.len()));
        self.buffer.resize(capacity, 0);
        self.permit.shrink_to(capacity);
        Ok(())
    }

    /// The part of the buffer that is free, after it grew where it was full; empty at the limit.
    fn room(&mut self, first: usize) -> Result<&mut [u8], DecodeError> {
        if self.length == self.buffer.len() && self.length < self.limit {
            self.grow(self.length.saturating_mul(2).max(first).min(self.limit))?;
        }
        Ok(self.buffer.get_mut(self.length..).unwrap_or_default())
    }

    fn drain(&mut self, mut reader: impl Read, first: usize) -> Result<(), DecodeError> {
        loop {
            let mut beyond = [0];
            let room = self.room(first)?;
            let at_limit = room.is_empty();
            let read = match reader.read(if at_limit { &mut beyond } else { room }) {
                Ok(read) => read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.corrupt(error)),
            };
            match read {
                0 => return Ok(()),
                _ if at_limit => return Err(DecodeError::TooLarge),
                read => self.length += read,
            }
        }
    }

    /// A zlib stream. flate2's reader takes a cut-off one for a whole one, so this drives the decoder itself.
    fn inflate(&mut self, mut input: &[u8]) -> Result<(), DecodeError> {
        let first = guess(input);
        let mut decoder = Decompress::new(true);
        loop {
            let mut beyond = [0];
            let room = self.room(first)?;
            let at_limit = room.is_empty();
            let (before_in, before_out) = (decoder.total_in(), decoder.total_out());
            let target = if at_limit { &mut beyond } else { room };
            let result = decoder.decompress(input, target, FlushDecompress::None);
            let status = result.map_err(|error| self.corrupt(error))?;
            let read = usize::try_from(decoder.total_in() - before_in).unwrap_or(usize::MAX);
            let written = usize::try_from(decoder.total_out() - before_out).unwrap_or(usize::MAX);
            input = input.get(read..).unwrap_or_default();
            if at_limit && written > 0 {
                return Err(DecodeError::TooLarge);
            }
            self.length += written;
            match status {
                Status::StreamEnd => return Ok(()),
                Status::Ok | Status::BufError if read + written > 0 => {}
                Status::Ok | Status::BufError => return Err(self.corrupt("unexpected end of file")),
            }
        }
    }

    /// A block says how long its content is.
    fn snappy_block(&mut self, input: &[u8]) -> Result<(), DecodeError> {
        let length = snap::raw::decompress_len(input).map_err(|error| self.corrupt(error))?;
        if length > self.limit {
            return Err(DecodeError::TooLarge);
        }
        // Three bytes make at most 64.
        if length > input.len().saturating_mul(24).saturating_add(64) {
            return Err(self.corrupt("the block declares more than its bytes can hold"));
        }
        self.grow(length)?;
        let result = snap::raw::Decoder::new().decompress(input, &mut self.buffer);
        self.length = result.map_err(|error| self.corrupt(error))?;
        Ok(())
    }

    /// A frame that says how long its content is goes straight into the buffer, if that is likely; others need a
    /// window beside it.
    fn zstd(&mut self, input: &[u8]) -> Result<(), DecodeError> {
        let header = ZstdHeader::decode(input);
        if let Some(content) = header.and_then(|header| header.content) {
            if content > self.limit as u64 {
                return Err(DecodeError::TooLarge);
            }
            let content = usize::try_from(content).unwrap_or(usize::MAX);
            if content <= BELIEVED.max(input.len().saturating_mul(64)) {
                self.grow(content)?;
                let decoded = zstd::bulk::Decompressor::new()
                    .and_then(|mut decoder| decoder.decompress_to_buffer(input, self.buffer.as_mut_slice()));
                if let Ok(length) = decoded {
                    self.length = length;
                    return Ok(());
                }
                // Damaged, or several frames: the other way tells.
            }
        }
        let window_log = log2_of(header.map_or(self.limit as u64, |header| header.window.max(1 << 10)));
        if window_log > log2_of(self.limit as u64).max(LARGEST_COMMON_WINDOW) {
            return Err(DecodeError::TooLarge);
        }
        let _window = self.budget.reserve(1 << window_log)?;
        let mut decoder =
            zstd::stream::read::Decoder::with_buffer(input).map_err(|error| self.corrupt(error))?;
        decoder.window_log_max(window_log.max(10)).map_err(|error| self.corrupt(error))?;
        self.length = 0;
        self.drain(decoder, guess(input))
    }

    /// The decoder has buffers for two blocks of the size that the frame declares.
    fn lz4(&mut self, input: &[u8]) -> Result<(), DecodeError> {
        let block = match input.get(5).map(|bd| bd >> 4 & 7) {
            Some(4) => 64 << 10,
            Some(5) => 256 << 10,
            Some(6) => 1 << 20,
            _ => 4 << 20,
        };
        let _buffers = self.budget.reserve(3 * block)?;
        let mut rest = input;
        loop {
            let frame = rest;
            let mut decoder = lz4_flex::frame::FrameDecoder::new(&mut rest);
            self.drain(&mut decoder, guess(input))?;
            let read = frame.get(..frame.len() - rest.len()).unwrap_or_default();
            if !ends_lz4(read) {
                return Err(self.corrupt("unexpected end of file"));
            }
            if rest.is_empty() {
                return Ok(());
            }
        }
    }

    fn finish(mut self) -> (Bytes, Permit) {
        self.buffer.truncate(self.length);
        if self.buffer.capacity() - self.length > self.length / 4 {
            self.buffer.shrink_to_fit();
        }
        self.permit.shrink_to(self.buffer.capacity());
        (Bytes::from(self.buffer), self.permit)
    }
}

/// Whether a frame has its end mark: the decoder takes a frame that is cut off between two blocks for a whole one.
fn ends_lz4(frame: &[u8]) -> bool {
    let checksum = if frame.get(4).is_some_and(|flags| flags & 4 != 0) { 4 } else { 0 };
    let before = frame.len().checked_sub(checksum).and_then(|end| frame.get(..end));
    before.is_some_and(|frame| frame.ends_with(&[0; 4]))
}

/// A declared length of which there is room in any case; more needs input that makes it likely.
const BELIEVED: usize = 256 << 10;

/// Windows up to 8 MiB are what every decoder should take (RFC 8878, 3.1.1.1.2).
const LARGEST_COMMON_WINDOW: u32 = 23;

fn log2_of(bytes: u64) -> u32 {
    bytes.next_power_of_two().trailing_zeros()
}

/// What the head of the first zstd frame declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ZstdHeader {
    content: Option<u64>,
    window: u64,
}

impl ZstdHeader {
    fn decode(input: &[u8]) -> Option<Self> {
        let rest = input.strip_prefix(b"\x28\xb5\x2f\xfd")?;
        let (&descriptor, rest) = rest.split_first()?;
        let single = descriptor & 0x20 != 0;
        let (window, rest) = if single {
            (None, rest)
        } else {
            let (&byte, rest) = rest.split_first()?;
            let base = 1_u64 << (10 + u32::from(byte >> 3));
            (Some(base + base / 8 * u64::from(byte & 7)), rest)
        };
        let dictionary = [0, 1, 2, 4].get(usize::from(descriptor & 3)).copied()?;
        let rest = rest.get(dictionary..)?;
        let width = match descriptor >> 6 {
            0 if single => 1,
            0 => 0,
            1 => 2,
            2 => 4,
            _ => 8,
        };
        let mut bytes = [0; 8];
        bytes.get_mut(..width)?.copy_from_slice(rest.get(..width)?);
        let number = u64::from_le_bytes(bytes);
        let content = match width {
            0 => None,
            2 => Some(number + 256),
            _ => Some(number),
        };
        Some(Self { content, window: window.or(content)? })
    }
}
