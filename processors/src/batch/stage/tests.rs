use std::{collections::VecDeque, time::Duration};

use sluice_component::{
    Class, Kind, Request, Tier,
    host::Process,
    ledger::{Balance, Branch},
    testkit::{build_cx, component, host, process},
};
use sluice_pdata::{
    Limits, Signal,
    otlp::{
        ExportLogsServiceRequest,
        logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    },
};
use tokio::{task::yield_now, time::timeout};

use super::{
    super::{buffer::footprint, lane::IDLE},
    *,
};

const WELL_AFTER: Duration = Duration::from_secs(3600);

/// `items` log records on the wire, numbered from `first`.
fn logs(first: usize, items: usize) -> Pdata {
    let records = (first..first + items)
        .map(|number| LogRecord { time_unix_nano: number as u64 + 1, ..LogRecord::default() })
        .collect();
    let scope = ScopeLogs { log_records: records, ..ScopeLogs::default() };
    let resource = ResourceLogs { scope_logs: vec![scope], ..ResourceLogs::default() };
    let wire = Pdata::from_logs(ExportLogsServiceRequest { resource_logs: vec![resource] }).wire().remove(0);
    Pdata::from_wire(Signal::Logs, wire, &Limits::default()).unwrap().0
}

/// The numbers of the records in `data`.
fn numbers(data: &Pdata) -> Vec<u64> {
    let mut data = data.clone();
    let resources = &data.logs_mut().resource_logs;
    let scopes = resources.iter().flat_map(|resource| &resource.scope_logs);
    scopes.flat_map(|scope| &scope.log_records).map(|record| record.time_unix_nano - 1).collect()
}

/// What the sink does with one batch.
#[derive(Debug, Clone, Copy)]
enum Mood {
    Take,
    Refuse(Class, Reason),
    /// Refuses for good what has the record of this number in it.
    RefuseWith(u64),
    Hang,
    Panic,
}

const BUSY: Mood = Mood::Refuse(Class::Retryable, Reason::Unavailable);
const NEVER: Mood = Mood::Refuse(Class::Permanent, Reason::TooLarge);

/// Follows a script, then takes everything; books what it takes.
struct Sink {
    moods: Mutex<VecDeque<Mood>>,
    always: Mood,
    taken: Mutex<Vec<(Context, Pdata)>>,
    offers: AtomicUsize,
    branch: Arc<Branch>,
}

#[async_trait]
impl Consume for Sink {
    async fn consume(&self, cx: Context, data: Pdata) -> Result<(), Refusal> {
        self.offers.fetch_add(1, Ordering::Relaxed);
        let mood = self.moods.lock().unwrap().pop_front().unwrap_or(self.always);
        match mood {
            Mood::Take => {
                self.branch.sent(data.items());
                self.taken.lock().unwrap().push((cx, data));
                Ok(())
            }
            Mood::Refuse(class, reason) => {
                let exporter = component(Kind::Exporter, "otlp");
                Err(Refusal { class, ..Refusal::retryable(exporter, Signal::Logs, data.items(), reason) })
            }
            Mood::RefuseWith(poison) => {
                tokio::time::sleep(Duration::from_millis(1)).await;
                if numbers(&data).contains(&poison) {
                    let exporter = component(Kind::Exporter, "otlp");
                    return Err(Refusal::permanent(exporter, Signal::Logs, data.items(), Reason::Permanent));
                }
                self.branch.sent(data.items());
                self.taken.lock().unwrap().push((cx, data));
                Ok(())
            }
            Mood::Hang => std::future::pending().await,
            Mood::Panic => panic!("a sink that panics"),
        }
    }
}

struct Stand {
    batch: Arc<Batch>,
    sink: Arc<Sink>,
    process: Arc<Process>,
    host: Host,
}

impl Stand {
    /// A started batch processor, to be used as `entry` of a pipeline.
    async fn new(settings: Settings, tier: Tier, moods: impl IntoIterator<Item = Mood>) -> Self {
        let stand = Self::built(settings, tier, moods, Mood::Take);
        stand.batch.start(&stand.host).await.unwrap();
        stand
    }

