//! YAML with positions: load, expand, merge, deserialize, and say everything that is wrong.
//!
//! ```text
//! locations, --set -> Loader -> Node -> decode -> settings -> to_node -> print-config
//!                        \        \        \
//!                         +--------+--------+-> Problems: file:line:column, carets, "did you mean"
//! ```
//!
//! [`Loader`] reads files and URIs, merges them and expands `${...}` into one tree of [`Node`]s, each of which knows
//! where it was written. [`decode_over`] turns a part of the tree into typed settings over their defaults, with all
//! [`Problems`] of one run; then the settings' own [`Check`] runs. [`to_node`] is the way back, without secrets.
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use sluice_config::{Check, Checker, GoDuration, Loader, Problems, decode_over};
//!
//! /// `processors: batch:`
//! #[derive(Debug, Clone, Serialize, Deserialize)]
//! #[serde(default)] // no `deny_unknown_fields`: `decode_over` reports all unknown keys itself
//! struct Settings {
//!     timeout: GoDuration,
//!     send_batch_size: u32,
//!     send_batch_max_size: u32,
//! }
//!
//! impl Default for Settings {
//!     fn default() -> Self {
//!         Self { timeout: GoDuration::from_millis(200), send_batch_size: 8192, send_batch_max_size: 0 }
//!     }
//! }
//!
//! impl Check for Settings {
//!     fn check(&self, at: &mut Checker<'_>) {
//!         if (1..self.send_batch_size).contains(&self.send_batch_max_size) {
//!             at.key("send_batch_max_size").must("be 0 or at least send_batch_size");
//!         }
//!     }
//! }
//!
//! let loaded = Loader::new()
//!     .text("collector.yaml", "processors:\n  batch:\n    timeout: ${env:WAIT:-1s}\n    sendbatchsize: 100\n")
//!     .load()
//!     .unwrap();
//! let mut problems = Problems::new();
//! let node = loaded.root.at("processors::batch").unwrap();
//! assert!(decode_over(&Settings::default(), node, "processors.batch", &mut problems).is_none());
//! assert_eq!(problems.to_text(), "\
//! error: processors.batch: unknown key `sendbatchsize`
//!   --> collector.yaml:4:5
//!    |
//!  4 |     sendbatchsize: 100
//!    |     ^^^^^^^^^^^^^ did you mean `send_batch_size`?
//! ");
//! ```
//!
//! What serde itself has no word for:
//!
//! - A field renamed with leading dots, `#[serde(rename = "..client")]`, is *squashed*: decoded from, and printed to,
//!   the section around it. `serde(flatten)` would lose places and hide unknown keys.
//! - [`Section`] is on when it is written, even with nothing after it. [`Secret`], [`GoDuration`], [`ByteSize`],
//!   [`Headers`] and [`StringList`] read what otelcol's keys take. [`Node`] keeps a part of the tree as it is.
//! - Null means the default of the field. Nothing else is coerced, but that a string is split at commas where a list
//!   is wanted, and that a string field receives the raw text of a value that is one `${...}`.
//!
//! This crate knows no component and imports none of ours; `sluice` (in `collector/`) knows what a configuration has
//! to contain.

mod check;
mod decode;
mod duration;
mod encode;
mod headers;
mod id;
mod included;
mod list;
mod loader;
mod node;
mod ours;
mod parse;
mod path;
mod print;
mod problem;
mod scalar;
mod secret;
mod section;
mod size;
mod source;
mod suggest;

pub use check::{At, Check, Checker, Reach};
pub use decode::{decode, decode_and, decode_over, decode_over_and};
pub use duration::{DurationError, GoDuration};
pub use encode::{to_node, to_unredacted_node};
pub use headers::Headers;
pub use id::{ComponentId, IdError};
pub use included::Included;
pub use list::StringList;
pub use loader::{Environment, Fetch, Loaded, Loader, ProcessEnvironment};
pub use node::{Entry, Node, Value};
pub use print::Print;
pub use problem::{Problem, Problems, Severity, Step};
pub use secret::{REDACTED, Secret};
pub use section::Section;
pub use size::{ByteSize, mib};
pub use source::{Origin, Source, Span};
pub use suggest::closest;
