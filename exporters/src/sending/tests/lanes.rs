//! A format with lanes: lines that begin with the same letter arrive in order, one at a time.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::Mutex,
};

use async_trait::async_trait;

use super::*;
use crate::sending::{Encoded, Outcome, Wire};

/// What the backend saw, and how it answers.
#[derive(Default)]
struct Board {
    taken: Mutex<Vec<String>>,
    on_their_way: Mutex<BTreeSet<usize>>,
    /// A lane whose requests get no answer.
    stuck: Mutex<Option<usize>>,
    /// How many attempts fail, by lane.
    failing: Mutex<BTreeMap<usize, usize>>,
}

impl Board {
    fn of(&self, letter: char) -> Vec<String> {
        self.taken.lock().unwrap().iter().filter(|line| line.starts_with(letter)).cloned().collect()
    }
}

struct Laned(Arc<Board>);

struct Line {
    text: String,
    lane: usize,
}

struct OnItsWay<'b>(&'b Board, usize);

impl Drop for OnItsWay<'_> {
    fn drop(&mut self) {
        self.0.on_their_way.lock().unwrap().remove(&self.1);
    }
}

#[async_trait]
impl Wire for Laned {
    type Request = Line;
    const ORDERED: bool = true;

    fn encode(&self, mut data: Pdata) -> Encoded<Line> {
        let logs = std::mem::take(data.logs_mut());
        let scopes = logs.resource_logs.into_iter().flat_map(|resource| resource.scope_logs);
        let line = |record: LogRecord| match record.body.and_then(|body| body.value) {
            Some(Value::StringValue(text)) => Line { lane: usize::from(text.as_bytes()[0]), text },
            other => panic!("{other:?}"),
        };
        let requests = scopes.flat_map(|scope| scope.log_records).map(line).collect();
        Encoded { requests, unconvertible: Vec::new() }
    }

    fn items(_: &Line) -> usize {
        1
    }

    fn size(request: &Line) -> ByteSize {
        ByteSize::new(request.text.len() as u64)
    }

    fn lanes(request: &Line) -> Range<usize> {
        match request.text.as_bytes() {
            // It may not overtake anything.
            [b'*', ..] => usize::from(b'a')..usize::from(b'z'),
            _ => request.lane..request.lane + 1,
        }
    }

    async fn send(&self, request: &Line, _cx: &Context) -> Outcome {
        let board = &*self.0;
        assert!(board.on_their_way.lock().unwrap().insert(request.lane), "one at a time in a lane");
        let _on_its_way = OnItsWay(board, request.lane);
        let pause = Duration::from_millis(rand::random_range(0..50));
        tokio::time::sleep(pause).await;
        let stuck = *board.stuck.lock().unwrap() == Some(request.lane);
        if stuck {
            std::future::pending::<()>().await;
        }
        if let Some(failures @ 1..) = board.failing.lock().unwrap().get_mut(&request.lane) {
            *failures -= 1;
            return Outcome::retry(Reason::Unavailable, "later");
        }
        board.taken.lock().unwrap().push(request.text.clone());
        Outcome::accepted()
    }
}

struct Street {
    process: Arc<Process>,
    account: Arc<Account>,
    sending: Sending<Laned>,
    board: Arc<Board>,
    cx: Context,
}

impl Street {
    async fn started(options: Options) -> Self {
        let process = testkit::process();
        let cx = testkit::build_cx(&process, Kind::Exporter, "laned", Signal::Logs);
        let account = process.ledger.account(&PipelineId::new(Signal::Logs, "laned"));
        let branch = account.branch(&cx.component);
        let board = Arc::new(Board::default());
        let sending = Sending::new(&cx, options, Laned(board.clone())).unwrap();
        sending.start(&testkit::host(&process, Kind::Exporter, "laned")).await.unwrap();
        Self { process, account, sending, board, cx: Context::default().on_branch(branch) }
    }

    async fn offer(&self, lines: &[&str]) -> Result<(), Refusal> {
        let body = |line: &&str| AnyValue { value: Some(Value::StringValue((*line).to_owned())) };
        let record = |line| LogRecord { body: Some(body(line)), ..LogRecord::default() };
        let log_records = lines.iter().map(record).collect();
        let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
        let resource_logs = vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }];
        let data = Pdata::from_logs(ExportLogsServiceRequest { resource_logs });
        self.sending.consume(self.cx.clone(), data).await?;
        self.account.accepted(lines.len());
        Ok(())
    }

    async fn drained(self) -> Balance {
        self.sending.shutdown(after(600)).await.unwrap();
        let balance = self.process.ledger.balances().remove(0);
        assert!(balance.is_even() && balance.held() == 0, "{balance:?}");
        balance
    }
}

