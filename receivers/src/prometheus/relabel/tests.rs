use sluice_config::{Node, Problems, decode};

use super::*;

/// `a=1 b=2` as labels.
fn labels(text: &str) -> LabelsBuilder {
    let mut labels = LabelsBuilder::default();
    for label in text.split_whitespace() {
        let (name, value) = label.split_once('=').unwrap();
        labels.set(name, value);
    }
    labels
}

fn rules(yaml: &str) -> Rules {
    let node = Node::from_yaml("rules.yaml", yaml).unwrap();
    let mut problems = Problems::new();
    let configs: Option<Vec<RelabelConfig>> = decode(&node, "relabel_configs", &mut problems);
    Rules::new(&configs.unwrap_or_else(|| panic!("{problems}")), Validation::Utf8).unwrap()
}

/// What becomes of labels; `None` if they are dropped.
fn relabelled(before: &str, yaml: &str) -> Option<String> {
    let mut labels = labels(before);
    rules(yaml).apply(&mut labels).then(|| {
        let built = labels.build();
        built.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
    })
}

#[test]
fn every_action_does_what_prometheus_does() {
    let before = "a=foo b=bar c=baz";
    for (yaml, after) in [
        // replace: a match writes, no match does nothing, an empty result removes.
        (
            "[{source_labels: [a], regex: 'f(.*)', target_label: d, replacement: 'ch${1}-ch${1}'}]",
            Some("a=foo b=bar c=baz d=choo-choo"),
        ),
        (
            "[{source_labels: [a, b], regex: 'f(.*);(.*)r', target_label: a, replacement: 'b${1}${2}m'}]",
            Some("a=boobam b=bar c=baz"),
        ),
        ("[{source_labels: [a], regex: o, target_label: d, replacement: x}]", Some("a=foo b=bar c=baz")),
        ("[{source_labels: [a], regex: 'f(.*)', target_label: b, replacement: ''}]", Some("a=foo c=baz")),
        ("[{source_labels: [none], target_label: b}]", Some("a=foo c=baz")),
        ("[{target_label: d, replacement: fixed}]", Some("a=foo b=bar c=baz d=fixed")),
        (
            "[{source_labels: [a], target_label: '${1}', replacement: '${1}'}]",
            Some("a=foo b=bar c=baz foo=foo"),
        ),
        ("[{source_labels: [a], target_label: '${2}', replacement: x}]", Some("a=foo b=bar c=baz")),
        (
            "[{source_labels: [a, b, c], separator: '', target_label: d}]",
            Some("a=foo b=bar c=baz d=foobarbaz"),
        ),
        (
            "[{source_labels: [a], regex: '(?P<first>.).*', target_label: d, replacement: '$first.$$'}]",
            Some("a=foo b=bar c=baz d=f.$"),
        ),
        // keep and drop, anchored at both ends.
        ("[{source_labels: [a], regex: foo, action: keep}]", Some(before)),
        ("[{source_labels: [a], regex: fo, action: keep}]", None),
        ("[{source_labels: [a], regex: 'x|foo', action: drop}]", None),
        ("[{source_labels: [a], regex: oo, action: drop}]", Some(before)),
        ("[{source_labels: [none], regex: '', action: drop}]", None),
        ("[{regex: '.+', action: keep}]", None),
        // keepequal and dropequal.
        ("[{source_labels: [a], target_label: b, action: keepequal}]", None),
        (
            "[{target_label: b, replacement: foo}, {source_labels: [a], target_label: b, action: keepequal}]",
            Some("a=foo b=foo c=baz"),
        ),
        ("[{source_labels: [a], target_label: b, action: dropequal}]", Some(before)),
        ("[{source_labels: [none], target_label: nowhere, action: dropequal}]", None),
        // hashmod: the last 8 bytes of MD5, big endian.
        (
            "[{source_labels: [c], target_label: d, modulus: 1000, action: hashmod}]",
            Some("a=foo b=bar c=baz d=976"),
        ),
        (
            "[{source_labels: [a, b], target_label: d, modulus: 1000, action: hashmod}]",
            Some("a=foo b=bar c=baz d=750"),
        ),
        // Names.
        (
            "[{regex: '(b.*)', replacement: 'bar_${1}', action: labelmap}]",
            Some("a=foo b=bar bar_b=bar c=baz"),
        ),
        ("[{regex: '([ab])', replacement: 'same', action: labelmap}]", Some("a=foo b=bar c=baz same=bar")),
        ("[{regex: '[ab]', action: labeldrop}]", Some("c=baz")),
        ("[{regex: '[ab]', action: labelkeep}]", Some("a=foo b=bar")),
        // Cases.
        ("[{source_labels: [a], target_label: a, action: uppercase}]", Some("a=FOO b=bar c=baz")),
        (
            "[{source_labels: [a], target_label: d, action: uppercase}, {source_labels: [d], target_label: a, action: lowercase}]",
            Some("a=foo b=bar c=baz d=FOO"),
        ),
    ] {
        assert_eq!(relabelled(before, yaml).as_deref(), after, "{yaml}");
    }
}

