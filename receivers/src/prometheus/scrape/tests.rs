use sluice_component::Budget;
use sluice_config::{Node, Problems, decode};
use sluice_formats::prometheus::{
    model::Value,
    to_otlp::{Sample, Series, Source},
};

use super::*;
use crate::prometheus::settings::Config;

/// Keeps samples as text, `name{labels} value @time`, and what is rejected, `name: reason`.
#[derive(Debug, Default)]
struct Recorder(Vec<String>, Vec<String>);

impl Appender for Recorder {
    fn append(&mut self, series: &Series, sample: &Sample<'_>) {
        let value = match sample.value {
            value if value.is_stale() => "stale".to_owned(),
            Value::Float(value) => value.to_string(),
            Value::Histogram(_) => "native".to_owned(),
        };
        let mut shown = vec![format!("job={}", series.job())];
        series.each_attribute(|name, value| shown.push(format!("{name}={value}")));
        shown.sort();
        let (name, at) = (series.metric_name(), sample.timestamp_ms);
        self.0.push(format!("{name}{{{}}} {value} @{at}", shown.join(",")));
    }

    fn reject(&mut self, metric: &str, reason: &'static str) {
        self.1.push(format!("{metric}: {}", Misplaced::word(reason)));
    }

    fn clear(&mut self) {
        self.0.clear();
        self.1.clear();
    }
}

struct Target {
    job: Job,
    memory: Memory,
    clock: i64,
    /// By the last scrape.
    rejected: Vec<String>,
}

impl Target {
    /// A target with the label `job="a"`, and a job with these keys beside its name.
    fn new(keys: &str) -> Self {
        Self::with_global("", keys)
    }

    fn with_global(global: &str, keys: &str) -> Self {
        let yaml = format!("{{global: {{{global}}}, scrape_configs: [{{job_name: a, {keys}}}]}}");
        let node = Node::from_yaml("config.yaml", &yaml).unwrap();
        let mut problems = Problems::new();
        let config: Option<Config> = decode(&node, "", &mut problems);
        let config = config.unwrap_or_else(|| panic!("{problems}"));
        let job = Job::new(&config.scrape_configs[0], &config.global, config.pace()).unwrap();
        let labels: Labels = [("job", "a")].into_iter().collect();
        let source = Source::Scrape { job: "a".into(), instance: "i".into(), resource: Vec::new() };
        let permit = Budget::new(1 << 20).reserve(0).unwrap();
        let memory = Memory::new(&job, &labels, Options { source, ..Options::default() }, permit);
        Self { job, memory, clock: 0, rejected: Vec::new() }
    }

    /// Scrapes text 0.0.4 at the next of 1000, 2000, .. and settles.
    fn scrape(&mut self, body: &str) -> Result<(Vec<String>, Counts), String> {
        let scraped = self.scrape_unsettled(body);
        self.memory.settle();
        self.memory.prune();
        scraped
    }

    fn scrape_unsettled(&mut self, body: &str) -> Result<(Vec<String>, Counts), String> {
        self.clock += 1000;
        let (mut recorder, mut counts) = (Recorder::default(), Counts::default());
        let answer = Answer { format: Format::Text, body: body.as_bytes() };
        self.memory.scraped(&self.job, answer, self.clock, &mut counts, &mut recorder)?;
        self.rejected = recorder.1;
        Ok((recorder.0, counts))
    }

    fn samples(&mut self, body: &str) -> Vec<String> {
        self.scrape(body).unwrap().0
    }

    /// A scrape without an answer.
    fn fail(&mut self) -> Vec<String> {
        self.clock += 1000;
        let mut recorder = Recorder::default();
        self.memory.failed(self.clock, &mut recorder);
        self.memory.settle();
        self.memory.prune();
        recorder.0
    }
}

