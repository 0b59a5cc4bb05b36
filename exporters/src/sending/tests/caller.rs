//! Callers that wait for the backend's verdict: without a queue, and with `wait_for_result`.

use super::*;

#[tokio::test(start_paused = true)]
async fn ok_means_that_the_backend_has_it() {
    for options in [wait_for_result(), no_queue()] {
        let rig = Rig::started(options).await;
        rig.backend.script([Step::Unavailable, Step::TakeAfter(secs(2))]);
        rig.offer(batch("a", 3)).await.unwrap();
        assert_eq!(rig.backend.lines(), ["a0", "a1", "a2"]);
        let balance = rig.balance();
        assert_eq!((balance.sent, balance.held()), (3, 0));
        rig.settled().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_permanent_failure_is_refused_and_nothing_is_booked() {
    for options in [wait_for_result(), no_queue()] {
        let rig = Rig::started(options).await;
        rig.backend.script([Step::Refuse(Reason::Unauthenticated)]);
        let refusal = rig.offer(batch("a", 3)).await.unwrap_err();
        assert_eq!((refusal.is_retryable(), refusal.answer().grpc, refusal.answer().http), (false, 13, 500));
        let balance = rig.settled().await;
        assert_eq!((balance.accepted, balance.dropped.len()), (0, 0));
        assert_eq!(rig.metric("otelcol_exporter_send_failed_log_records"), 3.0);
    }
}

#[tokio::test(start_paused = true)]
async fn e1_a_backend_that_is_down_is_503_within_the_deadline() {
    for options in [wait_for_result(), no_queue()] {
        let rig = Rig::started(options).await;
        rig.backend.usually(Step::Unavailable);
        let deadline = after(10);
        let refusal = rig.offer_until(batch("a", 3), Some(deadline)).await.unwrap_err();
        assert_eq!((refusal.reason, refusal.answer().http), (Reason::Unavailable, 503));
        assert_eq!(rig.backend.attempts(), [0.0, 5.0]);
        assert!(Instant::now() <= deadline);
        rig.settled().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_backend_that_does_not_answer_is_504_at_the_deadline() {
    for options in [wait_for_result(), no_queue()] {
        let rig = Rig::started(options).await;
        rig.backend.usually(Step::Hang);
        let deadline = after(3);
        let refusal = rig.offer_until(batch("a", 3), Some(deadline)).await.unwrap_err();
        assert_eq!((refusal.reason, refusal.answer().http), (Reason::Timeout, 504));
        assert_eq!(Instant::now(), deadline);
        rig.settled().await;
    }
}

#[tokio::test(start_paused = true)]
async fn e5_a_caller_that_cannot_wait_for_the_hint_is_told_of_it() {
    let rig = Rig::started(no_queue()).await;
    rig.backend.script([Step::RetryAfter(secs(60))]);
    for _ in 0..2 {
        let refusal = rig.offer_until(batch("a", 3), Some(after(10))).await.unwrap_err();
        assert_eq!(refusal.reason, Reason::Throttled);
        assert_eq!(refusal.answer().retry_after, Some(secs(60)));
    }
    assert_eq!(rig.backend.attempts().len(), 1);
    rig.settled().await;
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_takes_its_queued_batch_along() {
    let options = with_queue(|q| (q.wait_for_result, q.num_consumers) = (true, 1));
    let rig = Rig::started(options).await;
    rig.backend.script([Step::TakeAfter(secs(4))]);
    let (first, second) =
        tokio::join!(rig.offer(batch("a", 1)), tokio::time::timeout(secs(1), rig.offer(batch("b", 1))),);
    first.unwrap();
    assert!(second.is_err());
    rig.offer(batch("c", 1)).await.unwrap();
    assert_eq!(rig.backend.lines(), ["a0", "c0"]);
    assert_eq!(rig.settled().await.sent, 2);
    assert_eq!(rig.metric("otelcol_exporter_queue_size"), 0.0);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_cancels_what_is_being_sent() {
    for options in [wait_for_result(), no_queue()] {
        let rig = Rig::started(options).await;
        rig.backend.usually(Step::TakeAfter(secs(4)));
        assert!(tokio::time::timeout(secs(1), rig.offer(batch("a", 1))).await.is_err());
        tokio::time::sleep(secs(20)).await;
        assert_eq!((rig.backend.attempts().len(), rig.backend.lines().len()), (1, 0));
        assert_eq!(rig.settled().await.sent, 0);
        assert_eq!(rig.metric("otelcol_exporter_in_flight_requests"), 0.0);
    }
}

#[tokio::test(start_paused = true)]
async fn what_had_arrived_when_the_caller_went_away_may_arrive_twice() {
    for options in [wait_for_result(), no_queue()] {
        let rig = Rig::started(Options { max_request: ByteSize::new(3), ..options }).await;
        rig.backend.script([Step::Take, Step::Partial(1, ""), Step::Hang]);
        assert!(tokio::time::timeout(secs(1), rig.offer(batch("a", 3))).await.is_err());
        tokio::time::sleep(secs(1)).await;
        let balance = rig.settled().await;
        assert_eq!((balance.accepted, balance.sent, balance.rejected), (0, 1, 1));
        assert_eq!(balance.possible_duplicates, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn what_had_arrived_when_time_to_drain_ran_out_may_arrive_twice() {
    for options in [wait_for_result(), no_queue()] {
        let rig = Rig::started(Options { max_request: ByteSize::new(3), ..options }).await;
        rig.backend.script([Step::Take, Step::Hang]);
        let (verdict, ()) = tokio::join!(rig.offer(batch("a", 2)), async {
            rig.attempts(2).await;
            drop(rig.sending.shutdown(after(3)).await);
        });
        assert_eq!(verdict.unwrap_err().reason, Reason::Stopping);
        let balance = rig.settled().await;
        assert_eq!((balance.accepted, balance.sent, balance.possible_duplicates), (0, 1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_that_is_refused_for_good_is_dropped_when_the_others_arrived() {
    for options in [wait_for_result(), no_queue()] {
        let rig = Rig::started(Options { max_request: ByteSize::new(3), ..options }).await;
        rig.backend.script([Step::Take, Step::Refuse(Reason::Permanent)]);
        rig.offer(batch("a", 3)).await.unwrap();
        let balance = rig.settled().await;
        assert_eq!((balance.sent, balance.dropped[&Reason::Permanent]), (2, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_that_had_arrived_may_arrive_twice_after_a_refusal() {
    let rig = Rig::started(Options { max_request: ByteSize::new(3), retry: None, ..no_queue() }).await;
    rig.backend.script([Step::Take, Step::Unavailable]);
    let refusal = rig.offer(batch("a", 3)).await.unwrap_err();
    assert!(refusal.is_retryable());
    let balance = rig.settled().await;
    assert_eq!((balance.sent, balance.possible_duplicates), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_panic_refuses_the_caller() {
    let rig = Rig::started(wait_for_result()).await;
    rig.backend.script([Step::Panic]);
    let refusal = rig.offer(batch("a", 1)).await.unwrap_err();
    assert_eq!((refusal.reason, refusal.is_retryable()), (Reason::Panic, true));
    rig.offer(batch("a", 1)).await.unwrap();
    rig.settled().await;
}
