//! [`Node`]s to typed settings, with everything that is wrong said at once.
//!
//! serde stops at the first error. So [`decode`] runs a type's `Deserialize` over the tree; when a value does not
//! fit, the problem is recorded, the value is set aside as if it had not been written, and the run starts again.
//! The run that gets through reports the unknown keys, and then the type's [`Check`] runs.

mod access;
mod de;
mod key;

use std::collections::HashSet;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::encode::to_plain_node;
use crate::{Check, Checker, Node, Problem, Problems, Reach, Step};
use de::{Cx, De};

/// Runs of one section after which the rest of its problems is left for the next time.
const MAX_RUNS: usize = 200;

/// Decodes a section into its settings and checks them.
///
/// `path` is the YAML path of `node`, for the problems. Every problem is added to `problems`; `None` means that
/// there was an error among them. Null means all defaults.
///
/// Missing keys take what the `#[serde(default)]` of their struct says. That is the default of the *inner* struct
/// where a section is written in part; use [`decode_over`] when the outer settings have other defaults for it.
pub fn decode<T>(node: &Node, path: &str, problems: &mut Problems) -> Option<T>
where
    T: DeserializeOwned + Check,
{
    decode_and(node, path, Reach::Settings, |_, _| {}, problems)
}

/// As [`decode`]; checks look as far as `reach` says, and those of `also` run after the type's own.
pub fn decode_and<T>(
    node: &Node,
    path: &str,
    reach: Reach,
    also: impl FnOnce(&T, &mut Checker<'_>),
    problems: &mut Problems,
) -> Option<T>
where
    T: DeserializeOwned + Check,
{
    let mut set_aside = HashSet::new();
    let mut told = HashSet::new();
    let mut found = Problems::new();
    let mut unknown = Problems::new();
    let value = loop {
        let cx = Cx::new(&set_aside);
        let result = De::root(node, path, &cx).guard(|de| T::deserialize(de));
        let run = cx.finish();
        // A section that is set aside as a whole is not walked again: keep what was seen in it.
        unknown.merge(run.unknown);
        match (result, run.failed) {
            (Ok(value), _) => {
                found.append(run.noted);
                break Some(value);
            }
            (Err(_), Some((problem, culprit))) => {
                // A null was set aside for its default, with nothing to tell.
                if problem.is_some() {
                    told.insert(culprit);
                }
                found.extend(problem);
                let last = culprit == De::address(node) || !set_aside.insert(culprit);
                if last || set_aside.len() > MAX_RUNS {
                    found.append(run.noted);
                    break None;
                }
            }
            (Err(error), None) => {
                found.push(Problem::error(path, error.to_string()).at(node.span()));
                break None;
            }
        }
    };
    found.append(unknown);
    if value.is_none() && !found.has_errors() {
        found.push(Problem::error(path, "cannot be decoded").at(node.span()));
    }
    found.all_of(Step::Decode);
    if let Some(value) = value.as_ref().filter(|_| reach != Reach::Form) {
        let mut at = Checker::new(node, path, &mut found, &told, reach);
        value.check(&mut at);
        also(value, &mut at);
    }
    let value = value.filter(|_| !found.has_errors());
    problems.append(found);
    value
}

/// Decodes a section over given defaults: keys that are not written keep the value they have in `defaults`, at any
/// depth, the way otelcol decodes into a component's default configuration.
pub fn decode_over<T>(defaults: &T, node: &Node, path: &str, problems: &mut Problems) -> Option<T>
where
    T: DeserializeOwned + Serialize + Check,
{
    decode_over_and(defaults, node, path, Reach::Settings, |_, _| {}, problems)
}

/// As [`decode_over`]; checks look as far as `reach` says, and those of `also` run after the type's own.
pub fn decode_over_and<T>(
    defaults: &T,
    node: &Node,
    path: &str,
    reach: Reach,
    also: impl FnOnce(&T, &mut Checker<'_>),
    problems: &mut Problems,
) -> Option<T>
where
    T: DeserializeOwned + Serialize + Check,
{
    decode_and(&node.over(&to_plain_node(defaults)), path, reach, also, problems)
}

#[cfg(test)]
mod tests;
