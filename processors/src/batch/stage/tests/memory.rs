//! Memory pipelines: a batch that was answered for is kept, offered again, and dropped only when booked.

use super::*;

#[tokio::test(start_paused = true)]
async fn in_memory_a_batch_that_is_refused_retryably_is_kept_and_offered_again() {
    let stand = Stand::new(settings(200, 10, 0), Tier::Memory, [BUSY; 7]).await;
    stand.put(0, 10).await;
    stand.settle().await;
    stand.put(10, 5).await;
    assert_eq!(stand.balance().in_batch, 15);
    tokio::time::sleep(WELL_AFTER).await;
    assert_eq!(stand.batches(), [range(0..10), range(10..15)]);
    stand.stops_even().await;
}

#[tokio::test(start_paused = true)]
async fn in_memory_the_time_that_the_next_component_asks_for_is_waited() {
    let throttle = Mood::Refuse(Class::ThrottleFor(Duration::from_secs(7)), Reason::Throttled);
    let stand = Stand::new(settings(200, 10, 0), Tier::Memory, [throttle]).await;
    stand.put(0, 10).await;
    tokio::time::sleep(Duration::from_millis(6900)).await;
    assert!(stand.batches().is_empty());
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(stand.sizes(), [10]);
    stand.stops_even().await;
}

#[tokio::test(start_paused = true)]
async fn in_memory_the_next_component_learns_that_nobody_else_has_the_data() {
    let stand = Stand::new(settings(200, 10, 0), Tier::Memory, []).await;
    stand.put(0, 10).await;
    stand.settle().await;
    let (cx, _) = stand.sink.taken.lock().unwrap().remove(0);
    assert!(cx.is_owned());
    assert_eq!(cx.deadline(), None, "it is waited for as long as it takes");
    let stand = Arc::new(Stand::new(settings(200, 10, 0), Tier::EndToEnd, []).await);
    client(&stand, None, 0, 10).await.unwrap().unwrap();
    let (cx, _) = stand.sink.taken.lock().unwrap().remove(0);
    assert!(!cx.is_owned(), "the clients have");
}

#[tokio::test(start_paused = true)]
async fn in_memory_a_batch_that_is_refused_for_good_is_dropped_and_booked() {
    let stand = Stand::new(settings(200, 10, 0), Tier::Memory, [NEVER]).await;
    stand.put(0, 10).await;
    stand.settle().await;
    stand.put(10, 10).await;
    stand.settle().await;
    assert_eq!(stand.batches(), [range(10..20)]);
    assert_eq!(stand.balance().dropped.get(&Reason::TooLarge), Some(&10));
    stand.stops_even().await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_behind_it_costs_one_batch() {
    let stand = Stand::new(settings(200, 10, 0), Tier::Memory, [Mood::Panic]).await;
    stand.put(0, 10).await;
    stand.settle().await;
    stand.put(10, 10).await;
    stand.settle().await;
    assert_eq!(stand.batches(), [range(10..20)]);
    assert_eq!(stand.balance().dropped.get(&Reason::Panic), Some(&10));
    stand.stops_even().await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_a_batch_is_put_together_costs_that_batch() {
    let stand = Stand::new(settings(200, 10, 0), Tier::Memory, []).await;
    stand.put(0, 4).await;
    stand.offer(Context::default(), spans()).await.unwrap();
    stand.put(4, 10).await;
    stand.settle().await;
    assert_eq!(stand.balance().dropped.get(&Reason::Panic), Some(&5));
    stand.put(14, 10).await;
    tokio::time::sleep(Duration::from_millis(201)).await;
    assert_eq!(stand.batches().concat(), range(4..24));
    stand.stops_even().await;
}

#[tokio::test(start_paused = true)]
async fn p1_shutdown_sends_what_is_left() {
    let stand = Stand::new(settings(3_600_000, 10, 12), Tier::Memory, [BUSY, BUSY]).await;
    stand.put(0, 9).await;
    stand.put(9, 20).await;
    let sink = stand.sink.clone();
    stand.stops_even().await;
    let taken = sink.taken.lock().unwrap();
    assert_eq!(taken.iter().flat_map(|(_, data)| numbers(data)).collect::<Vec<_>>(), range(0..29));
}

#[tokio::test(start_paused = true)]
async fn p1_shutdown_does_not_wait_for_a_long_backoff_to_end() {
    let stand = Stand::new(settings(200, 10, 0), Tier::Memory, [BUSY; 9]).await;
    stand.put(0, 10).await;
    while stand.sink.offers.load(Ordering::Relaxed) < 9 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    stand.batch.shutdown(Instant::now() + Duration::from_millis(1500)).await.unwrap();
    assert_eq!(stand.sizes(), [10]);
}

#[tokio::test(start_paused = true)]
async fn p1_shutdown_waits_as_long_as_the_next_component_asks() {
    let throttle = Mood::Refuse(Class::ThrottleFor(Duration::from_secs(7)), Reason::Throttled);
    let stand = Stand::new(settings(200, 10, 0), Tier::Memory, [throttle]).await;
    stand.put(0, 10).await;
    stand.settle().await;
    let begun = Instant::now();
    stand.stop().await.unwrap();
    assert_eq!((stand.sizes(), begun.elapsed().as_secs()), (vec![10], 7));
}

#[tokio::test(start_paused = true)]
async fn p2_what_is_left_at_the_deadline_is_dropped_and_booked() {
    for mood in [BUSY, Mood::Hang] {
        let stand = Stand::built(settings(200, 10, 0), Tier::Memory, [], mood);
        stand.batch.start(&stand.host).await.unwrap();
        stand.put(0, 10).await;
        stand.put(10, 15).await;
        let begun = Instant::now();
        let error = stand.stop().await.unwrap_err();
        assert_eq!(error.lost, 25);
        assert_eq!(begun.elapsed().as_secs(), 20);
        let balance = stand.balance();
        assert_eq!(balance.dropped.get(&Reason::Stopping), Some(&25));
        assert!(balance.is_even() && balance.held() == 0, "{balance:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn before_start_and_after_shutdown_it_refuses_with_retry() {
    let stand = Stand::built(settings(200, 10, 0), Tier::Memory, [], Mood::Take);
    stand.stop().await.unwrap();
    for _ in 0..2 {
        let refusal = stand.offer(Context::default(), logs(0, 1)).await.unwrap_err();
        assert_eq!((refusal.reason, refusal.is_retryable()), (Reason::Stopping, true));
        stand.batch.start(&stand.host).await.unwrap();
        stand.put(0, 1).await;
        stand.stop().await.unwrap();
        stand.stop().await.unwrap();
    }
    assert_eq!(stand.sizes(), [1, 1]);
}
