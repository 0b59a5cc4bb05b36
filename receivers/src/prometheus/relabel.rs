//! Relabelling: changes and chooses targets and samples by their labels.

use md5::{Digest, Md5};
use regex::Regex;
use sluice_formats::prometheus::labels::LabelsBuilder;

use super::settings::{Action, RelabelConfig, Validation};

/// A chain of steps.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules(Vec<Rule>);

/// One step, ready to run.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    source_labels: Vec<String>,
    separator: String,
    regex: Regex,
    modulus: u64,
    target_label: String,
    replacement: String,
    action: Action,
    validation: Validation,
}

impl Rules {
    /// # Errors
    /// Which step's regex is none.
    pub(super) fn new(configs: &[RelabelConfig], validation: Validation) -> Result<Self, String> {
        let rule = |config| Rule::new(config).map(|rule| Rule { validation, ..rule });
        configs.iter().map(rule).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Edits `labels`. False: what they belong to is dropped, and they are of no more use.
    pub(super) fn apply(&self, labels: &mut LabelsBuilder) -> bool {
        self.0.iter().all(|rule| rule.apply(labels))
    }
}

impl Rule {
    /// # Errors
    /// Why the regex is none.
    pub(super) fn new(config: &RelabelConfig) -> Result<Self, String> {
        let text = config.regex.as_deref().unwrap_or("(.*)");
        // Bounded by the crate: what compiles to more than 10 MiB is refused.
        let regex = Regex::new(&format!("^(?s:{text})$"))
            .and_then(|anchored| Regex::new(text).map(|_| anchored))
            .map_err(|error| format!("`{text}` is no regular expression: {error}"))?;
        Ok(Self {
            source_labels: config.source_labels.iter().map(|name| name.to_string()).collect(),
            separator: config.separator.as_deref().unwrap_or(";").to_owned(),
            regex,
            modulus: config.modulus,
            target_label: config.target_label.to_string(),
            replacement: config.replacement.as_deref().unwrap_or("$1").to_owned(),
            action: config.action,
            validation: Validation::default(),
        })
    }

    fn apply(&self, labels: &mut LabelsBuilder) -> bool {
        match self.action {
            Action::Replace => self.replace(labels),
            Action::Keep => return self.regex.is_match(&self.value(labels)),
            Action::Drop => return !self.regex.is_match(&self.value(labels)),
            Action::KeepEqual => return self.value(labels) == self.target_value(labels),
            Action::DropEqual => return self.value(labels) != self.target_value(labels),
            Action::HashMod => {
                let hash = last_8_bytes_of_md5(&self.value(labels)).checked_rem(self.modulus);
                labels.set(&self.target_label, &hash.unwrap_or_default().to_string());
            }
            Action::LabelMap => self.map(labels),
            Action::LabelDrop => labels.retain(|name, _| !self.regex.is_match(name)),
            Action::LabelKeep => labels.retain(|name, _| self.regex.is_match(name)),
            Action::Lowercase => labels.set(&self.target_label, &self.value(labels).to_lowercase()),
            Action::Uppercase => labels.set(&self.target_label, &self.value(labels).to_uppercase()),
        }
        true
    }

    /// The values of the source labels, joined.
    fn value(&self, labels: &LabelsBuilder) -> String {
        let mut joined = String::new();
        for (index, name) in self.source_labels.iter().enumerate() {
            if index > 0 {
                joined.push_str(&self.separator);
            }
            joined.push_str(labels.get(name).unwrap_or_default());
        }
        joined
    }

    fn target_value<'a>(&self, labels: &'a LabelsBuilder) -> &'a str {
        labels.get(&self.target_label).unwrap_or_default()
    }

    fn replace(&self, labels: &mut LabelsBuilder) {
        let value = self.value(labels);
        let Some(found) = self.regex.captures(&value) else { return };
        let (mut target, mut text) = (String::new(), String::new());
        found.expand(&self.target_label, &mut target);
        if self.is_label_name(&target) {
            found.expand(&self.replacement, &mut text);
            labels.set(&target, &text);
        }
    }

    fn map(&self, labels: &mut LabelsBuilder) {
        let mapped: Vec<(String, String)> = labels
            .iter()
            .filter_map(|(name, value)| {
                let mut target = String::new();
                self.regex.captures(name)?.expand(&self.replacement, &mut target);
                Some((target, value.to_owned()))
            })
            .collect();
        for (name, value) in mapped.iter().filter(|(name, _)| !name.is_empty()) {
            labels.set(name, value);
        }
    }

    fn is_label_name(&self, name: &str) -> bool {
        match self.validation {
            Validation::Utf8 => !name.is_empty(),
            Validation::Legacy => is_legacy_label_name(name),
        }
    }
}

/// `[a-zA-Z_][a-zA-Z0-9_]*`
pub(super) fn is_legacy_label_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn last_8_bytes_of_md5(value: &str) -> u64 {
    Md5::digest(value).iter().skip(8).fold(0, |hash, &byte| hash << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests;
