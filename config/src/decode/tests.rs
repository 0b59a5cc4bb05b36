use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use super::{decode, decode_over};
use crate::print::tests::any_node;
use crate::{
    ByteSize, Check, Checker, ComponentId, GoDuration, Headers, Node, Problems, Secret, Section, StringList,
};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Client {
    endpoint: String,
    timeout: GoDuration,
    headers: Headers,
    #[serde(with = "crate::mib")]
    max_mib: ByteSize,
    #[serde(rename = "..tls")]
    tls: Tls,
}

impl Default for Client {
    fn default() -> Self {
        Self {
            endpoint: String::new(),
            timeout: GoDuration::from_secs(5),
            headers: Headers::default(),
            max_mib: ByteSize::mib(4),
            tls: Tls::default(),
        }
    }
}

impl Check for Client {
    fn check(&self, at: &mut Checker<'_>) {
        if self.timeout.is_zero() {
            at.key("timeout").must("be more than 0");
        }
        self.tls.check(at);
    }
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
struct Tls {
    ca_file: String,
    key: Secret,
}

impl Check for Tls {
    fn check(&self, at: &mut Checker<'_>) {
        if self.ca_file == "bad" {
            at.key("ca_file").error("cannot be read");
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Sizer {
    #[default]
    Requests,
    Items,
    Bytes,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
struct Queue {
    enabled: bool,
    sizer: Sizer,
    queue_size: u32,
}

impl Check for Queue {
    fn check(&self, at: &mut Checker<'_>) {
        if self.queue_size == 7 {
            at.key("queue_size").warn("is an odd choice");
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Exporter {
    #[serde(rename = "..client")]
    client: Client,
    queue: Section<Queue>,
    cors: Section<Cors>,
    keys: StringList,
    ratio: f64,
    note: Option<String>,
    consumers: NonZeroU32,
}

impl Default for Exporter {
    fn default() -> Self {
        Self {
            client: Client { endpoint: "localhost:4317".to_owned(), ..Client::default() },
            queue: Section::on(Queue { enabled: true, queue_size: 1000, ..Queue::default() }),
            cors: Section::off_with(Cors { max_age: 60, ..Cors::default() }),
            keys: StringList::default(),
            ratio: 1.0,
            note: None,
            consumers: NonZeroU32::MIN,
        }
    }
}

impl Check for Exporter {
    fn check(&self, at: &mut Checker<'_>) {
        self.client.check(at);
        at.inside("queue", &self.queue);
    }
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
struct Cors {
    allowed_origins: Vec<String>,
    max_age: u32,
}

impl Check for Cors {}

fn run<T: serde::de::DeserializeOwned + Check>(yaml: &str) -> Result<T, Vec<String>> {
    let node = Node::from_yaml("c.yaml", yaml).unwrap();
    let mut problems = Problems::new();
    let value = decode(&node, "e", &mut problems);
    value.ok_or_else(|| told(&problems))
}

fn over(yaml: &str) -> Result<Exporter, Vec<String>> {
    let node = Node::from_yaml("c.yaml", yaml).unwrap();
    let mut problems = Problems::new();
    let value = decode_over(&Exporter::default(), &node, "e", &mut problems);
    value.ok_or_else(|| told(&problems))
}

/// Each problem as `line:column path: message`.
fn told(problems: &Problems) -> Vec<String> {
    let list = problems.in_order();
    list.iter()
        .map(|p| match &p.span {
            Some(span) => format!("{}:{} {p}", span.line(), span.column()),
            None => p.to_string(),
        })
        .collect()
}

#[test]
fn nothing_null_and_an_empty_section_are_all_defaults() {
    // What is squashed has its own defaults, unless decoded over those of the settings around it.
    let defaults = Exporter { client: Client::default(), ..Exporter::default() };
    for yaml in ["", "null", "{}", "timeout:\nratio:\nkeys: ~\nheaders:\nnote:\nconsumers:\nmax_mib:"] {
        assert_eq!(run(yaml), Ok(defaults.clone()), "{yaml}");
        assert_eq!(over(yaml), Ok(Exporter::default()), "{yaml}");
    }
}

#[test]
fn squashed_structs_take_their_keys_from_the_section_around_them_at_any_depth() {
    let exporter: Exporter = run("endpoint: a:1\ntimeout: 1s\nca_file: ca.pem\nkey: s\nratio: 0.5").unwrap();
    assert_eq!(exporter.client.endpoint, "a:1");
    assert_eq!(exporter.client.timeout, GoDuration::from_secs(1));
    assert_eq!(exporter.client.tls, Tls { ca_file: "ca.pem".to_owned(), key: "s".into() });
    assert!((exporter.ratio - 0.5).abs() < 1e-9);
}

#[test]
fn an_unknown_key_is_one_that_no_squashed_struct_knows_either() {
    assert_eq!(
        run::<Exporter>("endpoint: a\nca_fil: x\n..client: {}\nqueue: {sizr: items}"),
        Err(vec![
            "2:1 e: unknown key `ca_fil`".to_owned(),
            "3:1 e: unknown key `..client`".to_owned(),
            "4:9 e.queue: unknown key `sizr`".to_owned(),
        ])
    );
}

#[test]
fn every_problem_of_every_kind_is_told_at_once() {
    let yaml = "\
endpoint: 4317
timeout: 10
ca_file: bad
max_mib: -1
queue:
  sizer: reqests
  queue_size: lots
  queue_siz: 1
keys: {a: b}
ratio: half
consumers: 0
unknown: 1
";
    assert_eq!(
        run::<Exporter>(yaml),
        Err(vec![
            "1:11 e.endpoint: expected a string, found integer `4317`".to_owned(),
            "3:10 e.ca_file: cannot be read".to_owned(),
            "4:10 e.max_mib: `-1` is out of range: must be between 0 and 18446744073709551615".to_owned(),
            "6:10 e.queue.sizer: unknown value `reqests`".to_owned(),
            "7:15 e.queue.queue_size: expected an integer, found string `lots`".to_owned(),
            "8:3 e.queue: unknown key `queue_siz`".to_owned(),
            "9:7 e.keys: expected a list, found a section".to_owned(),
            "10:8 e.ratio: expected a number, found string `half`".to_owned(),
            "11:12 e.consumers: expected a nonzero u32, found integer `0`".to_owned(),
            "12:1 e: unknown key `unknown`".to_owned(),
        ])
    );
}

#[test]
fn scalars_are_not_coerced() {
    assert!(run::<bool>("\"true\"").is_err());
    assert!(run::<bool>("1").is_err());
    assert!(run::<bool>("yes").is_err());
    assert!(run::<u32>("\"1\"").is_err());
    assert!(run::<u32>("1.5").is_err());
    assert!(run::<u8>("256").is_err());
    assert!(run::<String>("1").is_err());
    assert!(run::<String>("true").is_err());
    assert!(run::<f64>("\"1\"").is_err());
    assert_eq!(run::<u32>("0x10"), Ok(16));
    assert_eq!(run::<u32>("1e3"), Ok(1000));
    assert_eq!(run::<i64>("-5_000"), Ok(-5000));
    assert_eq!(run::<f64>("3"), Ok(3.0));
    assert_eq!(run::<u64>("18446744073709551615"), Ok(u64::MAX));
}

#[test]
fn a_string_is_split_at_commas_where_a_list_is_wanted() {
    for (yaml, expected) in [("a,b, c", vec!["a", "b", "c"]), ("[a, b]", vec!["a", "b"]), ("\"\"", vec![])] {
        assert_eq!(run::<Vec<String>>(yaml).unwrap(), expected, "{yaml}");
        assert_eq!(&*run::<StringList>(yaml).unwrap(), expected.as_slice(), "{yaml}");
    }
    assert_eq!(run::<Vec<u8>>("1,2").unwrap_err().len(), 1);
}

#[test]
fn a_section_is_on_when_it_is_there() {
    #[derive(Debug, PartialEq, Default, Deserialize)]
    #[serde(default)]
    struct Outer {
        cors: Section<Cors>,
        queue: Section<Queue>,
    }
    impl Check for Outer {}
    let cors = |max_age| Section::on(Cors { max_age, ..Cors::default() });
    assert_eq!(run::<Outer>("{}").unwrap().cors.as_option(), None);
    assert_eq!(run::<Outer>("cors:").unwrap().cors, cors(0));
    assert_eq!(run::<Outer>("cors: {}").unwrap().cors, cors(0));
    assert_eq!(run::<Outer>("cors: {max_age: 5}").unwrap().cors, cors(5));
    assert_eq!(run::<Outer>("cors: {enabled: true, max_age: 5}").unwrap().cors, cors(5));
    assert!(!run::<Outer>("cors: {enabled: false, max_age: 5}").unwrap().cors.is_on());
    // Settings with an `enabled` of their own get it as well.
    assert!(run::<Outer>("queue: {enabled: true}").unwrap().queue.as_option().unwrap().enabled);
    assert_eq!(
        run::<Outer>("cors: {enabled: \"no\", max_age: x, maxage: 1}"),
        Err(vec![
            "1:17 e.cors.enabled: expected true or false, found string `no`".to_owned(),
            "1:32 e.cors.max_age: expected an integer, found string `x`".to_owned(),
            "1:35 e.cors: unknown key `maxage`".to_owned(),
        ])
    );
    assert_eq!(
        run::<Outer>("cors: 5"),
        Err(vec!["1:7 e.cors: expected a section, found integer `5`".to_owned()])
    );
}

#[test]
fn decoding_over_defaults_keeps_what_the_outer_settings_say() {
    assert_eq!(over(""), Ok(Exporter::default()));
    assert_eq!(over("{}"), Ok(Exporter::default()));
    let exporter = over("timeout: 1s\nqueue: {sizer: bytes}\ncors: {allowed_origins: a}").unwrap();
    // `Client::default()` has no endpoint, `Queue::default()` a queue size of 0, `Cors::default()` no age.
    assert_eq!(exporter.client.endpoint, "localhost:4317");
    assert_eq!(exporter.queue.as_option().unwrap().queue_size, 1000);
    assert_eq!(exporter.queue.as_option().unwrap().sizer, Sizer::Bytes);
    assert_eq!(exporter.cors.as_option().unwrap().max_age, 60);
    assert!(over("cors:").unwrap().cors.is_on());
    assert!(!over("cors: {enabled: false}").unwrap().cors.is_on());
    assert!(!over("queue: {enabled: false}").unwrap().queue.is_on());
    assert_eq!(
        over("queue: {sizer: 5}\nendpont: x"),
        Err(vec![
            "1:16 e.queue.sizer: expected one of requests, items, bytes, found integer `5`".to_owned(),
            "2:1 e: unknown key `endpont`".to_owned(),
        ])
    );
}

#[test]
fn headers_are_a_map_or_a_list_of_pairs_and_keep_their_order() {
    let list = |yaml: &str| -> Vec<(String, String)> {
        let headers: Headers = run(yaml).unwrap();
        headers.iter().map(|(name, value)| (name.to_owned(), value.expose().to_owned())).collect()
    };
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(list("z: 1s\na: x"), [pair("z", "1s"), pair("a", "x")]);
    assert_eq!(list("[{name: a, value: x}, {name: a, value: y}]"), [pair("a", "x"), pair("a", "y")]);
    assert_eq!(list("a:"), [pair("a", "")]);
    assert_eq!(
        run::<Headers>("- {name: a, value: x}\n- {name: 5, valu: y}\n"),
        Err(vec![
            "2:10 e[1].name: expected a string, found integer `5`".to_owned(),
            "2:13 e[1]: unknown key `valu`".to_owned(),
        ])
    );
    assert!(run::<Headers>("a=b").is_err());
}

#[test]
fn free_maps_decode_their_keys() {
    let yaml = "otlp/b: 1\notlp/a: 2\n";
    let ids: HashMap<ComponentId, u8> = run(yaml).unwrap();
    assert_eq!(ids.get("otlp/a"), Some(&2));
    assert_eq!(
        run::<BTreeMap<ComponentId, u8>>("otlp: 1\n\" otlp\": 2\n/x: 3\notlp/a: x"),
        Err(vec![
            "2:1 e. otlp: duplicate name \"otlp\"".to_owned(),
            "3:1 e./x: in \"/x\" id: the part before / should not be empty".to_owned(),
            "4:9 e.otlp/a: expected an integer, found string `x`".to_owned(),
        ])
    );
    assert_eq!(run::<BTreeMap<u64, u8>>("1: 2").unwrap().get(&1), Some(&2));
}

#[test]
fn a_node_in_settings_keeps_its_places() {
    let map: BTreeMap<String, Node> = run("a: 1\nb: {c: [x]}").unwrap();
    assert_eq!(map["b"].at("c::0").unwrap().span().unwrap().column(), 9);
    let list: Vec<Node> = run("[1, {a: null}]").unwrap();
    assert_eq!(list.len(), 2);
}

#[test]
fn required_fields_are_named_and_not_again_when_given_wrongly() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Reader {
        host: String,
        port: u16,
    }
    impl Check for Reader {}
    assert_eq!(run::<Reader>("host: h"), Err(vec!["1:1 e: `port` must be given".to_owned()]));
    assert_eq!(
        run::<Reader>("host: h\nport: x"),
        Err(vec!["2:7 e.port: expected an integer, found string `x`".to_owned()])
    );
    let list = run::<Vec<Reader>>("- host: h\n- {host: h, port: 1, hots: 2}\n");
    assert_eq!(
        list,
        Err(vec!["1:3 e[0]: `port` must be given".to_owned(), "2:22 e[1]: unknown key `hots`".to_owned()])
    );
}

#[test]
fn enums_are_names_or_a_section_with_one_of_them() {
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Reader {
        Off,
        Pull(u16),
        Periodic { interval: u32 },
    }
    impl Check for Reader {}
    assert_eq!(run("off"), Ok(Reader::Off));
    assert_eq!(run("pull: 5"), Ok(Reader::Pull(5)));
    assert_eq!(run("periodic: {interval: 5}"), Ok(Reader::Periodic { interval: 5 }));
    assert!(run::<Reader>("pull: 5\noff:").is_err());
    assert_eq!(
        run::<Reader>("periodic: {interval: x, foo: 1}"),
        Err(vec![
            "1:22 e.periodic.interval: expected an integer, found string `x`".to_owned(),
            "1:25 e.periodic: unknown key `foo`".to_owned(),
        ])
    );
}

#[test]
fn the_list_of_known_keys_is_given_when_none_is_near() {
    let node = Node::from_yaml("c.yaml", "zzz: 1").unwrap();
    let mut problems = Problems::new();
    assert!(decode::<Cors>(&node, "e", &mut problems).is_none());
    let problem = problems.iter().next().unwrap();
    assert_eq!(problem.notes, ["known keys: allowed_origins, max_age"]);
}

#[test]
fn warnings_do_not_cost_the_value() {
    let node = Node::from_yaml("c.yaml", "queue: {queue_size: 7}").unwrap();
    let mut problems = Problems::new();
    assert!(decode::<Exporter>(&node, "e", &mut problems).is_some());
    assert_eq!(told(&problems), ["1:21 e.queue.queue_size: is an odd choice"]);
}

#[test]
fn hundreds_of_problems_end() {
    let yaml: String = (0..1000).map(|n| format!("k{n}: x\n")).collect();
    let problems = run::<BTreeMap<String, u8>>(&yaml).unwrap_err();
    assert!((200..300).contains(&problems.len()), "{}", problems.len());
}

proptest! {
    #[test]
    fn any_tree_is_settings_or_problems(
        values in prop::collection::btree_map(
            prop::sample::select(vec![
                "endpoint", "timeout", "headers", "max_mib", "ca_file", "key", "queue", "cors", "keys", "ratio", "note",
                "consumers", "other",
            ]),
            any_node(),
            0..6,
        )
    ) {
        let mut node = Node::empty_map();
        for (key, value) in values {
            node.set(key, value);
        }
        let mut problems = Problems::new();
        let plain: Option<Exporter> = decode(&node, "e", &mut problems);
        prop_assert_eq!(plain.is_some(), !problems.has_errors());
        let mut problems = Problems::new();
        let over = decode_over(&Exporter::default(), &node, "e", &mut problems);
        prop_assert_eq!(over.is_some(), !problems.has_errors());
        prop_assert_eq!(plain.is_some(), over.is_some());
        drop(problems.to_text());
    }
}

#[test]
fn a_string_in_the_place_of_something_else_says_what_was_meant() {
    let node = Node::from_yaml("c.yaml", "{queue_size: '10', enabled: 'true'}").unwrap();
    let mut problems = Problems::new();
    assert!(decode::<Queue>(&node, "", &mut problems).is_none());
    let helps: Vec<_> = problems.iter().map(|problem| problem.help.as_deref()).collect();
    assert_eq!(helps, [Some("remove the quotes"); 2]);
    let node = Node::from_yaml("c.yaml", "enabled:true").unwrap();
    let mut problems = Problems::new();
    assert!(decode::<Queue>(&node, "", &mut problems).is_none());
    assert!(problems.to_text().contains("a blank is missing after `enabled:`"), "{problems}");
    let error = "5 s".parse::<GoDuration>().unwrap_err().to_string();
    assert!(error.ends_with("units are ns, us, ms, s, m and h, without a blank before them"), "{error}");
}
