//! The actions on attributes, shared by `attributes` and `resource`.
//!
//! `settings` (the YAML) -> `compile` -> [`Actions`], one list per processor -> [`Run`], one per batch, with what the
//! request's context says -> the attributes of each resource or record. `source` and `convert` are what it is made of.

mod compile;
mod convert;
mod settings;
mod source;

use std::sync::{Mutex, PoisonError};

use regex::{CaptureLocations, Regex};
use sha2::{Digest as _, Sha256};
use sluice_component::{ComponentRef, Request, quiet::Quiet};
use sluice_pdata::{
    AttributesEdit, EncodedAttribute, Place,
    view::{AnyValueView, Text, TextWriter},
};

pub(crate) use compile::{check, compile};
pub use convert::ConvertedType;
#[cfg(feature = "attributes-processor")]
pub(crate) use settings::encoded;
pub use settings::{Action, ActionKind};
use source::{MAX_TEXT, Source, TooLong};

/// A list of actions, ready to run.
#[derive(Debug)]
pub(crate) struct Actions {
    component: ComponentRef,
    list: Vec<Compiled>,
    /// Of contexts that are too long.
    quiet: Mutex<Quiet>,
}

/// One action.
#[derive(Debug)]
enum Compiled {
    Put { key: String, when: When, source: Source, default: Option<EncodedAttribute> },
    Delete(Targets),
    Hash(Targets),
    Extract { key: String, pattern: Regex, names: Vec<String> },
    Convert { key: String, to: ConvertedType },
}

/// Whether a value is put where there is an attribute, and where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Absent,
    Present,
    Always,
}

/// Attributes by key, by a pattern of keys, or both.
#[derive(Debug)]
struct Targets {
    key: Option<String>,
    pattern: Option<Regex>,
}

impl Actions {
    /// The actions for the data of one request.
    pub(crate) fn run(&self, request: &Request) -> Run<'_> {
        let context = self.list.iter().map(|action| match action {
            Compiled::Put { key, source: Source::Context(context), .. } => {
                context.attribute(key, request).unwrap_or_else(|too_long| self.leave_out(key, too_long))
            }
            _ => None,
        });
        // Most lists ask nothing of the context: then there is nothing to allocate.
        let asks = |action: &Compiled| matches!(action, Compiled::Put { source: Source::Context(_), .. });
        let context = if self.list.iter().any(asks) { context.collect() } else { Vec::new() };
        Run { actions: self, context, text: Vec::new(), groups: Vec::new() }
    }

    /// Says that what the request has for `key` is not taken.
    fn leave_out(&self, key: &str, TooLong(bytes): TooLong) -> Option<EncodedAttribute> {
        if let Some((requests, _)) = self.quiet.lock().unwrap_or_else(PoisonError::into_inner).note(0) {
            tracing::warn!(
                component = %self.component, key, bytes, requests,
                "what from_context names is longer than {MAX_TEXT} bytes, and counts as no value"
            );
        }
        None
    }
}

/// The actions while they run over one batch.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    actions: &'a Actions,
    /// What the context has for each action; empty if none asks.
    context: Vec<Option<EncodedAttribute>>,
    /// Room for the text of a value.
    text: Vec<u8>,
    /// Room for the groups of each `extract`, made when it is first needed.
    groups: Vec<Option<CaptureLocations>>,
}

impl Run<'_> {
    /// Runs all actions, in order.
    pub(crate) fn apply(&mut self, attributes: &mut AttributesEdit<'_>) {
        for (index, action) in self.actions.list.iter().enumerate() {
            match action {
                Compiled::Put { key, when, source, default } => {
                    let context = self.context.get(index).and_then(Option::as_ref);
                    put(attributes, key, *when, source, context, default.as_ref());
                }
                Compiled::Delete(targets) => {
                    targets.each(attributes, |attributes, place| attributes.remove(place))
                }
                Compiled::Hash(targets) => {
                    targets.each(attributes, |attributes, place| hash(attributes, place, &mut self.text));
                }
                Compiled::Extract { key, pattern, names } => {
                    if self.groups.len() <= index {
                        self.groups.resize(index + 1, None);
                    }
                    let Some(groups) = self.groups.get_mut(index) else { continue };
                    let groups = groups.get_or_insert_with(|| pattern.capture_locations());
                    extract(attributes, key, pattern, names, groups, &mut self.text);
                }
                Compiled::Convert { key, to } => {
                    if let Some(place) = attributes.find(key) {
                        attributes.keep_first(place);
                        to.convert(attributes, place, &mut self.text);
                    }
                }
            }
        }
    }
}

fn put(
    attributes: &mut AttributesEdit<'_>,
    key: &str,
    when: When,
    source: &Source,
    context: Option<&EncodedAttribute>,
    default: Option<&EncodedAttribute>,
) {
    let to = attributes.find(key);
    if matches!((when, to), (When::Absent, Some(_)) | (When::Present, None)) {
        return;
    }
    let value = match source {
        Source::Value(value) => Some(value),
        Source::Context(_) => context,
        Source::Nothing => None,
        Source::Attribute(from) => {
            if let Some(from) = attributes.find(from) {
                return attributes.copy(from, key, to);
            }
            None
        }
    };
    if let Some(value) = value.or(default) {
        attributes.put(value, to);
    }
}

impl Targets {
    /// Does something to each attribute that is meant, which may remove it. One that both the key and the pattern mean
    /// has it done twice, as in otelcol.
    fn each(
        &self,
        attributes: &mut AttributesEdit<'_>,
        mut what: impl FnMut(&mut AttributesEdit<'_>, Place),
    ) {
        if let Some(place) = self.key.as_ref().and_then(|key| attributes.find(key)) {
            attributes.keep_first(place);
            what(attributes, place);
        }
        let Some(pattern) = &self.pattern else { return };
        let matches = |key: Text<'_>| pattern.is_match(key.as_str());
        let mut next = attributes.find_where(None, matches);
        while let Some(place) = next {
            what(attributes, place);
            next = attributes.find_where(Some(place), matches);
        }
    }
}

/// Puts the SHA-256 of a value's text, in hexadecimal, in its place.
fn hash(attributes: &mut AttributesEdit<'_>, place: Place, text: &mut Vec<u8>) {
    text.clear();
    TextWriter::default().text(&attributes.value(place), text);
    let digest = Sha256::digest(&*text);
    let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 0xF]);
    text.clear();
    text.extend(digits.map(|digit| if digit < 10 { b'0' + digit } else { b'a' - 10 + digit }));
    attributes.set(place, str::from_utf8(text).unwrap_or_default());
}

/// Makes attributes of the groups of `pattern` in the text of another. A group that took no part is empty.
fn extract(
    attributes: &mut AttributesEdit<'_>,
    key: &str,
    pattern: &Regex,
    names: &[String],
    groups: &mut CaptureLocations,
    copy: &mut Vec<u8>,
) {
    let Some(AnyValueView::String(text)) = attributes.get(key) else { return };
    copy.clear();
    copy.extend_from_slice(text.as_str().as_bytes());
    let text = str::from_utf8(copy).unwrap_or_default();
    if pattern.captures_read(groups, text).is_none() {
        return;
    }
    for (index, name) in names.iter().enumerate() {
        let group = groups.get(index + 1).and_then(|(start, end)| text.get(start..end));
        attributes.upsert(name, group.unwrap_or_default());
    }
}