#[test]
fn a_series_that_is_missing_gets_one_stale_marker() {
    let mut target = Target::new("");
    let text = "# TYPE a counter\na{x=\"1\"} 1\na{x=\"2\"} 2\nb 3\n";
    assert_eq!(target.samples(text), ["a{job=a,x=1} 1 @1000", "a{job=a,x=2} 2 @1000", "b{job=a} 3 @1000"]);
    assert_eq!(
        target.samples("b 4\n"),
        ["b{job=a} 4 @2000", "a{job=a,x=1} stale @2000", "a{job=a,x=2} stale @2000",]
    );
    assert_eq!(target.samples("b 5\n"), ["b{job=a} 5 @3000"]);
    let (samples, counts) = target.scrape(text).unwrap();
    assert_eq!((samples.len(), counts.added), (3, 2), "back again");
}

#[test]
fn a_failed_scrape_ends_all_series_once_and_they_come_back() {
    let mut target = Target::new("");
    target.samples("a 1\nb 2\n");
    assert_eq!(target.fail(), ["a{job=a} stale @2000", "b{job=a} stale @2000"]);
    assert!(target.fail().is_empty());
    let (samples, counts) = target.scrape("a 3\n").unwrap();
    assert_eq!((samples, counts.added), (vec!["a{job=a} 3 @4000".to_owned()], 0));
    assert_eq!(target.fail(), ["a{job=a} stale @5000"]);
}

#[test]
fn one_bad_line_fails_the_scrape_and_says_which() {
    let mut target = Target::new("");
    target.samples("a 1\nb 2\n");
    let error = target.scrape_unsettled("a 1\nc 1\nb two\n").unwrap_err();
    assert!(error.starts_with("line 3: "), "{error}");
    let mut recorder = Recorder::default();
    target.memory.failed(target.clock, &mut recorder);
    target.memory.settle();
    assert_eq!(recorder.0, ["a{job=a} stale @2000", "b{job=a} stale @2000"], "and c was never there");
    assert_eq!(target.samples("a 1\n"), ["a{job=a} 1 @3000"]);
}

#[test]
fn what_did_not_arrive_is_told_again() {
    let mut target = Target::new("");
    target.samples("a 1\nb 2\n");
    assert_eq!(target.scrape_unsettled("b 3\nc 1\n").unwrap().0.last().unwrap(), "a{job=a} stale @2000");
    assert_eq!(target.samples("b 4\n"), ["b{job=a} 4 @3000", "a{job=a} stale @3000"], "c never arrived");
}

#[test]
fn series_with_their_own_time_do_not_end_unless_asked_for() {
    let mut target = Target::new("");
    assert_eq!(target.samples("a 1 500\n"), ["a{job=a} 1 @500"]);
    assert!(target.samples("").is_empty());
    let mut target = Target::new("track_timestamps_staleness: true");
    target.samples("a 1 500\n");
    assert_eq!(target.samples(""), ["a{job=a} stale @2000"]);
    let mut target = Target::new("honor_timestamps: false");
    assert_eq!(target.samples("a 1 500\n"), ["a{job=a} 1 @1000"]);
    assert_eq!(target.samples(""), ["a{job=a} stale @2000"]);
}

#[test]
fn duplicates_and_what_is_out_of_order_or_too_far_ahead_are_dropped_and_counted() {
    let mut target = Target::new("");
    let (samples, counts) = target.scrape("a 1\na 2\nb{x=\"1\",y=\"2\"} 1\nb{y=\"2\",x=\"1\"} 2\n").unwrap();
    assert_eq!((samples.len(), counts.kept), (2, 4));
    assert_eq!(target.rejected, ["a: duplicate_timestamp", "b: duplicate_timestamp"]);
    let samples = target.samples("c 1 1500\nc 2 1400\nc 3 1600\nd 1 602001\nd 1 602000\n");
    assert_eq!(target.rejected, ["c: out_of_order", "d: too_far_in_future"]);
    assert_eq!(samples.iter().filter(|sample| sample.starts_with(['c', 'd'])).count(), 3);
    target.samples("c 4 1599\n");
    assert_eq!(target.rejected, ["c: out_of_order"]);
}

