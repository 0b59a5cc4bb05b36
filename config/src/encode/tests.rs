use serde::{Deserialize, Serialize};

use super::{to_node, to_unredacted_node};
use crate::{Check, GoDuration, Headers, Loader, Node, Print, Problems, Secret, Section, decode_over};

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Client {
    endpoint: String,
    #[serde(rename = "..tls")]
    tls: Tls,
    timeout: GoDuration,
    headers: Headers,
    cors: Section<Tls>,
    queue: Section<Queue>,
    keys: Vec<String>,
    note: Option<String>,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Tls {
    key: Secret,
}

#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Queue {
    size: u32,
}

impl Check for Client {}

fn client() -> Client {
    Client {
        endpoint: "localhost:4317".to_owned(),
        tls: Tls { key: "canary".into() },
        timeout: GoDuration::from_millis(200),
        headers: [("x", "canary")].into_iter().collect(),
        queue: Section::on(Queue { size: 5 }),
        ..Client::default()
    }
}

#[test]
fn settings_print_with_their_defaults_and_without_secrets_or_sections_that_are_off() {
    let yaml = to_node(&client()).to_yaml(Print::default());
    assert_eq!(
        yaml,
        "\
endpoint: localhost:4317
key: \"[REDACTED]\"
timeout: 200ms
headers:
  x: \"[REDACTED]\"
queue:
  size: 5
keys: []
note: null
"
    );
    assert!(to_unredacted_node(&client()).to_yaml(Print::default()).contains("key: canary\n"));
    let json = to_node(&client()).to_json();
    assert!(
        json.contains("\"timeout\": \"200ms\"") && !json.contains("canary") && !json.contains("cors"),
        "{json}"
    );
}

#[test]
fn no_other_serializer_sees_a_secret_even_inside_of_ours() {
    let foreign = serde_json::to_string(&client()).unwrap();
    assert!(!foreign.contains("canary"), "{foreign}");
    assert!(foreign.contains("\"cors\":null"), "{foreign}");
    let _plain = to_unredacted_node(&client());
    assert!(!serde_json::to_string(&client()).unwrap().contains("canary"));
}

#[test]
fn settings_that_are_printed_in_full_decode_to_themselves() {
    let node = to_unredacted_node(&client());
    let mut problems = Problems::new();
    assert_eq!(decode_over(&client(), &node, "", &mut problems), Some(client()), "{problems}");
    let again = Node::from_yaml("c.yaml", &node.to_yaml(Print::default())).unwrap();
    assert_eq!(decode_over(&client(), &again, "", &mut problems), Some(client()), "{problems}");
}

#[test]
fn every_value_can_be_printed_with_who_gave_it() {
    let loaded = Loader::new()
        .text("collector.yaml", "endpoint: ${env:HOST}:4317\ntimeout: ${env:T:-canary}\nqueue:\n  size: 7\n")
        .set("keys=[a]")
        .environment([("HOST", "h"), ("T", "1s")])
        .load()
        .unwrap();
    let mut problems = Problems::new();
    let decoded = decode_over(&client(), &loaded.root, "", &mut problems).unwrap();
    let yaml = to_node(&decoded).with_origins_of(&loaded.root).to_yaml(Print { origins: true });
    assert_eq!(
        yaml,
        "\
endpoint: h:4317  # collector.yaml:1, from ${env:HOST}
key: \"[REDACTED]\"  # default
timeout: 1s  # collector.yaml:2, from ${env:T}
headers:
  x: \"[REDACTED]\"  # default
queue:
  size: 7  # collector.yaml:4
keys:
  - a  # --set
note: null  # default
"
    );
}
