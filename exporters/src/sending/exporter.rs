//! The exporter around a [`Wire`]: takes batches, queues them, answers, drains.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use sluice_component::{
    BuildCx, BuildError, Class, Component, ComponentRef, Consume, Context, DrainError, Exporter, Host,
    Reason, Refusal, StartError,
    telemetry::{Destination, ExporterMetrics, Sizes},
};
use sluice_config::{ByteSize, Section};
use sluice_pdata::{Pdata, Signal};
use tokio::{
    sync::{Mutex, oneshot},
    time::{Instant, sleep_until, timeout, timeout_at},
};
use tokio_util::task::TaskTracker;

use super::{
    accounts::Accounts,
    condition::{Condition, Degraded},
    consumer::InFlight,
    deliver::Deliver,
    entry::{Entry, Owner},
    gather::Gather,
    journal::{Event, Journal},
    lanes::Lanes,
    pace::Gate,
    queue::{NoRoom, Queue, Room, Ticket},
    receipt::{Failure, Receipt},
    settings,
    split::Most,
    stop::Stop,
    wire::Wire,
};

/// A piece of data that is smaller is copied when it enters the queue: it is likely to be a slice of a read buffer of
/// 16 KiB or more, the size of an HTTP/2 frame, and a queue full of such slices would keep many times its size.
const SMALL_PIECE: usize = 4 << 10;

/// Time for consumers to notice that they have to let go of what they send.
const LAST_POLLS: Duration = Duration::from_secs(1);

/// How a [`Sending`] works, as its component's settings say.
#[derive(Debug, Clone)]
pub struct Options {
    /// Time for one attempt; `None` means as long as it takes.
    pub timeout: Option<Duration>,
    /// `None`: one attempt.
    pub retry: Option<settings::Retry>,
    /// `None`: the caller's task sends.
    pub queue: Option<settings::Queue>,
    /// Largest request; a single item that is larger is sent all the same.
    pub max_request: ByteSize,
    /// The labels of `otelcol_exporter_sent_*`.
    pub destination: Destination,
}

impl Options {
    /// As the sections of the YAML say. An attempt takes as long as it takes: the HTTP client has a timeout of its own.
    #[must_use]
    pub fn new(
        retry: &Section<settings::Retry>,
        queue: &Section<settings::Queue>,
        destination: Destination,
    ) -> Self {
        Self {
            timeout: None,
            retry: retry.as_option().cloned(),
            queue: queue.as_option().cloned(),
            max_request: Self::MAX_REQUEST,
            destination,
        }
    }

    /// The request size that backends with otelcol's default limit of 4 MiB accept, with room for envelopes.
    pub const MAX_REQUEST: ByteSize = ByteSize::kib((4 << 10) - 64);
}

/// An exporter of the format `W`.
///
/// With a queue, `Ok` means that the queue owns the batch, unless `wait_for_result` is set. Otherwise `Ok` means
/// that the backend has it, and dropping the future cancels it. It keeps the ledger of its branches itself.
pub struct Sending<W>(Arc<Inner<W>>);

pub(super) struct Inner<W> {
    component: ComponentRef,
    signal: Signal,
    pub(super) deliver: Deliver<W>,
    pub(super) queue: Option<Line>,
    /// Consumers, and callers that send themselves.
    tasks: TaskTracker,
}

/// The queue and its settings.
pub(super) struct Line {
    settings: settings::Queue,
    queue: Queue<Entry>,
    batch: Option<Mutex<Gather>>,
    /// Client metadata that entries keep.
    keys: Vec<String>,
}

impl Line {
    fn new(settings: settings::Queue, metrics: &ExporterMetrics) -> Self {
        metrics.queue_capacity.set(settings.queue_size);
        let capacity = usize::try_from(settings.queue_size).unwrap_or(1);
        let batch = settings.batch.as_option();
        let keys = batch.map(settings::Batch::keys).unwrap_or_default();
        let batch = batch.map(|batch| Mutex::new(Gather::new(batch, batch.sizer(settings.sizer))));
        Self { settings, queue: Queue::new(capacity, metrics.queue_size.clone()), batch, keys }
    }