#[test]
fn a_series_whose_sample_was_too_far_ahead_keeps_its_labels() {
    let mut target = Target::new("");
    assert!(target.samples("a 1 700000\n").is_empty());
    assert_eq!(target.samples("b 2\na 3 2000\n"), ["b{job=a} 2 @2000", "a{job=a} 3 @2000"]);
    assert_eq!(target.samples("b 4\n"), ["b{job=a} 4 @3000"]);
    assert_eq!(
        target.samples("c 5\na 6\n"),
        ["c{job=a} 5 @4000", "a{job=a} 6 @4000", "b{job=a} stale @4000"]
    );
}

#[test]
fn labels_that_clash_with_the_target_are_exported_or_honored() {
    let text = "a{job=\"mine\",exported_job=\"old\"} 1\nb{x=\"1\"} 1\n";
    let mut target = Target::new("");
    assert_eq!(
        target.samples(text),
        ["a{exported_exported_job=mine,exported_job=old,job=a} 1 @1000", "b{job=a,x=1} 1 @1000",]
    );
    let mut target = Target::new("honor_labels: true");
    assert_eq!(target.samples(text), ["a{exported_job=old,job=mine} 1 @1000", "b{job=a,x=1} 1 @1000"]);
}

#[test]
fn metric_relabelling_comes_after_the_target_s_labels_and_before_limits() {
    let mut target = Target::new(
        "sample_limit: 2, metric_relabel_configs: [{source_labels: [__name__, job], regex: 'drop;a', action: drop}, {regex: x, action: labeldrop}, {source_labels: [__name__], regex: 'old(.*)', target_label: __name__, replacement: 'new$1'}]",
    );
    let (samples, counts) = target.scrape("drop 1\ndrop{y=\"1\"} 2\nold_a{x=\"1\"} 3\nold_b 4\n").unwrap();
    assert_eq!(samples, ["new_a{job=a} 3 @1000", "new_b{job=a} 4 @1000"]);
    assert_eq!((counts.scraped, counts.kept, counts.added), (4, 2, 2));
    let error = target.scrape("old_a 3\nold_b 4\nold_c 5\n").unwrap_err();
    assert!(error.contains("sample limit exceeded"), "{error}");
}

#[test]
fn a_sample_that_relabelling_leaves_without_a_name_is_dropped() {
    let mut target = Target::new("metric_relabel_configs: [{target_label: __name__, replacement: ''}]");
    assert!(target.samples("a 1\n").is_empty());
}

#[test]
fn limits_of_labels_fail_the_scrape() {
    for (keys, expected) in [
        ("label_limit: 3", "label_limit exceeded (metric: a, number of labels: 4, limit: 3)"),
        ("label_name_length_limit: 8", "label_name_length_limit exceeded (metric: a, label name: long_name"),
        (
            "label_value_length_limit: 5",
            "label_value_length_limit exceeded (metric: a, label name: x, length: 6",
        ),
    ] {
        let error = Target::new(keys).scrape("a{long_name=\"1\",x=\"123456\"} 1\n").unwrap_err();
        assert!(error.contains(expected), "{error}");
        assert!(Target::new(keys).scrape("a 1\n").is_ok());
    }
}

#[test]
fn legacy_validation_refuses_names_of_other_characters() {
    let text = "{\"a.b\"} 1\n";
    assert_eq!(Target::new("").samples(text), ["a.b{job=a} 1 @1000"]);
    let error = Target::new("metric_name_validation_scheme: legacy").scrape(text).unwrap_err();
    assert!(error.contains("invalid metric name"), "{error}");
}

#[test]
fn external_labels_are_set_on_every_sample() {
    let mut target = Target::with_global("external_labels: {job: outer, dc: x}", "");
    assert_eq!(target.samples("a 1\n"), ["a{dc=x,job=outer} 1 @1000"]);
    let mut recorder = Recorder::default();
    target.memory.report(&target.job, &Report::default(), 5, &mut recorder);
    assert_eq!(recorder.0[0], "up{dc=x,job=outer} 0 @5");
}

