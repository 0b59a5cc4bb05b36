//! `sending_queue.batch`: what leaves the queue together, and whose the verdict is.

use sluice_component::context::Request;
use sluice_config::{GoDuration, Section};

use super::*;
use crate::sending::{Batch, settings::Partition};

/// Batches of at least `min` items, made and sent by one consumer.
fn batching(min: i64, change: impl FnOnce(&mut Queue, &mut Batch)) -> Options {
    with_queue(|queue| {
        let mut batch = Batch { min_size: min, ..Batch::default() };
        queue.num_consumers = 1;
        change(queue, &mut batch);
        queue.batch = Section::on(batch);
    })
}

#[tokio::test(start_paused = true)]
async fn requests_leave_together_as_soon_as_there_are_enough() {
    let rig = Rig::started(batching(6, |_, _| ())).await;
    for name in ["a", "b", "c"] {
        rig.offer(batch(name, 2)).await.unwrap();
    }
    assert_eq!(rig.settled().await.sent, 6);
    assert_eq!(rig.backend.pages(), ["a0\na1\nb0\nb1\nc0\nc1\n"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_too_little_leaves_when_its_time_is_up() {
    let rig = Rig::started(batching(1000, |_, batch| batch.flush_timeout = GoDuration::from_secs(2))).await;
    rig.offer(batch("a", 1)).await.unwrap();
    tokio::time::sleep(secs(1)).await;
    rig.offer(batch("b", 1)).await.unwrap();
    assert_eq!(rig.balance().queued, 2);
    assert_eq!(rig.metric("otelcol_exporter_queue_size"), 2.0);
    rig.settled().await;
    assert_eq!(rig.backend.pages(), ["a0\nb0\n"]);
    assert_eq!(rig.backend.attempts(), [2.0]);
    assert_eq!(rig.metric("otelcol_exporter_queue_size"), 0.0);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_would_be_too_large_leaves_without_the_next_request() {
    let rig = Rig::started(batching(5, |_, batch| batch.max_size = 6)).await;
    for (name, items) in [("a", 4), ("b", 4), ("c", 2), ("d", 13)] {
        rig.offer(batch(name, items)).await.unwrap();
    }
    assert_eq!(rig.settled().await.sent, 23);
    let sizes: Vec<_> = rig.backend.pages().iter().map(|page| page.lines().count()).collect();
    assert_eq!(sizes, [4, 6, 6, 6, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_request_above_max_size_in_bytes_is_cut() {
    let options = batching(1, |queue, batch| {
        (queue.sizer, queue.queue_size, batch.max_size) = (Sizer::Bytes, 100_000, 200);
    });
    let rig = Rig::started(options).await;
    rig.offer(batch("a", 100)).await.unwrap();
    assert_eq!(rig.settled().await.sent, 100);
    let pages = rig.backend.pages();
    assert!(pages.len() > 3 && pages.iter().all(|page| page.len() <= 200), "{pages:?}");
}

#[tokio::test(start_paused = true)]
async fn after_a_jam_batches_are_full() {
    let rig = Rig::started(batching(10, |_, _| ())).await;
    rig.backend.script([Step::TakeAfter(secs(60))]);
    rig.offer(batch("first", 10)).await.unwrap();
    rig.attempts(1).await;
    for _ in 0..30 {
        rig.offer(batch("a", 1)).await.unwrap();
    }
    assert_eq!(rig.settled().await.sent, 40);
    assert_eq!(rig.backend.pages().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn in_a_jam_a_small_batch_waits_for_one_full_batch_only() {
    let rig = Rig::started(batching(10, |_, _| ())).await;
    let other = rig.process.ledger.account(&PipelineId::new(Signal::Logs, "other"));
    let branch = other.branch(rig.host.component());
    rig.backend.script([Step::TakeAfter(secs(60))]);
    rig.offer(batch("first", 10)).await.unwrap();
    rig.attempts(1).await;
    rig.sending.consume(Context::default().on_branch(branch), batch("small", 1)).await.unwrap();
    other.accepted(1);
    for _ in 0..5 {
        rig.offer(batch("a", 10)).await.unwrap();
    }
    assert_eq!(rig.settled().await.sent, 60);
    let sizes: Vec<_> = rig.backend.pages().iter().map(|page| page.lines().count()).collect();
    assert_eq!(sizes, [10, 10, 1, 10, 10, 10, 10]);
}

#[tokio::test(start_paused = true)]
async fn what_waits_to_become_a_batch_fills_the_queue() {
    let rig = Rig::started(batching(1000, |queue, batch| {
        queue.queue_size = 2;
        batch.flush_timeout = GoDuration::from_secs(1);
    }))
    .await;
    for _ in 0..2 {
        rig.offer(batch("a", 1)).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(rig.offer(batch("a", 1)).await.unwrap_err().reason, Reason::QueueFull);
    assert_eq!(rig.settled().await.sent, 2);
}

#[tokio::test(start_paused = true)]
async fn clients_that_differ_in_a_metadata_key_share_no_batch() {
    let keys = Partition { metadata_keys: vec!["X-Tenant".to_owned()].into() };
    let rig = Rig::started(batching(1000, |_, batch| batch.partition = keys)).await;
    for (n, tenant) in ["blue", "red", "blue"].into_iter().enumerate() {
        let receiver = rig.host.component().clone();
        let request = Request::builder(receiver, "grpc").metadata("x-tenant", tenant.to_owned()).build();
        let branch = rig.cx.branch().unwrap().clone();
        let data = batch(&format!("{tenant}{n}-"), 1);
        rig.sending.consume(Context::new(request).on_branch(branch), data).await.unwrap();
        rig.account.accepted(1);
    }
    rig.settled().await;
    assert_eq!(rig.backend.pages(), ["blue0-0\nblue2-0\n", "red1-0\n"]);
}

#[tokio::test(start_paused = true)]
async fn pipelines_share_no_batch_since_each_has_its_accounts() {
    let rig = Rig::started(batching(1000, |_, _| ())).await;
    let other = rig.process.ledger.account(&PipelineId::new(Signal::Logs, "other"));
    let branch = other.branch(rig.host.component());
    rig.offer(batch("a", 2)).await.unwrap();
    rig.sending.consume(Context::default().on_branch(branch.clone()), batch("b", 3)).await.unwrap();
    other.accepted(3);
    assert_eq!(rig.settled().await.sent, 2);
    assert_eq!((branch.balance().sent, rig.backend.pages().len()), (3, 2));
}

#[tokio::test(start_paused = true)]
async fn the_end_does_not_wait_for_full_batches() {
    let rig =
        Rig::started(batching(1000, |_, batch| batch.flush_timeout = GoDuration::from_secs(3600))).await;
    rig.offer(batch("a", 2)).await.unwrap();
    rig.offer(batch("b", 1)).await.unwrap();
    let before = Instant::now();
    rig.sending.shutdown(after(20)).await.unwrap();
    assert_eq!((before.elapsed(), rig.balance().sent), (Duration::ZERO, 3));
    rig.settled().await;
}

#[tokio::test(start_paused = true)]
async fn what_was_gathered_when_time_to_drain_ran_out_is_booked_as_lost() {
    let rig = Rig::started(batching(3, |_, batch| batch.max_size = 3)).await;
    rig.backend.usually(Step::Hang);
    for _ in 0..5 {
        rig.offer(batch("a", 2)).await.unwrap();
    }
    let error = rig.sending.shutdown(after(5)).await.unwrap_err();
    assert_eq!(error.lost, 10);
    let balance = rig.settled().await;
    assert_eq!(balance.dropped[&Reason::Stopping], 10);
}

/// Callers that wait for results, each with one request of two items, all of which are sent together.
async fn callers(rig: &Rig, names: [&str; 3]) -> Vec<Result<(), Refusal>> {
    futures_util::future::join_all(names.map(|name| rig.offer(batch(name, 2)))).await
}

fn waiting() -> Options {
    batching(6, |queue, _| queue.wait_for_result = true)
}

#[tokio::test(start_paused = true)]
async fn each_caller_has_the_verdict_on_its_batch() {
    let rig = Rig::started(waiting()).await;
    rig.backend.script([Step::Unavailable, Step::Partial(3, "")]);
    assert!(callers(&rig, ["a", "b", "c"]).await.iter().all(Result::is_ok));
    let balance = rig.settled().await;
    assert_eq!((balance.sent, balance.rejected, rig.backend.attempts().len()), (3, 3, 2));
}

#[tokio::test(start_paused = true)]
async fn i4_a_request_that_is_refused_for_good_costs_no_other() {
    let rig = Rig::started(waiting()).await;
    rig.backend.script([Step::Refuse(Reason::Permanent), Step::Take, Step::Refuse(Reason::Permanent)]);
    let verdicts = callers(&rig, ["a", "b", "c"]).await;
    let refused: Vec<_> = verdicts.iter().map(Result::is_err).collect();
    assert_eq!(refused, [false, true, false]);
    assert_eq!(verdicts[1].as_ref().unwrap_err().items, 2);
    assert_eq!(rig.settled().await.sent, 4);
    assert_eq!(rig.backend.pages(), ["a0\na1\n", "c0\nc1\n"]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_whose_part_had_arrived_is_not_told_to_come_again() {
    // One line per request: the first three arrive.
    let options = Options { max_request: ByteSize::new(3), retry: None, ..waiting() };
    let rig = Rig::started(options).await;
    rig.backend.script([Step::Take, Step::Take, Step::Take, Step::Unavailable]);
    let verdicts = callers(&rig, ["a", "b", "c"]).await;
    let refused: Vec<_> = verdicts.iter().map(Result::is_err).collect();
    assert_eq!(refused, [false, true, true]);
    let balance = rig.settled().await;
    assert_eq!((balance.accepted, balance.sent, balance.possible_duplicates), (2, 3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_caller_is_told_that_its_part_was_refused_for_good() {
    // One line per request: those of the first and the last caller arrive.
    let options = Options { max_request: ByteSize::new(3), ..waiting() };
    let rig = Rig::started(options).await;
    let no = Step::Refuse(Reason::Permanent);
    rig.backend.script([Step::Take, Step::Partial(1, ""), no, no, no, Step::Take]);
    let verdicts = callers(&rig, ["a", "b", "c"]).await;
    let refused: Vec<_> = verdicts.iter().map(Result::is_err).collect();
    assert_eq!(refused, [false, true, false]);
    let refusal = verdicts[1].as_ref().unwrap_err();
    assert_eq!((refusal.items, refusal.reason, refusal.is_retryable()), (2, Reason::Permanent, false));
    let balance = rig.settled().await;
    assert_eq!((balance.accepted, balance.sent, balance.rejected), (4, 2, 1));
    assert_eq!((balance.dropped[&Reason::Permanent], balance.possible_duplicates), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_batch_leaves_in_time_for_its_callers() {
    let options = batching(1000, |queue, batch| {
        queue.wait_for_result = true;
        batch.flush_timeout = GoDuration::from_secs(3600);
    });
    let rig = Rig::started(options).await;
    let (soon, late) = (after(10), after(60));
    let (first, second) =
        tokio::join!(rig.offer_until(batch("a", 1), Some(late)), rig.offer_until(batch("b", 1), Some(soon)));
    first.unwrap();
    second.unwrap();
    assert_eq!(rig.backend.attempts(), [5.0]);
    rig.settled().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_for_a_caller_that_went_away_may_arrive_twice() {
    let rig = Rig::started(waiting()).await;
    rig.backend.usually(Step::TakeAfter(secs(4)));
    let impatient = tokio::time::timeout(secs(1), rig.offer(batch("b", 2)));
    let (first, gone, last) = tokio::join!(rig.offer(batch("a", 2)), impatient, rig.offer(batch("c", 2)));
    assert!(first.is_ok() && gone.is_err() && last.is_ok());
    let balance = rig.settled().await;
    assert_eq!((balance.accepted, balance.sent, balance.possible_duplicates), (4, 6, 2));
}

#[tokio::test(start_paused = true)]
async fn callers_that_all_went_away_end_the_sending() {
    let rig = Rig::started(waiting()).await;
    rig.backend.usually(Step::Hang);
    assert!(tokio::time::timeout(secs(1), callers(&rig, ["a", "b", "c"])).await.is_err());
    rig.backend.usually(Step::Take);
    tokio::time::sleep(secs(1)).await;
    assert_eq!(rig.metric("otelcol_exporter_in_flight_requests"), 0.0);
    assert!(callers(&rig, ["a", "b", "c"]).await.iter().all(Result::is_ok));
}

#[tokio::test(start_paused = true)]
async fn callers_end_the_sending_when_they_go_however_many_they_are() {
    let rig = Rig::started(batching(300, |queue, _| queue.wait_for_result = true)).await;
    rig.backend.usually(Step::Hang);
    let offers = (0..300).map(|_| rig.offer(batch("a", 1)));
    let all = futures_util::future::join_all(offers);
    assert!(tokio::time::timeout(secs(1), all).await.is_err());
    assert_eq!(rig.backend.attempts().len(), 1);
    // More turns than it takes, but no time: a task that is busy for ever would not let the clock go on.
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert_eq!(rig.metric("otelcol_exporter_in_flight_requests"), 0.0);
}
