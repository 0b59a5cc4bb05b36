//! The end of an exporter.

use super::*;

#[tokio::test(start_paused = true)]
async fn p1_a_healthy_backend_gets_everything() {
    let rig = Rig::started(with_queue(|q| q.num_consumers = 2)).await;
    rig.backend.usually(Step::TakeAfter(Duration::from_millis(100)));
    for n in 0..100 {
        rig.offer(batch(&format!("{n}-"), 3)).await.unwrap();
    }
    rig.sending.shutdown(after(20)).await.unwrap();
    assert_eq!(rig.balance().sent, 300);
    rig.settled().await;
    let refusal = rig.offer(batch("late", 1)).await.unwrap_err();
    assert_eq!((refusal.reason, refusal.is_retryable()), (Reason::Stopping, true));
}

#[tokio::test(start_paused = true)]
async fn p1_a_backend_that_is_back_gets_what_waits_in_backoff() {
    let rig = Rig::started(options()).await;
    rig.backend.usually(Step::Unavailable);
    for _ in 0..30 {
        rig.offer(batch("a", 1)).await.unwrap();
    }
    tokio::time::sleep(secs(100)).await;
    rig.backend.usually(Step::Take);
    let before = Instant::now();
    rig.sending.shutdown(after(20)).await.unwrap();
    assert!(before.elapsed() <= secs(2), "{:?}", before.elapsed());
    assert_eq!(rig.settled().await.sent, 30);
}

#[tokio::test(start_paused = true)]
async fn p2_a_dead_backend_ends_by_the_deadline_and_every_loss_is_booked() {
    for dead in [Step::Unavailable, Step::Hang] {
        let rig = Rig::started(options()).await;
        rig.backend.usually(dead);
        for _ in 0..30 {
            rig.offer(batch("a", 2)).await.unwrap();
        }
        let deadline = after(20);
        let error = rig.sending.shutdown(deadline).await.unwrap_err();
        assert!(Instant::now() <= deadline + Duration::from_millis(1));
        assert_eq!(error.lost, 60);
        let balance = rig.balance();
        assert_eq!((balance.dropped[&Reason::Stopping], balance.held()), (60, 0));
        assert!(balance.is_even());
        assert_eq!(rig.metric("otelcol_exporter_send_failed_log_records"), 60.0);
        assert_eq!(rig.metric("otelcol_exporter_queue_size"), 0.0);
        rig.sending.shutdown(after(20)).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_hint_is_honoured_while_draining() {
    let rig = Rig::started(options()).await;
    rig.backend.script([Step::RetryAfter(secs(7))]);
    rig.offer(batch("a", 1)).await.unwrap();
    rig.attempts(1).await;
    rig.sending.shutdown(after(20)).await.unwrap();
    assert_eq!(rig.backend.attempts(), [0.0, 7.0]);
    rig.settled().await;

    let rig = Rig::started(options()).await;
    rig.backend.script([Step::RetryAfter(secs(70))]);
    rig.offer(batch("a", 1)).await.unwrap();
    rig.attempts(1).await;
    let before = Instant::now();
    rig.sending.shutdown(after(20)).await.unwrap_err();
    assert_eq!(before.elapsed(), Duration::ZERO, "what cannot be sent in time is not waited for");
    rig.settled().await;
}

#[tokio::test(start_paused = true)]
async fn callers_get_their_verdict_or_a_refusal() {
    for options in [wait_for_result(), no_queue()] {
        for (step, sent) in [(Step::TakeAfter(secs(3)), 1), (Step::Hang, 0)] {
            let rig = Rig::started(options.clone()).await;
            rig.backend.usually(step);
            let stop = async {
                rig.attempts(1).await;
                rig.sending.shutdown(after(20)).await.unwrap();
            };
            let (verdict, ()) = tokio::join!(rig.offer(batch("a", 1)), stop);
            assert_eq!(verdict.map_err(|refusal| refusal.reason).is_ok(), sent == 1);
            assert_eq!(rig.settled().await.sent, sent);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_waits_for_room_is_refused() {
    let blocking = |q: &mut Queue| (q.queue_size, q.num_consumers, q.block_on_overflow) = (1, 1, true);
    let rig = Rig::started(with_queue(blocking)).await;
    rig.backend.usually(Step::TakeAfter(secs(3)));
    rig.offer(batch("a", 1)).await.unwrap();
    let stop = async {
        rig.attempts(1).await;
        rig.sending.shutdown(after(20)).await.unwrap();
    };
    let (verdict, ()) = tokio::join!(rig.offer(batch("b", 1)), stop);
    assert_eq!(verdict.unwrap_err().reason, Reason::Stopping);
    assert_eq!(rig.settled().await.sent, 1);
}

#[tokio::test(start_paused = true)]
async fn shutdown_without_start_is_harmless() {
    let rig = Rig::new(options());
    rig.sending.shutdown(after(20)).await.unwrap();
    rig.sending.shutdown(after(20)).await.unwrap();
    assert_eq!(rig.offer(batch("a", 1)).await.unwrap_err().reason, Reason::Stopping);
}

#[tokio::test(start_paused = true)]
async fn what_was_queued_before_a_start_that_never_came_is_booked() {
    let rig = Rig::new(options());
    rig.offer(batch("a", 4)).await.unwrap();
    assert_eq!(rig.sending.shutdown(after(20)).await.unwrap_err().lost, 4);
    assert_eq!(rig.settled().await.dropped[&Reason::Stopping], 4);
}
