use sluice_component::Budget;

use super::*;

fn text(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|i| b"telemetry is bytes until somebody needs more "[(i * i / 7) % 45]).collect()
}

fn chunks(data: &[u8]) -> Vec<Bytes> {
    data.chunks(1000).map(Bytes::copy_from_slice).collect()
}

async fn compressed(codec: Codec, data: &[u8]) -> Bytes {
    compress(codec, 0, &chunks(data)).await.unwrap()
}

async fn run(
    codec: Codec,
    input: impl Into<Bytes>,
    limit: usize,
    budget: &Budget,
) -> Result<(Bytes, Permit), DecodeError> {
    decompress(codec, input.into(), budget.reserve(0).unwrap(), limit, budget).await
}

#[tokio::test]
async fn every_codec_gives_back_what_it_was_given() {
    let budget = Budget::new(64 << 20);
    for size in [0, 1, 999, 300_000] {
        let data = text(size);
        for codec in Codec::ALL {
            let (back, permit) = run(codec, compressed(codec, &data).await, 1 << 20, &budget).await.unwrap();
            assert_eq!(back, data, "{codec} of {size}");
            assert!(permit.bytes() >= size && budget.used() == permit.bytes(), "{codec}: {permit:?}");
            drop(permit);
            assert_eq!(budget.used(), 0, "{codec}");
        }
    }
}

#[tokio::test]
async fn every_level_is_readable() {
    let data = text(10_000);
    let budget = Budget::new(64 << 20);
    for (codec, levels) in [(Codec::Gzip, -2..=9), (Codec::Zlib, -2..=9), (Codec::Zstd, -10..=30)] {
        for level in levels {
            let input = compress(codec, level, &chunks(&data)).await.unwrap();
            assert_eq!(run(codec, input, 1 << 20, &budget).await.unwrap().0, data, "{codec} {level}");
        }
    }
}

#[tokio::test]
async fn the_limit_itself_is_not_too_large() {
    let data = text(100_000);
    let budget = Budget::new(64 << 20);
    for codec in Codec::ALL {
        let input = compressed(codec, &data).await;
        assert!(run(codec, input.clone(), data.len(), &budget).await.is_ok(), "{codec}");
        let error = run(codec, input, data.len() - 1, &budget).await.unwrap_err();
        assert!(matches!(error, DecodeError::TooLarge), "{codec}: {error}");
    }
}

#[tokio::test]
async fn i2_a_bomb_is_stopped_at_the_limit() {
    let zeros = vec![0; 4 << 20];
    let budget = Budget::new(64 << 20);
    for codec in Codec::ALL {
        let error = run(codec, compressed(codec, &zeros).await, 1 << 20, &budget).await.unwrap_err();
        assert!(matches!(error, DecodeError::TooLarge), "{codec}: {error}");
        assert_eq!(budget.used(), 0, "{codec}");
    }
}

#[tokio::test]
async fn i2_a_bomb_is_stopped_at_the_budget() {
    let zeros = vec![0; 4 << 20];
    for codec in Codec::ALL {
        let budget = Budget::new(2 << 20);
        let error = run(codec, compressed(codec, &zeros).await, 64 << 20, &budget).await.unwrap_err();
        assert!(matches!(error, DecodeError::OverBudget(_)), "{codec}: {error}");
        assert_eq!(budget.used(), 0, "{codec}");
    }
}

#[tokio::test]
async fn i2_what_is_cut_off_or_damaged_is_corrupt() {
    let data = text(50_000);
    let budget = Budget::new(64 << 20);
    for codec in Codec::ALL {
        let whole = compressed(codec, &data).await;
        for cut in [1, whole.len() / 2, whole.len() - 1] {
            let result = run(codec, whole.slice(..cut), 1 << 20, &budget).await.map(|(bytes, _)| bytes.len());
            assert!(matches!(result, Err(DecodeError::Corrupt { .. })), "{codec} cut at {cut}: {result:?}");
        }
        let error =
            run(codec, &b"this is no compressed data at all"[..], 1 << 20, &budget).await.unwrap_err();
        assert!(!matches!(error, DecodeError::OverBudget(_)), "{codec}: {error}");
        assert_eq!(budget.used(), 0, "{codec}");
    }
}

