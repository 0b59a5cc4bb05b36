//! `components`: what this binary is made of, in otelcol's form.

use sluice_component::{Kind, Registry, factory::Described};
use sluice_config::{Node, Print, Value};

/// Where configuration may come from.
const SCHEMES: [&str; 5] = ["env", "file", "http", "https", "yaml"];

/// Where otelcol names the Go module and its version: everything here is of one make.
const MODULE: &str = concat!("sluice ", env!("CARGO_PKG_VERSION"));

/// The list as YAML.
pub(super) fn list(registry: &Registry) -> String {
    let mut root = Node::empty_map();
    let about = [
        ("command", "sluice"),
        ("description", "A telemetry collector, drop-in for otelcol"),
        ("version", env!("CARGO_PKG_VERSION")),
    ];
    root.set("buildinfo", map(about));
    for kind in Kind::ALL {
        let all = registry.describe(kind).into_iter().map(|factory| component(kind, factory));
        root.set(kind.section(), seq(all));
    }
    root.set("providers", seq(SCHEMES.map(|scheme| map([("scheme", scheme), ("module", MODULE)]))));
    // otelcol's are for old spellings; ours are read where they are decoded.
    root.set("converters", seq([]));
    root.to_yaml(Print::default())
}

fn component(kind: Kind, factory: &dyn Described) -> Node {
    let mut node = map([("name", factory.type_()), ("module", MODULE)]);
    if !factory.aliases().is_empty() {
        node.set("aliases", seq(factory.aliases().iter().map(|alias| Node::from(*alias))));
    }
    let word = factory.stability().as_str();
    let mut stability = Node::empty_map();
    for (from, to) in factory.routes() {
        let name = match kind {
            Kind::Connector => format!("{}-to-{}", from.as_str(), to.as_str()),
            _ => from.as_str().to_owned(),
        };
        stability.set(&name, Node::from(word));
    }
    if kind == Kind::Extension {
        stability.set("extension", Node::from(word));
    }
    node.set("stability", stability);
    node
}

fn map<const N: usize>(entries: [(&str, &str); N]) -> Node {
    entries.into_iter().fold(Node::empty_map(), |mut node, (key, value)| {
        node.set(key, Node::from(value));
        node
    })
}

fn seq(items: impl IntoIterator<Item = Node>) -> Node {
    Node::new(Value::Seq(items.into_iter().collect()))
}
