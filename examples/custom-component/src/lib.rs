//! Components of our own.
//!
//! - [`owner`]: writes who answers for a resource onto it

pub mod owner;
