//! How our value types and our own (de)serializer recognise each other through serde.
//!
//! serde's data model has no "section" and no "secret". Such a type asks for a newtype struct with a name from here;
//! our deserializer knows the names, every other one sees an ordinary newtype.

use std::cell::{Cell, RefCell};

use crate::Node;

pub(crate) const ID: &str = "$sluice::ComponentId";
pub(crate) const DURATION: &str = "$sluice::GoDuration";
pub(crate) const SECRET: &str = "$sluice::Secret";
pub(crate) const HEADERS: &str = "$sluice::Headers";
pub(crate) const SECTION: &str = "$sluice::Section";
pub(crate) const NODE: &str = "$sluice::Node";

/// Which serializer is at work on this thread.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Somebody else's: secrets are redacted, sections are plain values.
    Foreign,
    /// Ours, for printing.
    Redacted,
    /// Ours, with secrets as they are.
    Plain,
}

thread_local! {
    static MODE: Cell<Mode> = const { Cell::new(Mode::Foreign) };
    /// Hands a node through a serde visitor, which has no way to carry one.
    static NODE_SLOT: RefCell<Option<Node>> = const { RefCell::new(None) };
}

pub(crate) fn mode() -> Mode {
    MODE.get()
}

/// Runs `work` with our serializer's mode set; it is reset also when `work` panics.
pub(crate) fn with_mode<R>(mode: Mode, work: impl FnOnce() -> R) -> R {
    struct Reset(Mode);
    impl Drop for Reset {
        fn drop(&mut self) {
            MODE.set(self.0);
        }
    }
    let _reset = Reset(MODE.replace(mode));
    work()
}

pub(crate) fn put_node(node: Node) {
    NODE_SLOT.set(Some(node));
}

pub(crate) fn take_node() -> Option<Node> {
    NODE_SLOT.take()
}
