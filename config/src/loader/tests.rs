use std::io;

use serde::Deserialize;

use super::{Environment, Loader};
use crate::{Check, Node, Problems, Secret, Value, decode};

/// Files and variables in a table.
struct World(Vec<(&'static str, &'static str)>);

impl Environment for World {
    fn variable(&self, name: &str) -> Option<String> {
        self.0.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
    }

    fn file(&self, path: &str, _: u64) -> io::Result<Vec<u8>> {
        let found = self.0.iter().find(|(n, _)| n.strip_prefix("file:") == Some(path));
        found.map(|(_, text)| text.as_bytes().to_vec()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

fn world() -> World {
    World(vec![
        ("HOST", "example"),
        ("PORT", "4317"),
        ("ZEROS", "0123"),
        ("EXP", "1e5"),
        ("YES", "yes"),
        ("TRUE", "true"),
        ("QUOTED", "\"a\""),
        ("EMPTY", ""),
        ("LIST", "[a, {b: 1}]"),
        ("BROKEN", "{a: ["),
        ("DOLLARS", "p@s$$w0rd${env:HOST}"),
        ("NAME", "HOST"),
        ("CONF", "exporters: {debug: {}}"),
        ("file:a.yaml", "receivers:\n  otlp:\n    list: [1]\nprocessors:\n  batch: {}\n"),
        ("file:b.yaml", "receivers:\n  otlp:\n    list: [2]\n    host: ${env:HOST}\nprocessors:\n"),
        ("file:part.yaml", "host: ${env:HOST}\nnested::port: 1\n"),
        ("file:token", "t0k$$en\n"),
        ("file:me.yaml", "again: [\"${file:me.yaml}\", \"${file:me.yaml}\"]"),
        ("file:text", "- a\n"),
        ("file:bad.yaml", "receivers: {"),
        ("file:scalar.yaml", "hello"),
    ])
}

fn load(yaml: &str) -> Result<Node, Vec<String>> {
    load_with(Loader::new().text("c.yaml", yaml))
}

fn load_with(loader: Loader<'_>) -> Result<Node, Vec<String>> {
    loader.environment(world()).load().map(|loaded| loaded.root).map_err(|problems| told(&problems))
}

fn told(problems: &Problems) -> Vec<String> {
    let place = |p: &crate::Problem| p.span.as_ref().map(|s| format!("{s} "));
    problems.in_order().iter().map(|p| format!("{}{p}", place(p).unwrap_or_default())).collect()
}

fn json(node: &Node) -> String {
    node.to_json().split_whitespace().collect()
}

#[test]
fn a_location_is_a_path_or_a_uri() {
    for (location, expected) in [
        ("scalar.yaml", Err("scalar.yaml:1:1 retrieved value (type=string) cannot be used as a Conf")),
        ("yaml:a: 1", Ok("{\"a\":1}")),
        ("yaml:a::b::c: 1", Ok("{\"a\":{\"b\":{\"c\":1}}}")),
        ("yaml:", Ok("{}")),
        ("yaml:[]", Err("yaml::1:1 retrieved value (type=[]interface {}) cannot be used as a Conf")),
        ("env:CONF", Ok("{\"exporters\":{\"debug\":{}}}")),
        ("env:NOPE", Err("environment variable `NOPE` is not set")),
        ("file:part.yaml", Ok("{\"host\":\"example\",\"nested\":{\"port\":1}}")),
        ("part.yaml", Ok("{\"host\":\"example\",\"nested\":{\"port\":1}}")),
        ("no.yaml", Err("unable to read the file file:no.yaml: open no.yaml: no such file or directory")),
        (
            "file:no.yaml",
            Err("unable to read the file file:no.yaml: open no.yaml: no such file or directory"),
        ),
        ("s3:x", Err("unsupported scheme on URI \"s3:x\"")),
        ("http://u:p@h/x?token=y", Err("unsupported scheme on URI \"http://h/x\"")),
        (
            "c:\\x.yaml",
            Err("unable to read the file file:c:\\x.yaml: open c:\\x.yaml: no such file or directory"),
        ),
    ] {
        let found = load_with(Loader::new().source(location)).map(|node| json(&node));
        assert_eq!(found.as_deref().map_err(|p| p[0].as_str()), expected, "{location}");
    }
    assert_eq!(load_with(Loader::new()), Err(vec!["at least one config flag must be provided".to_owned()]));
}

#[test]
fn http_sources_come_from_the_injected_function() {
    let fetch = |url: &str| match url {
        "https://u:p@h/c.yaml" => Ok("a: ${https://u:p@h/part}".to_owned()),
        "https://u:p@h/part" => Ok("b: 1".to_owned()),
        _ => Err("404".to_owned()),
    };
    let loader = || Loader::new().http(fetch);
    assert_eq!(json(&load_with(loader().source("https://u:p@h/c.yaml")).unwrap()), "{\"a\":{\"b\":1}}");
    assert_eq!(
        load_with(loader().source("http://u:p@h/no?key=x")),
        Err(vec!["unable to fetch http://h/no: 404".to_owned()])
    );
}

#[test]
fn sections_merge_and_everything_else_is_replaced() {
    let loaded = Loader::new().source("a.yaml").source("b.yaml").environment(world()).load().unwrap();
    assert_eq!(
        json(&loaded.root),
        "{\"receivers\":{\"otlp\":{\"list\":[2],\"host\":\"example\"}},\"processors\":null}"
    );
    assert_eq!(
        told(&loaded.warnings),
        ["b.yaml:5:1 processors: the empty value removes the whole section of an earlier source"]
    );
    let text = loaded.warnings.to_text();
    assert!(
        text.contains("write `{}` to keep it") && text.contains("= the section is at a.yaml:4:1"),
        "{text}"
    );
    let kept = load_with(Loader::new().source("a.yaml").source("yaml:processors: {}")).unwrap();
    assert!(kept.at("processors::batch").is_some());
}

#[test]
fn every_source_is_read_even_when_one_before_it_is_bad() {
    let told =
        load_with(Loader::new().source("bad.yaml").source("no.yaml").source("s3:x").set("oops")).unwrap_err();
    assert_eq!(told.len(), 4, "{told:?}");
}

#[test]
fn set_comes_last_and_its_dots_separate_keys() {
    let set = |assignment: &str| load_with(Loader::new().source("a.yaml").set(assignment));
    assert_eq!(
        set("receivers.otlp.list=[3]").unwrap().at("receivers::otlp::list::0"),
        Some(&Node::new(Value::Int(3)))
    );
    assert_eq!(
        set("processors.batch.timeout=1s").unwrap().at("processors::batch::timeout"),
        Some(&Node::from("1s"))
    );
    assert_eq!(set("a::b=x=y").unwrap().at("a::b"), Some(&Node::from("x=y")));
    assert!(set("processors.batch=").unwrap().at("processors::batch").unwrap().is_null());
    assert_eq!(set("a=${env:PORT}").unwrap().get("a"), Some(&Node::new(Value::Int(4317))));
    assert_eq!(set("oops"), Err(vec!["--set oops: missing equal sign".to_owned()]));
    assert!(set("a.b=[").unwrap_err()[0].starts_with("--set a.b:1:"));
}

#[test]
fn a_whole_reference_takes_the_type_of_its_value() {
    let node = load(
        "port: ${env:PORT}\nshort: ${PORT}\nquoted: \"${env:TRUE}\"\nlist: ${env:LIST}\nbroken: ${env:BROKEN}\n\
         exp: ${env:EXP}\nyes: ${env:YES}\nempty: ${env:EMPTY}\ndefault: ${env:NOPE:-[1]}\nnone: ${env:NOPE:-}\n\
         set: ${env:EMPTY:-x}\nyaml: '${yaml:a: [1]}'\nfile: ${file:part.yaml}\nnested: ${env:${env:NAME}}\n\
         fallback: ${env:NOPE:-${env:PORT}}\n",
    )
    .unwrap();
    assert_eq!(
        json(&node),
        "{\"port\":4317,\"short\":4317,\"quoted\":true,\"list\":[\"a\",{\"b\":1}],\"broken\":\"{a:[\",\"exp\":100000.0,\
         \"yes\":\"yes\",\"empty\":null,\"default\":[1],\"none\":null,\"set\":null,\"yaml\":{\"a\":[1]},\
         \"file\":{\"host\":\"example\",\"nested\":{\"port\":1}},\"nested\":\"example\",\"fallback\":4317}"
    );
}

#[test]
fn a_string_field_receives_the_raw_text_of_a_whole_reference() {
    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Fields {
        text: String,
        secret: Secret,
        number: u32,
        maybe: Option<String>,
    }
    impl Check for Fields {}
    for (name, raw) in [
        ("ZEROS", "0123"),
        ("EXP", "1e5"),
        ("YES", "yes"),
        ("TRUE", "true"),
        ("QUOTED", "\"a\""),
        ("EMPTY", ""),
    ] {
        let node =
            load(&format!("text: ${{env:{name}}}\nsecret: ${{env:{name}}}\nmaybe: ${{env:{name}}}")).unwrap();
        let mut problems = Problems::new();
        let fields: Fields = decode(&node, "", &mut problems).unwrap();
        assert_eq!(
            (fields.text.as_str(), fields.secret.expose(), fields.maybe.as_deref()),
            (raw, raw, Some(raw))
        );
    }
    // Inside of other text the result is a string, which no number is.
    let node = load("number: \"43${env:PORT}\"").unwrap();
    let mut problems = Problems::new();
    assert!(decode::<Fields>(&node, "e", &mut problems).is_none());
    assert_eq!(told(&problems), ["c.yaml:1:9 e.number: expected an integer, found string `434317`"]);
    assert_eq!(problems.iter().next().unwrap().notes, ["the value is that of `43${env:PORT}`"]);
}

#[test]
fn a_text_that_is_no_yaml_is_a_string_and_a_section_that_gets_it_says_why() {
    let node = load("a: ${file:bad.yaml}").unwrap();
    assert_eq!(node.get("a"), Some(&Node::from("receivers: {")));
    let mut problems = Problems::new();
    let map = decode::<std::collections::BTreeMap<String, Node>>(node.get("a").unwrap(), "a", &mut problems);
    assert!(map.is_none());
    let notes = &problems.iter().next().unwrap().notes;
    assert_eq!(notes[0], "the value is that of `${file:bad.yaml}`");
    assert!(notes[1].starts_with("read as a string: receivers: not valid YAML"), "{notes:?}");
}

#[test]
fn references_inside_of_text_put_in_the_raw_text() {
    for (text, expected) in [
        ("${env:HOST}:${env:PORT}", "example:4317"),
        ("http://${HOST}/${env:NOPE:-x}", "http://example/x"),
        ("a ${env:ZEROS}", "a 0123"),
        ("$HOST $ ${", "$HOST $ ${"),
        ("$$", "$"),
        ("$${env:HOST}", "${env:HOST}"),
        ("$$${env:HOST}", "$example"),
        ("$$$${env:HOST}", "$${env:HOST}"),
        // A live reference after an escaped one is live.
        ("$${env:A} ${env:HOST}", "${env:A} example"),
        ("replace $1 and $${1}", "replace $1 and ${1}"),
        ("x${env:DOLLARS}", "xp@s$$w0rd${env:HOST}"),
        ("${env:HOST} ${env:NOPE:-a}", "example a"),
    ] {
        let node = load(&format!("k: '{text}'")).unwrap();
        assert_eq!(node.get("k"), Some(&Node::from(expected)), "{text}");
    }
}

#[test]
fn what_comes_out_of_a_variable_or_a_secret_file_is_not_expanded_again() {
    let node = load("a: ${env:DOLLARS}\nb: ${file:token}\n").unwrap();
    assert_eq!(json(&node), "{\"a\":\"p@s$$w0rd${env:HOST}\",\"b\":\"t0k$$en\"}");
}

#[test]
fn keys_are_not_expanded() {
    assert_eq!(json(&load("${env:HOST}: 1").unwrap()), "{\"${env:HOST}\":1}");
}

#[test]
fn a_bad_reference_is_an_error_at_its_place() {
    for (text, error) in [
        (
            "${env:1x}",
            "c.yaml:1:4 k: environment variable \"1x\" has invalid name: must match regex ^[a-zA-Z_][a-zA-Z0-9_]*$",
        ),
        (
            "a ${1}",
            "c.yaml:1:4 k: environment variable \"1\" has invalid name: must match regex ^[a-zA-Z_][a-zA-Z0-9_]*$",
        ),
        ("${s3:b}", "c.yaml:1:4 k: scheme \"s3\" is not supported for uri \"s3:b\""),
        ("${HOST:-x}", "c.yaml:1:4 k: scheme \"HOST\" is not supported for uri \"HOST:-x\""),
        ("${env:A$B}", "c.yaml:1:4 k: the uri \"env:A$B\" contains unsupported characters ('$')"),
        ("${file:no}", "c.yaml:1:4 k: unable to read the file file:no: open no: no such file or directory"),
    ] {
        assert_eq!(load(&format!("k: {text}")), Err(vec![error.to_owned()]), "{text}");
    }
    let problems = Loader::new().text("c", "a: ${HOST:-x}\nb: ${1}").environment(world()).load().unwrap_err();
    let help: Vec<_> = problems.iter().map(|p| p.help.clone().unwrap()).collect();
    assert_eq!(help, ["write `${env:HOST:-x}`", "write `$${1}` if `${1}` itself is meant"]);
}

#[test]
fn i17_recursive_references_end() {
    for yaml in ["a: ${file:me.yaml}".to_owned(), format!("a: {}x{}", "${env:".repeat(500), "}".repeat(500))]
    {
        let told = load(&yaml).unwrap_err();
        assert!(told.iter().all(|p| p.contains("too many recursive expansions")), "{:?}", told.first());
    }
    let big: String = (0..40).map(|n| format!("k{n}: ${{file:big}}\n")).collect();
    let text: &'static str = Box::leak("- x\n".repeat(5000).into_boxed_str());
    let told = Loader::new().text("c", big).environment(World(vec![("file:big", text)])).load().unwrap_err();
    assert!(told.to_text().contains("the references bring in too much text"));
}

#[test]
fn unset_variables_are_warned_of_all_at_once_with_their_places() {
    let yaml = "a: ${env:A}\nb:\n- x ${env:B} ${C}\n- ${env:HOST}\n";
    let loaded = Loader::new().text("c.yaml", yaml).environment(world()).load().unwrap();
    assert_eq!(json(&loaded.root), "{\"a\":null,\"b\":[\"x\",\"example\"]}");
    assert_eq!(
        told(&loaded.warnings),
        [
            "c.yaml:1:4 a: environment variable `A` is not set",
            "c.yaml:3:5 b[0]: environment variable `B` is not set",
            "c.yaml:3:14 b[0]: environment variable `C` is not set",
        ]
    );
    assert_eq!(loaded.warnings.error_count(), 0);
    let strict = Loader::new().text("c.yaml", yaml).environment(world()).strict(true).load().unwrap_err();
    assert_eq!((strict.error_count(), strict.warning_count()), (3, 0));
}

#[test]
fn an_unset_variable_is_an_error_where_it_makes_a_secret_or_an_invalid_value() {
    #[derive(Debug, Default, Deserialize)]
    #[serde(default)]
    struct Fields {
        secret: Secret,
        maybe: Option<Secret>,
        port: u16,
        endpoint: String,
    }
    impl Check for Fields {
        fn check(&self, at: &mut crate::Checker<'_>) {
            if self.endpoint.is_empty() {
                at.key("endpoint").must("be given");
            }
        }
    }
    let yaml = "secret: Bearer ${env:A}\nmaybe: ${env:B}\nport: \"${env:C}80x\"\nendpoint: ${env:D}\n";
    let loaded = Loader::new().text("c.yaml", yaml).environment(world()).load().unwrap();
    let mut problems = loaded.warnings;
    assert!(decode::<Fields>(&loaded.root, "e", &mut problems).is_none());
    // The warnings of the loader are not repeated beside the errors.
    let text = problems.to_text();
    assert_eq!(
        problems.in_order().iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "e.secret: environment variable `A` is not set, and this is a secret",
            "e.maybe: environment variable `B` is not set, and this is a secret",
            "e.port: expected an integer, found string `80x`",
            "e.endpoint: must be given",
        ],
        "{text}"
    );
    assert!(text.contains("= environment variable `C` is not set"), "{text}");
    assert!(text.contains("= environment variable `D` is not set"), "{text}");
}

#[test]
fn values_of_variables_are_shown_at_the_reference() {
    let node = load("a: ${env:LIST}\nb: ${file:part.yaml}").unwrap();
    let inner = node.at("a::1::b").unwrap();
    assert_eq!(inner.span().unwrap().to_string(), "c.yaml:1:4");
    assert_eq!(node.at("b::host").unwrap().span().unwrap().to_string(), "part.yaml:1:7");
}

#[test]
fn a_file_that_is_no_text_or_too_large_is_an_error_with_its_line() {
    struct Bytes(Vec<u8>);
    impl Environment for Bytes {
        fn variable(&self, _: &str) -> Option<String> {
            None
        }
        fn file(&self, _: &str, limit: u64) -> io::Result<Vec<u8>> {
            Ok(self.0.iter().copied().take(usize::try_from(limit).unwrap()).collect())
        }
    }
    let told_of =
        |bytes: Vec<u8>| told(&Loader::new().source("f").environment(Bytes(bytes)).load().unwrap_err());
    assert_eq!(told_of(b"a: 1\nb: \xff\n".to_vec()), ["unable to read the file file:f: f:2: not UTF-8 text"]);
    assert_eq!(told_of(b"a: 1\n".repeat(2 << 20)), ["f:838861:1 larger than 4 MiB"]);
}
