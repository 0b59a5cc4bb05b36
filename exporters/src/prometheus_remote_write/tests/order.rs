//! The order of each series, whatever fails.

use std::collections::BTreeMap;

use super::*;
use crate::stand::{gauges, http::answer};

const BATCHES: u64 = 20;

#[tokio::test]
async fn e17_the_samples_of_a_series_arrive_in_order_over_all_lanes_and_retries() {
    let statuses: Vec<u16> = (0..300).map(|_| if rand::random_bool(0.3) { 503 } else { 200 }).collect();
    let script: Vec<Response> = statuses.iter().map(|&status| answer(status, &[], b"")).collect();
    let queue = "remote_write_queue: {num_consumers: 10}";
    let pair = Pair::with(|address| in_lanes(address, 4, queue), script).await;
    // Every other batch is large enough to be parted; all have the first ten series.
    for at in 1..=BATCHES {
        pair.exporter.offer(gauges(at, if at % 2 == 0 { 2100 } else { 10 })).await;
    }
    let Pair { backend, exporter, .. } = pair;
    assert_eq!(exporter.drained().await.sent, BATCHES / 2 * 2110);
    let mut last: BTreeMap<String, u64> = BTreeMap::new();
    let (mut parted, mut whole) = (0, 0);
    for (seen, status) in backend.seen().iter().zip(statuses.into_iter().chain(std::iter::repeat(200))) {
        let lines = lines(seen);
        *if lines.len() > 10 { &mut parted } else { &mut whole } += 1;
        for line in lines {
            let (series, sample) = line.rsplit_once(' ').unwrap();
            let at: u64 = sample.split_once('@').unwrap().1.parse().unwrap();
            let number: u64 = series.split('"').rev().nth(1).unwrap().parse().unwrap();
            let before = last.get(series).copied().unwrap_or(0);
            let next = if number < 10 { before + 1 } else { before + 2 };
            assert_eq!(at, next, "{series}: the next one, after the one before it has arrived");
            if status == 200 {
                last.insert(series.to_owned(), at);
            }
        }
    }
    assert_eq!((last.len(), last.values().all(|&at| at == BATCHES)), (2100, true));
    assert!(parted >= 40 && whole >= 10, "{parted} requests of parted batches, {whole} of whole ones");
}

#[tokio::test]
async fn samples_of_one_batch_are_put_in_order_and_merged() {
    let pair = Pair::new("", []).await;
    let mut data = gauges(3, 1);
    for at in [1, 2, 2] {
        data.append(gauges(at, 1));
    }
    pair.exporter.offer(data).await;
    let Pair { backend, exporter, .. } = pair;
    assert_eq!(exporter.drained().await.sent, 4);
    assert_eq!(lines(&backend.seen()[0]), [r#"{__name__="g", n="0"} 1.5@1 1.5@2 1.5@3"#]);
}
