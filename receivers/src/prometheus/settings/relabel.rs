//! `relabel_configs` and `metric_relabel_configs` as they are written.

use serde::{Deserialize, Serialize};
use sluice_config::{Check, Checker};

use super::Text;
use crate::prometheus::relabel::Rule;

/// One step of relabelling.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RelabelConfig {
    /// The labels whose values are joined.
    pub source_labels: Vec<Text>,
    /// What is put between them, `;`.
    pub separator: Option<Text>,
    /// What the joined value is matched with as a whole, `(.*)`.
    pub regex: Option<Text>,
    /// For `hashmod`.
    pub modulus: u64,
    /// The label that is written.
    pub target_label: Text,
    /// What is written, `$1`.
    pub replacement: Option<Text>,
    /// What is done.
    pub action: Action,
}

/// What a step does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Writes the replacement to the target label where the regex matches.
    #[default]
    Replace,
    /// Goes on only where the regex matches.
    Keep,
    /// Goes on only where the regex does not match.
    Drop,
    /// Goes on only where the joined value is that of the target label.
    KeepEqual,
    /// Goes on only where the joined value is not that of the target label.
    DropEqual,
    /// Writes the hash of the joined value modulo `modulus`.
    HashMod,
    /// Copies labels whose names match to the names that the replacement gives.
    LabelMap,
    /// Removes the labels whose names match.
    LabelDrop,
    /// Removes the labels whose names do not match.
    LabelKeep,
    /// Writes the joined value in lower case.
    Lowercase,
    /// Writes the joined value in upper case.
    Uppercase,
}

impl Action {
    fn word(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Keep => "keep",
            Self::Drop => "drop",
            Self::KeepEqual => "keepequal",
            Self::DropEqual => "dropequal",
            Self::HashMod => "hashmod",
            Self::LabelMap => "labelmap",
            Self::LabelDrop => "labeldrop",
            Self::LabelKeep => "labelkeep",
            Self::Lowercase => "lowercase",
            Self::Uppercase => "uppercase",
        }
    }
}

impl Check for RelabelConfig {
    fn check(&self, at: &mut Checker<'_>) {
        use Action as A;
        let action = self.action.word();
        let is = |text: &Option<Text>, default: &str| text.as_deref().is_none_or(|text| text == default);
        if self.action == A::HashMod && self.modulus == 0 {
            at.key("modulus").error("action `hashmod` requires a modulus that is not zero");
        }
        let wants_target = matches!(
            self.action,
            A::Replace | A::KeepEqual | A::DropEqual | A::HashMod | A::Lowercase | A::Uppercase
        );
        if wants_target && self.target_label.is_empty() {
            at.key("target_label").error(format!("action `{action}` requires `target_label`"));
        }
        let mut refused = Vec::new();
        if matches!(
            self.action,
            A::Lowercase | A::Uppercase | A::KeepEqual | A::DropEqual | A::LabelDrop | A::LabelKeep
        ) && !is(&self.replacement, "$1")
        {
            refused.push("replacement");
        }
        if matches!(self.action, A::KeepEqual | A::DropEqual) && !is(&self.regex, "(.*)") {
            refused.push("regex");
        }
        if matches!(self.action, A::KeepEqual | A::DropEqual | A::LabelDrop | A::LabelKeep) {
            let others = [("modulus", self.modulus != 0), ("separator", !is(&self.separator, ";"))];
            refused.extend(others.into_iter().filter(|(_, written)| *written).map(|(key, _)| key));
        }
        if matches!(self.action, A::LabelDrop | A::LabelKeep) {
            let others = [
                ("source_labels", !self.source_labels.is_empty()),
                ("target_label", !self.target_label.is_empty()),
            ];
            refused.extend(others.into_iter().filter(|(_, written)| *written).map(|(key, _)| key));
        }
        for key in refused {
            at.key(key).error(format!("action `{action}` has no use for `{key}`"));
        }
        if let Err(error) = Rule::new(self) {
            at.key("regex").error(error);
        }
    }
}
