//! End-to-end pipelines: each caller has the verdict on its own items.

use super::*;

#[tokio::test(start_paused = true)]
async fn end_to_end_a_panic_while_a_batch_is_put_together_is_told_and_the_next_one_passes() {
    let stand = Arc::new(Stand::new(settings(200, 10, 0), Tier::EndToEnd, []).await);
    let first = client(&stand, None, 0, 4);
    stand.settle().await;
    stand.offer(Context::default(), spans()).await.unwrap_err();
    first.await.unwrap().unwrap_err();
    client(&stand, None, 0, 10).await.unwrap().unwrap();
    assert_even(&stand);
}

fn assert_even(stand: &Stand) {
    let balance = stand.balance();
    assert!(balance.is_even() && balance.held() == 0, "{balance:?}");
}

#[tokio::test(start_paused = true)]
async fn end_to_end_nothing_is_owned_and_callers_wait_for_the_verdict() {
    let stand = Arc::new(Stand::new(settings(200, 10, 0), Tier::EndToEnd, []).await);
    let waiting = client(&stand, None, 0, 4);
    stand.settle().await;
    assert!(!waiting.is_finished());
    assert_eq!(stand.balance().in_batch, 0);
    let second = client(&stand, None, 4, 6);
    waiting.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    assert_eq!(stand.batches(), [range(0..10)]);
    assert_even(&stand);
}

#[tokio::test(start_paused = true)]
async fn end_to_end_each_caller_gets_the_refusal_of_the_batch_with_his_items() {
    let stand = Arc::new(Stand::new(settings(200, 10, 0), Tier::EndToEnd, [BUSY, NEVER]).await);
    let first = [client(&stand, None, 0, 4), client(&stand, None, 4, 6)];
    for (caller, items) in first.into_iter().zip([4, 6]) {
        let refusal = caller.await.unwrap().unwrap_err();
        assert_eq!((refusal.reason, refusal.is_retryable()), (Reason::Unavailable, true));
        assert_eq!(refusal.items, items);
    }
    let refusal = client(&stand, None, 0, 10).await.unwrap().unwrap_err();
    assert_eq!((refusal.reason, refusal.is_retryable()), (Reason::TooLarge, false));
    assert_eq!(stand.sink.offers.load(Ordering::Relaxed), 2, "the caller decides on another try");
    assert_even(&stand);
}

#[tokio::test(start_paused = true)]
async fn end_to_end_a_split_request_succeeds_when_all_its_batches_do() {
    let stand = Arc::new(Stand::new(settings(200, 10, 10), Tier::EndToEnd, []).await);
    client(&stand, None, 0, 25).await.unwrap().unwrap();
    assert_eq!(stand.batches().concat(), range(0..25));
    assert_even(&stand);
}

#[tokio::test(start_paused = true)]
async fn end_to_end_a_split_request_fails_with_its_first_batch_that_may_be_tried_again() {
    let moods = [Mood::Take, BUSY];
    let stand = Arc::new(Stand::new(settings(200, 10, 10), Tier::EndToEnd, moods).await);
    let refusal = client(&stand, None, 0, 25).await.unwrap().unwrap_err();
    assert_eq!((refusal.reason, refusal.items), (Reason::Unavailable, 25));
    stand.settle().await;
    assert_eq!(stand.sizes(), [10], "the rest is not sent: it will come again");
    assert_eq!(stand.balance().possible_duplicates, 10);
    assert_even(&stand);
}

#[tokio::test(start_paused = true)]
async fn end_to_end_a_part_that_is_refused_for_good_does_not_keep_the_rest_back() {
    let stand = Arc::new(Stand::new(settings(200, 10, 10), Tier::EndToEnd, [NEVER]).await);
    let refusal = client(&stand, None, 0, 25).await.unwrap().unwrap_err();
    assert_eq!((refusal.reason, refusal.is_retryable()), (Reason::TooLarge, false));
    assert_eq!(stand.batches().concat(), range(10..25));
    assert_even(&stand);
}

#[tokio::test(start_paused = true)]
async fn i4_end_to_end_only_the_caller_with_the_poison_is_refused_for_good() {
    for max in [0, 50] {
        let stand = Stand::built(settings(200, 50, max), Tier::EndToEnd, [], Mood::RefuseWith(17));
        stand.batch.start(&stand.host).await.unwrap();
        let stand = Arc::new(stand);
        // With a maximum, some callers have items in two batches.
        let callers: Vec<_> = (0..20).map(|n| client(&stand, None, n * 7, 7)).collect();
        for (n, caller) in callers.into_iter().enumerate() {
            let verdict = caller.await.unwrap();
            assert_eq!(verdict.as_ref().is_err_and(|refusal| !refusal.is_retryable()), n == 2, "{verdict:?}");
            assert_eq!(verdict.is_err(), n == 2);
        }
        let mut delivered = stand.batches().concat();
        delivered.sort_unstable();
        let expected: Vec<u64> = range(0..140).into_iter().filter(|n| !(14..21).contains(n)).collect();
        assert_eq!(delivered, expected, "each once");
        assert_eq!(stand.balance().possible_duplicates, 0);
        assert_even(&stand);
    }
}

#[tokio::test(start_paused = true)]
async fn i4_end_to_end_a_caller_alone_in_his_batch_is_not_asked_for_again() {
    let stand = Arc::new(Stand::new(settings(200, 10, 0), Tier::EndToEnd, [NEVER]).await);
    client(&stand, None, 0, 10).await.unwrap().unwrap_err();
    assert_eq!(stand.sink.offers.load(Ordering::Relaxed), 1);
    assert_even(&stand);
}

