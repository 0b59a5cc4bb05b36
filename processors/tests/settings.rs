//! The settings of every processor: what its page shows loads, what is wrong is told.
#![cfg(all(
    feature = "attributes-processor",
    feature = "batch-processor",
    feature = "cumulative-to-delta-processor",
    feature = "delta-to-cumulative-processor",
    feature = "memory-limiter-processor",
    feature = "metric-start-time-processor",
    feature = "resource-processor"
))]
#![expect(clippy::unwrap_used, reason = "test code")]

use sluice_component::{
    Kind, Registry, Tier,
    factory::{Described, Purpose},
    testkit::{Recorder, build_cx, load_examples, problems, process},
};
use sluice_config::{Node, Problems};
use sluice_pdata::Signal;
use sluice_processors::{
    attributes, batch, cumulative_to_delta, delta_to_cumulative, memory_limiter, metric_start_time, resource,
};

fn registry() -> Registry {
    Registry::empty()
        .processor::<attributes::Factory>()
        .processor::<batch::Factory>()
        .processor::<cumulative_to_delta::Factory>()
        .processor::<delta_to_cumulative::Factory>()
        .processor::<memory_limiter::Factory>()
        .processor::<metric_start_time::Factory>()
        .processor::<resource::Factory>()
}

fn told(type_: &str, yaml: &str) -> Vec<String> {
    let registry = registry();
    problems(described(&registry, type_), yaml).iter().map(ToString::to_string).collect()
}

fn described<'a>(registry: &'a Registry, type_: &str) -> &'a dyn Described {
    registry.describe(Kind::Processor).into_iter().find(|factory| factory.type_() == type_).unwrap()
}

/// What is wrong with it in a pipeline of `signal`.
fn told_for(signal: Signal, type_: &str, yaml: &str) -> Vec<String> {
    let (registry, mut problems) = (registry(), Problems::new());
    let node = Node::from_yaml("test.yaml", yaml).unwrap();
    let purpose = Purpose { signals: &[signal], ..Purpose::default() };
    described(&registry, type_).parse_for(purpose, &node, type_, &mut problems);
    problems.iter().map(ToString::to_string).collect()
}

#[test]
fn the_examples_of_the_pages_load() {
    let pages = [
        include_str!("../../docs/components/processors/batch.md"),
        include_str!("../../docs/components/processors/cumulative_to_delta.md"),
        include_str!("../../docs/components/processors/delta_to_cumulative.md"),
        include_str!("../../docs/components/processors/memory_limiter.md"),
        include_str!("../../docs/components/processors/metric_start_time.md"),
        include_str!("../../docs/components/processors/resource.md"),
    ];
    for page in pages {
        assert_eq!(load_examples(&registry(), page), 2);
    }
    let attributes = include_str!("../../docs/components/processors/attributes.md");
    assert_eq!(load_examples(&registry(), attributes), 4);
}