#[test]
fn the_hash_is_that_of_prometheus() {
    assert_eq!(last_8_bytes_of_md5(""), 0xe980_0998_ecf8_427e);
    assert_eq!(last_8_bytes_of_md5("abc"), 0xd696_3f7d_28e1_7f72);
}

#[test]
fn a_dot_matches_a_new_line_and_the_source_may_be_long() {
    let mut labels = LabelsBuilder::default();
    labels.set("a", "x\ny");
    assert!(rules("[{source_labels: [a], regex: 'x.y', action: keep}]").apply(&mut labels));
}

#[test]
fn a_name_that_legacy_validation_refuses_is_not_written() {
    let config = RelabelConfig {
        target_label: "a.b".into(),
        replacement: Some("x".into()),
        ..RelabelConfig::default()
    };
    for (validation, expected) in [(Validation::Utf8, Some("x")), (Validation::Legacy, None)] {
        let mut labels = LabelsBuilder::default();
        assert!(Rules::new(std::slice::from_ref(&config), validation).unwrap().apply(&mut labels));
        assert_eq!(labels.get("a.b"), expected);
    }
}

#[test]
fn what_an_action_has_no_use_for_and_bad_expressions_are_refused_at_their_place() {
    for (yaml, expected) in [
        (
            "[{source_labels: [a], regex: '(', target_label: b}]",
            "relabel_configs[0].regex: `(` is no regular expression",
        ),
        ("[{source_labels: [a], regex: ')(', target_label: b}]", "relabel_configs[0].regex"),
        (
            "[{source_labels: [a]}]",
            "relabel_configs[0].target_label: action `replace` requires `target_label`",
        ),
        ("[{source_labels: [a], target_label: b, action: hashmod}]", "relabel_configs[0].modulus"),
        ("[{regex: a, target_label: b, action: labeldrop}]", "relabel_configs[0].target_label"),
        (
            "[{source_labels: [a], target_label: b, replacement: x, action: lowercase}]",
            "relabel_configs[0].replacement",
        ),
        ("[{source_labels: [a], target_label: b, regex: x, action: keepequal}]", "relabel_configs[0].regex"),
        ("[{source_labels: [a], action: keeep}]", "did you mean `keep`?"),
        ("[{source_lables: [a], action: keep}]", "did you mean `source_labels`?"),
    ] {
        let node = Node::from_yaml("rules.yaml", yaml).unwrap();
        let mut problems = Problems::new();
        let _: Option<Vec<RelabelConfig>> = decode(&node, "relabel_configs", &mut problems);
        assert!(problems.to_text().contains(expected), "{yaml}: {}", problems.to_text());
    }
}