    fn built(settings: Settings, tier: Tier, moods: impl IntoIterator<Item = Mood>, always: Mood) -> Self {
        let process = process();
        let cx = BuildCx { tier, ..build_cx(&process, Kind::Processor, "batch", Signal::Logs) };
        let branch = cx.account.as_ref().unwrap().branch(&component(Kind::Exporter, "otlp"));
        let moods = Mutex::new(moods.into_iter().collect());
        let (taken, offers) = (Mutex::default(), AtomicUsize::new(0));
        let sink = Arc::new(Sink { moods, always, taken, offers, branch });
        let batch = Arc::new(Batch::new(&settings, cx, sink.clone()).unwrap());
        let host = host(&process, Kind::Processor, "batch");
        Self { batch, sink, process, host }
    }

    /// What a pipeline's entry does: what is answered `Ok` is accepted.
    async fn offer(&self, cx: Context, data: Pdata) -> Result<(), Refusal> {
        let items = data.items();
        self.batch.consume(cx, data).await?;
        self.batch.common.account.accepted(items);
        Ok(())
    }

    async fn put(&self, first: usize, items: usize) {
        self.offer(Context::default(), logs(first, items)).await.unwrap();
    }

    fn balance(&self) -> Balance {
        self.sink.branch.balance()
    }

    fn batches(&self) -> Vec<Vec<u64>> {
        self.sink.taken.lock().unwrap().iter().map(|(_, data)| numbers(data)).collect()
    }

    fn sizes(&self) -> Vec<usize> {
        self.sink.taken.lock().unwrap().iter().map(|(_, data)| data.items()).collect()
    }

    /// Lets the lanes do what can be done without time passing.
    async fn settle(&self) {
        for _ in 0..20 {
            yield_now().await;
        }
    }

    async fn stop(&self) -> Result<(), DrainError> {
        self.batch.shutdown(Instant::now() + Duration::from_secs(20)).await
    }

    async fn stops_even(self) {
        self.stop().await.unwrap();
        let balance = self.balance();
        assert!(balance.is_even(), "{balance:?}");
        assert_eq!(balance.held(), 0);
    }
}

fn settings(timeout_ms: u64, size: u32, max: u32) -> Settings {
    Settings {
        timeout: Duration::from_millis(timeout_ms).into(),
        send_batch_size: size,
        send_batch_max_size: max,
        ..Settings::default()
    }
}

fn range(range: std::ops::Range<u64>) -> Vec<u64> {
    range.collect()
}

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

/// A request that cannot be joined with logs.
fn spans() -> Pdata {
    // resource_spans { scope_spans { spans { } } }
    let wire = bytes::Bytes::from_static(&[10, 4, 18, 2, 18, 0]);
    Pdata::from_wire(Signal::Traces, wire, &Limits::default()).unwrap().0
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
async fn end_to_end_a_panic_while_a_batch_is_put_together_is_told_and_the_next_one_passes() {
    let stand = Arc::new(Stand::new(settings(200, 10, 0), Tier::EndToEnd, []).await);
    let first = client(&stand, None, 0, 4);
    stand.settle().await;
    stand.offer(Context::default(), spans()).await.unwrap_err();
    first.await.unwrap().unwrap_err();
    client(&stand, None, 0, 10).await.unwrap().unwrap();
    assert_even(&stand);
}

#[tokio::test(start_paused = true)]
async fn intake_goes_on_while_a_batch_is_sent() {
    let stand = Stand::new(settings(200, 10, 0), Tier::Memory, [Mood::Hang]).await;
    stand.put(0, 10).await;
    stand.settle().await;
    stand.put(10, 10).await;
    assert_eq!(stand.balance().in_batch, 20);
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

/// Offers `items` items as a task of its own, as a client would.
fn client(
    stand: &Arc<Stand>,
    deadline: Option<Duration>,
    first: usize,
    items: usize,
) -> JoinHandle<Result<(), Refusal>> {
    let stand = stand.clone();
    let cx = Context::default().with_deadline(deadline.map(|wait| Instant::now() + wait));
    #[expect(clippy::disallowed_methods, reason = "clients are outside of the process")]
    tokio::spawn(async move { stand.offer(cx, logs(first, items)).await })
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