#[test]
fn reports_are_told_and_end_with_the_target() {
    let report = Report {
        is_up: true,
        duration: std::time::Duration::from_millis(250),
        counts: Counts { scraped: 5, kept: 4, added: 3 },
        body_size: Some(77),
        timeout: std::time::Duration::from_secs(10),
    };
    let mut target = Target::new("sample_limit: 9");
    target.samples("a 1\n");
    let mut recorder = Recorder::default();
    target.memory.report(&target.job, &report, 7, &mut recorder);
    let wanted = [
        "up{job=a} 1 @7",
        "scrape_duration_seconds{job=a} 0.25 @7",
        "scrape_samples_scraped{job=a} 5 @7",
        "scrape_samples_post_metric_relabeling{job=a} 4 @7",
        "scrape_series_added{job=a} 3 @7",
    ];
    assert_eq!(recorder.0, wanted);
    let mut recorder = Recorder::default();
    target.memory.gone(9, &mut recorder);
    assert_eq!(recorder.0.len(), 6);
    assert!(recorder.0.iter().all(|sample| sample.contains(" stale @9")), "{recorder:?}");
    let mut target = Target::new("sample_limit: 9, extra_scrape_metrics: true");
    target.samples("a 1\n");
    let mut recorder = Recorder::default();
    target.memory.report(&target.job, &report, 7, &mut recorder);
    assert_eq!(
        recorder.0[5..],
        [
            "scrape_timeout_seconds{job=a} 10 @7",
            "scrape_sample_limit{job=a} 9 @7",
            "scrape_body_size_bytes{job=a} 77 @7",
        ]
    );
    let plain = Target::new("").job;
    target.memory.change(&plain);
    let told = |target: &mut Target, at| {
        let mut recorder = Recorder::default();
        target.memory.report(&plain, &report, at, &mut recorder);
        recorder.0.into_iter().skip(5).collect::<Vec<_>>()
    };
    let ends = told(&mut target, 8);
    assert_eq!((ends.len(), &*ends[0]), (3, "scrape_timeout_seconds{job=a} stale @8"));
    assert_eq!(told(&mut target, 9).len(), 3, "again, until it arrives");
    target.memory.change(&plain);
    assert_eq!(told(&mut target, 9).len(), 3, "also after another change");
    target.memory.settle();
    assert!(told(&mut target, 10).is_empty());
}

#[test]
fn reports_end_whose_labels_another_job_changes() {
    let mut target = Target::with_global("external_labels: {dc: x}", "");
    let plain = Target::new("").job;
    target.memory.change(&plain);
    let mut recorder = Recorder::default();
    target.memory.report(&plain, &Report::default(), 5, &mut recorder);
    assert_eq!((recorder.0.len(), &*recorder.0[0]), (10, "up{job=a} 0 @5"));
    assert_eq!(recorder.0[5], "up{dc=x,job=a} stale @5");
}

/// A job that changes names series otherwise.
#[test]
fn series_that_another_job_calls_the_same_go_on_and_the_others_end() {
    let mut target = Target::new("");
    target.samples("a 1\nb{x=\"1\"} 2\n");
    target.job = Target::new("metric_relabel_configs: [{regex: x, action: labeldrop}]").job;
    target.memory.change(&target.job);
    let (samples, counts) = target.scrape("a 2\nb{x=\"1\"} 3\n").unwrap();
    assert_eq!(samples, ["a{job=a} 2 @2000", "b{job=a} 3 @2000", "b{job=a,x=1} stale @2000"]);
    assert_eq!(counts.added, 1);
    assert_eq!(target.samples("a 3\n"), ["a{job=a} 3 @3000", "b{job=a} stale @3000"]);
}

