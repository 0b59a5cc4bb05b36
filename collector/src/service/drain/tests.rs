use std::sync::Mutex;

use sluice_component::{
    Component, ComponentRef, DrainError, PipelineId, async_trait,
    testkit::{component, process},
};
use sluice_pdata::Signal;

use super::*;

type Log = Arc<Mutex<Vec<(ComponentRef, Duration)>>>;

/// Takes `needs` to stop, and notes how much time it was given.
struct Slow {
    who: ComponentRef,
    needs: Duration,
    log: Log,
}

#[async_trait]
impl Component for Slow {
    async fn shutdown(&self, deadline: Instant) -> Result<(), DrainError> {
        let given = deadline.saturating_duration_since(Instant::now());
        self.log.lock().unwrap().push((self.who.clone(), given));
        tokio::time::sleep(self.needs.min(given)).await;
        if self.needs > given { Err(DrainError { component: self.who.clone(), lost: 1 }) } else { Ok(()) }
    }
}

/// Stops `parts` (kind, ID, pipeline, seconds to stop) within 20 s and tells who was given how much.
async fn given(parts: &[(Kind, &str, &str, u64)]) -> (Vec<(String, u64)>, Duration) {
    let log = Log::default();
    let nodes: Vec<Node> = parts
        .iter()
        .map(|&(kind, id, pipeline, needs)| {
            let who = component(kind, id);
            let part = Slow { who: who.clone(), needs: Duration::from_secs(needs), log: log.clone() };
            let pipelines = vec![PipelineId::new(Signal::Traces, pipeline)];
            Node { component: who, pipelines, part: Arc::new(part) }
        })
        .collect();
    let begun = Instant::now();
    stop(&nodes, &process(), begun + Duration::from_secs(20)).await;
    let took = begun.elapsed();
    let log = log.lock().unwrap();
    (log.iter().map(|(who, given)| (who.id().to_string(), given.as_secs())).collect(), took)
}

#[tokio::test(start_paused = true)]
async fn p1_a_client_that_does_not_let_go_leaves_time_for_stages_and_exporters() {
    let (given, took) = given(&[
        (Kind::Exporter, "e", "", 1),
        (Kind::Processor, "p", "", 1),
        (Kind::Receiver, "r", "", 1000),
    ])
    .await;
    // A quarter, what is left of half, what is left of all, each less its last words.
    assert_eq!(given, [("r".to_owned(), 4), ("p".to_owned(), 4), ("e".to_owned(), 13)]);
    assert!(took < Duration::from_secs(7), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn pipelines_stop_side_by_side_and_their_stages_in_the_order_of_the_data() {
    let parts = [
        (Kind::Processor, "a/2", "a", 2),
        (Kind::Processor, "a/1", "a", 2),
        (Kind::Processor, "b/1", "b", 3),
    ];
    let (given, took) = given(&parts).await;
    let order: Vec<&str> = given.iter().map(|(who, _)| who.as_str()).collect();
    assert_eq!(order, ["a/1", "b/1", "a/2"]);
    assert_eq!(took, Duration::from_secs(4));
}

#[tokio::test(start_paused = true)]
async fn p2_who_gives_up_at_its_deadline_still_has_time_to_say_so() {
    let slow =
        Slow { who: component(Kind::Exporter, "e"), needs: Duration::from_secs(1000), log: Log::default() };
    let node = Node { component: slow.who.clone(), pipelines: Vec::new(), part: Arc::new(slow) };
    let begun = Instant::now();
    stop(&[node], &process(), begun + Duration::from_secs(20)).await;
    // Cut at 20 s had it not ended by itself before.
    assert_eq!(begun.elapsed(), Duration::from_secs(19));
}

#[test]
fn items_that_nobody_has_booked_are_found() {
    let ledger = Ledger::default();
    let account = ledger.account(&PipelineId::new(Signal::Traces, ""));
    let [good, bad] = ["good", "bad"].map(|id| account.branch(&component(Kind::Exporter, id)));
    account.accepted(5);
    good.sent(5);
    bad.sent(4);
    let drained = Drained::read(&ledger);
    assert_eq!(drained.uneven, [bad.balance()]);
    assert_eq!(drained.losses, []);
}

#[test]
fn losses_are_told_per_exporter_and_counted_once_per_pipeline() {
    let loss = |pipeline: &str, exporter: &str, items| Loss {
        pipeline: PipelineId::new(Signal::Traces, pipeline),
        exporter: component(Kind::Exporter, exporter),
        items,
    };
    let losses = vec![loss("", "a", 5), loss("", "b", 7), loss("x", "a", 1)];
    let drained = Drained { losses, ..Drained::default() };
    assert_eq!(drained.lost(), 8);
    assert_eq!(
        drained.to_string(),
        "traces to exporters.a: 5, traces to exporters.b: 7, traces/x to exporters.a: 1"
    );
    assert_eq!(Drained::default().to_string(), "nothing");
}
