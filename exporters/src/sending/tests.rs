//! `sending` around a toy format: one line of text per log record, to a backend that follows a script.

mod backend;
mod batch;
mod caller;
mod drain;
mod lanes;
mod queue;
mod retry;
mod verdict;

use std::{sync::Arc, time::Duration};

use backend::{Lines, Step, Text};
use bytes::Bytes;
use sluice_component::{
    Component, Consume, Context, Host, Kind, PipelineId, Reason, Refusal, State,
    host::Process,
    ledger::{Account, Balance},
    testkit,
};
use sluice_config::ByteSize;
use sluice_pdata::{
    Limits, Pdata, Signal,
    otlp::{
        ExportLogsServiceRequest,
        common::v1::{AnyValue, any_value::Value},
        logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
    },
};
use tokio::time::Instant;

use super::{Options, Queue, Retry, Sending, Sizer};

/// One exporter of text lines in one pipeline.
struct Rig {
    process: Arc<Process>,
    account: Arc<Account>,
    backend: Arc<Lines>,
    sending: Sending<Text>,
    host: Host,
    cx: Context,
}

/// The defaults, with waits that do not vary.
fn options() -> Options {
    Options {
        timeout: Some(Duration::from_secs(5)),
        retry: Some(Retry { randomization_factor: 0.0, ..Retry::default() }),
        queue: Some(Queue::default()),
        max_request: Options::MAX_REQUEST,
        destination: Default::default(),
    }
}

fn with_queue(change: impl FnOnce(&mut Queue)) -> Options {
    let mut queue = Queue::default();
    change(&mut queue);
    Options { queue: Some(queue), ..options() }
}

fn wait_for_result() -> Options {
    with_queue(|queue| queue.wait_for_result = true)
}

fn no_queue() -> Options {
    Options { queue: None, ..options() }
}

impl Rig {
    fn new(options: Options) -> Self {
        Self::in_process(&testkit::process(), "text", options)
    }

    fn in_process(process: &Arc<Process>, id: &str, options: Options) -> Self {
        let cx = testkit::build_cx(process, Kind::Exporter, id, Signal::Logs);
        let host = testkit::host(process, Kind::Exporter, id);
        let account = process.ledger.account(&PipelineId::new(Signal::Logs, id));
        let branch = account.branch(&cx.component);
        let backend = Lines::new();
        let sending = Sending::new(&cx, options, Text(backend.clone())).unwrap();
        let cx = Context::default().on_branch(branch);
        Self { process: process.clone(), account, backend, sending, host, cx }
    }

    async fn started(options: Options) -> Self {
        let rig = Self::new(options);
        rig.sending.start(&rig.host).await.unwrap();
        rig
    }

    /// Offers a batch as the entry of a pipeline does: what is answered `Ok` is accepted.
    async fn offer(&self, data: Pdata) -> Result<(), Refusal> {
        self.offer_until(data, None).await
    }

    async fn offer_until(&self, data: Pdata, deadline: Option<Instant>) -> Result<(), Refusal> {
        let items = data.items();
        self.sending.consume(self.cx.clone().with_deadline(deadline), data).await?;
        self.account.accepted(items);
        Ok(())
    }

    fn balance(&self) -> Balance {
        let balances = self.process.ledger.balances();
        balances.into_iter().find(|b| b.pipeline == *self.account.pipeline()).unwrap()
    }

    /// The balance, which must be even, once nothing is held.
    async fn settled(&self) -> Balance {
        for _ in 0..100_000 {
            let balance = self.balance();
            if balance.held() == 0 {
                assert!(balance.is_even(), "{balance:?}");
                return balance;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("never settled: {:?}", self.balance());
    }

    /// Waits until the backend has seen `attempts`.
    async fn attempts(&self, attempts: usize) -> Vec<f64> {
        for _ in 0..100_000 {
            if self.backend.attempts().len() >= attempts {
                return self.backend.attempts();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the backend saw {} of {attempts} attempts", self.backend.attempts().len());
    }

    fn state(&self) -> State {
        self.process.health.reports()[self.host.component()].state
    }

    fn metric(&self, name: &str) -> f64 {
        let families = self.process.telemetry.registry().gather();
        let family = families.iter().find(|family| family.name() == name).unwrap();
        let of_this = |metric: &&prometheus::proto::Metric| {
            let id = self.host.component().id().to_string();
            metric.get_label().iter().any(|label| label.name() == "exporter" && label.value() == id)
        };
        let metrics = family.get_metric().iter().filter(of_this);
        metrics.map(|metric| metric.get_counter().get_value() + metric.get_gauge().get_value()).sum()
    }
}

/// Log records `a0`, `a1`, .. of one resource.
fn batch(name: &str, items: usize) -> Pdata {
    let body = |n| AnyValue { value: Some(Value::StringValue(format!("{name}{n}"))) };
    let log_records = (0..items).map(|n| LogRecord { body: Some(body(n)), ..LogRecord::default() }).collect();
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }];
    Pdata::from_logs(ExportLogsServiceRequest { resource_logs })
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn after(seconds: u64) -> Instant {
    Instant::now() + secs(seconds)
}
