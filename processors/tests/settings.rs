//! The settings of every processor: what its page shows loads, what is wrong is told.
#![cfg(all(feature = "batch-processor", feature = "memory-limiter-processor"))]
#![expect(clippy::unwrap_used, reason = "test code")]

use sluice_component::{
    Kind, Registry, Tier,
    factory::Described,
    testkit::{Recorder, build_cx, load_examples, problems, process},
};
use sluice_pdata::Signal;
use sluice_processors::{batch, memory_limiter};

fn registry() -> Registry {
    Registry::empty().processor::<batch::Factory>().processor::<memory_limiter::Factory>()
}

fn told(type_: &str, yaml: &str) -> Vec<String> {
    let registry = registry();
    let factory: &dyn Described =
        registry.describe(Kind::Processor).into_iter().find(|factory| factory.type_() == type_).unwrap();
    problems(factory, yaml).iter().map(ToString::to_string).collect()
}

#[test]
fn the_examples_of_the_pages_load() {
    let pages = [
        include_str!("../../docs/components/processors/batch.md"),
        include_str!("../../docs/components/processors/memory_limiter.md"),
    ];
    for page in pages {
        assert_eq!(load_examples(&registry(), page), 2);
    }
}

#[test]
fn every_processor_can_be_built_twice_from_one_parse() {
    let process = process();
    for (type_, yaml) in [("batch", ""), ("memory_limiter", "{check_interval: 1s, limit_mib: 100}")] {
        let registry = registry();
        let factory = registry.processors.get(type_).unwrap();
        let node = sluice_config::Node::from_yaml("test.yaml", yaml).unwrap();
        let parsed = factory.parse(&node, type_, &mut sluice_config::Problems::new()).unwrap();
        for tier in [Tier::Memory, Tier::EndToEnd] {
            let mut cx = build_cx(&process, Kind::Processor, type_, Signal::Traces);
            cx.tier = tier;
            factory.build(&parsed, cx, Recorder::new()).unwrap();
        }
    }
}

#[test]
fn an_unknown_key_is_refused() {
    assert!(told("batch", "{send_batch_sise: 1}")[0].contains("unknown key"));
    let limiter = told("memory_limiter", "{check_interval: 1s, limit_mib: 1, limit: 1}");
    assert!(limiter[0].contains("unknown key"), "{limiter:?}");
}

#[test]
fn batch_tells_what_is_wrong_in_otelcols_words() {
    let cases = [
        ("{timeout: -1s}", "negative"),
        ("{send_batch_max_size: 10}", "send_batch_max_size must be greater or equal to send_batch_size"),
        ("{metadata_keys: [a, B, A]}", "duplicate entry in metadata_keys: \"a\" (case-insensitive)"),
    ];
    for (yaml, text) in cases {
        let told = told("batch", yaml);
        assert!(told.len() == 1 && told[0].contains(text), "{yaml}: {told:?}");
    }
    assert!(
        told("batch", "{send_batch_size: 10, send_batch_max_size: 10, metadata_keys: [a, b]}").is_empty()
    );
}

#[test]
fn memory_limiter_tells_what_is_wrong_in_otelcols_words() {
    let cases = [
        ("{limit_mib: 1}", "'check_interval' must be greater than zero"),
        ("{check_interval: 1s}", "'limit_mib' or 'limit_percentage' must be greater than zero"),
        (
            "{check_interval: 1s, limit_mib: 10, spike_limit_mib: 10}",
            "'spike_limit_mib' must be smaller than 'limit_mib'",
        ),
        (
            "{check_interval: 1s, limit_percentage: 10, spike_limit_percentage: 10}",
            "'spike_limit_percentage' must be smaller than 'limit_percentage'",
        ),
        (
            "{check_interval: 1s, limit_percentage: 101}",
            "'limit_percentage' must be less than or equal to hundred",
        ),
        (
            "{check_interval: 1s, limit_mib: 10, min_gc_interval_when_hard_limited: 11s}",
            "'min_gc_interval_when_soft_limited' must not be smaller",
        ),
        (
            "{check_interval: 1s, limit_mib: 10, max_gc_interval_when_soft_limited: 9s, max_gc_interval_when_hard_limited: 0}",
            "'max_gc_interval_when_soft_limited' must not be smaller",
        ),
    ];
    for (yaml, text) in cases {
        let told = told("memory_limiter", yaml);
        assert!(told.len() == 1 && told[0].contains(text), "{yaml}: {told:?}");
    }
    assert_eq!(told("memory_limiter", "{}").len(), 2, "both at once");
}
