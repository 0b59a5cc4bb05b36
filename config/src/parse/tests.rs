use proptest::prelude::*;

use crate::{Node, Problems, Value};

fn told(yaml: &str) -> Vec<String> {
    match Node::from_yaml("c.yaml", yaml) {
        Ok(_) => Vec::new(),
        Err(problems) => list(&problems),
    }
}

fn list(problems: &Problems) -> Vec<String> {
    let place = |p: &crate::Problem| p.span.as_ref().map(|s| format!("{}:{} ", s.line(), s.column()));
    problems.in_order().iter().map(|p| format!("{}{p}", place(p).unwrap_or_default())).collect()
}

fn json(yaml: &str) -> String {
    let node = Node::from_yaml("c.yaml", yaml).unwrap();
    node.to_json().split_whitespace().collect()
}

#[test]
fn every_value_knows_its_line_and_column() {
    let node = Node::from_yaml("c.yaml", "a:\n  bé: [x, \"y\"]\n  n:\n  m:\n  - k: |\n      text\n").unwrap();
    for (path, line, column) in [
        ("a", 1, 1),
        ("a::bé", 2, 7),
        ("a::bé::1", 2, 11),
        ("a::n", 3, 3),
        ("a::m", 4, 3),
        ("a::m::0::k", 6, 7),
    ] {
        let span = node.at(path).unwrap().span().unwrap();
        assert_eq!((span.line(), span.column()), (line, column), "{path}");
    }
    assert_eq!(
        node.get("a").unwrap().entry("n").unwrap().key_span.as_ref().unwrap().to_string(),
        "c.yaml:3:3"
    );
}

#[test]
fn quotes_tags_and_block_scalars_are_text() {
    assert_eq!(
        json("[\"1\", '1', 1, !!str 1, ! 1, !!int \"1\", !foo 1, !!float 1]"),
        "[\"1\",\"1\",1,\"1\",\"1\",1,1,1.0]"
    );
    assert_eq!(json("a: |\n  1\n"), "{\"a\":\"1\\n\"}");
    assert_eq!(json("{1: a, true: b, null: c}"), "{\"1\":\"a\",\"true\":\"b\",\"null\":\"c\"}");
    assert_eq!(told("!!int x"), ["1:7 string `x` does not fit its tag `!!int`"]);
}

#[test]
fn nothing_comments_and_an_empty_document_are_null() {
    for yaml in ["", "# only\n", "---\n", "---\n...\n", "\u{feff}", "~"] {
        assert!(Node::from_yaml("c.yaml", yaml).unwrap().is_null(), "{yaml:?}");
    }
    assert_eq!(json("\u{feff}a: 1\r\nb: 2\r\n"), "{\"a\":1,\"b\":2}");
    assert_eq!(told("a: 1\n---\nb: 2\n"), ["2:1 a second YAML document starts here, and only one is read"]);
}

#[test]
fn anchors_aliases_and_merge_keys_work() {
    assert_eq!(json("a: &x {k: 1}\nb: *x\nc: [*x]\n"), "{\"a\":{\"k\":1},\"b\":{\"k\":1},\"c\":[{\"k\":1}]}");
    // Keys written in the section win over merged ones, wherever `<<` stands; the first of several merged wins.
    assert_eq!(
        json("a: &x {k: 1, l: 1}\nb: &y {l: 2, m: 2}\nc: {<<: [*x, *y], k: 3}\nd:\n  m: 4\n  <<: *y\n"),
        "{\"a\":{\"k\":1,\"l\":1},\"b\":{\"l\":2,\"m\":2},\"c\":{\"k\":3,\"l\":1,\"m\":2},\"d\":{\"m\":4,\"l\":2}}"
    );
    assert_eq!(json("a: &k key\n*k : 1\n"), "{\"a\":\"key\",\"key\":1}");
    assert_eq!(json("{\"<<\": 1}"), "{\"<<\":1}");
    assert_eq!(told("a: {<<: 5}"), ["1:5 `<<` takes a section or a list of sections"]);
    assert_eq!(told("a: &x [*x]"), ["1:8 a[0]: an alias inside of what it stands for"]);
    assert!(told("a: *nobody")[0].starts_with("1:4 a: not valid YAML"));
}

