//! When a request is sent again.

use super::*;

#[tokio::test(start_paused = true)]
async fn e1_down_from_the_start_is_degraded_and_fills_up() {
    let rig = Rig::new(with_queue(|q| (q.queue_size, q.num_consumers) = (5, 1)));
    rig.backend.usually(Step::Unavailable);
    rig.sending.start(&rig.host).await.unwrap();
    for _ in 0..5 {
        rig.offer(batch("a", 1)).await.unwrap();
    }
    let refusal = rig.offer(batch("a", 1)).await.unwrap_err();
    assert_eq!((refusal.reason, refusal.answer().grpc, refusal.answer().http), (Reason::QueueFull, 14, 503));
    rig.attempts(2).await;
    assert_eq!(rig.state(), State::RecoverableError);
    rig.backend.usually(Step::Take);
    assert_eq!(rig.settled().await.sent, 5);
    assert_eq!(rig.state(), State::Ok);
}

#[tokio::test(start_paused = true)]
async fn e2_a_minute_down_loses_nothing() {
    let rig = Rig::started(options()).await;
    rig.backend.usually(Step::Unavailable);
    for n in 0..50 {
        rig.offer(batch(&format!("{n}-"), 2)).await.unwrap();
    }
    tokio::time::sleep(secs(60)).await;
    assert_eq!(rig.balance().held(), 100);
    rig.backend.usually(Step::TakeAfter(secs(1)));
    let balance = rig.settled().await;
    assert_eq!((balance.sent, balance.dropped.len()), (100, 0));
    let mut lines = rig.backend.lines();
    lines.dedup();
    assert_eq!(lines.len(), 100);
    assert!(rig.backend.most_busy.load(std::sync::atomic::Ordering::SeqCst) <= 10);
}

#[tokio::test(start_paused = true)]
async fn e5_a_hint_holds_back_all_consumers_of_that_exporter_only() {
    let process = testkit::process();
    let slow = Rig::in_process(&process, "slow", options());
    let other = Rig::in_process(&process, "other", options());
    for rig in [&slow, &other] {
        rig.sending.start(&rig.host).await.unwrap();
    }
    slow.backend.script([Step::RetryAfter(secs(7))]);
    slow.offer(batch("a", 1)).await.unwrap();
    slow.attempts(1).await;
    for _ in 0..20 {
        slow.offer(batch("b", 1)).await.unwrap();
        other.offer(batch("c", 1)).await.unwrap();
    }
    other.settled().await;
    assert!(other.backend.attempts().iter().all(|at| *at < 1.0));
    assert_eq!(slow.settled().await.sent, 21);
    let attempts = slow.backend.attempts();
    assert!(attempts[0] < 1.0 && attempts[1..].iter().all(|at| *at >= 7.0), "{attempts:?}");
}

#[tokio::test(start_paused = true)]
async fn e5_the_wait_is_the_longer_of_backoff_and_hint() {
    let rig = Rig::started(options()).await;
    rig.backend.script([Step::RetryAfter(secs(1)), Step::RetryAfter(secs(20))]);
    rig.offer(batch("a", 1)).await.unwrap();
    assert_eq!(rig.attempts(3).await, [0.0, 5.0, 25.0]);
    rig.settled().await;
}

#[tokio::test(start_paused = true)]
async fn e5_a_hint_is_capped_at_five_minutes() {
    let mut options = options();
    options.retry = Some(Retry { max_elapsed_time: Default::default(), ..options.retry.unwrap() });
    let rig = Rig::started(options).await;
    rig.backend.script([Step::RetryAfter(secs(86_400))]);
    rig.offer(batch("a", 1)).await.unwrap();
    assert_eq!(rig.attempts(2).await, [0.0, 300.0]);
    rig.settled().await;
}

#[tokio::test(start_paused = true)]
async fn e6_attempts_back_off_from_5_to_30_seconds() {
    let rig = Rig::started(options()).await;
    rig.backend.script([Step::Unavailable; 7]);
    rig.offer(batch("a", 1)).await.unwrap();
    let attempts = rig.attempts(8).await;
    let waits: Vec<f64> =
        attempts.windows(2).map(|pair| ((pair[1] - pair[0]) * 10.0).round() / 10.0).collect();
    assert_eq!(waits, [5.0, 7.5, 11.3, 16.9, 25.3, 30.0, 30.0]);
    assert_eq!(rig.settled().await.sent, 1);
    assert_eq!(rig.metric("sluice_exporter_retries"), 7.0);
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_given_up_when_the_next_try_would_be_too_late() {
    let rig = Rig::started(options()).await;
    rig.backend.usually(Step::Unavailable);
    rig.offer(batch("a", 4)).await.unwrap();
    let balance = rig.settled().await;
    assert_eq!(balance.dropped[&Reason::RetriesExhausted], 4);
    let attempts = rig.backend.attempts();
    assert!(attempts.iter().all(|at| *at <= 300.0) && attempts.len() == 13, "{attempts:?}");
    assert_eq!(rig.metric("otelcol_exporter_send_failed_log_records"), 4.0);
}

#[tokio::test(start_paused = true)]
async fn without_retry_one_attempt_is_made() {
    let rig = Rig::started(Options { retry: None, ..options() }).await;
    rig.backend.usually(Step::Unavailable);
    rig.offer(batch("a", 4)).await.unwrap();
    assert_eq!(rig.settled().await.dropped[&Reason::Unavailable], 4);
    assert_eq!(rig.backend.attempts().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn e3_an_attempt_that_takes_too_long_is_tried_again() {
    let rig = Rig::started(options()).await;
    rig.backend.script([Step::TakeAfter(secs(6))]);
    rig.offer(batch("a", 1)).await.unwrap();
    // 5 s of timeout and 5 s of backoff.
    assert_eq!(rig.attempts(2).await, [0.0, 10.0]);
    assert_eq!(rig.settled().await.sent, 1);
    assert_eq!(rig.backend.lines(), ["a0"]);
}

#[tokio::test(start_paused = true)]
async fn only_the_part_that_failed_is_sent_again() {
    let rig = Rig::started(Options { max_request: ByteSize::new(3), ..options() }).await;
    rig.backend.script([Step::Take, Step::Unavailable, Step::Refuse(Reason::Permanent)]);
    rig.offer(batch("a", 4)).await.unwrap();
    let balance = rig.settled().await;
    assert_eq!((balance.sent, balance.dropped[&Reason::Permanent]), (3, 1));
    assert_eq!(rig.backend.lines(), ["a0", "a2", "a3"]);
}
