//! Refuses data while memory is short, so that clients hold it back instead of the process dying of it.
//!
//! `settings` -> [`Factory`] resolves the limits -> `gauge` samples the process, once per `check_interval` ->
//! `limiter` refuses or lets pass.
//!
//! Two lines hold. At the *soft* limit (limit − spike) this processor refuses every batch, retryably, until
//! usage is below again: clients see `UNAVAILABLE` or 503 with a time to wait. At the *hard* limit the process's
//! [`Budget`](sluice_component::Budget) has no room, so that servers refuse a request while its body arrives.

mod gauge;
mod limiter;
mod settings;

pub use limiter::Factory;
pub use settings::Settings;
