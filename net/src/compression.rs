//! Every codec of otelcol. Decompression is bounded by a limit and by the budget, before memory is taken.
//!
//! - [`Codec`]: the closed set, with its names on the wire
//! - [`Compression`], [`CompressionParams`]: what clients are set to, in otelcol's spelling
//! - [`decompress`], [`compress`]: run on the blocking pool when there is much to do

mod decode;
mod encode;

use std::{fmt, sync::LazyLock};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sluice_component::{Budget, OverBudget, Permit};
use sluice_config::Checker;
use tokio::sync::Semaphore;

/// A way to compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Codec {
    /// gzip, of one or more members.
    Gzip,
    /// A zlib stream.
    Zlib,
    /// A zlib stream too: what HTTP calls deflate.
    Deflate,
    /// Zstandard, of one or more frames.
    Zstd,
    /// A raw snappy block; framed input is recognised.
    Snappy,
    /// Framed snappy.
    SnappyFramed,
    /// LZ4 frames.
    Lz4,
}

impl Codec {
    /// Every codec.
    pub const ALL: [Self; 7] =
        [Self::Gzip, Self::Zstd, Self::Zlib, Self::Snappy, Self::Deflate, Self::Lz4, Self::SnappyFramed];

    /// The value of `Content-Encoding`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zlib => "zlib",
            Self::Deflate => "deflate",
            Self::Zstd => "zstd",
            Self::Snappy => "snappy",
            Self::SnappyFramed => "x-snappy-framed",
            Self::Lz4 => "lz4",
        }
    }

    /// The codec of a `Content-Encoding`, whatever its case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.as_str().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// `compression` of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// `""`: none.
    #[default]
    #[serde(rename = "")]
    Unset,
    /// None.
    None,
    /// gzip.
    Gzip,
    /// zlib.
    Zlib,
    /// zlib, named deflate.
    Deflate,
    /// Zstandard.
    Zstd,
    /// Snappy: a raw block over HTTP, framed over gRPC.
    Snappy,
    /// Framed snappy.
    #[serde(rename = "x-snappy-framed")]
    SnappyFramed,
    /// LZ4 frames.
    Lz4,
}

impl Compression {
    /// The codec; `None` for no compression.
    #[must_use]
    pub fn codec(self) -> Option<Codec> {
        match self {
            Self::Unset | Self::None => None,
            Self::Gzip => Some(Codec::Gzip),
            Self::Zlib => Some(Codec::Zlib),
            Self::Deflate => Some(Codec::Deflate),
            Self::Zstd => Some(Codec::Zstd),
            Self::Snappy => Some(Codec::Snappy),
            Self::SnappyFramed => Some(Codec::SnappyFramed),
            Self::Lz4 => Some(Codec::Lz4),
        }
    }
}

/// `compression_params` of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CompressionParams {
    /// gzip, zlib and deflate: -2 (Huffman coding alone, which is done as level 1), -1 (the default), 0 to 9;
    /// zstd: any, the nearest that exists is taken; 0 is the codec's default. The others have no levels.
    pub level: i32,
}

impl CompressionParams {
    /// Reports a level that `compression` does not have; `at` is the section that holds both keys.
    pub fn check(self, compression: Compression, at: &mut Checker<'_>) {
        let supported = match compression.codec() {
            Some(Codec::Gzip | Codec::Zlib | Codec::Deflate) => (-2..=9).contains(&self.level),
            Some(Codec::Zstd) => true,
            _ => self.level == 0,
        };
        if !supported {
            let name = compression.codec().map_or("", Codec::as_str);
            at.section("compression_params").key("level").error(format!(
                "unsupported parameters {{Level:{}}} for compression type \"{name}\"",
                self.level
            ));
        }
    }
}

/// Why compressed data was not decompressed.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The output would be larger than the limit.
    #[error("the decompressed data is larger than the limit")]
    TooLarge,
    /// The process has no room for the output now.
    #[error(transparent)]
    OverBudget(#[from] OverBudget),
    /// The input is damaged or of another kind.
    #[error("cannot decompress as {codec}: {cause}")]
    Corrupt {
        /// What the input was said to be.
        codec: Codec,
        /// What the decoder said.
        cause: String,
    },
}

/// What is compressed where it is, since handing it to another thread costs more.
const INLINE: usize = 64 << 10;
/// What is decompressed where it is: input of this size, as long as the output has at most [`INLINE_OUTPUT`].
const INLINE_INPUT: usize = 32 << 10;
/// Where inline decompression gives up, to be begun again on the pool.
const INLINE_OUTPUT: usize = 256 << 10;

/// As many jobs as there are processors; the others wait without holding a thread.
static POOL: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from)));

async fn offload<T: Send + 'static>(job: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let turn = POOL.acquire().await.ok()?;
    let done = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        job()
    });
    done.await.ok()
}

/// Decompresses `input` to at most `limit` bytes that are reserved in `budget` as the output grows. `held` is the
/// input's own permit and is released with it.
///
/// # Errors
/// [`DecodeError`]; nothing stays reserved.
pub async fn decompress(
    codec: Codec,
    input: Bytes,
    held: Permit,
    limit: usize,
    budget: &Budget,
) -> Result<(Bytes, Permit), DecodeError> {
    if input.len() <= INLINE_INPUT {
        match decode::decompress(codec, &input, limit.min(INLINE_OUTPUT), budget) {
            Err(DecodeError::TooLarge) if limit > INLINE_OUTPUT => {}
            done => return done,
        }
    }
    let budget = budget.clone();
    let job = move || {
        let _held = held;
        decode::decompress(codec, &input, limit, &budget)
    };
    let stopped = || DecodeError::Corrupt { codec, cause: "the decoder stopped unexpectedly".to_owned() };
    offload(job).await.unwrap_or_else(|| Err(stopped()))
}

/// Compresses `chunks` in their order as one stream. A level of 0 is the codec's default. The chunks are joined
/// for a raw snappy block alone.
///
/// # Errors
/// The encoder's; there is none that another try would cure.
pub async fn compress(codec: Codec, level: i32, chunks: &[Bytes]) -> std::io::Result<Bytes> {
    let chunks: Vec<Bytes> = chunks.to_vec();
    let size = chunks.iter().map(Bytes::len).sum();
    if size <= INLINE {
        return encode::compress(codec, level, &chunks, size);
    }
    offload(move || encode::compress(codec, level, &chunks, size))
        .await
        .unwrap_or_else(|| Err(std::io::Error::other("the encoder stopped unexpectedly")))
}

#[cfg(test)]
mod tests;
