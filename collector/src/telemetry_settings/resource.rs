//! `service.telemetry.resource`: what identifies this process.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, Serializer};
use sluice_config::{Check, Checker, Node, Value};

/// The section as written: either `attributes: [{name, value}]`, or the older map of names to values, where null
/// takes a default attribute away.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(transparent)]
pub struct ResourceSettings(Node);

impl Serialize for ResourceSettings {
    /// The section in the form that was chosen, with the defaults that it leaves in place. `service.instance.id` is
    /// made at each start, so it is only there when it was written.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut section = self.0.clone();
        let is_inline = section.entries().iter().any(|entry| !KEYS.contains(&&*entry.key));
        let mut listed = section.get("attributes").map(Node::items).unwrap_or_default().to_vec();
        for (name, value) in DEFAULTS {
            if is_inline {
                if section.get(name).is_none() {
                    section.set(name, Node::from(value));
                }
            } else if !listed.iter().any(|item| item.get("name").and_then(Node::as_str) == Some(name)) {
                let mut item = Node::empty_map();
                item.set("name", Node::from(name));
                item.set("value", Node::from(value));
                listed.push(item);
            }
        }
        if !is_inline {
            section.set("attributes", Node::new(Value::Seq(listed)));
        }
        section.serialize(serializer)
    }
}

/// What every process says of itself beside its `service.instance.id`.
const DEFAULTS: [(&str, &str); 2] =
    [("service.name", "sluice"), ("service.version", env!("CARGO_PKG_VERSION"))];

impl Default for ResourceSettings {
    fn default() -> Self {
        Self(Node::empty_map())
    }
}

/// Keys of the form with `attributes`.
const KEYS: [&str; 3] = ["attributes", "schema_url", "detection/development"];

impl ResourceSettings {
    /// The resource of this process: `service.name`, `service.version` and `service.instance.id`, unless the
    /// settings say otherwise, and what they add.
    #[must_use]
    pub fn resolve(&self, instance: &str) -> Resource {
        let mut attributes: BTreeMap<String, String> =
            DEFAULTS.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        attributes.insert("service.instance.id".to_owned(), instance.to_owned());
        let items = self.0.get("attributes").map(Node::items).unwrap_or_default();
        let listed = items.iter().filter_map(|item| Some((item.get("name")?.as_str()?, item.get("value")?)));
        let inline =
            self.0.entries().iter().filter(|e| !KEYS.contains(&&*e.key)).map(|e| (&*e.key, &e.value));
        for (name, value) in listed.chain(inline) {
            match text(value) {
                Some(value) => attributes.insert(name.to_owned(), value),
                None => attributes.remove(name),
            };
        }
        Resource(attributes)
    }
}

/// The text of a scalar; `None` for null.
fn text(value: &Node) -> Option<String> {
    match (value.as_str(), value.value()) {
        (Some(text), _) => Some(text.to_owned()),
        (None, Value::Bool(b)) => Some(b.to_string()),
        (None, Value::Int(n)) => Some(n.to_string()),
        (None, Value::Float(n)) => Some(n.to_string()),
        _ => None,
    }
}

impl Check for ResourceSettings {
    fn check(&self, at: &mut Checker<'_>) {
        let is_new = KEYS.iter().any(|key| self.0.get(key).is_some());
        if !matches!(self.0.value(), Value::Map(_) | Value::Null) {
            return at.error("must be a map");
        }
        let mut inline = false;
        for entry in self.0.entries() {
            match &*entry.key {
                "attributes" => check_list(&entry.value, &mut at.section("attributes")),
                "schema_url" => {}
                "detection/development" => {
                    at.key("detection/development").warn("detection of resource attributes is not built yet");
                }
                "attributes_list" => at.key("attributes_list").error("is not supported: write `attributes`"),
                key if is_new => {
                    at.key(key).error("cannot be mixed with `attributes`: put it into that list")
                }
                key => {
                    inline = true;
                    if matches!(entry.value.value(), Value::Map(_) | Value::Seq(_)) {
                        at.key(key).must("be a single value");
                    }
                }
            }
        }
        if inline {
            at.warn("attributes written as keys are deprecated: write `attributes: [{name: .., value: ..}]`");
        }
    }
}

fn check_list(list: &Node, at: &mut Checker<'_>) {
    if !matches!(list.value(), Value::Seq(_) | Value::Null) {
        return at.error("must be a list of {name, value}");
    }
    for (index, item) in list.items().iter().enumerate() {
        let mut at = at.index(index);
        if item.get("name").and_then(Node::as_str).is_none_or(str::is_empty) {
            at.error("must have a name, which is text");
        }
        if item.get("value").is_none_or(|v| matches!(v.value(), Value::Map(_) | Value::Seq(_))) {
            at.error("must have a value, and a single one");
        }
        for entry in item.entries() {
            if !matches!(&*entry.key, "name" | "value" | "type") {
                at.key(&entry.key).error("is not a key of an attribute: name, value and type are");
            }
        }
    }
}

/// Resolved attributes of this process, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resource(BTreeMap<String, String>);

impl Resource {
    /// Every attribute, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}
