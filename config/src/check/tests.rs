use serde::Deserialize;

use crate::{Check, Checker, Node, Problems, decode};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Batch {
    size: u32,
    max: u32,
    tls: Tls,
    rules: Vec<Tls>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Tls {
    cert: String,
    key: String,
}

impl Check for Batch {
    fn check(&self, at: &mut Checker<'_>) {
        if self.max < self.size {
            at.key("max").must(format!("be 0 or at least size ({})", self.size));
        }
        at.inside("tls", &self.tls);
        at.inside("rules", &self.rules);
        if at.is_written("size") {
            at.warn("the size was written");
        }
    }
}

impl Check for Tls {
    fn check(&self, at: &mut Checker<'_>) {
        if self.cert.is_empty() != self.key.is_empty() {
            at.error("cert and key go together");
        }
    }
}

fn check(yaml: &str) -> Vec<String> {
    let node = Node::from_yaml("c.yaml", yaml).unwrap();
    let mut problems = Problems::new();
    let _value = decode::<Batch>(&node, "batch", &mut problems);
    problems.in_order().iter().map(|p| format!("{} {p}", p.span.as_ref().unwrap())).collect()
}

#[test]
fn a_rule_is_reported_where_its_key_was_written() {
    assert_eq!(
        check("size: 5\nmax: 2\ntls: {cert: x}\nrules:\n- {}\n- key: k"),
        [
            "c.yaml:1:1 batch: the size was written",
            "c.yaml:2:6 batch.max: must be 0 or at least size (5)",
            "c.yaml:3:6 batch.tls: cert and key go together",
            "c.yaml:6:3 batch.rules[1]: cert and key go together",
        ]
    );
}

#[test]
fn a_rule_about_a_key_that_is_missing_is_reported_at_the_section() {
    assert_eq!(
        check("size: 5"),
        ["c.yaml:1:1 batch.max: must be 0 or at least size (5)", "c.yaml:1:1 batch: the size was written"]
    );
}

#[test]
fn a_value_that_already_has_a_problem_gets_no_second_one() {
    assert_eq!(
        check("size: 5\nmax: two"),
        [
            "c.yaml:1:1 batch: the size was written",
            "c.yaml:2:6 batch.max: expected an integer, found string `two`"
        ]
    );
}
