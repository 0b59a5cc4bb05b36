use crate::{Check, Checker, GoDuration, Node, Problem, Problems, Secret, decode};

#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
struct Grpc {
    endpoint: String,
    timeout: GoDuration,
    token: Secret,
}

impl Check for Grpc {
    fn check(&self, at: &mut Checker<'_>) {
        if self.endpoint.is_empty() {
            at.key("endpoint").must("be given");
        }
    }
}

fn problems(yaml: &str) -> Problems {
    let node = Node::from_yaml("collector.yaml", yaml).unwrap();
    let mut problems = Problems::new();
    let grpc = node.at("receivers::otlp::protocols::grpc").unwrap();
    assert!(decode::<Grpc>(grpc, "receivers.otlp.protocols.grpc", &mut problems).is_none());
    problems
}

#[test]
fn an_unknown_key_is_shown_with_its_line_carets_and_suggestion() {
    let yaml = "receivers:\n  otlp:\n    protocols:\n      grpc:\n        endpont: 0.0.0.0:4317\n";
    let shown = "\
error: receivers.otlp.protocols.grpc: unknown key `endpont`
  --> collector.yaml:5:9
   |
 5 |         endpont: 0.0.0.0:4317
   |         ^^^^^^^ did you mean `endpoint`?
error: receivers.otlp.protocols.grpc.endpoint: must be given
  --> collector.yaml:4:7
   |
 4 |       grpc:
   |       ^^^^
";
    let problems = problems(yaml);
    // In file order the section comes before the key in it.
    let (first, second) = shown.split_at(shown.rfind("error: ").unwrap());
    assert_eq!(problems.to_text(), format!("{second}{first}"));
    assert_eq!(problems.error_count(), 2);
}

#[test]
fn three_type_errors_in_one_section_are_three_problems_in_file_order() {
    let yaml = "receivers:\n  otlp:\n    protocols:\n      grpc:\n        timeout: soon\n        endpoint: [1]\n        token: 5\n";
    assert_eq!(
        problems(yaml).to_text(),
        "\
error: receivers.otlp.protocols.grpc.timeout: invalid duration \"soon\": write it as 300ms, 1.5h or 2h45m
  --> collector.yaml:5:18
   |
 5 |         timeout: soon
   |                  ^^^^
error: receivers.otlp.protocols.grpc.endpoint: expected a string, found a list
  --> collector.yaml:6:19
   |
 6 |         endpoint: [1]
   |                   ^^^
error: receivers.otlp.protocols.grpc.token: expected a string: put the value in quotes
  --> collector.yaml:7:16
   |
 7 |         token: [REDACTED]
   |                ^^^^^^^^^^
"
    );
}

#[test]
fn notes_follow_where_there_is_no_near_name() {
    let node = Node::from_yaml("c.yaml", "\n\n\n\n\n\n\n\n\n\npipelines:\n- jaeger/eu\n").unwrap();
    let span = node.at("pipelines::0").unwrap().span();
    let problem = Problem::error(
        "service.pipelines.traces.exporters[1]",
        "`jaeger/eu` is not defined under `exporters`",
    )
    .at(span)
    .suggest("jaeger/eu", "defined exporters", ["otlp", "debug"]);
    assert_eq!(
        Problems::from(problem).to_text(),
        "\
error: service.pipelines.traces.exporters[1]: `jaeger/eu` is not defined under `exporters`
  --> c.yaml:12:3
   |
12 | - jaeger/eu
   |   ^^^^^^^^^
  = defined exporters: debug, otlp
"
    );
    let placeless = Problem::warning("", "nothing uses it").help("remove it");
    assert_eq!(Problems::from(placeless).to_text(), "warning: nothing uses it\n  = remove it\n");
}

#[test]
fn json_has_the_same_facts() {
    let yaml = "receivers:\n  otlp:\n    protocols:\n      grpc: {endpoint: x, tokem: hush}\n";
    assert_eq!(
        problems(yaml).to_json(),
        r#"[
  {
    "severity": "error",
    "path": "receivers.otlp.protocols.grpc",
    "message": "unknown key `tokem`",
    "file": "collector.yaml",
    "line": 4,
    "column": 27,
    "help": "did you mean `token`?"
  }
]"#
    );
}

#[test]
fn i15_control_characters_of_the_config_do_not_reach_the_terminal() {
    let yaml = "receivers: {otlp: {protocols: {grpc: {endpoint: x, \"\\e[31mred\\n\": \"\u{202e}\"}}}}\n";
    let text = problems(yaml).to_text();
    assert!(text.contains("unknown key `\\u{1b}[31mred\\n`"), "{text}");
    assert!(text.contains("\\u{202e}"), "{text}");
    assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
}

