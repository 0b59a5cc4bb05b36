//! The toy format and its backend.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use sluice_component::{Context, Reason};
use sluice_config::ByteSize;
use sluice_pdata::{Pdata, otlp::common::v1::any_value::Value};
use tokio::time::Instant;

use crate::sending::{Encoded, Outcome, Unconvertible, Wire};

/// What the backend does with one attempt.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    Take,
    TakeAfter(Duration),
    Partial(usize, &'static str),
    Unavailable,
    RetryAfter(Duration),
    Refuse(Reason),
    Hang,
    Panic,
}

/// The backend: follows its script, then goes on as `usually` says.
#[derive(Debug)]
pub(super) struct Lines {
    script: Mutex<VecDeque<Step>>,
    usually: Mutex<Step>,
    born: Instant,
    attempts: Mutex<Vec<f64>>,
    taken: Mutex<Vec<String>>,
    busy: AtomicUsize,
    pub(super) most_busy: AtomicUsize,
}

impl Lines {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            script: Mutex::default(),
            usually: Mutex::new(Step::Take),
            born: Instant::now(),
            attempts: Mutex::default(),
            taken: Mutex::default(),
            busy: AtomicUsize::new(0),
            most_busy: AtomicUsize::new(0),
        })
    }

    pub(super) fn script(&self, steps: impl IntoIterator<Item = Step>) {
        self.script.lock().unwrap().extend(steps);
    }

    pub(super) fn usually(&self, step: Step) {
        *self.usually.lock().unwrap() = step;
    }

    /// When each attempt arrived, in seconds since the start.
    pub(super) fn attempts(&self) -> Vec<f64> {
        self.attempts.lock().unwrap().clone()
    }

    /// The pages it took.
    pub(super) fn pages(&self) -> Vec<String> {
        self.taken.lock().unwrap().clone()
    }

    /// The lines of all pages, sorted.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self
            .pages()
            .iter()
            .flat_map(|page| page.lines().map(str::to_owned).collect::<Vec<_>>())
            .collect();
        lines.sort();
        lines
    }

    async fn receive(&self, page: &str) -> Outcome {
        self.attempts.lock().unwrap().push(self.born.elapsed().as_secs_f64());
        let busy = self.busy.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_busy.fetch_max(busy, Ordering::SeqCst);
        let _done = Done(&self.busy);
        let step = self.script.lock().unwrap().pop_front();
        let step = step.unwrap_or_else(|| *self.usually.lock().unwrap());
        let take = || self.taken.lock().unwrap().push(page.to_owned());
        match step {
            Step::Take => take(),
            Step::TakeAfter(delay) => {
                tokio::time::sleep(delay).await;
                take();
            }
            Step::Partial(rejected, message) => {
                take();
                return Outcome::Accepted { rejected, message: Some(message.to_owned()) };
            }
            Step::Unavailable => return Outcome::retry(Reason::Unavailable, "connection refused"),
            Step::RetryAfter(delay) => {
                let cause = std::sync::Arc::from(Box::from("slow down"));
                return Outcome::Retry { after: Some(delay), reason: Reason::Throttled, cause };
            }
            Step::Refuse(reason) => return Outcome::fatal(reason, "I do not like it"),
            Step::Hang => std::future::pending().await,
            Step::Panic => panic!("the toy breaks"),
        }
        Outcome::accepted()
    }
}

struct Done<'a>(&'a AtomicUsize);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The format: the text bodies of log records, one per line. Other bodies have no form in it.
pub(super) struct Text(pub(super) Arc<Lines>);

pub(super) struct Page {
    text: String,
    items: usize,
}

#[async_trait]
impl Wire for Text {
    type Request = Page;

    fn encode(&self, mut data: Pdata) -> Encoded<Page> {
        let mut page = Page { text: String::new(), items: 0 };
        let mut unconvertible = Vec::new();
        let logs = std::mem::take(data.logs_mut());
        let scopes = logs.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
        for record in scopes.flat_map(|scope| scope.log_records) {
            match record.body.and_then(|body| body.value) {
                Some(Value::StringValue(line)) => {
                    page.text.push_str(&line);
                    page.text.push('\n');
                    page.items += 1;
                }
                _ => unconvertible.push(Unconvertible { items: 1, why: "not a text".to_owned() }),
            }
        }
        let requests = if page.items > 0 { vec![page] } else { Vec::new() };
        Encoded { requests, unconvertible }
    }

    fn items(request: &Page) -> usize {
        request.items
    }

    fn size(request: &Page) -> ByteSize {
        ByteSize::new(request.text.len() as u64)
    }

    async fn send(&self, request: &Page, _cx: &Context) -> Outcome {
        self.0.receive(&request.text).await
    }
}
