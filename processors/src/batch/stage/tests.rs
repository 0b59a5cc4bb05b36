//! `batch` in front of a sink that follows a script.

mod end_to_end;
mod leaving;
mod limits;
mod memory;

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

/// A request that cannot be joined with logs.
fn spans() -> Pdata {
    // resource_spans { scope_spans { spans { } } }
    let wire = bytes::Bytes::from_static(&[10, 4, 18, 2, 18, 0]);
    Pdata::from_wire(Signal::Traces, wire, &Limits::default()).unwrap().0
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