#[test]
fn a_canary_in_a_secret_is_in_no_printed_problem() {
    for yaml in [
        // The line has another problem.
        "grpc: {endpont: x, token: canary}",
        "grpc: {token: canary, endpont: x}",
        // The key is misspelt, or the value has the wrong type.
        "grpc:\n  passwordd: canary",
        "grpc:\n  - token: canary\n",
        "grpc:\n  tokn: [canary",
        "grpc: [{api_key: \"canary, x\", endpont: 1}]",
        "grpc: {endpoint: [client_secret: canary]}",
    ] {
        let mut problems = Problems::new();
        match Node::from_yaml("c.yaml", yaml) {
            Ok(node) => drop(decode::<Grpc>(node.get("grpc").unwrap(), "grpc", &mut problems)),
            Err(found) => problems = found,
        }
        let text = problems.to_text() + &problems.to_json();
        assert!(
            problems.has_errors() && (yaml.contains("tokn") || !text.contains("canary")),
            "{yaml}\n{text}"
        );
    }
}

#[test]
fn a_long_line_is_cut_around_the_place() {
    let yaml = format!("grpc: {{endpoint: {}, endpont: 1, token: {}}}", "x".repeat(500), "y".repeat(500));
    let node = Node::from_yaml("c.yaml", &yaml).unwrap();
    let mut problems = Problems::new();
    assert!(decode::<Grpc>(node.get("grpc").unwrap(), "grpc", &mut problems).is_none());
    let text = problems.to_text();
    let lines: Vec<&str> = text.lines().collect();
    let at = lines[4].find('^').unwrap();
    assert_eq!(&lines[3][at..at + 7], "endpont");
    assert!(lines[3].len() < 170, "{text}");
    assert!(!text.contains("yyy"), "{text}");
}

#[test]
fn problems_come_in_the_order_of_the_sources() {
    let first = Node::from_yaml("a.yaml", "x: 1\ny: 2").unwrap();
    let second = Node::from_yaml("b.yaml", "x: 1").unwrap();
    let mut problems = Problems::new();
    problems.push(Problem::error("", "four"));
    problems.push(Problem::error("", "three").at(second.at("x").unwrap().span()));
    problems.push(Problem::warning("", "two").at(first.at("y").unwrap().span()));
    problems.push(Problem::error("", "one").at(first.at("x").unwrap().span()));
    let order: Vec<String> = problems.in_order().iter().map(ToString::to_string).collect();
    assert_eq!(order, ["one", "two", "three", "four"]);
    assert_eq!((problems.error_count(), problems.warning_count(), problems.len()), (3, 1, 4));
}

#[test]
fn the_default_of_a_reference_in_a_secret_is_in_no_printed_problem() {
    for value in [
        "${env:NOPE:-[canary]}",
        "Bearer canary ${env:NOPE}",
        "'${env:NOPE:-{canary: 1}'",
        "[canary]",
        "0x5ca9a41",
    ] {
        let yaml = format!("grpc:\n  token: {value}\n  endpont: 1\n");
        let no_variables: [(&str, &str); 0] = [];
        let loaded = crate::Loader::new().text("c.yaml", yaml).environment(no_variables).load().unwrap();
        let mut problems = loaded.warnings;
        assert!(decode::<Grpc>(loaded.root.get("grpc").unwrap(), "grpc", &mut problems).is_none());
        let text = problems.to_text() + &problems.to_json();
        assert!(!text.contains("canary") && !text.contains("ca9a41"), "{value}\n{text}");
    }
}

#[test]
fn the_example_of_the_guide_is_what_is_printed() {
    let guide = include_str!("../../../docs/configuration.md");
    let example = guide.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
    let yaml = "\
receivers:
  otlp:
    protocols:
      grpc:
        endpont: 0.0.0.0:4317
processors:
  batch:
    send_batch_size: 1
    timeout: \"10\"
";
    let node = Node::from_yaml("collector.yaml", yaml).unwrap();
    let mut found = Problems::new();
    let mut durations = |at: &str, path: &str| {
        let mut list = Problems::new();
        let _none = decode::<Grpc>(node.at(at).unwrap(), path, &mut list);
        let wanted = |p: &Problem| p.message.contains("endpont") || p.message.contains("missing unit");
        found.extend(list.into_iter().filter(wanted));
    };
    durations("processors::batch", "processors.batch");
    durations("receivers::otlp::protocols::grpc", "receivers.otlp.protocols.grpc");
    assert_eq!(found.to_text(), example);
}

#[test]
fn i17_of_very_many_problems_the_first_are_printed_and_the_rest_counted() {
    let yaml: String = (0..2000).map(|n| format!("key{n}: 1\n")).collect();
    let root = crate::Node::from_yaml("c.yaml", &yaml).unwrap();
    let mut problems = Problems::new();
    for entry in root.entries() {
        problems.push(Problem::error("", "no").at(entry.key_span.as_ref()));
    }
    let text = problems.to_text();
    assert!(text.contains("--> c.yaml:500:1\n") && !text.contains("--> c.yaml:501:1\n"));
    assert!(text.ends_with("and 1500 more, which are not printed\n"));
    assert_eq!(problems.error_count(), 2000);
}