    /// What a consumer sends next; `None` once the queue is closed and empty. Dropping the future takes nothing.
    pub(super) async fn next(&self, batched: &Sizes) -> Option<Entry> {
        let Some(gather) = &self.batch else { return self.queue.pop().await };
        let batch = gather.lock().await.next(&self.queue).await?;
        batched.observe(&batch.data);
        Some(batch)
    }

    /// Gives up what nobody will send.
    async fn clear(&self) {
        drop(self.queue.clear());
        if let Some(gather) = &self.batch {
            gather.lock().await.clear();
        }
    }
}

impl<W: Wire> Sending<W> {
    /// An exporter for `cx.component` and `cx.signal`.
    ///
    /// # Errors
    /// When `cx` has no signal.
    pub fn new(cx: &BuildCx, options: Options, wire: W) -> Result<Self, BuildError> {
        let component = cx.component.clone();
        let signal = cx.signal.ok_or_else(|| cx.error("", "exporters are built for one signal"))?;
        let metrics = cx.telemetry.exporter(&component, signal, &options.destination);
        let batch = options.queue.as_ref().and_then(|queue| {
            let batch = queue.batch.as_option()?;
            Some((batch.most()?, batch.sizer(queue.sizer)))
        });
        let queue = options.queue.map(|settings| Line::new(settings, &metrics));
        let deliver = Deliver {
            wire,
            timeout: options.timeout,
            retry: options.retry,
            most: Most { size: options.max_request, batch },
            accounts: Accounts::new(metrics),
            condition: Condition::new(cx.shared.get_or_make(&component, Degraded::default)),
            journal: Journal::new(component.clone(), signal),
            gate: Gate::default(),
            lanes: Lanes::default(),
            stop: Stop::default(),
        };
        Ok(Self(Arc::new(Inner { component, signal, deliver, queue, tasks: TaskTracker::new() })))
    }
}

impl<W> fmt::Debug for Sending<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").field("component", &self.0.component).finish_non_exhaustive()
    }
}

impl<W: Wire> Inner<W> {
    fn refuse(&self, items: usize, reason: Reason) -> Refusal {
        Refusal::retryable(self.component.clone(), self.signal, items, reason)
    }

    /// The caller's task sends.
    async fn send(&self, cx: Context, data: Pdata) -> Result<(), Refusal> {
        let items = data.items();
        let _flight = InFlight::new(&self.deliver.accounts.metrics.in_flight);
        let receipt = tokio::select! {
            receipt = self.deliver.for_caller(data, &cx, None) => receipt,
            () = self.deliver.stop.ended() => Receipt::failed(stopping()),
        };
        receipt.settle(&self.component, self.signal, items)
    }

    /// The queue owns the batch and answers for it from now on.
    fn enqueue(&self, line: &Line, room: Room, cx: &Context, data: Pdata) -> Result<(), Refusal> {
        let items = data.items();
        let owned = self.deliver.accounts.own(cx, items);
        let entry = Entry::owned(data, cx.detached(&line.keys), owned, room);
        match line.queue.push(entry) {
            Ok(_) => Ok(()),
            Err(entry) => {
                if let Owner::Queue(owned) = entry.owner {
                    owned.give_back();
                }
                Err(self.refuse(items, Reason::Stopping))
            }
        }
    }

    /// A consumer sends, the caller waits for its verdict.
    async fn wait(&self, line: &Line, room: Room, cx: Context, data: Pdata) -> Result<(), Refusal> {
        let items = data.items();
        let (reply, verdict) = oneshot::channel();
        let waiting = cx.detached(&line.keys).with_deadline(cx.deadline());
        let entry = Entry::awaited(data, waiting, reply, room);
        let ticket = line.queue.push(entry).map_err(|_| self.refuse(items, Reason::Stopping))?;
        let _unless_taken = Withdraw { queue: &line.queue, ticket };
        let receipt = tokio::select! {
            biased;
            // Nobody answers once the exporter has ended.
            verdict = verdict => verdict.unwrap_or_else(|_| Receipt::failed(stopping())),
            () = until(cx.deadline()) => {
                let down = self.deliver.condition.is_degraded();
                let reason = if down { Reason::Unavailable } else { Reason::Timeout };
                Receipt::failed(Failure { class: Class::Retryable, reason, cause: None })
            }
        };
        receipt.settle(&self.component, self.signal, items)
    }

