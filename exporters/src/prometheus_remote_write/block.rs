//! Bodies as snappy blocks.

/// Compresses bodies, one after the other, by way of one buffer.
pub(super) struct Blocks {
    encoder: snap::raw::Encoder,
    buffer: Vec<u8>,
}

impl Blocks {
    pub(super) fn new() -> Self {
        Self { encoder: snap::raw::Encoder::new(), buffer: Vec::new() }
    }

    /// A body as a block. Fails only beyond 4 GiB, more than any batch may become; the block is empty then.
    pub(super) fn block(&mut self, body: &[u8]) -> Vec<u8> {
        let room = snap::raw::max_compress_len(body.len());
        if self.buffer.len() < room {
            self.buffer.resize(room, 0);
        }
        let len = self.encoder.compress(body, &mut self.buffer).unwrap_or(0);
        self.buffer.get(..len).unwrap_or_default().to_vec()
    }
}

/// The body of a block that was made here.
pub(super) fn plain(block: &[u8]) -> Vec<u8> {
    snap::raw::Decoder::new().decompress_vec(block).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_of_all_sizes_come_back() {
        let mut blocks = Blocks::new();
        for size in [0, 1, 100_000, 7] {
            let body: Vec<u8> = (0..size).map(|at: u32| at.to_le_bytes()[0]).collect();
            let block = blocks.block(&body);
            assert_eq!(plain(&block), body);
            assert_eq!(block.capacity(), block.len(), "nothing is kept beside it");
        }
    }
}
