//! What the buffer takes, and for how many combinations of client metadata.

use super::*;

#[tokio::test(start_paused = true)]
async fn in_memory_a_full_buffer_refuses_with_retry() {
    let stand = Stand::built(settings(200, 10, 0), Tier::Memory, [], BUSY);
    stand.process.budget.tighten(footprint(&logs(0, 10)) * 4 * BUDGET_PART);
    stand.batch.start(&stand.host).await.unwrap();
    for request in 0..4 {
        stand.put(request * 10, 10).await;
    }
    let refusal = stand.offer(Context::default(), logs(40, 10)).await.unwrap_err();
    assert_eq!((refusal.reason, refusal.is_retryable(), refusal.items), (Reason::QueueFull, true, 10));
    assert_eq!(stand.balance().in_batch, 40, "refused items are not owned");
    assert!(refusal.chain().contains("the buffer holds"), "{}", refusal.chain());
}

#[tokio::test(start_paused = true)]
async fn in_memory_many_tiny_requests_fill_the_buffer_with_what_they_cost_beside_their_bytes() {
    let stand = Stand::built(settings(200, 10, 0), Tier::Memory, [], BUSY);
    stand.process.budget.tighten(64 << 12);
    stand.batch.start(&stand.host).await.unwrap();
    let mut taken = 0;
    while stand.offer(Context::default(), logs(taken, 1)).await.is_ok() {
        taken += 1;
        assert!(taken <= 128, "64 KiB are no more than 128 requests");
    }
    assert!(taken > 100, "{taken}");
}

#[tokio::test(start_paused = true)]
async fn a_request_larger_than_the_room_is_taken_when_it_is_alone() {
    let stand = Stand::built(settings(200, 1000, 0), Tier::Memory, [BUSY], Mood::Take);
    stand.process.budget.tighten(100);
    stand.batch.start(&stand.host).await.unwrap();
    stand.put(0, 100).await;
    assert!(stand.offer(Context::default(), logs(0, 1)).await.is_err());
    tokio::time::sleep(WELL_AFTER).await;
    assert_eq!(stand.sizes(), [100]);
    stand.stops_even().await;
}

#[tokio::test(start_paused = true)]
async fn bytes_send_a_batch_before_the_room_is_full() {
    let stand = Stand::built(settings(3_600_000, 1_000_000, 0), Tier::Memory, [], Mood::Take);
    stand.process.budget.tighten(footprint(&logs(0, 10)) * 4 * BUDGET_PART);
    stand.batch.start(&stand.host).await.unwrap();
    for request in 0..40 {
        stand.put(request * 10, 10).await;
        stand.settle().await;
    }
    assert_eq!(stand.batches().concat(), range(0..400));
    stand.stops_even().await;
}

fn tenant(name: &str) -> Context {
    let request = Request::builder(component(Kind::Receiver, "otlp"), "grpc");
    let request = request.metadata("X-Tenant", name.to_owned()).metadata("other", "x".to_owned());
    Context::new(request.build())
}

#[tokio::test(start_paused = true)]
async fn requests_are_kept_apart_by_the_metadata_keys_and_only_those_go_on() {
    let settings = Settings { metadata_keys: ["X-tenant"].into_iter().collect(), ..settings(200, 10, 0) };
    let stand = Stand::new(settings, Tier::Memory, []).await;
    for (first, name) in [(0, "a"), (5, "b"), (10, "a"), (15, "b")] {
        stand.offer(tenant(name), logs(first, 5)).await.unwrap();
    }
    stand.settle().await;
    assert_eq!(stand.batch.common.metrics.metadata_cardinality.get(), 2);
    let taken = stand.sink.taken.lock().unwrap().clone();
    for (cx, data) in taken {
        let is_a = cx.request().metadata("x-tenant") == ["a"];
        let expected = if is_a { [range(0..5), range(10..15)] } else { [range(5..10), range(15..20)] };
        assert_eq!(numbers(&data), expected.concat());
        assert!(cx.request().metadata("other").is_empty());
    }
    let metrics = stand.batch.common.metrics.clone();
    stand.stops_even().await;
    assert_eq!(metrics.metadata_cardinality.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn one_combination_of_metadata_too_many_is_refused_for_good() {
    let settings = Settings {
        metadata_keys: ["x-tenant"].into_iter().collect(),
        metadata_cardinality_limit: 2,
        ..settings(200, 10, 0)
    };
    let stand = Stand::new(settings, Tier::Memory, []).await;
    for name in ["a", "b", "a"] {
        stand.offer(tenant(name), logs(0, 1)).await.unwrap();
    }
    let refusal = stand.offer(tenant("c"), logs(0, 1)).await.unwrap_err();
    assert_eq!((refusal.reason, refusal.is_retryable()), (Reason::Invalid, false));
    assert!(refusal.chain().ends_with("too many batcher metadata-value combinations"));
    stand.stops_even().await;
}

#[tokio::test(start_paused = true)]
async fn a_combination_of_metadata_that_is_not_used_any_more_makes_room_for_another() {
    let settings = Settings {
        metadata_keys: ["x-tenant"].into_iter().collect(),
        metadata_cardinality_limit: 2,
        ..settings(200, 10, 0)
    };
    let stand = Stand::new(settings, Tier::Memory, []).await;
    stand.offer(tenant("a"), logs(0, 1)).await.unwrap();
    stand.offer(tenant("b"), logs(1, 1)).await.unwrap();
    tokio::time::sleep(IDLE / 2).await;
    stand.offer(tenant("b"), logs(2, 1)).await.unwrap();
    tokio::time::sleep(IDLE * 3 / 4).await;
    assert_eq!(stand.batch.common.metrics.metadata_cardinality.get(), 1, "only b was used since");
    stand.offer(tenant("c"), logs(3, 1)).await.unwrap();
    stand.offer(tenant("b"), logs(4, 1)).await.unwrap();
    stand.offer(tenant("a"), logs(5, 1)).await.unwrap_err();
    tokio::time::sleep(WELL_AFTER).await;
    stand.offer(tenant("a"), logs(5, 1)).await.unwrap();
    stand.settle().await;
    stand.stops_even().await;
}

#[tokio::test(start_paused = true)]
async fn without_metadata_keys_the_lane_stays_however_long_it_has_nothing_to_do() {
    let stand = Stand::new(settings(200, 10, 0), Tier::Memory, []).await;
    tokio::time::sleep(WELL_AFTER).await;
    stand.put(0, 10).await;
    stand.settle().await;
    assert_eq!(stand.sizes(), [10]);
    stand.stops_even().await;
}
