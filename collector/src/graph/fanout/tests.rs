use std::sync::atomic::{AtomicUsize, Ordering};

use sluice_component::{
    Kind, PipelineId, Reason,
    ledger::Ledger,
    testkit::{Recorder, component},
};
use sluice_pdata::Signal;

use super::*;

const ITEMS: usize = 3;

fn batch() -> Pdata {
    crate::testdata::spans(ITEMS)
}

fn refusal(class: Class) -> Refusal {
    let mut refusal =
        Refusal::retryable(component(Kind::Exporter, "x"), Signal::Traces, ITEMS, Reason::QueueFull);
    refusal.class = class;
    refusal
}

/// Refuses `refusals` times with `class`, then accepts and books as an exporter would.
struct Moody {
    class: Class,
    refusals: usize,
    calls: AtomicUsize,
    branch: Arc<Branch>,
}

#[async_trait]
impl Consume for Moody {
    async fn consume(&self, _: Context, data: Pdata) -> Result<(), Refusal> {
        if self.calls.fetch_add(1, Ordering::Relaxed) < self.refusals {
            return Err(refusal(self.class));
        }
        self.branch.sent(data.items());
        Ok(())
    }
}

struct Stand {
    account: Arc<Account>,
    moody: Vec<Arc<Moody>>,
    fanout: Arc<dyn Consume>,
}

/// A pipeline's end with an exporter per `(class, refusals)`.
fn stand(moods: &[(Class, usize)]) -> Stand {
    let account = Ledger::default().account(&PipelineId::new(Signal::Traces, ""));
    let moody: Vec<Arc<Moody>> = moods
        .iter()
        .enumerate()
        .map(|(n, &(class, refusals))| {
            let branch = account.branch(&component(Kind::Exporter, &format!("x/{n}")));
            Arc::new(Moody { class, refusals, calls: AtomicUsize::new(0), branch })
        })
        .collect();
    let arms =
        moody.iter().map(|m| Arm { next: m.clone(), books: Books::Branch(m.branch.clone()) }).collect();
    Stand { account, moody, fanout: fanout(arms) }
}

impl Stand {
    async fn offer(&self, cx: Context) -> Result<(), Refusal> {
        let verdict = self.fanout.consume(cx, batch()).await;
        if verdict.is_ok() {
            self.account.accepted(ITEMS);
        }
        for moody in &self.moody {
            let balance = moody.branch.balance();
            assert!(balance.is_even(), "{balance:?}");
        }
        verdict
    }

    fn calls(&self) -> Vec<usize> {
        self.moody.iter().map(|m| m.calls.load(Ordering::Relaxed)).collect()
    }
}

const NEVER: usize = usize::MAX;

#[tokio::test(start_paused = true)]
async fn only_the_arm_that_has_not_settled_is_offered_again() {
    let stand = stand(&[(Class::Retryable, 0), (Class::Retryable, 3)]);
    stand.offer(Context::default()).await.unwrap();
    assert_eq!(stand.calls(), [1, 4]);
}

#[tokio::test(start_paused = true)]
async fn past_the_patience_the_answer_is_retryable_and_what_was_taken_may_come_again() {
    let stand = stand(&[(Class::Retryable, 0), (Class::Retryable, NEVER)]);
    let begun = Instant::now();
    let refusal = stand.offer(Context::default()).await.unwrap_err();
    assert!(refusal.is_retryable());
    assert!(begun.elapsed() <= DEFAULT_PATIENCE);
    assert_eq!(stand.moody[0].branch.balance().possible_duplicates, ITEMS as u64);
    assert_eq!(stand.moody[1].branch.balance().possible_duplicates, 0);
}

#[tokio::test(start_paused = true)]
async fn when_no_arm_took_it_the_refusal_comes_at_once() {
    let stand = stand(&[(Class::Retryable, NEVER), (Class::Retryable, NEVER)]);
    let begun = Instant::now();
    stand.offer(Context::default()).await.unwrap_err();
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!(stand.calls(), [1, 1]);
}

#[tokio::test(start_paused = true)]
async fn one_arm_failing_for_good_is_ok_and_dropped_there_alone() {
    let stand = stand(&[(Class::Permanent, NEVER), (Class::Retryable, 0)]);
    stand.offer(Context::default()).await.unwrap();
    let dropped = stand.moody[0].branch.balance().dropped;
    assert_eq!(dropped.into_iter().collect::<Vec<_>>(), [(Reason::QueueFull, ITEMS as u64)]);
    assert!(stand.moody[1].branch.balance().dropped.is_empty());
}

#[tokio::test(start_paused = true)]
async fn all_arms_failing_for_good_is_permanent_and_books_nothing() {
    let stand = stand(&[(Class::Permanent, NEVER), (Class::Permanent, NEVER)]);
    let refusal = stand.offer(Context::default()).await.unwrap_err();
    assert!(!refusal.is_retryable());
    assert!(stand.moody[0].branch.balance().dropped.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_throttle_beyond_the_deadline_is_answered_without_waiting() {
    let stand = stand(&[(Class::Retryable, 0), (Class::ThrottleFor(Duration::from_secs(60)), NEVER)]);
    let begun = Instant::now();
    let refusal = stand.offer(Context::default()).await.unwrap_err();
    assert_eq!(refusal.class, Class::ThrottleFor(Duration::from_secs(60)));
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_patient_caller_is_waited_with() {
    let stand = stand(&[(Class::Retryable, 0), (Class::Retryable, 100)]);
    stand.offer(Context::default().patient()).await.unwrap();
    assert_eq!(stand.calls(), [1, 101]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_leaves_possible_duplicates() {
    let stand = stand(&[(Class::Retryable, 0), (Class::Retryable, NEVER)]);
    let gone = tokio::time::timeout(Duration::from_millis(100), stand.offer(Context::default())).await;
    assert!(gone.is_err());
    let balance = stand.moody[0].branch.balance();
    assert_eq!(balance.possible_duplicates, ITEMS as u64);
    assert!(balance.is_even());
}

#[tokio::test(start_paused = true)]
async fn a_pipeline_that_refuses_for_good_while_another_takes_it_books_the_drop() {
    let ledger = Ledger::default();
    let account = ledger.account(&PipelineId::new(Signal::Traces, "a"));
    let branch = account.branch(&component(Kind::Exporter, "x"));
    let failing = Moody {
        class: Class::Permanent,
        refusals: NEVER,
        calls: AtomicUsize::new(0),
        branch: branch.clone(),
    };
    let other = ledger.account(&PipelineId::new(Signal::Traces, "b"));
    let recorder = Recorder::new();
    let both = fanout(vec![
        Arm { next: Arc::new(failing), books: Books::Pipeline(account) },
        Arm { next: recorder.clone(), books: Books::Pipeline(other) },
    ]);
    both.consume(Context::default(), batch()).await.unwrap();
    assert_eq!(recorder.items(), ITEMS);
    let balance = branch.balance();
    assert!(balance.is_even(), "{balance:?}");
    assert_eq!(balance.accepted, ITEMS as u64);
}