#[tokio::test(start_paused = true)]
async fn i4_end_to_end_each_part_has_its_own_callers_deadline() {
    let stand = Arc::new(Stand::new(settings(200, 10, 0), Tier::EndToEnd, [NEVER]).await);
    let begun = Instant::now();
    let waits = [Some(Duration::from_secs(8)), None, Some(Duration::from_secs(30))];
    let callers: Vec<_> = waits.iter().zip(0..).map(|(&wait, n)| client(&stand, wait, n, 4)).collect();
    for caller in callers {
        caller.await.unwrap().unwrap();
    }
    let taken = stand.sink.taken.lock().unwrap().clone();
    let deadlines: Vec<_> = taken.iter().map(|(cx, _)| cx.deadline()).collect();
    assert_eq!(deadlines, waits.map(|wait| wait.map(|wait| begun + wait)));
    assert_even(&stand);
}

#[tokio::test(start_paused = true)]
async fn i4_end_to_end_what_was_taken_apart_when_time_to_drain_ran_out_is_told() {
    let stand =
        Stand::built(settings(200, 12, 0), Tier::EndToEnd, [NEVER, Mood::Hang, Mood::Take], Mood::Hang);
    stand.batch.start(&stand.host).await.unwrap();
    let stand = Arc::new(stand);
    let callers: Vec<_> = (0..3).map(|n| client(&stand, None, n * 4, 4)).collect();
    stand.settle().await;
    stand.stop().await.unwrap();
    let mut verdicts = Vec::new();
    for caller in callers {
        verdicts.push(caller.await.unwrap().map_err(|refusal| refusal.reason));
    }
    assert_eq!(verdicts, [Err(Reason::Stopping), Ok(()), Err(Reason::Stopping)]);
    assert_even(&stand);
}

#[tokio::test(start_paused = true)]
async fn end_to_end_a_batch_leaves_at_half_of_the_shortest_wait() {
    let stand = Arc::new(Stand::new(settings(60_000, 10, 0), Tier::EndToEnd, []).await);
    let begun = Instant::now();
    let long = client(&stand, Some(Duration::from_secs(30)), 0, 1);
    let short = client(&stand, Some(Duration::from_secs(8)), 1, 1);
    short.await.unwrap().unwrap();
    long.await.unwrap().unwrap();
    assert_eq!(begun.elapsed().as_secs(), 4);
    let (cx, _) = stand.sink.taken.lock().unwrap().remove(0);
    assert_eq!(cx.deadline(), Some(begun + Duration::from_secs(30)), "the most patient caller decides");
}

#[tokio::test(start_paused = true)]
async fn end_to_end_a_caller_that_goes_away_takes_only_his_own_items() {
    let stand = Arc::new(Stand::new(settings(200, 10, 0), Tier::EndToEnd, []).await);
    let gone = client(&stand, None, 0, 4);
    let stays = client(&stand, None, 4, 5);
    stand.settle().await;
    gone.abort();
    stays.await.unwrap().unwrap();
    assert_eq!(stand.batches(), [range(4..9)]);
    assert_even(&stand);
}

#[tokio::test(start_paused = true)]
async fn end_to_end_items_sent_for_a_caller_that_went_away_may_come_again() {
    struct Slow(Arc<Sink>);
    #[async_trait]
    impl Consume for Slow {
        async fn consume(&self, cx: Context, data: Pdata) -> Result<(), Refusal> {
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.0.consume(cx, data).await
        }
    }
    let stand = Stand::built(settings(200, 10, 0), Tier::EndToEnd, [], Mood::Take);
    let cx = build_cx(&stand.process, Kind::Processor, "batch", Signal::Logs);
    let slow = Arc::new(Slow(stand.sink.clone()));
    let batch = Batch::new(&settings(200, 10, 0), BuildCx { tier: Tier::EndToEnd, ..cx }, slow).unwrap();
    let stand = Arc::new(Stand { batch: Arc::new(batch), ..stand });
    stand.batch.start(&stand.host).await.unwrap();
    let wait = timeout(Duration::from_millis(500), stand.offer(Context::default(), logs(0, 10)));
    assert!(wait.await.is_err());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(stand.balance().possible_duplicates, 10);
    assert_even(&stand);
}

#[tokio::test(start_paused = true)]
async fn end_to_end_callers_are_refused_with_retry_at_the_deadline_of_shutdown() {
    let stand = Stand::built(settings(60_000, 10, 0), Tier::EndToEnd, [], Mood::Hang);
    stand.batch.start(&stand.host).await.unwrap();
    let stand = Arc::new(stand);
    let callers = [client(&stand, None, 0, 10), client(&stand, None, 10, 3)];
    stand.settle().await;
    stand.stop().await.unwrap();
    for caller in callers {
        let refusal = caller.await.unwrap().unwrap_err();
        assert_eq!((refusal.reason, refusal.is_retryable()), (Reason::Stopping, true));
    }
    assert_even(&stand);
}

#[tokio::test(start_paused = true)]
async fn end_to_end_a_panic_behind_it_is_a_refusal_for_good() {
    let stand = Arc::new(Stand::new(settings(200, 10, 0), Tier::EndToEnd, [Mood::Panic]).await);
    let refusal = client(&stand, None, 0, 10).await.unwrap().unwrap_err();
    assert_eq!((refusal.reason, refusal.is_retryable()), (Reason::Panic, false));
    client(&stand, None, 0, 10).await.unwrap().unwrap();
    assert_even(&stand);
}
