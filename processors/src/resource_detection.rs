//! Says whose data it is: adds what can be found out about the machine and the pod to each resource.
//!
//! `settings` -> [`Factory`] -> `detected` runs the detectors when the collector starts, in their order, and again each
//! `refresh_interval` -> `processor` puts what they found on each resource, on the wire.
//!
//! The detectors: `env`, `system`, `k8s_downward`. What they ask is a `machine`, another one in tests.

mod detected;
mod env;
mod k8s_downward;
mod machine;
mod processor;
mod settings;
mod system;
#[cfg(test)]
mod tests;
mod value;

pub use processor::Factory;
pub use settings::Settings;
