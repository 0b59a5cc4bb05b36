//! What the backend answers for good.

use super::*;

#[tokio::test(start_paused = true)]
async fn e7_a_permanent_failure_is_dropped_at_once() {
    let rig = Rig::started(options()).await;
    rig.backend.script([Step::Refuse(Reason::Permanent)]);
    rig.offer(batch("a", 3)).await.unwrap();
    let balance = rig.settled().await;
    assert_eq!((balance.sent, balance.dropped[&Reason::Permanent]), (0, 3));
    assert_eq!(rig.backend.attempts().len(), 1);
    assert_eq!(rig.metric("otelcol_exporter_send_failed_log_records"), 3.0);
    assert_eq!(rig.metric("sluice_exporter_retries"), 0.0);
}

#[tokio::test(start_paused = true)]
async fn e9_a_partial_success_is_counted_and_not_retried() {
    for options in [options(), wait_for_result(), no_queue()] {
        let rig = Rig::started(options).await;
        rig.backend.script([Step::Partial(3, "three are too old")]);
        rig.offer(batch("a", 10)).await.unwrap();
        let balance = rig.settled().await;
        assert_eq!((balance.sent, balance.rejected), (7, 3));
        assert_eq!(rig.backend.attempts().len(), 1);
        assert_eq!(rig.metric("sluice_exporter_rejected_items"), 3.0);
        assert_eq!(rig.metric("otelcol_exporter_sent_log_records"), 7.0);
        assert_eq!(rig.metric("otelcol_exporter_send_failed_log_records"), 0.0);
    }
}

#[tokio::test(start_paused = true)]
async fn e9_a_message_with_nothing_rejected_is_a_success() {
    let rig = Rig::started(options()).await;
    rig.backend.script([Step::Partial(0, "deprecated attribute")]);
    rig.offer(batch("a", 10)).await.unwrap();
    assert_eq!(rig.settled().await.sent, 10);
}

#[tokio::test(start_paused = true)]
async fn more_rejected_than_sent_does_not_upset_the_ledger() {
    for options in [options(), no_queue()] {
        let rig = Rig::started(options).await;
        rig.backend.script([Step::Partial(usize::MAX, "all and more")]);
        rig.offer(batch("a", 10)).await.unwrap();
        let balance = rig.settled().await;
        assert_eq!((balance.sent, balance.rejected), (0, 10));
    }
}

#[tokio::test(start_paused = true)]
async fn bad_credentials_are_an_error_that_does_not_mend_by_itself() {
    let rig = Rig::started(options()).await;
    rig.backend.script([Step::Refuse(Reason::Unauthenticated); 2]);
    for _ in 0..2 {
        rig.offer(batch("a", 1)).await.unwrap();
        rig.settled().await;
    }
    assert_eq!(rig.state(), State::PermanentError);
    rig.offer(batch("a", 1)).await.unwrap();
    rig.settled().await;
    assert_eq!(rig.state(), State::Ok);
}

#[tokio::test(start_paused = true)]
async fn signals_of_one_exporter_share_its_state() {
    let process = testkit::process();
    let host = testkit::host(&process, Kind::Exporter, "text");
    let cx = testkit::build_cx(&process, Kind::Exporter, "text", Signal::Logs);
    let backends = [backend::Lines::new(), backend::Lines::new()];
    let mut both = Vec::new();
    for backend in &backends {
        let sending = Sending::new(&cx, no_queue_no_retry(), Text(backend.clone())).unwrap();
        sending.start(&host).await.unwrap();
        backend.script([Step::Unavailable; 2]);
        for _ in 0..2 {
            sending.consume(Context::default(), batch("a", 1)).await.unwrap_err();
        }
        both.push(sending);
    }
    let state = || process.health.reports()[host.component()].state;
    both[0].consume(Context::default(), batch("a", 1)).await.unwrap();
    assert_eq!(state(), State::RecoverableError, "the other one is still down");
    both[1].consume(Context::default(), batch("a", 1)).await.unwrap();
    assert_eq!(state(), State::Ok);
}

fn no_queue_no_retry() -> Options {
    Options { retry: None, ..no_queue() }
}