#[test]
fn a_target_with_more_series_than_there_is_room_for_fails_and_gives_the_room_back() {
    let mut target = Target::new("");
    target.samples("a 1\n");
    let text: String = (0..8000).map(|number| format!("b{{x=\"{number}\"}} 1\n")).collect();
    let error = target.scrape_unsettled(&text).unwrap_err();
    assert!(error.starts_with("refused for lack of memory: "), "{error}");
    assert_eq!(target.fail(), ["a{job=a} stale @3000"]);
    assert_eq!(target.samples("a 2\n"), ["a{job=a} 2 @4000"]);
    let text: String = (0..1000).map(|number| format!("b{{x=\"{number}\"}} 1\n")).collect();
    for round in 0..20 {
        let text = text.replace("x=", &format!("x{round}="));
        assert_eq!(target.scrape(&text).unwrap().1.added, 1000, "{round}: what is gone gives its room back");
    }
}

#[test]
fn scrapes_that_fail_with_new_series_each_time_do_not_grow_without_end() {
    let mut target = Target::new("");
    target.samples("a 1\n");
    for round in 0..100 {
        let text: String = (0..300).map(|number| format!("b{{x{round}=\"{number}\"}} 1\n")).collect();
        let error = target.scrape_unsettled(&format!("a 1\n{text}bad line here\n")).unwrap_err();
        assert!(!error.contains("memory"), "{round}: {error}");
        target.fail();
        // Of a good one that does not arrive likewise.
        let error = target.scrape_unsettled(&text.replace('b', "c")).err();
        assert_eq!(error, None, "{round}");
        target.memory.prune();
    }
    let (samples, counts) = target.scrape("b{x99=\"1\"} 3\na 2\n").unwrap();
    assert_eq!(samples.len(), 2, "{samples:?}");
    assert!(
        samples[0].starts_with("b{job=a,x99=1} 3 @") && samples[1].starts_with("a{job=a} 2 @"),
        "{samples:?}"
    );
    assert!(counts.added <= 1, "what the good scrape had is known");
}

#[test]
fn what_a_target_had_once_gives_its_place_back() {
    let text = |numbers: &mut dyn Iterator<Item = usize>| {
        numbers.map(|number| format!("b{{x=\"{number}\"}} 1\n")).collect::<String>()
    };
    let (all, few) = (text(&mut (0..1500)), text(&mut (0..1500).step_by(150)));
    let mut target =
        Target::new("metric_relabel_configs: [{source_labels: [x], regex: '300', action: drop}]");
    target.samples(&all);
    assert!(target.memory.series.places() >= 1499);
    assert_eq!(target.samples(&few).len(), 1499);
    assert!(target.memory.series.places() < 64, "{}", target.memory.series.places());
    let (samples, counts) = target.scrape(&few).unwrap();
    assert_eq!((samples.len(), counts.added), (9, 0), "the others are known");
    assert_eq!(samples[1], "b{job=a,x=150} 1 @3000");
    assert_eq!(samples[8], "b{job=a,x=1350} 1 @3000");
    assert_eq!(target.samples(&all).len(), 1499, "and they come back");
    assert_eq!(target.fail().len(), 1499);
}

#[test]
fn what_is_said_of_metrics_counts_as_well() {
    let help = "x".repeat(1000);
    let text = |metrics: usize| {
        (0..metrics).map(|number| format!("# HELP a{number} {help}\na{number} 1\n")).collect::<String>()
    };
    let mut target = Target::new("");
    assert!(target.scrape(&text(200)).is_ok());
    let error = target.scrape_unsettled(&text(400)).unwrap_err();
    assert!(error.starts_with("refused for lack of memory: "), "{error}");
    assert_eq!(target.fail().len(), 200);
    let silent: String = (0..1500).map(|number| format!("# HELP b{number} {help}\n")).collect();
    let error = target.scrape_unsettled(&silent).unwrap_err();
    assert!(error.starts_with("refused for lack of memory: "), "also where no sample comes: {error}");
    target.fail();
    assert!(target.scrape(&text(200)).is_ok(), "the room was given back");
}

#[test]
fn a_family_that_has_two_helps_each_time_does_not_make_all_series_anew() {
    let text = "# HELP a one\n# HELP a two\na 1\nb 2\n";
    let mut target = Target::new("");
    target.samples(text);
    let before = target.memory.families.generation();
    target.samples(text);
    assert_eq!(target.memory.families.generation(), before);
}