    /// Room for the batch, or the refusal of it.
    async fn room(&self, line: &Line, cx: &Context, data: &Pdata) -> Result<Room, Refusal> {
        let weight = line.settings.sizer.weigh(data);
        let room = if line.settings.block_on_overflow {
            line.queue.room(weight, cx.deadline()).await
        } else {
            line.queue.try_room(weight)
        };
        let items = data.items();
        room.map_err(|error| {
            let (refusal, text) = match error {
                NoRoom::Closed => return self.refuse(items, Reason::Stopping),
                NoRoom::Full => (self.refuse(items, Reason::QueueFull), Reason::QueueFull.to_string()),
                NoRoom::TooLarge => {
                    let too_large = TooLarge { weight, unit: line.settings.sizer.noun() };
                    let refusal =
                        Refusal::permanent(self.component.clone(), self.signal, items, Reason::TooLarge);
                    let text = too_large.to_string();
                    (refusal.because(too_large), text)
                }
            };
            // What its owner keeps and offers again did not fail. The last offer comes when the time is over.
            let comes_again = refusal.is_retryable()
                && cx.is_owned()
                && cx.deadline().is_none_or(|deadline| Instant::now() < deadline);
            if !comes_again {
                self.deliver.accounts.metrics.enqueue_failed.inc_by(items as u64);
            }
            self.deliver.journal.note(Event::Full, Some(refusal.reason), items, || text);
            refusal
        })
    }
}

#[async_trait]
impl<W: Wire> Consume for Sending<W> {
    async fn consume(&self, cx: Context, mut data: Pdata) -> Result<(), Refusal> {
        let inner = &*self.0;
        let _running = inner.tasks.token();
        if inner.deliver.stop.has_begun() {
            return Err(inner.refuse(data.items(), Reason::Stopping));
        }
        if data.is_empty() {
            return Ok(());
        }
        let Some(line) = &inner.queue else {
            return inner.send(cx, data).await;
        };
        let room = inner.room(line, &cx, &data).await?;
        data.copy_pieces_below(SMALL_PIECE);
        inner.deliver.accounts.metrics.enqueued.observe(&data);
        if line.settings.wait_for_result {
            inner.wait(line, room, cx, data).await
        } else {
            inner.enqueue(line, room, &cx, data)
        }
    }
}

#[async_trait]
impl<W: Wire> Component for Sending<W> {
    async fn start(&self, host: &Host) -> Result<(), StartError> {
        let inner = &self.0;
        inner.deliver.wire.start(host).await?;
        inner.deliver.condition.report_to(host);
        let consumers = inner.queue.as_ref().map_or(0, |line| line.settings.num_consumers);
        for _ in 0..consumers {
            drop(host.spawn("send", inner.tasks.track_future(inner.clone().run())));
        }
        Ok(())
    }

    async fn shutdown(&self, deadline: Instant) -> Result<(), DrainError> {
        let Inner { component, deliver, queue, tasks, .. } = &*self.0;
        deliver.stop.begin(deadline);
        if let Some(line) = queue {
            line.queue.close();
        }
        tasks.close();
        if timeout_at(deadline, tasks.wait()).await.is_err() {
            deliver.stop.end();
            if let Some(line) = queue {
                drop(line.queue.clear());
            }
            // A caller that is not polled does not hold up the end.
            drop(timeout(LAST_POLLS, tasks.wait()).await);
        }
        // Of an exporter that was never started, or whose time was over.
        if let Some(line) = queue {
            line.clear().await;
        }
        deliver.journal.flush();
        match deliver.accounts.take_lost() {
            0 => Ok(()),
            lost => {
                deliver.journal.lost(lost);
                Err(DrainError { component: component.clone(), lost })
            }
        }
    }
}

impl<W: Wire> Exporter for Sending<W> {
    fn keeps_accounts(&self) -> bool {
        true
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the batch has {weight} {unit}, more than the whole `sending_queue.queue_size`")]
struct TooLarge {
    weight: usize,
    unit: &'static str,
}

fn stopping() -> Failure {
    Failure { class: Class::Retryable, reason: Reason::Stopping, cause: None }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// Takes an entry back whose caller went away.
struct Withdraw<'a> {
    queue: &'a Queue<Entry>,
    ticket: Ticket,
}

impl Drop for Withdraw<'_> {
    fn drop(&mut self) {
        drop(self.queue.remove(self.ticket));
    }
}
