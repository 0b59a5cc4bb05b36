//! When a batch leaves, and what is in it.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_batch_leaves_when_it_is_large_enough() {
    let stand = Stand::new(settings(200, 10, 0), Tier::Memory, []).await;
    stand.put(0, 4).await;
    stand.settle().await;
    assert!(stand.batches().is_empty());
    stand.put(4, 4).await;
    stand.put(8, 4).await;
    stand.settle().await;
    assert_eq!(stand.batches(), [range(0..12)]);
    assert_eq!(stand.batch.common.metrics.size_trigger.get(), 1);
    stand.stops_even().await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_leaves_when_its_oldest_item_has_waited_long_enough() {
    let stand = Stand::new(settings(200, 10, 0), Tier::Memory, []).await;
    stand.put(0, 4).await;
    tokio::time::sleep(Duration::from_millis(150)).await;
    stand.put(4, 4).await;
    assert!(stand.batches().is_empty());
    tokio::time::sleep(Duration::from_millis(51)).await;
    assert_eq!(stand.batches(), [range(0..8)]);
    assert_eq!(stand.batch.common.metrics.timeout_trigger.get(), 1);
    stand.stops_even().await;
}

#[tokio::test(start_paused = true)]
async fn without_timeout_or_size_each_request_leaves_at_once() {
    for settings in [settings(0, 100, 0), settings(200, 0, 0)] {
        let stand = Stand::new(settings, Tier::Memory, []).await;
        stand.put(0, 3).await;
        stand.settle().await;
        stand.put(3, 3).await;
        stand.settle().await;
        assert_eq!(stand.sizes(), [3, 3]);
        stand.stops_even().await;
    }
}

#[tokio::test(start_paused = true)]
async fn no_batch_exceeds_the_maximum_and_nothing_is_lost() {
    let stand = Stand::new(settings(200, 10, 12), Tier::Memory, []).await;
    stand.put(0, 31).await;
    stand.settle().await;
    assert_eq!(stand.sizes(), [12, 12], "seven items are less than a batch");
    tokio::time::sleep(Duration::from_millis(201)).await;
    assert_eq!(stand.batches().concat(), range(0..31));
    stand.stops_even().await;
}

#[tokio::test(start_paused = true)]
async fn a_request_with_a_huge_resource_is_not_multiplied_by_cutting_it() {
    for (header, largest) in [(100, 12), (64 << 10, 31)] {
        let stand = Stand::new(settings(200, 10, 12), Tier::Memory, []).await;
        let mut request = logs(7, 31);
        let mut resource = sluice_pdata::otlp::resource::v1::Resource::default();
        resource
            .attributes
            .push(sluice_pdata::otlp::common::v1::KeyValue { key: "x".repeat(header), ..Default::default() });
        request.logs_mut().resource_logs[0].resource = Some(resource);
        let size = request.size();
        stand.put(0, 7).await;
        stand.offer(Context::default(), request).await.unwrap();
        stand.put(38, 7).await;
        tokio::time::sleep(Duration::from_millis(201)).await;
        assert_eq!(stand.sizes().into_iter().max(), Some(largest));
        assert_eq!(stand.batches().concat(), range(0..45), "in order");
        let sent: usize = stand.sink.taken.lock().unwrap().iter().map(|(_, data)| data.size()).sum();
        assert!(sent < 3 * size, "{sent} of {size}");
        stand.stops_even().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_backlog_leaves_in_batches_of_the_usual_size() {
    let stand = Stand::new(settings(200, 10, 0), Tier::Memory, [BUSY]).await;
    for request in 0..10 {
        stand.put(request * 5, 5).await;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(stand.sizes(), [10; 5]);
    stand.stops_even().await;
}

#[tokio::test(start_paused = true)]
async fn requests_without_items_are_accepted_and_go_no_further() {
    let stand = Stand::new(settings(0, 10, 0), Tier::Memory, []).await;
    stand.put(0, 0).await;
    stand.settle().await;
    assert!(stand.batches().is_empty());
    stand.stops_even().await;
}

#[tokio::test(start_paused = true)]
async fn intake_goes_on_while_a_batch_is_sent() {
    let stand = Stand::new(settings(200, 10, 0), Tier::Memory, [Mood::Hang]).await;
    stand.put(0, 10).await;
    stand.settle().await;
    stand.put(10, 10).await;
    assert_eq!(stand.balance().in_batch, 20);
}
