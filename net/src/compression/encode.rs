//! Encoders over lists of chunks.

use std::io::{self, Write};

use bytes::{Bytes, BytesMut};

use super::Codec;

/// Compresses `chunks`, `size` bytes in all, as one stream.
pub(super) fn compress(codec: Codec, level: i32, chunks: &[Bytes], size: usize) -> io::Result<Bytes> {
    // Telemetry shrinks to a tenth, or to a quarter at worst.
    let output = Vec::with_capacity(size / 4 + 64);
    let compressed = match codec {
        Codec::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(output, deflate_level(level));
            write_all(&mut encoder, chunks)?;
            encoder.finish()?
        }
        Codec::Zlib | Codec::Deflate => {
            let mut encoder = flate2::write::ZlibEncoder::new(output, deflate_level(level));
            write_all(&mut encoder, chunks)?;
            encoder.finish()?
        }
        Codec::Zstd => {
            let mut encoder = zstd::stream::write::Encoder::new(output, zstd_level(level))?;
            encoder.set_pledged_src_size(Some(size as u64))?;
            write_all(&mut encoder, chunks)?;
            encoder.finish()?
        }
        Codec::Snappy => snap::raw::Encoder::new().compress_vec(&join(chunks, size))?,
        Codec::SnappyFramed => {
            let mut encoder = snap::write::FrameEncoder::new(output);
            write_all(&mut encoder, chunks)?;
            encoder.into_inner().map_err(|error| io::Error::other(error.to_string()))?
        }
        Codec::Lz4 => {
            let mut encoder = lz4_flex::frame::FrameEncoder::new(output);
            write_all(&mut encoder, chunks)?;
            encoder.finish().map_err(io::Error::other)?
        }
    };
    Ok(Bytes::from(compressed))
}

fn write_all(encoder: &mut impl Write, chunks: &[Bytes]) -> io::Result<()> {
    chunks.iter().try_for_each(|chunk| encoder.write_all(chunk))
}

fn join(chunks: &[Bytes], size: usize) -> Bytes {
    match chunks {
        [one] => one.clone(),
        many => {
            let mut joined = BytesMut::with_capacity(size);
            many.iter().for_each(|chunk| joined.extend_from_slice(chunk));
            joined.freeze()
        }
    }
}

fn deflate_level(level: i32) -> flate2::Compression {
    match level {
        -2 => flate2::Compression::fast(),
        -1 | 0 => flate2::Compression::default(),
        level => flate2::Compression::new(level.clamp(1, 9).unsigned_abs()),
    }
}

/// Beyond 19 the encoder takes hundreds of MiB.
fn zstd_level(level: i32) -> i32 {
    match level {
        0 => zstd::DEFAULT_COMPRESSION_LEVEL,
        level => level.clamp(*zstd::compression_level_range().start(), 19),
    }
}
