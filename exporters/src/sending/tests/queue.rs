//! What the queue takes, and how a batch is cut.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_queued_batch_is_answered_at_once_and_arrives() {
    let rig = Rig::started(options()).await;
    rig.backend.usually(Step::TakeAfter(secs(3)));
    let before = Instant::now();
    rig.offer(batch("a", 3)).await.unwrap();
    assert_eq!(Instant::now(), before);
    assert_eq!(rig.balance().held(), 3);
    assert_eq!(rig.settled().await.sent, 3);
    assert_eq!(rig.backend.lines(), ["a0", "a1", "a2"]);
    assert_eq!(rig.metric("otelcol_exporter_sent_log_records"), 3.0);
    assert_eq!(rig.metric("otelcol_exporter_in_flight_requests"), 0.0);
}

#[tokio::test(start_paused = true)]
async fn an_empty_batch_is_not_sent() {
    for options in [options(), no_queue(), wait_for_result()] {
        let rig = Rig::started(options).await;
        rig.offer(batch("a", 0)).await.unwrap();
        rig.settled().await;
        assert_eq!(rig.backend.attempts(), Vec::<f64>::new());
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_refuses_with_retry() {
    let rig = Rig::started(with_queue(|q| (q.queue_size, q.num_consumers) = (3, 1))).await;
    rig.backend.usually(Step::Hang);
    for _ in 0..3 {
        rig.offer(batch("a", 2)).await.unwrap();
    }
    let refusal = rig.offer(batch("b", 2)).await.unwrap_err();
    assert_eq!((refusal.reason, refusal.is_retryable(), refusal.items), (Reason::QueueFull, true, 2));
    assert_eq!(rig.metric("otelcol_exporter_enqueue_failed_log_records"), 2.0);
    assert_eq!(rig.metric("otelcol_exporter_queue_size"), 3.0);
    assert_eq!(rig.metric("otelcol_exporter_queue_capacity"), 3.0);
    rig.backend.usually(Step::Take);
    let balance = rig.settled().await;
    assert_eq!((balance.accepted, balance.sent), (6, 6));
    assert_eq!(rig.metric("otelcol_exporter_queue_size"), 0.0);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_counts_what_is_refused_in_the_end_and_not_each_offer() {
    const FAILED: &str = "otelcol_exporter_enqueue_failed_log_records";
    let rig = Rig::started(with_queue(|q| (q.queue_size, q.num_consumers) = (1, 1))).await;
    rig.backend.usually(Step::Hang);
    rig.offer(batch("a", 1)).await.unwrap();
    let offer = |cx: Context| rig.sending.consume(cx, batch("b", 2));
    let owned = rig.cx.clone().owned();
    for deadline in [None, Some(after(1)), Some(after(30))] {
        offer(owned.clone().with_deadline(deadline)).await.unwrap_err();
    }
    assert_eq!(rig.metric(FAILED), 0.0);
    offer(owned.with_deadline(Some(Instant::now()))).await.unwrap_err();
    assert_eq!(rig.metric(FAILED), 2.0);
    offer(rig.cx.clone()).await.unwrap_err();
    assert_eq!(rig.metric(FAILED), 4.0);
}

#[tokio::test(start_paused = true)]
async fn the_sizer_decides_what_the_size_counts() {
    let size = i64::try_from(batch("a", 4).size()).unwrap();
    for (sizer, fits) in [(Sizer::Items, 4), (Sizer::Bytes, size)] {
        let rig = Rig::started(with_queue(|q| (q.sizer, q.queue_size) = (sizer, fits))).await;
        rig.backend.usually(Step::Hang);
        rig.offer(batch("a", 4)).await.unwrap();
        assert_eq!(rig.offer(batch("b", 1)).await.unwrap_err().reason, Reason::QueueFull, "{sizer:?}");
        rig.backend.usually(Step::Take);
        rig.settled().await;

        let rig = Rig::started(with_queue(|q| (q.sizer, q.queue_size) = (sizer, fits - 1))).await;
        let refusal = rig.offer(batch("a", 4)).await.unwrap_err();
        assert_eq!((refusal.reason, refusal.is_retryable()), (Reason::TooLarge, false), "{sizer:?}");
        assert!(refusal.chain().contains("`sending_queue.queue_size`"), "{}", refusal.chain());
        rig.settled().await;
    }
}

#[tokio::test(start_paused = true)]
async fn block_on_overflow_waits_for_room() {
    let blocking = |q: &mut Queue| (q.queue_size, q.num_consumers, q.block_on_overflow) = (1, 1, true);
    let rig = Rig::started(with_queue(blocking)).await;
    rig.backend.usually(Step::TakeAfter(secs(3)));
    let before = Instant::now();
    rig.offer(batch("a", 1)).await.unwrap();
    rig.offer(batch("b", 1)).await.unwrap();
    assert_eq!(before.elapsed(), secs(3));
    assert_eq!(rig.settled().await.sent, 2);
}

#[tokio::test(start_paused = true)]
async fn block_on_overflow_ends_at_the_callers_deadline() {
    let blocking = |q: &mut Queue| (q.queue_size, q.num_consumers, q.block_on_overflow) = (1, 1, true);
    let rig = Rig::started(with_queue(blocking)).await;
    rig.backend.usually(Step::TakeAfter(secs(4)));
    rig.offer(batch("a", 1)).await.unwrap();
    let deadline = after(2);
    let refusal = rig.offer_until(batch("b", 1), Some(deadline)).await.unwrap_err();
    assert_eq!((refusal.reason, refusal.is_retryable()), (Reason::QueueFull, true));
    assert_eq!(Instant::now(), deadline);
    assert_eq!(rig.settled().await.sent, 1);
}

#[tokio::test(start_paused = true)]
async fn num_consumers_bounds_what_is_sent_at_once() {
    let rig = Rig::started(with_queue(|q| q.num_consumers = 4)).await;
    rig.backend.usually(Step::TakeAfter(secs(1)));
    for _ in 0..20 {
        rig.offer(batch("a", 1)).await.unwrap();
    }
    rig.settled().await;
    assert_eq!(rig.backend.most_busy.load(std::sync::atomic::Ordering::SeqCst), 4);
}

#[tokio::test(start_paused = true)]
async fn a_batch_above_the_request_size_is_cut_in_order() {
    let options = Options { max_request: ByteSize::new(40), ..with_queue(|q| q.num_consumers = 1) };
    let rig = Rig::started(options).await;
    rig.offer(batch("x", 100)).await.unwrap();
    assert_eq!(rig.settled().await.sent, 100);
    let pages = rig.backend.pages();
    assert!(pages.len() > 8 && pages.iter().all(|page| page.len() <= 40), "{pages:?}");
    assert_eq!(
        pages.concat().lines().map(str::to_owned).collect::<Vec<_>>(),
        (0..100).map(|n| format!("x{n}")).collect::<Vec<_>>()
    );
}

#[tokio::test(start_paused = true)]
async fn an_item_above_the_request_size_is_sent_alone() {
    let options = Options { max_request: ByteSize::new(10), ..with_queue(|q| q.num_consumers = 1) };
    let rig = Rig::started(options).await;
    let mut data = batch("a", 2);
    data.append(batch(&"long ".repeat(10), 1));
    data.append(batch("b", 2));
    rig.offer(data).await.unwrap();
    assert_eq!(rig.settled().await.sent, 5);
    assert!(rig.backend.pages().contains(&format!("{}0\n", "long ".repeat(10))), "{:?}", rig.backend.pages());
}

#[tokio::test(start_paused = true)]
async fn a_resource_that_would_be_most_of_each_request_is_sent_whole() {
    let options = Options { max_request: ByteSize::new(4000), ..with_queue(|q| q.num_consumers = 1) };
    let rig = Rig::started(options).await;
    let mut data = batch("x", 1000);
    data.logs_mut().resource_logs[0].schema_url = "h".repeat(100_000);
    rig.offer(data).await.unwrap();
    assert_eq!(rig.settled().await.sent, 1000);
    assert_eq!(rig.backend.pages().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_has_no_form_is_dropped_and_its_neighbours_pass() {
    let rig = Rig::started(options()).await;
    let mut data = batch("a", 3);
    data.logs_mut().resource_logs[0].scope_logs[0].log_records[1].body = None;
    rig.offer(data).await.unwrap();
    let balance = rig.settled().await;
    assert_eq!((balance.sent, balance.dropped[&Reason::Unconvertible]), (2, 1));
    assert_eq!(rig.backend.lines(), ["a0", "a2"]);
}

#[tokio::test(start_paused = true)]
async fn i5_a_stuck_exporter_slows_no_other() {
    let process = testkit::process();
    let stuck = Rig::in_process(&process, "stuck", options());
    let well = Rig::in_process(&process, "well", options());
    for rig in [&stuck, &well] {
        rig.sending.start(&rig.host).await.unwrap();
    }
    stuck.backend.usually(Step::Hang);
    for _ in 0..500 {
        stuck.offer(batch("a", 1)).await.unwrap();
        well.offer(batch("b", 1)).await.unwrap();
    }
    let before = Instant::now();
    assert_eq!(well.settled().await.sent, 500);
    assert!(before.elapsed() < secs(1));
    assert_eq!(stuck.balance().held(), 500);
}

#[tokio::test(start_paused = true)]
async fn a_panic_costs_its_batch_alone() {
    let rig = Rig::started(with_queue(|q| q.num_consumers = 1)).await;
    rig.backend.script([Step::Panic]);
    rig.offer(batch("a", 2)).await.unwrap();
    rig.offer(batch("b", 3)).await.unwrap();
    let balance = rig.settled().await;
    assert_eq!((balance.sent, balance.dropped[&Reason::Panic]), (3, 2));
}

#[tokio::test(start_paused = true)]
async fn a_small_slice_in_the_queue_does_not_keep_its_buffer() {
    for (items, copied) in [(2, true), (1000, false)] {
        let rig = Rig::started(options()).await;
        rig.backend.usually(Step::Hang);
        let body = batch("a", items).wire().concat();
        let buffer = Bytes::from([body.clone(), vec![0; 64 << 10]].concat());
        let slice = buffer.slice(..body.len());
        let (data, _) = Pdata::from_wire(Signal::Logs, slice, &Limits::default()).unwrap();
        rig.offer(data).await.unwrap();
        assert_eq!(buffer.is_unique(), copied, "{} bytes", body.len());
        rig.backend.usually(Step::Take);
        rig.settled().await;
    }
}
