use std::sync::Mutex;

use sluice_component::{
    Consume, Kind, Refusal,
    testkit::{host, process},
};
use sluice_config::{Node, Problems, decode};
use sluice_formats::prometheus::exposition::Format;

use super::*;
use crate::prometheus::{settings::Config, target};

/// Takes everything, and says this to the loop each time.
struct Pipeline {
    orders: watch::Sender<Orders>,
    says: Phase,
    points: Mutex<Vec<usize>>,
}

#[async_trait::async_trait]
impl Consume for Pipeline {
    async fn consume(&self, _: Context, data: Pdata) -> Result<(), Refusal> {
        self.points.lock().unwrap().push(data.items());
        self.orders.send_modify(|orders| orders.phase = self.says);
        Ok(())
    }
}

/// A loop after its first scrape, which failed; its target is gone.
async fn gone(says: Phase) -> (Scraper, Arc<Pipeline>, watch::Receiver<Orders>) {
    let yaml = "{scrape_configs: [{job_name: a, scrape_interval: 20ms, scrape_timeout: 20ms, static_configs: [{targets: ['127.0.0.1:1']}]}]}";
    let mut problems = Problems::new();
    let config: Option<Config> = decode(&Node::from_yaml("config.yaml", yaml).unwrap(), "", &mut problems);
    let config = config.unwrap_or_else(|| panic!("{problems}"));
    let settings = &config.scrape_configs[0];
    let job = Job::new(settings, &config.global, config.pace()).unwrap();
    let target = target::targets(&job, &settings.static_configs[0]).next().unwrap().unwrap();
    let host = host(&process(), Kind::Receiver, "prometheus");
    let reach = Reach::new(&settings.client, "test", host.budget()).unwrap();
    let assignment = Assignment { job: Arc::new(job), target: Arc::new(target), reach };
    let (orders, mut reader) = watch::channel(Orders { phase: Phase::Run, assignment: assignment.clone() });
    let pipeline = Arc::new(Pipeline { orders, says, points: Mutex::default() });
    let shared = Arc::new(Shared::new(pipeline.clone(), host, false, 0));
    let (_, forbidden) = watch::channel(Some("no".to_owned()));
    let mut scraper = Scraper::new(shared, assignment, forbidden);
    scraper.scrape(Instant::now()).await;
    pipeline.orders.send_modify(|orders| orders.phase = Phase::Gone);
    reader.borrow_and_update();
    (scraper, pipeline, reader)
}

#[tokio::test]
async fn a_target_that_is_said_to_be_gone_twice_ends() {
    let (mut scraper, pipeline, mut orders) = gone(Phase::Gone).await;
    let mut ticks = tokio::time::interval(scraper.at.target.interval);
    let (has_ended, ()) = tokio::join!(scraper.end(&mut ticks, &mut orders), async {
        pipeline.orders.send_modify(|orders| orders.phase = Phase::Gone);
    });
    assert!(has_ended);
    assert_eq!(*pipeline.points.lock().unwrap(), [5, 5], "the report, then its ends");
}

#[tokio::test]
async fn a_target_that_comes_back_while_its_ends_are_handed_on_is_scraped_on() {
    let (mut scraper, pipeline, mut orders) = gone(Phase::Run).await;
    let mut ticks = tokio::time::interval(scraper.at.target.interval);
    assert!(!scraper.end(&mut ticks, &mut orders).await);
    assert_eq!(*pipeline.points.lock().unwrap(), [5, 5], "the report, then its ends");
}

#[tokio::test]
async fn an_answer_that_could_not_be_read_is_a_failed_scrape() {
    let (mut scraper, pipeline, _orders) = gone(Phase::Run).await;
    scraper.shared.turns.close();
    let permit = scraper.shared.budget().reserve(0).unwrap();
    let body = fetch::Body { format: Format::Text, bytes: vec![b'\n'; 100_000].into(), permit };
    let fetched = Fetched { answer: Ok(body), is_too_large: false };
    let (started, report) = (Instant::now(), Report::default());
    let error = scraper.work(Work::Scraped { fetched, started, at_ms: 1, report }, started).await;
    assert!(error.is_some());
    scraper.scrape(Instant::now()).await;
    assert_eq!(*pipeline.points.lock().unwrap(), [5, 5], "the next one is told again");
}