#[test]
fn every_processor_can_be_built_twice_from_one_parse() {
    let process = process();
    let all = [
        ("attributes", "{actions: [{key: a, value: 1, action: insert}]}"),
        ("batch", ""),
        ("cumulative_to_delta", ""),
        ("delta_to_cumulative", ""),
        ("memory_limiter", "{check_interval: 1s, limit_mib: 100}"),
        ("metric_start_time", ""),
        ("resource", "{attributes: [{key: a, value: 1, action: insert}]}"),
    ];
    for (type_, yaml) in all {
        let registry = registry();
        let factory = registry.processors.get(type_).unwrap();
        let node = Node::from_yaml("test.yaml", yaml).unwrap();
        let parsed = factory.parse(&node, type_, &mut Problems::new()).unwrap();
        for tier in [Tier::Memory, Tier::EndToEnd] {
            let mut cx = build_cx(&process, Kind::Processor, type_, Signal::Metrics);
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
    for type_ in ["metric_start_time", "cumulative_to_delta", "delta_to_cumulative"] {
        assert!(told(type_, "{max_stream: 1}")[0].contains("unknown key"), "{type_}");
    }
}

#[test]
fn the_names_in_one_word_are_accepted() {
    for (name, type_) in [
        ("metricstarttime", "metric_start_time"),
        ("cumulativetodelta", "cumulative_to_delta"),
        ("deltatocumulative", "delta_to_cumulative"),
    ] {
        let registry = registry();
        let found =
            registry.describe(Kind::Processor).into_iter().find(|f| f.aliases().contains(&name)).unwrap();
        assert_eq!(found.type_(), type_);
        assert!(registry.processors.get(name).is_some());
    }
}

#[test]
fn the_processors_of_streams_tell_what_is_wrong_in_otelcols_words() {
    let cases = [
        ("metric_start_time", "{gc_interval: 0}", "gc_interval must be positive"),
        ("metric_start_time", "{strategy: guess}", "guess"),
        (
            "metric_start_time",
            "{strategy: start_time_metric, start_time_metric_regex: '('}",
            "no regular expression",
        ),
        (
            "metric_start_time",
            "{start_time_metric_regex: x}",
            "start_time_metric_regex can only be used with the start_time_metric strategy",
        ),
        ("delta_to_cumulative", "{max_stale: 0}", "max_stale must be a positive duration (got 0s)"),
        ("delta_to_cumulative", "{max_streams: -1}", "max_streams"),
        (
            "cumulative_to_delta",
            "{include: {metrics: [a]}}",
            "match_type must be set if metrics are supplied",
        ),
        (
            "cumulative_to_delta",
            "{exclude: {match_type: strict}}",
            "metrics must be supplied if match_type is set",
        ),
        (
            "cumulative_to_delta",
            "{include: {metrics: [a, '('], match_type: regexp}}",
            "include.metrics[1]: is no regular expression",
        ),
        ("cumulative_to_delta", "{include: {metric_types: [gauge]}}", "gauge"),
        ("cumulative_to_delta", "{initial_value: first}", "first"),
        ("cumulative_to_delta", "{max_staleness: -1s}", "negative"),
    ];
    for (type_, yaml, text) in cases {
        let told = told(type_, yaml);
        assert!(told.len() == 1 && told[0].contains(text), "{type_} {yaml}: {told:?}");
    }
    let all = "{max_streams: 9223372036854775807}";
    for type_ in ["metric_start_time", "cumulative_to_delta", "delta_to_cumulative"] {
        assert!(told(type_, all).is_empty(), "otelcol's own default");
    }
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

#[test]
fn actions_tell_what_is_wrong_with_their_place() {
    let cases = [
        ("", "missing required field \"action\""),
        ("action: insert, value: 1", "[0].key: missing required field \"key\""),
        ("key: a, action: rename", "unsupported action \"rename\""),
        (
            "key: a, action: insert",
            "attributes[0]: one of \"value\", \"from_attribute\", \"from_context\" or",
        ),
        ("key: a, action: upsert, value: 1, from_attribute: b", "only one of"),
        ("key: a, action: update, from_context: b, from_attribute: b", "only one of"),
        (
            "key: a, action: insert, value: 1, pattern: b",
            "[0].pattern: action \"insert\" does not use \"pattern\"",
        ),
        ("key: a, action: insert, value: 1, converted_type: int", "[0].converted_type: action \"insert\""),
        ("key: a, action: insert, value: 9223372036854775808", "[0].value: does not fit 64 bits"),
        (
            "key: a, action: insert, from_attribute: b, default_value: [9223372036854775808]",
            "[0].default_value",
        ),
        ("action: delete", "at least one of \"key\" and \"pattern\""),
        ("action: HASH", "at least one of \"key\" and \"pattern\""),
        ("key: a, action: delete, value: 1", "[0].value: action \"delete\" does not use \"value\""),
        ("key: a, action: hash, from_attribute: b", "[0].from_attribute: action \"hash\""),
        ("key: a, action: hash, default_value: b", "[0].default_value: action \"hash\""),
        ("pattern: '(', action: delete", "[0].pattern: is no regular expression"),
        ("key: a, action: extract", "[0].pattern: missing required field \"pattern\""),
        ("key: a, action: extract, pattern: '('", "[0].pattern: is no regular expression"),
        ("key: a, action: extract, pattern: a", "[0].pattern: contains no named matcher groups"),
        ("key: a, action: extract, pattern: '(?P<a>.)(.)'", "[0].pattern: contains at least one unnamed"),
        ("key: a, action: extract, pattern: '(?P<a>.)', value: 1", "[0].value: action \"extract\""),
        ("key: a, action: convert", "[0].converted_type: missing required field"),
        ("key: a, action: convert, converted_type: bool", "[0].converted_type"),
        ("key: a, action: convert, converted_type: int, pattern: a", "[0].pattern: action \"convert\""),
    ];
    for (action, text) in cases {
        let told = told("resource", &format!("{{attributes: [{{{action}}}]}}"));
        assert!(told.len() == 1 && told[0].contains(text), "{action}: {told:?}");
    }
    let none = told("resource", "{attributes: []}");
    assert!(none.len() == 1 && none[0].contains("missing required field \"attributes\""), "{none:?}");
}

#[test]
fn include_and_exclude_tell_what_is_wrong_with_their_place() {
    let cases = [
        ("span_names: [a]", "include.match_type: must be set, to strict or regexp"),
        ("match_type: expr, span_names: [a]", "include.match_type"),
        ("match_type: regexp, span_names: [a, '(']", "include.span_names[1]: is no regular expression"),
        ("match_type: regexp, services: ['(']", "include.services[0]: is no regular expression"),
        (
            "match_type: regexp, libraries: [{name: '('}]",
            "include.libraries[0].name: is no regular expression",
        ),
        ("match_type: regexp, libraries: [{name: a, version: '('}]", "libraries[0].version: is no regular"),
        ("match_type: regexp, attributes: [{key: a, value: 1}]", "attributes[0].value: must be text"),
        ("match_type: regexp, resources: [{key: a, value: '('}]", "resources[0].value: is no regular"),
        ("match_type: strict, attributes: [{value: 1}]", "attributes[0].key: can't have empty key"),
        (
            "match_type: strict, span_kinds: [SERVER]",
            "span_kinds[0]: must be one of SPAN_KIND_INTERNAL, SPAN",
        ),
        (
            "match_type: strict, log_bodies: [a], span_names: [a]",
            "include.log_bodies: traces have no log_bodies",
        ),
        ("match_type: strict", "include: at least one of services, span_names, span_kinds, attributes"),
    ];
    for (include, text) in cases {
        let yaml = format!("{{include: {{{include}}}, actions: [{{key: a, action: delete}}]}}");
        let told = told_for(Signal::Traces, "attributes", &yaml);
        assert!(told.len() == 1 && told[0].contains(text), "{include}: {told:?}");
    }
    assert!(told("attributes", "{}")[0].contains("missing required field \"actions\""));
}

#[test]
fn the_least_severity_must_be_one() {
    for number in ["{}", "{match_undefined: true}", "{min: 0}", "{min: 25}", "{min: -1}"] {
        let yaml = format!(
            "{{exclude: {{match_type: strict, log_severity_number: {number}}}, actions: [{{key: a, action: delete}}]}}"
        );
        let told = told_for(Signal::Logs, "attributes", &yaml);
        let text = "exclude.log_severity_number.min: must be set, from 1 to 24";
        assert!(told.len() == 1 && told[0].contains(text), "{number}: {told:?}");
    }
}

#[test]
fn patterns_that_are_too_large_together_are_told_with_their_list() {
    let yaml = |count: usize| {
        let patterns = vec![r"'\w{40}'"; count].join(", ");
        format!(
            "{{include: {{match_type: regexp, span_names: [{patterns}]}}, actions: [{{key: a, action: delete}}]}}"
        )
    };
    assert!(told_for(Signal::Traces, "attributes", &yaml(1)).is_empty());
    let told = told_for(Signal::Traces, "attributes", &yaml(30));
    let text = "include.span_names: cannot be searched for together: ";
    assert!(told.len() == 1 && told[0].contains(text), "{told:?}");
}

#[test]
fn a_key_of_another_signal_is_refused() {
    let keys = [
        ("services: [a]", &[Signal::Traces][..]),
        ("span_names: [a]", &[Signal::Traces]),
        ("span_kinds: [SPAN_KIND_SERVER]", &[Signal::Traces]),
        ("log_bodies: [a]", &[Signal::Logs]),
        ("log_severity_texts: [a]", &[Signal::Logs]),
        ("log_severity_number: {min: 9}", &[Signal::Logs]),
        ("metric_names: [a]", &[Signal::Metrics]),
        ("attributes: [{key: a}]", &[Signal::Traces, Signal::Logs]),
        ("resources: [{key: a}]", &Signal::ALL),
        ("libraries: [{name: a}]", &[Signal::Traces, Signal::Logs]),
    ];
    for (key, signals) in keys {
        for section in ["include", "exclude"] {
            let yaml = format!(
                "{{{section}: {{match_type: strict, {key}}}, actions: [{{key: a, action: delete}}]}}"
            );
            for signal in Signal::ALL {
                let told = told_for(signal, "attributes", &yaml);
                assert_eq!(told.is_empty(), signals.contains(&signal), "{signal} {key}: {told:?}");
            }
            assert!(told("attributes", &yaml).is_empty(), "in no pipeline");
        }
    }
}