#[test]
fn i17_duplicate_keys_are_refused_with_both_places() {
    let problems = Node::from_yaml("c.yaml", "a:\n  k: 1\n  l: {x: 1, x: 2}\n  \"k\": 2\n").unwrap_err();
    assert_eq!(list(&problems), ["3:13 a.l.x: duplicate key `x`", "4:3 a.k: duplicate key `k`"]);
    assert_eq!(problems.to_text().lines().nth(5).unwrap(), "  = first written at c.yaml:3:7");
}

#[test]
fn i17_tabs_for_indentation_are_refused_by_name() {
    let problems = Node::from_yaml("c.yaml", "a:\n\tb: 1\n").unwrap_err();
    let text = problems.to_text();
    assert!(text.contains("--> c.yaml:2:") && text.contains("not with tabs"), "{text}");
}

#[test]
fn i17_deep_nesting_is_refused_with_its_line() {
    for yaml in [
        "[".repeat(100_000),
        "{a: ".repeat(100_000),
        (0..1000).map(|n| format!("{}a:\n", " ".repeat(n))).collect(),
        "- ".repeat(10_000),
        // Each alias nests what the one before it has.
        (0..200)
            .fold("a0: &a0 [x]\n".to_owned(), |yaml, n| format!("{yaml}a{}: &a{} [*a{n}]\n", n + 1, n + 1)),
    ] {
        let problems = Node::from_yaml("c.yaml", &yaml).unwrap_err();
        assert!(problems.iter().any(|p| p.span.is_some()), "{}", list(&problems).join("\n"));
    }
}

#[test]
fn i17_anchor_bombs_are_refused_before_they_unfold() {
    let lists = (0..30).fold("a0: &a0 [x, x, x]\n".to_owned(), |yaml, n| {
        format!(
            "{yaml}a{m}: &a{m} [*a{n}, *a{n}, *a{n}, *a{n}, *a{n}, *a{n}, *a{n}, *a{n}, *a{n}]\n",
            m = n + 1
        )
    });
    let merges = (0..30).fold("a0: &a0 {k: [1, 2]}\n".to_owned(), |yaml, n| {
        format!("{yaml}a{m}: &a{m}\n  <<: [*a{n}, *a{n}]\n  k{m}: *a{n}\n", m = n + 1)
    });
    for yaml in [lists, merges] {
        let told = told(&yaml);
        assert!(told[0].contains("more than 100000 values"), "{told:?}");
    }
}

#[test]
fn a_syntax_error_has_its_line_and_what_was_read_before_it_is_not_used() {
    let told = told("receivers:\n  otlp: [1, 2\nexporters:\n");
    assert_eq!(told.len(), 1);
    assert!(told[0].contains("not valid YAML"), "{told:?}");
}

#[test]
fn a_key_that_is_a_list_is_refused() {
    assert_eq!(told("[a]: 1\nb: 2\n"), ["1:1 a key must be a scalar, not a section or a list"]);
    assert_eq!(told("? {a: 1}\n: 1\n").len(), 1);
}

#[test]
fn hundreds_of_duplicate_keys_end() {
    let yaml = "a: 1\n".repeat(5000);
    assert_eq!(Node::from_yaml("c.yaml", &yaml).unwrap_err().len(), 101);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_a_tree_or_problems_with_places(text in "([ \t\n:&*!<>|'\"%@`#,?{}\\[\\]-]|[a-c0-3]|\\PC){0,60}") {
        match Node::from_yaml("c.yaml", &text) {
            Ok(node) => drop(node.to_yaml(crate::Print { origins: true })),
            Err(problems) => {
                prop_assert!(problems.iter().all(|p| p.span.is_some()));
                drop(problems.to_text());
            }
        }
    }

    #[test]
    fn lines_of_yaml_in_any_order_are_a_tree_or_problems(
        lines in prop::collection::vec("( ){0,6}(- )?([a-c]:)?( (&a|\\*a|<<|!!int|\\||>|'x|\"y\"|\\[1|\\{b|\\?|[0-9]{1,3}))?", 0..12)
    ) {
        if let Ok(node) = Node::from_yaml("c.yaml", &lines.join("\n")) {
            prop_assert!(!matches!(node.value(), Value::Bool(_)));
        }
    }
}
