//! What is between two fences, by what its fence says.

use sluice::{components, plan::Plan, service::Service};
use sluice_component::{Budget, Level, Telemetry, host::Process};
use sluice_config::{Loader, Node, Problem, Problems};

use crate::pages::Block;

/// Languages that hold no configuration.
pub(crate) const OTHERS: &[&str] =
    &["console", "dockerfile", "java", "js", "json", "promql", "python", "rust", "sh", "text"];

/// How YAML begins that has to say that it is YAML.
const BEGINS: &[&str] = &[
    "receivers",
    "processors",
    "exporters",
    "connectors",
    "extensions",
    "service",
    "sluice",
    "apiVersion",
    "services",
    "scrape_configs",
    "remote_write",
];

/// What a good configuration may be warned of: what its components are, or are not yet.
const WARNINGS: &[&str] = &["UDP cannot refuse", "accepted, but "];

/// What the configurations on the pages refer to and give no default for.
const VARIABLES: [(&str, &str); 3] = [
    ("OTLP_BACKEND", "backend.example:4317"),
    ("OTLP_GATEWAY", "gateway.example:4317"),
    ("K8S_CLUSTER_NAME", "blue"),
];

/// Makes a whole of a part.
const REST: &str = "\
receivers: {nop: }
exporters: {nop: }
service: {pipelines: {traces: {receivers: [nop], exporters: [nop]}}}
";

/// What a file holds, as a fence would say it.
pub(crate) fn info_of(text: &str) -> &'static str {
    let begins = |key: &str| text.lines().any(|line| line.starts_with(key));
    match () {
        () if begins("datasources:") || begins("providers:") => "yaml grafana",
        () if begins("apiVersion:") => "yaml kubernetes",
        () if begins("services:") => "yaml compose",
        () if begins("scrape_configs:") || begins("global:") => "yaml prometheus",
        () => "yaml",
    }
}

/// What is wrong with a block, with its place.
pub(crate) fn fault_of(block: &Block) -> Option<String> {
    let checked = match block.info.as_str() {
        "" => Err("say what it is behind the fence".to_owned()),
        "yaml" => configuration(&block.place, &block.text),
        "yaml kubernetes" => kubernetes(block),
        "yaml compose" => read(block).and_then(|node| has(&node, "services")),
        "yaml grafana" => {
            read(block).and_then(|node| has(&node, "datasources").or_else(|_| has(&node, "providers")))
        }
        "yaml prometheus" => prometheus(block),
        "text" => text(&block.text),
        "json" => serde_json::from_str::<serde_json::Value>(&block.text).map(drop).map_err(|e| e.to_string()),
        other if OTHERS.contains(&other) => Ok(()),
        other => Err(format!(
            "`{other}` is none of `yaml`, `yaml compose`, `yaml grafana`, `yaml kubernetes`, `yaml prometheus`, {OTHERS:?}"
        )),
    };
    checked.err().map(|fault| format!("{}: {fault}", block.place))
}

/// A configuration of sluice as `validate` reads it, but that the files which it names need not be there. A part is
/// what has no pipelines; its components are read all the same. Old names and variables that nobody sets are warnings, and faults here: what is shown is copied.
fn configuration(name: &str, text: &str) -> Result<(), String> {
    let told = |problems: Problems| problems.to_string();
    let node = Node::from_yaml(name, text).map_err(told)?;
    let is_whole = node.at("service::pipelines").is_some();
    let loader = Loader::new().text(name, text).environment(VARIABLES);
    let loader = if is_whole { loader } else { loader.text("the rest", REST) };
    let mut loaded = loader.load().map_err(told)?;
    let mut problems = std::mem::take(&mut loaded.warnings);
    let registry = components::full();
    let plan = Plan::check(&registry, loaded.root, &mut problems);
    let is_told = |problem: &Problem| WARNINGS.iter().any(|text| problem.message.starts_with(text));
    if problems.has_errors() || !problems.iter().all(is_told) {
        return Err(told(problems));
    }
    let process = Process::new(Budget::new(1 << 26), Telemetry::new(Level::Normal));
    Service::build(plan.unwrap(), &registry, process).map(drop).map_err(|error| error.to_string())
}

fn read(block: &Block) -> Result<Node, String> {
    Node::from_yaml(&block.place, &block.text).map_err(|problems| problems.to_string())
}

fn has(node: &Node, key: &str) -> Result<(), String> {
    node.get(key).map(drop).ok_or_else(|| format!("no `{key}`"))
}

/// Objects, one document each; the configurations within a `ConfigMap` are ours.
fn kubernetes(block: &Block) -> Result<(), String> {
    for text in format!("\n{}", block.text).split("\n---\n") {
        let object = Node::from_yaml(&block.place, text).map_err(|problems| problems.to_string())?;
        has(&object, "apiVersion")?;
        has(&object, "kind")?;
        for entry in object.get("data").map(Node::entries).unwrap_or_default() {
            if entry.key.ends_with(".yaml") {
                configuration(&block.place, entry.value.as_str().unwrap_or_default())?;
            }
        }
    }
    Ok(())
}

/// A `prometheus.yml`, or a part of it: what is scraped is read by our receiver.
fn prometheus(block: &Block) -> Result<(), String> {
    const KNOWN: &[&str] = &["global", "scrape_configs", "remote_write"];
    let node = read(block)?;
    if let Some(other) = node.entries().iter().find(|entry| !KNOWN.contains(&&*entry.key)) {
        return Err(format!("`{}` is no section of Prometheus, of {KNOWN:?}", other.key));
    }
    if node.get("scrape_configs").is_none() {
        return Ok(());
    }
    let scraped: String = sections(&block.text)
        .into_iter()
        .filter(|section| !section.starts_with("remote_write"))
        .flat_map(str::lines)
        .map(|line| format!("      {line}\n"))
        .collect();
    configuration(&block.place, &format!("receivers:\n  prometheus:\n    config:\n{scraped}"))
}

/// The text of each top-level key.
fn sections(text: &str) -> Vec<&str> {
    let begins = |line: &str| line.starts_with(|c: char| c.is_alphabetic());
    let mut starts: Vec<usize> = text
        .split_inclusive('\n')
        .scan(0, |at, line| {
            let start = *at;
            *at += line.len();
            Some((start, line))
        })
        .filter_map(|(start, line)| begins(line).then_some(start))
        .collect();
    starts.push(text.len());
    starts.windows(2).map(|pair| &text[pair[0]..pair[1]]).collect()
}

fn text(text: &str) -> Result<(), String> {
    let key = |line: &str| line.split_once(':').map(|(key, _)| key.to_owned());
    match text.lines().filter_map(key).find(|key| BEGINS.contains(&key.as_str())) {
        Some(key) => Err(format!("`{key}:` is YAML: say `yaml` behind the fence, and whose")),
        None => Ok(()),
    }
}
