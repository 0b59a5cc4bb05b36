//! The order of each series, whatever fails.

use std::collections::BTreeMap;

use super::*;
use crate::stand::{gauges, http::answer};

#[tokio::test]
async fn e17_the_samples_of_a_series_arrive_in_order_over_all_lanes_and_retries() {
    let statuses: Vec<u16> = (0..300).map(|_| if rand::random_bool(0.3) { 503 } else { 200 }).collect();
    let script: Vec<Response> = statuses.iter().map(|&status| answer(status, &[], b"")).collect();
    let queue = "remote_write_queue: {num_consumers: 10}";
    let pair = Pair::with(|address| in_lanes(address, 4, queue), script).await;
    for at in 1..=40 {
        pair.exporter.offer(gauges(at, 20)).await;
    }
    let Pair { backend, exporter, .. } = pair;
    assert_eq!(exporter.drained().await.sent, 800);
    let mut last: BTreeMap<String, u64> = BTreeMap::new();
    let statuses = statuses.into_iter().chain(std::iter::repeat(200));
    let mut lanes = 0;
    for (seen, status) in backend.seen().iter().zip(statuses) {
        lanes += 1;
        for line in lines(seen) {
            let (series, sample) = line.rsplit_once(' ').unwrap();
            let at: u64 = sample.split_once('@').unwrap().1.parse().unwrap();
            let before = last.get(series).copied().unwrap_or(0);
            assert_eq!(
                at,
                before + 1,
                "{series}: the next one, and none before the one before it has arrived"
            );
            if status == 200 {
                last.insert(series.to_owned(), at);
            }
        }
    }
    assert_eq!(last.len(), 20);
    assert!(last.values().all(|&at| at == 40));
    assert!(lanes > 150, "{lanes} requests in four lanes");
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