#[tokio::test]
async fn i2_concatenated_streams_are_one() {
    let data = text(5000);
    let budget = Budget::new(64 << 20);
    for codec in [Codec::Gzip, Codec::Zstd, Codec::SnappyFramed, Codec::Lz4] {
        let one = compressed(codec, &data).await;
        let both = [&one[..], &one[..]].concat();
        let (back, _permit) = run(codec, both, 1 << 20, &budget).await.unwrap();
        assert_eq!(back, [&data[..], &data[..]].concat(), "{codec}");
    }
}

#[tokio::test]
async fn i2_a_length_that_is_only_declared_takes_no_memory() {
    let budget = Budget::new(64 << 20);
    // A snappy block of six bytes that declares 4 GiB, and one of 32 MiB.
    for length in [&b"\xff\xff\xff\xff\x0f\x00"[..], b"\x80\x80\x80\x10\x00\x00"] {
        let error = run(Codec::Snappy, length, 20 << 20, &budget).await.unwrap_err();
        assert!(matches!(error, DecodeError::TooLarge), "{error}");
    }
    // A zstd frame with a window of 2 GiB, and one that declares a content of 1 TiB.
    for head in
        [&b"\x28\xb5\x2f\xfd\x00\xa8\x01\x00\x00"[..], b"\x28\xb5\x2f\xfd\xe0\0\0\0\0\0\x01\0\0\x01\0\0"]
    {
        let error = run(Codec::Zstd, head, 20 << 20, &budget).await.unwrap_err();
        assert!(matches!(error, DecodeError::TooLarge), "{error}");
    }
}

#[tokio::test]
async fn i2_a_length_that_the_input_cannot_hold_takes_no_memory() {
    let budget = Budget::new(4 << 20);
    // A snappy block of a few bytes that declares 8 MiB.
    let error = run(Codec::Snappy, &b"\x80\x80\x80\x04\0a"[..], 20 << 20, &budget).await.unwrap_err();
    assert!(matches!(error, DecodeError::Corrupt { .. }), "{error}");
    // A zstd frame with a window of 128 KiB that declares 16 MiB and ends.
    let frame = &b"\x28\xb5\x2f\xfd\x80\x38\0\0\0\x01\x01\0"[..];
    let error = run(Codec::Zstd, frame, 20 << 20, &budget).await.unwrap_err();
    assert!(matches!(error, DecodeError::Corrupt { .. }), "{error}");
}

#[tokio::test]
async fn i2_small_input_with_much_output_leaves_the_thread() {
    let budget = Budget::new(256 << 20);
    for codec in [Codec::Gzip, Codec::Zlib, Codec::Zstd] {
        let bomb = compressed(codec, &vec![0; 16 << 20]).await;
        assert!(bomb.len() <= INLINE_INPUT, "{codec}: {}", bomb.len());
        let mut work = std::pin::pin!(run(codec, bomb, 20 << 20, &budget));
        assert!(futures_util::poll!(work.as_mut()).is_pending(), "{codec}");
        assert_eq!(work.await.unwrap().0.len(), 16 << 20, "{codec}");
        let usual = compressed(codec, &text(48 << 10)).await;
        let work = std::pin::pin!(run(codec, usual, 20 << 20, &budget));
        assert!(futures_util::poll!(work).is_ready(), "{codec}");
    }
}

#[tokio::test]
async fn snappy_takes_blocks_and_frames() {
    let data = text(5000);
    let budget = Budget::new(64 << 20);
    let framed = compressed(Codec::SnappyFramed, &data).await;
    assert_eq!(run(Codec::Snappy, framed, 1 << 20, &budget).await.unwrap().0, data);
}

#[tokio::test]
async fn random_input_never_panics_and_leaves_nothing_reserved() {
    let budget = Budget::new(8 << 20);
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..20 {
        for codec in Codec::ALL {
            let mut input = compressed(codec, &text(2000)).await.to_vec();
            for _ in 0..=round % 5 {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                let at = usize::try_from(seed % input.len() as u64).unwrap();
                input[at] ^= 1 << (seed >> 32 & 7);
            }
            drop(run(codec, input, 1 << 20, &budget).await);
            assert_eq!(budget.used(), 0, "{codec}");
        }
    }
}