#[tokio::test(start_paused = true)]
async fn lines_of_a_lane_arrive_in_order_whatever_fails() {
    for consumers in [1, 3, 10] {
        let street = Street::started(with_queue(|q| q.num_consumers = consumers)).await;
        street.board.failing.lock().unwrap().extend([(usize::from(b'a'), 7), (usize::from(b'c'), 3)]);
        let lines: Vec<[String; 4]> =
            (10..60).map(|n| [format!("a{n}"), format!("b{n}"), format!("a{n}x"), format!("c{n}")]).collect();
        for lines in &lines {
            street.offer(&lines.each_ref().map(String::as_str)).await.unwrap();
        }
        let board = street.board.clone();
        assert_eq!(street.drained().await.sent, 200);
        for letter in ['a', 'b', 'c'] {
            let taken = board.of(letter);
            assert!(taken.is_sorted(), "{letter}: {taken:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_is_stuck_does_not_hold_up_the_others() {
    let street = Street::started(Options { timeout: None, ..with_queue(|q| q.num_consumers = 4) }).await;
    *street.board.stuck.lock().unwrap() = Some(usize::from(b'a'));
    for n in 0..3 {
        street.offer(&[&format!("a{n}"), &format!("b{n}")]).await.unwrap();
    }
    while street.board.of('b').len() < 3 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(street.board.of('a').is_empty());
}

#[tokio::test(start_paused = true)]
async fn callers_that_send_themselves_keep_their_order() {
    for options in [no_queue(), wait_for_result()] {
        let street = Street::started(options).await;
        street.board.failing.lock().unwrap().insert(usize::from(b'a'), 2);
        let (first, second, third) =
            tokio::join!(street.offer(&["a0", "b0"]), street.offer(&["a1"]), street.offer(&["b2", "a2"]));
        for offered in [first, second, third] {
            offered.unwrap();
        }
        assert_eq!(street.board.of('a'), ["a0", "a1", "a2"]);
        assert_eq!(street.board.of('b'), ["b0", "b2"]);
        assert_eq!(street.drained().await.sent, 5);
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_makes_room_in_its_lane() {
    let street = Street::started(Options { timeout: None, ..no_queue() }).await;
    *street.board.stuck.lock().unwrap() = Some(usize::from(b'a'));
    tokio::time::timeout(secs(1), street.offer(&["a0"])).await.unwrap_err();
    *street.board.stuck.lock().unwrap() = None;
    street.offer(&["a1"]).await.unwrap();
    assert_eq!(street.board.of('a'), ["a1"]);
}

#[tokio::test(start_paused = true)]
async fn what_arrived_beside_a_lane_that_failed_is_a_possible_duplicate() {
    let options = Options { retry: None, ..no_queue() };
    let street = Street::started(options).await;
    street.board.failing.lock().unwrap().insert(usize::from(b'a'), 1);
    let refusal = street.offer(&["a0", "b0", "a1"]).await.unwrap_err();
    assert!(refusal.is_retryable() && refusal.items == 3, "{refusal:?}");
    assert!(street.board.of('a').is_empty(), "a1 does not overtake a0");
    street.offer(&["a0", "b0", "a1"]).await.unwrap();
    assert_eq!(street.board.of('a'), ["a0", "a1"]);
    assert_eq!(street.board.of('b'), ["b0", "b0"]);
}

#[tokio::test(start_paused = true)]
async fn who_waits_in_a_lane_waits_no_longer_than_its_deadline() {
    let street = Street::started(Options { timeout: None, ..no_queue() }).await;
    *street.board.stuck.lock().unwrap() = Some(usize::from(b'a'));
    let patient = street.offer(&["a0"]);
    let hurried = async {
        let cx = street.cx.clone().with_deadline(Some(after(2)));
        street.sending.consume(cx, batch("a", 1)).await
    };
    tokio::select! {
        _ = patient => panic!("it is stuck"),
        refused = hurried => assert_eq!(refused.unwrap_err().reason, Reason::Timeout),
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_of_several_lanes_keeps_the_order_of_all_of_them() {
    let street = Street::started(with_queue(|q| q.num_consumers = 10)).await;
    street.board.failing.lock().unwrap().extend([(usize::from(b'a'), 2), (usize::from(b'*'), 3)]);
    for n in 0..4 {
        let [a, b, all] = [format!("a{n}"), format!("b{n}"), format!("*{n}")];
        street.offer(&[&a, &b]).await.unwrap();
        street.offer(&[&all]).await.unwrap();
    }
    let board = street.board.clone();
    assert_eq!(street.drained().await.sent, 12);
    let taken = board.taken.lock().unwrap().clone();
    for (n, three) in taken.chunks(3).enumerate() {
        assert!(three.iter().all(|line| line.ends_with(&n.to_string())), "{taken:?}");
        assert!(three.last().unwrap().starts_with('*'), "{taken:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn requests_of_one_batch_do_not_overtake_one_another_in_a_lane() {
    let street = Street::started(with_queue(|q| q.num_consumers = 3)).await;
    street.board.failing.lock().unwrap().extend([(usize::from(b'a'), 2), (usize::from(b'*'), 3)]);
    let batches = [["a0", "*1", "a2", "b3"], ["*4", "a5", "b6", "*7"]];
    for lines in &batches {
        street.offer(lines).await.unwrap();
    }
    let board = street.board.clone();
    assert_eq!(street.drained().await.sent, 8);
    for lane in ['a', 'b'] {
        let of_lane = |line: &&str| line.starts_with([lane, '*']);
        let sent: Vec<&str> = batches.iter().flatten().copied().filter(of_lane).collect();
        let taken = board.taken.lock().unwrap().clone();
        let taken: Vec<&str> = taken.iter().map(String::as_str).filter(of_lane).collect();
        assert_eq!(taken, sent);
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_batch_overtakes_what_its_caller_sends_again() {
    let street = Street::started(Options { retry: None, ..no_queue() }).await;
    street.board.failing.lock().unwrap().insert(usize::from(b'a'), 1);
    let lines = ["a0", "*1", "a2"];
    assert!(street.offer(&lines).await.unwrap_err().is_retryable());
    assert_eq!(street.board.taken.lock().unwrap().as_slice(), [""; 0]);
    street.offer(&lines).await.unwrap();
    assert_eq!(street.board.taken.lock().unwrap().as_slice(), lines);
}
