use std::sync::atomic::{AtomicUsize, Ordering};

use sluice_component::{
    Kind, PipelineId, Reason,
    ledger::Ledger,
    testkit::{Recorder, component},
};
use sluice_pdata::Signal;

use super::*;

const ITEMS: usize = 3;
const LET_GO: Duration = Duration::from_secs(2);

fn batch() -> Pdata {
    crate::testdata::spans(ITEMS)
}

fn refusal(class: Class) -> Refusal {
    let mut refusal = Refusal::retryable(exporter(), Signal::Traces, ITEMS, Reason::QueueFull);
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
    stopping: CancellationToken,
}

fn exporter() -> ComponentRef {
    component(Kind::Exporter, "x")
}

fn stopping() -> Stopping {
    Stopping { begun: CancellationToken::new(), let_go: LET_GO }
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
    let arm = |m: &Arc<Moody>| Arm::new(exporter(), m.clone(), Books::Branch(m.branch.clone()));
    let stopping = stopping();
    let fanout = fanout(moody.iter().map(arm).collect(), &stopping);
    Stand { account, moody, fanout, stopping: stopping.begun }
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

fn dropped(moody: &Moody) -> Vec<(Reason, u64)> {
    moody.branch.balance().dropped.into_iter().collect()
}

#[tokio::test(start_paused = true)]
async fn an_owner_waits_longer_than_a_client_for_an_arm_that_stays_behind() {
    let stand = stand(&[(Class::Retryable, 0), (Class::Retryable, 20)]);
    let begun = Instant::now();
    stand.offer(Context::default().owned()).await.unwrap();
    assert!(begun.elapsed() > DEFAULT_PATIENCE);
    assert_eq!(stand.calls(), [1, 21]);
}

#[tokio::test(start_paused = true)]
async fn e18_an_arm_that_is_stuck_costs_its_siblings_half_a_minute_once_and_only_itself_its_data() {
    let stand = stand(&[(Class::Retryable, 0), (Class::Retryable, NEVER), (Class::Retryable, 0)]);
    let begun = Instant::now();
    stand.offer(Context::default().owned()).await.unwrap();
    assert_eq!(begun.elapsed(), patience::MOST);
    for _ in 0..100 {
        stand.offer(Context::default().owned()).await.unwrap();
    }
    assert_eq!(begun.elapsed(), patience::MOST);
    assert_eq!(dropped(&stand.moody[1]), [(Reason::QueueFull, 101 * ITEMS as u64)]);
    for taker in [&stand.moody[0], &stand.moody[2]] {
        let balance = taker.branch.balance();
        assert_eq!((balance.sent, balance.possible_duplicates), (101 * ITEMS as u64, 0));
        assert!(balance.dropped.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn e18_in_ten_minutes_a_stuck_arm_holds_up_its_siblings_for_a_minute() {
    let stand = stand(&[(Class::Retryable, 0), (Class::Retryable, NEVER)]);
    let begun = Instant::now();
    let mut held_up = Duration::ZERO;
    while begun.elapsed() < Duration::from_secs(600) {
        let offered = Instant::now();
        stand.offer(Context::default().owned()).await.unwrap();
        held_up += offered.elapsed();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(held_up < Duration::from_secs(60), "{held_up:?}");
}

#[tokio::test(start_paused = true)]
async fn an_arm_that_takes_data_again_after_it_was_given_up_gets_it() {
    let stand = stand(&[(Class::Retryable, 0), (Class::Retryable, 60)]);
    while stand.moody[1].branch.balance().sent == 0 {
        stand.offer(Context::default().owned()).await.unwrap();
    }
    let lost = dropped(&stand.moody[1]);
    assert!(!lost.is_empty());
    stand.offer(Context::default().owned()).await.unwrap();
    assert_eq!(stand.moody[1].branch.balance().sent, 2 * ITEMS as u64);
    assert_eq!(dropped(&stand.moody[1]), lost);
}

#[tokio::test(start_paused = true)]
async fn an_owner_keeps_what_no_arm_took_however_long() {
    let stand = stand(&[(Class::Retryable, 500), (Class::Retryable, 500)]);
    for _ in 0..500 {
        let begun = Instant::now();
        stand.offer(Context::default().owned()).await.unwrap_err();
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
    stand.offer(Context::default().owned()).await.unwrap();
    assert!(stand.moody.iter().all(|m| dropped(m).is_empty()));
}

#[tokio::test(start_paused = true)]
async fn a_throttle_beyond_the_patience_is_waited_for_only_that_long_and_offered_once_more() {
    let stand = stand(&[(Class::Retryable, 0), (Class::ThrottleFor(Duration::from_secs(60)), 1)]);
    let begun = Instant::now();
    stand.offer(Context::default().owned()).await.unwrap();
    assert_eq!(begun.elapsed(), patience::MOST);
    assert_eq!(stand.calls(), [1, 2]);
    assert!(dropped(&stand.moody[1]).is_empty());
}

#[tokio::test(start_paused = true)]
async fn when_the_collector_stops_an_arm_is_not_waited_for_in_full() {
    let stand = stand(&[(Class::Retryable, 0), (Class::Retryable, NEVER)]);
    stand.stopping.cancel();
    let begun = Instant::now();
    for _ in 0..100 {
        stand.offer(Context::default().owned()).await.unwrap();
    }
    assert_eq!(begun.elapsed(), LET_GO);
    assert_eq!(dropped(&stand.moody[1]), [(Reason::Stopping, 100 * ITEMS as u64)]);
}

/// One exporter that follows its moods beside one that takes everything.
fn beside_debug(refusals: usize) -> (Arc<dyn Consume>, Arc<Moody>, Arc<Recorder>, Stopping) {
    let Stand { moody, .. } = stand(&[(Class::Retryable, refusals)]);
    let (debug, stopping) = (Recorder::new(), stopping());
    let books = Books::Branch(moody[0].branch.clone());
    let other = Ledger::default().account(&PipelineId::new(Signal::Traces, "")).branch(&exporter());
    let arms = vec![
        Arm::new(exporter(), moody[0].clone(), books),
        Arm::new(exporter(), debug.clone(), Books::Branch(other)).taking_all(true),
    ];
    (fanout(arms, &stopping), moody[0].clone(), debug, stopping)
}

#[tokio::test(start_paused = true)]
async fn nothing_is_given_up_for_the_sake_of_an_arm_that_takes_everything() {
    for stops in [false, true] {
        let (fanout, moody, debug, stopping) = beside_debug(3600);
        if stops {
            stopping.begun.cancel();
        }
        let begun = Instant::now();
        fanout.consume(Context::default().owned(), batch()).await.unwrap();
        assert!(begun.elapsed() > 100 * patience::MOST);
        assert_eq!((dropped(&moody), debug.items()), (vec![], ITEMS));
    }
}

#[tokio::test(start_paused = true)]
async fn while_no_sibling_takes_it_an_arm_is_waited_for_longer() {
    let stand = stand(&[(Class::Retryable, 200), (Class::Retryable, 400)]);
    let mut arms: Vec<_> = stand
        .moody
        .iter()
        .map(|moody| Arm::new(exporter(), moody.clone(), Books::Branch(moody.branch.clone())))
        .collect();
    let other = stand.account.branch(&exporter());
    arms.push(Arm::new(exporter(), Recorder::new(), Books::Branch(other)).taking_all(true));
    let begun = Instant::now();
    fanout(arms, &stopping()).consume(Context::default().owned(), batch()).await.unwrap();
    let waited = begun.elapsed().as_secs();
    assert!(
        (190..200 + 2 * 30).contains(&waited),
        "until one took it, and then no longer than usual: {waited}"
    );
    assert!(dropped(&stand.moody[0]).is_empty());
    assert_eq!(dropped(&stand.moody[1]).len(), 1);
}

/// Neither takes nor refuses.
struct Hangs;

#[async_trait]
impl Consume for Hangs {
    async fn consume(&self, _: Context, _: Pdata) -> Result<(), Refusal> {
        std::future::pending().await
    }
}

/// A pipeline's end with one arm that hangs and one that takes everything, unless `both` hang.
fn with_one_that_hangs(both: bool) -> (Arc<dyn Consume>, Arc<Branch>, Stopping) {
    let account = Ledger::default().account(&PipelineId::new(Signal::Traces, ""));
    let [a, b] = ["x/a", "x/b"].map(|id| account.branch(&component(Kind::Exporter, id)));
    let stopping = stopping();
    let sibling: Arc<dyn Consume> = if both { Arc::new(Hangs) } else { Recorder::new() };
    let arms = vec![
        Arm::new(exporter(), Arc::new(Hangs), Books::Branch(a.clone())),
        Arm::new(exporter(), sibling, Books::Branch(b)),
    ];
    (fanout(arms, &stopping), a, stopping)
}

#[tokio::test(start_paused = true)]
async fn e18_an_arm_that_never_answers_is_given_up_too() {
    let (fanout, branch, _) = with_one_that_hangs(false);
    let begun = Instant::now();
    for _ in 0..50 {
        fanout.consume(Context::default().owned(), batch()).await.unwrap();
    }
    assert!(begun.elapsed() < patience::MOST + Duration::from_secs(1), "{:?}", begun.elapsed());
    assert_eq!(branch.balance().dropped.get(&Reason::Timeout), Some(&(50 * ITEMS as u64)));
}

#[tokio::test(start_paused = true)]
async fn when_the_collector_stops_what_no_arm_answered_for_is_refused() {
    let (fanout, branch, stopping) = with_one_that_hangs(true);
    stopping.begun.cancel();
    let refusal = fanout.consume(Context::default().owned(), batch()).await.unwrap_err();
    assert_eq!((refusal.reason, refusal.is_retryable()), (Reason::Stopping, true));
    assert!(branch.balance().dropped.is_empty());
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
    let arms = vec![
        Arm::new(exporter(), Arc::new(failing), Books::Pipeline(account)),
        Arm::new(exporter(), recorder.clone(), Books::Pipeline(other)),
    ];
    let both = fanout(arms, &stopping());
    both.consume(Context::default(), batch()).await.unwrap();
    assert_eq!(recorder.items(), ITEMS);
    let balance = branch.balance();
    assert!(balance.is_even(), "{balance:?}");
    assert_eq!(balance.accepted, ITEMS as u64);
}
