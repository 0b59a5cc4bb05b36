//! Compresses pieces as they are made.

use std::io::Write;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};

/// Whether a list of encodings has gzip in it, by name or by `*`, and does not rule it out.
pub(super) fn is_accepted(accept_encoding: &str) -> bool {
    let weight = |name: &str| {
        accept_encoding.split(',').find_map(|range| {
            let (encoding, parameters) = range.split_once(';').unwrap_or((range, ""));
            let q = parameters.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.trim().parse::<f32>().ok());
            encoding.trim().eq_ignore_ascii_case(name).then_some(q.unwrap_or(0.0))
        })
    };
    weight("gzip").or_else(|| weight("*")).is_some_and(|q| q > 0.0)
}

/// Pieces, compressed. Some take several pieces to make: the compressor holds a window back.
#[derive(Debug)]
pub(super) struct Gzip<I> {
    pieces: I,
    /// `None` when all is compressed.
    encoder: Option<GzEncoder<Vec<u8>>>,
}

impl<I> Gzip<I> {
    pub(super) fn new(pieces: I) -> Self {
        Self { pieces, encoder: Some(GzEncoder::new(Vec::new(), Compression::fast())) }
    }
}

impl<I: Iterator<Item = Bytes>> Iterator for Gzip<I> {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        let encoder = self.encoder.as_mut()?;
        for piece in self.pieces.by_ref() {
            // Into memory, which does not fail.
            encoder.write_all(&piece).ok()?;
            if !encoder.get_ref().is_empty() {
                return Some(std::mem::take(encoder.get_mut()).into());
            }
        }
        self.encoder.take()?.finish().ok().map(Bytes::from)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn gzip_is_used_where_it_is_accepted() {
        for (accept, wanted) in [
            ("gzip", true),
            ("deflate, GZIP;q=0.5", true),
            ("*", true),
            ("identity", false),
            ("gzip;q=0", false),
            ("gzip;q=0, *", false),
            ("gzip;q=x", false),
            ("", false),
        ] {
            assert_eq!(is_accepted(accept), wanted, "{accept}");
        }
    }

    #[test]
    fn pieces_come_back() {
        let pieces: Vec<_> =
            (0..100_u32).map(|index| Bytes::from(format!("{index}\n").repeat(1000))).collect();
        let compressed: Vec<u8> = Gzip::new(pieces.clone().into_iter()).flatten().collect();
        let mut text = Vec::new();
        flate2::read::GzDecoder::new(&*compressed).read_to_end(&mut text).unwrap();
        assert_eq!(text, pieces.concat());
        let nothing: Vec<u8> = Gzip::new(std::iter::empty()).flatten().collect();
        assert_eq!(flate2::read::GzDecoder::new(&*nothing).read_to_end(&mut Vec::new()).unwrap(), 0);
    }
}
