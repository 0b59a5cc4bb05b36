//! From the YAML to actions that run, with everything that is wrong with them.

use std::sync::Mutex;

use regex::Regex;
use sluice_component::{BuildCx, BuildError};
use sluice_config::Checker;

use super::{
    Action, ActionKind, Actions, Compiled, Targets, When,
    settings::encoded,
    source::{FromContext, Source},
};

/// Reports what is wrong with the list of actions under `key`.
pub(crate) fn check(actions: &[Action], key: &str, at: &mut Checker<'_>) {
    if actions.is_empty() {
        return at.key(key).error(format!("missing required field {key:?}"));
    }
    let mut list = at.section(key);
    for (index, action) in actions.iter().enumerate() {
        let mut at = list.index(index);
        let _reported = action.compile(&mut |key, text| match key {
            "" => at.error(text),
            key => at.key(key).error(text),
        });
    }
}

/// The actions under `key`.
///
/// # Errors
/// The first of what [`check`] reports.
pub(crate) fn compile(actions: &[Action], key: &str, cx: &BuildCx) -> Result<Actions, BuildError> {
    let compiled = actions.iter().enumerate().map(|(index, action)| {
        let mut first = None;
        let compiled = action.compile(&mut |below, text| {
            first.get_or_insert_with(|| cx.error(&format!("{key}[{index}].{below}"), text));
        });
        compiled.ok_or_else(|| first.unwrap_or_else(|| cx.error(key, "cannot be run")))
    });
    let list = compiled.collect::<Result<_, _>>()?;
    Ok(Actions { component: cx.component.clone(), list, quiet: Mutex::default() })
}

impl Action {
    /// None if something is wrong, which `report` is told by key.
    fn compile(&self, report: &mut dyn FnMut(&'static str, String)) -> Option<Compiled> {
        let Some(kind) = self.action else {
            report("action", "missing required field \"action\"".to_owned());
            return None;
        };
        let mut faults = 0;
        let mut report = |key, text| {
            faults += 1;
            report(key, text);
        };
        self.check_keys(kind, &mut report);
        let key = || self.key.clone();
        let compiled = match kind {
            ActionKind::Insert | ActionKind::Update | ActionKind::Upsert => Some(Compiled::Put {
                key: key(),
                when: match kind {
                    ActionKind::Insert => When::Absent,
                    ActionKind::Update => When::Present,
                    _ => When::Always,
                },
                source: self.source(&mut report),
                default: encoded(&self.key, &self.default_value).unwrap_or_else(|text| {
                    report("default_value", text.to_owned());
                    None
                }),
            }),
            ActionKind::Delete => Some(Compiled::Delete(self.targets(&mut report))),
            ActionKind::Hash => Some(Compiled::Hash(self.targets(&mut report))),
            ActionKind::Extract => self.extract(&mut report),
            ActionKind::Convert => self.converted_type.map(|to| Compiled::Convert { key: key(), to }),
        };
        compiled.filter(|_| faults == 0)
    }

    /// Which keys an action must have, and which it does not take.
    fn check_keys(&self, kind: ActionKind, report: &mut dyn FnMut(&'static str, String)) {
        use ActionKind::{Convert, Delete, Extract, Hash, Insert, Update, Upsert};
        let name = kind.as_str();
        let puts = matches!(kind, Insert | Update | Upsert);
        let has_default = !self.default_value.is_null();
        let sources = [
            ("value", !self.value.is_null()),
            ("from_attribute", !self.from_attribute.is_empty()),
            ("from_context", !self.from_context.is_empty()),
        ];
        let count = sources.iter().filter(|(_, is_set)| *is_set).count();
        match kind {
            Delete | Hash if self.key.is_empty() && self.pattern.is_empty() => {
                report("", "missing required field: at least one of \"key\" and \"pattern\"".to_owned());
            }
            Delete | Hash => {}
            _ if self.key.is_empty() => report("key", "missing required field \"key\"".to_owned()),
            _ => {}
        }
        if puts && count == 0 && !has_default {
            let text =
                "one of \"value\", \"from_attribute\", \"from_context\" or \"default_value\" must be set";
            report("", format!("{text} for action {name:?}"));
        }
        if puts && count > 1 {
            report(
                "",
                "only one of \"value\", \"from_attribute\" and \"from_context\" may be set".to_owned(),
            );
        }
        let unused = |key| format!("action {name:?} does not use {key:?}: remove it");
        for (key, is_set) in sources.into_iter().chain([("default_value", has_default)]) {
            if is_set && !puts {
                report(key, unused(key));
            }
        }
        if !self.pattern.is_empty() && !matches!(kind, Delete | Hash | Extract) {
            report("pattern", unused("pattern"));
        }
        if self.pattern.is_empty() && kind == Extract {
            report("pattern", "missing required field \"pattern\"".to_owned());
        }
        match (self.converted_type, kind) {
            (None, Convert) => {
                report("converted_type", "missing required field \"converted_type\"".to_owned())
            }
            (Some(_), Convert) | (None, _) => {}
            (Some(_), _) => report("converted_type", unused("converted_type")),
        }
    }

    fn source(&self, report: &mut dyn FnMut(&'static str, String)) -> Source {
        if !self.from_attribute.is_empty() {
            return Source::Attribute(self.from_attribute.clone());
        }
        if !self.from_context.is_empty() {
            return Source::Context(FromContext::new(&self.from_context));
        }
        match encoded(&self.key, &self.value) {
            Ok(value) => value.map_or(Source::Nothing, Source::Value),
            Err(text) => {
                report("value", text.to_owned());
                Source::Nothing
            }
        }
    }

    fn targets(&self, report: &mut dyn FnMut(&'static str, String)) -> Targets {
        let key = Some(self.key.clone()).filter(|key| !key.is_empty());
        let pattern = if self.pattern.is_empty() { None } else { self.regex(report) };
        Targets { key, pattern }
    }

    fn extract(&self, report: &mut dyn FnMut(&'static str, String)) -> Option<Compiled> {
        if self.pattern.is_empty() {
            return None;
        }
        let pattern = self.regex(report)?;
        let names: Option<Vec<String>> =
            pattern.capture_names().skip(1).map(|name| name.map(str::to_owned)).collect();
        match names {
            None => report("pattern", "contains at least one unnamed matcher group".to_owned()),
            Some(names) if names.is_empty() => {
                report("pattern", "contains no named matcher groups".to_owned());
            }
            Some(names) => return Some(Compiled::Extract { key: self.key.clone(), pattern, names }),
        }
        None
    }

    fn regex(&self, report: &mut dyn FnMut(&'static str, String)) -> Option<Regex> {
        Regex::new(&self.pattern)
            .map_err(|error| report("pattern", format!("is no regular expression: {error}")))
            .ok()
    }
}
