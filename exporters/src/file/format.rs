//! A batch as the bytes that go into the file.

use std::io;

use bytes::Bytes;
use sluice_pdata::{Pdata, json};

/// What a request is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Json,
    Proto,
}

/// Whether each request is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Zstd { level: i32 },
}

/// One record of the file: a line of JSON, or the length in four bytes, big endian, and the request.
///
/// # Errors
/// When compression fails, or a request takes 4 GiB or more.
pub(super) fn record(data: &Pdata, format: Format, compression: Compression) -> io::Result<Vec<u8>> {
    match (format, compression) {
        (Format::Json, Compression::None) => {
            let mut line = Vec::new();
            json::encode_request(data, &mut line);
            line.push(b'\n');
            Ok(line)
        }
        (Format::Proto, Compression::None) => framed(&data.wire()),
        (format, Compression::Zstd { level }) => {
            let mut plain = Vec::with_capacity(data.size());
            match format {
                Format::Json => json::encode_request(data, &mut plain),
                Format::Proto => data.wire().iter().for_each(|chunk| plain.extend_from_slice(chunk)),
            }
            framed(&[zstd::bulk::compress(&plain, level)?.into()])
        }
    }
}

fn framed(pieces: &[Bytes]) -> io::Result<Vec<u8>> {
    let len: usize = pieces.iter().map(Bytes::len).sum();
    let prefix = u32::try_from(len).map_err(|_| {
        io::Error::new(io::ErrorKind::FileTooLarge, "a request of 4 GiB has no length prefix")
    })?;
    let mut record = Vec::with_capacity(len + 4);
    record.extend_from_slice(&prefix.to_be_bytes());
    pieces.iter().for_each(|piece| record.extend_from_slice(piece));
    Ok(record)
}
