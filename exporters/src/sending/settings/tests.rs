use sluice_config::{GoDuration, Problems, decode};

use super::*;

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct All {
    retry_on_failure: Section<Retry>,
    sending_queue: Section<Queue>,
}

impl Check for All {
    fn check(&self, at: &mut Checker<'_>) {
        at.inside("retry_on_failure", &self.retry_on_failure);
        at.inside("sending_queue", &self.sending_queue);
    }
}

fn parse(yaml: &str) -> (Option<All>, Vec<String>) {
    let node = sluice_config::Node::from_yaml("test.yaml", yaml).unwrap();
    let mut problems = Problems::new();
    let settings = decode(&node, "exporters.x", &mut problems);
    (settings, problems.iter().map(ToString::to_string).collect())
}

#[test]
fn every_key_is_read() {
    let (settings, problems) = parse(
        "{          retry_on_failure: {initial_interval: 1s, randomization_factor: 0.1, multiplier: 2, max_interval: 9s, max_elapsed_time: 1m},
          sending_queue: {num_consumers: 2, queue_size: 7, sizer: bytes, block_on_overflow: true, wait_for_result: true,
            batch: {flush_timeout: 1s, min_size: 5, max_size: 6, sizer: items, partition: {metadata_keys: [X-Tenant]}}}}",
    );
    assert_eq!(problems, Vec::<String>::new());
    let settings = settings.unwrap();
    let queue = Queue {
        num_consumers: 2,
        queue_size: 7,
        sizer: Sizer::Bytes,
        block_on_overflow: true,
        wait_for_result: true,
        storage: None,
        batch: Section::on(Batch {
            flush_timeout: GoDuration::from_secs(1),
            min_size: 5,
            max_size: 6,
            sizer: Some(Sizer::Items),
            partition: Partition { metadata_keys: vec!["X-Tenant".to_owned()].into() },
        }),
    };
    assert_eq!(settings.sending_queue, Section::on(queue));
    assert_eq!(settings.retry_on_failure.value().multiplier, 2.0);
}

#[test]
fn every_broken_rule_is_told() {
    let (_, problems) = parse(
        "{retry_on_failure: {randomization_factor: 1.1, multiplier: -1, max_elapsed_time: 4s},
          sending_queue: {num_consumers: 0, queue_size: -1, storage: file_storage}}",
    );
    let path = |line: &str| line.strip_prefix("exporters.x.").unwrap().to_owned();
    let problems: Vec<String> = problems.iter().map(|line| path(line)).collect();
    assert_eq!(
        problems,
        [
            "retry_on_failure.randomization_factor: 'randomization_factor' must be within [0, 1]",
            "retry_on_failure.multiplier: 'multiplier' must be non-negative",
            "retry_on_failure.max_elapsed_time: 'max_elapsed_time' must not be less than 'initial_interval'",
            "retry_on_failure.max_elapsed_time: 'max_elapsed_time' must not be less than 'max_interval'",
            "sending_queue.num_consumers: `num_consumers` must be positive",
            "sending_queue.queue_size: `queue_size` must be positive",
            "sending_queue.storage: queues on disk are not built yet: remove this key to queue in memory",
        ]
    );
}

#[test]
fn an_unlimited_retry_has_no_rule_to_break() {
    let (settings, problems) = parse("{retry_on_failure: {max_elapsed_time: 0}}");
    assert_eq!((settings.is_some(), problems.len()), (true, 0));
}

#[test]
fn what_is_switched_off_is_not_checked() {
    let (settings, problems) = parse(
        "{retry_on_failure: {enabled: false, multiplier: -1}, sending_queue: {enabled: false, queue_size: 0}}",
    );
    assert_eq!(problems, Vec::<String>::new());
    assert!(!settings.unwrap().sending_queue.is_on());
}

#[test]
fn a_negative_duration_and_an_unknown_sizer_are_refused() {
    let (_, problems) = parse("{retry_on_failure: {max_interval: -1s}, sending_queue: {sizer: batches}}");
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].contains("negative") && problems[1].contains("`batches`"), "{problems:?}");
}

#[test]
fn the_queue_decides_what_an_ok_means() {
    let with = |wait_for_result| Section::on(Queue { wait_for_result, ..Queue::default() });
    assert_eq!(Queue::delivery(&Section::off()), Delivery::Direct);
    assert_eq!(Queue::delivery(&with(false)), Delivery::MemoryQueue);
    assert_eq!(Queue::delivery(&with(true)), Delivery::WaitsForResult);
}

#[test]
fn a_batch_section_that_is_there_is_on_and_counts_what_the_queue_counts() {
    let batch = |yaml: &str| {
        let (settings, problems) = parse(&format!("{{sending_queue: {yaml}}}"));
        assert_eq!(problems, Vec::<String>::new());
        let queue = settings.unwrap().sending_queue.into_option().unwrap();
        queue.batch.as_option().map(|batch| batch.sizer(queue.sizer))
    };
    assert_eq!(batch("{num_consumers: 1}"), None);
    assert_eq!(batch("{batch: {enabled: false}}"), None);
    assert_eq!(batch("{batch: }"), Some(Sizer::Items));
    assert_eq!(batch("{batch: , sizer: bytes, queue_size: 100000}"), Some(Sizer::Bytes));
    assert_eq!(batch("{batch: {sizer: items}, sizer: bytes}"), Some(Sizer::Items));
}

#[test]
fn every_broken_rule_of_batch_is_told() {
    let (_, problems) = parse(
        "{sending_queue: {sizer: items, queue_size: 10, batch: {flush_timeout: 0s, min_size: 11, max_size: 10,
          partition: {metadata_keys: [a, A]}}}}",
    );
    let path = "exporters.x.sending_queue.batch";
    assert_eq!(
        problems,
        [
            format!("{path}.flush_timeout: `flush_timeout` must be positive"),
            format!("{path}.max_size: `max_size` must be 0, or not less than `min_size`"),
            format!(
                "{path}.partition.metadata_keys: duplicate entry in metadata_keys: \"a\" (case-insensitive)"
            ),
            format!("{path}.min_size: `min_size` must not be greater than `queue_size`"),
        ]
    );
    let (_, problems) = parse("{sending_queue: {batch: {min_size: -1, max_size: -1, sizer: requests}}}");
    assert_eq!(problems.len(), 3, "{problems:?}");
}