/// Hands on a good answer of some hundred series. Gives the reason if the scrape failed.
async fn answered(scraper: &mut Scraper) -> Option<String> {
    answered_with(scraper, 500).await
}

async fn answered_with(scraper: &mut Scraper, series: usize) -> Option<String> {
    let text: String = (0..series).map(|number| format!("a{{x=\"{number}\"}} 1\n")).collect();
    let permit = scraper.shared.budget().reserve(text.len()).unwrap();
    let body = fetch::Body { format: Format::Text, bytes: text.into(), permit };
    let fetched = Fetched { answer: Ok(body), is_too_large: false };
    let now = Instant::now();
    let work = Work::Scraped { fetched, started: now, at_ms: now_ms(), report: Report::default() };
    scraper.work(work, now).await
}

#[tokio::test]
async fn a_scrape_fails_if_there_is_no_room_for_what_it_becomes() {
    let (mut scraper, pipeline, _phase) = gone(Phase::Run).await;
    assert_eq!(answered(&mut scraper).await, None);
    let budget = scraper.shared.budget().clone();
    let used = budget.used();
    let others = budget.reserve(budget.limit() - used - 20_000).unwrap();
    let error = answered(&mut scraper).await.unwrap();
    assert!(error.starts_with("refused for lack of memory: "), "{error}");
    drop(others);
    assert_eq!(budget.used(), used);
    assert_eq!(answered(&mut scraper).await, None);
    assert_eq!(*pipeline.points.lock().unwrap(), [5, 505, 5, 505], "`up 0` in between");
}

/// Holds all of the budget but this.
fn others(scraper: &Scraper, left: usize) -> sluice_component::Permit {
    let budget = scraper.shared.budget();
    budget.reserve(budget.limit() - budget.used() - left).unwrap()
}

#[tokio::test]
async fn a_size_for_which_there_is_no_room_is_not_expected_again() {
    let (mut scraper, pipeline, _phase) = gone(Phase::Run).await;
    for series in [20_000, 3] {
        assert_eq!(answered_with(&mut scraper, series).await, None);
    }
    let _others = others(&scraper, 300_000);
    assert!(answered_with(&mut scraper, 3).await.is_some(), "as much as the last time");
    assert_eq!(answered_with(&mut scraper, 3).await, None);
    assert_eq!(*pipeline.points.lock().unwrap(), [5, 20_005, 20_005, 8, 8]);
}

#[tokio::test]
async fn a_scrape_for_whose_ends_there_is_no_room_is_told_as_failed_and_they_later() {
    let (mut scraper, pipeline, _phase) = gone(Phase::Run).await;
    assert_eq!(answered_with(&mut scraper, 20_000).await, None);
    let others = others(&scraper, 100_000);
    scraper.scrape(Instant::now()).await;
    drop(others);
    scraper.scrape(Instant::now()).await;
    assert_eq!(*pipeline.points.lock().unwrap(), [5, 20_005, 5, 20_005]);
}

#[tokio::test(start_paused = true)]
async fn ends_for_which_there_is_no_room_are_told_when_there_is_some() {
    for (until, told) in [(250, vec![5, 5]), (60_000, vec![5])] {
        let (mut scraper, pipeline, mut orders) = gone(Phase::Gone).await;
        let target = Target { interval: Duration::from_secs(1), ..Target::clone(&scraper.at.target) };
        scraper.at.target = Arc::new(target);
        let others = others(&scraper, 0);
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        let (has_ended, ()) = tokio::join!(scraper.end(&mut ticks, &mut orders), async {
            tokio::time::sleep(Duration::from_millis(until)).await;
            drop(others);
        });
        assert!(has_ended);
        assert_eq!(*pipeline.points.lock().unwrap(), told);
        assert_eq!(scraper.workspace.unwrap().live(), 5);
    }
}
