use proptest::prelude::*;

use crate::node::{Entry, Node, Value};
use crate::{Print, to_node};

#[test]
fn texts_that_would_read_back_as_something_else_are_quoted() {
    for (text, printed) in [
        ("plain", "plain"),
        ("a b", "a b"),
        ("http://x:1/y", "http://x:1/y"),
        ("1", "\"1\""),
        ("true", "\"true\""),
        ("null", "\"null\""),
        ("yes", "\"yes\""),
        ("", "\"\""),
        ("a: b", "\"a: b\""),
        ("a #b", "\"a #b\""),
        ("- a", "\"- a\""),
        ("${env:X}", "${env:X}"),
        ("say \"x\"\\\n\u{7}", "say \"x\"\\\n\u{7}"),
    ] {
        let yaml = Node::from(text).to_yaml(Print::default());
        if text.contains('\n') {
            assert_eq!(yaml, "\"say \\\"x\\\"\\\\\\n\\u0007\"\n");
        } else {
            assert_eq!(yaml, format!("{printed}\n"), "{text}");
        }
    }
}

#[test]
fn nested_lists_and_sections_print_as_block_yaml() {
    let node = Node::from_yaml("c.yaml", "a: [[1, [2]], {b: [], c: {d: .inf}}, {}]\ne: {}\n").unwrap();
    let yaml = node.to_yaml(Print::default());
    assert_eq!(
        yaml,
        "\
a:
  -
    - 1
    -
      - 2
  - b: []
    c:
      d: .inf
  - {}
e: {}
"
    );
    assert_eq!(Node::from_yaml("c.yaml", &yaml).unwrap(), node);
    assert_eq!(to_node(&node), node);
}

pub(crate) fn any_node() -> impl Strategy<Value = Node> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|n| Value::Int(n.into())),
        any::<u64>().prop_map(|n| Value::Int(n.into())),
        (-1e300..1e300_f64).prop_map(Value::Float),
        any::<String>().prop_map(|text| Value::String(text.into())),
        "[-?:,#&*!|>'\"%@` a-z0-9.~<=]{0,8}".prop_map(|text| Value::String(text.into())),
    ];
    leaf.prop_map(Node::new).prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| Node::new(Value::Seq(items))),
            prop::collection::btree_map("[a-z:# \"\n]{0,6}|\\PC{0,3}", inner, 0..4).prop_map(|map| {
                let entry = |(key, value): (String, Node)| Entry { key: key.into(), key_span: None, value };
                Node::new(Value::Map(map.into_iter().map(entry).collect()))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_reads_back_as_the_same_tree(node in any_node()) {
        let yaml = node.to_yaml(Print::default());
        let again = Node::from_yaml("c.yaml", &yaml);
        prop_assert_eq!(again.map_err(|p| format!("{p}\n{yaml}")), Ok(node));
    }
}
