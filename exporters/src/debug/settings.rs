//! `exporters: debug:` as a type.

use std::path::Path;

use serde::{Deserialize, Serialize};
use sluice_component::files;
use sluice_config::{Check, Checker, Node, StringList, Value};

/// `exporters: debug:` - the keys and defaults of otelcol.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// How much is printed: `basic` (one line a batch), `normal` (one line an item), `detailed` (every field).
    pub verbosity: String,
    /// How many equal messages of a second are printed before sampling starts.
    pub sampling_initial: u64,
    /// Of the equal messages after those, every how-manieth is printed; 1 prints all, 0 none.
    pub sampling_thereafter: u64,
    /// Whether lines go through the collector's own log, whose level and format then hold. Otherwise plain text
    /// goes to `output_paths`.
    pub use_internal_logger: bool,
    /// `stdout`, `stderr` or files, which are appended to. Only without the internal logger.
    pub output_paths: StringList,
    /// Not built yet for this exporter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sending_queue: Option<Node>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            verbosity: "basic".to_owned(),
            sampling_initial: 2,
            sampling_thereafter: 1,
            use_internal_logger: true,
            output_paths: StringList::from_iter(["stdout"]),
            sending_queue: None,
        }
    }
}

/// What `verbosity` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// Only how many items there are.
    Basic,
    /// A line for each item.
    Normal,
    /// Every field of every item.
    Detailed,
}

impl Settings {
    /// `None` for a text that [`Check`] refuses.
    pub(super) fn verbosity(&self) -> Option<Verbosity> {
        match self.verbosity.to_lowercase().as_str() {
            "basic" => Some(Verbosity::Basic),
            "normal" => Some(Verbosity::Normal),
            "detailed" => Some(Verbosity::Detailed),
            _ => None,
        }
    }
}

impl Check for Settings {
    fn check(&self, at: &mut Checker<'_>) {
        if self.verbosity().is_none() {
            at.key("verbosity").error(if self.verbosity.eq_ignore_ascii_case("none") {
                "verbosity level \"None\" is not supported: write basic, normal or detailed".to_owned()
            } else {
                format!("unknown metrics level {:?}: write basic, normal or detailed", self.verbosity)
            });
        }
        // The default may be written: `print-config` does.
        if self.use_internal_logger && self.output_paths != Self::default().output_paths {
            at.key("output_paths").error("output_paths is not supported when use_internal_logger is true");
        }
        if !self.use_internal_logger && self.output_paths.is_empty() {
            at.key("output_paths").error("output_paths must not be empty when use_internal_logger is false");
        }
        if !self.use_internal_logger && at.sees_machine() {
            for (index, path) in self.output_paths.iter().enumerate() {
                let file = path.strip_prefix("file://").unwrap_or(path);
                if !matches!(file, "stdout" | "stderr")
                    && let Some(why) = files::why_not_writable(Path::new(file), false)
                {
                    at.section("output_paths").index(index).error(format!("cannot write {file}: {why}"));
                }
            }
        }
        if at.is_written("sending_queue") && self.sending_queue.as_ref().is_none_or(is_on) {
            at.key("sending_queue").error(
                "the queue of the debug exporter is not built yet: remove the section, or write enabled: false",
            );
        }
    }
}

/// Whether a section is switched on.
fn is_on(section: &Node) -> bool {
    section.get("enabled").is_none_or(|enabled| *enabled.value() != Value::Bool(false))
}
