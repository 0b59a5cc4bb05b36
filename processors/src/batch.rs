//! Joins small requests into large ones.
//!
//! `settings` -> `stage` (one lane per combination of client metadata; admits within a bound) -> `lane` (its
//! buffer, and the task that sends) -> next consumer. `buffer` decides when a batch is complete and what goes
//! into it; `waiter` is a caller who wants to know what becomes of his items.
//!
//! What an `Ok` means depends on the pipeline ([`Tier`](sluice_component::Tier)):
//!
//! - *Memory*: the items are in the buffer, and the processor owns them. A batch that the next component refuses
//!   retryably is kept and offered again; meanwhile the buffer fills up to its bound, and then new requests are
//!   refused. Items are given up only when they are refused for good or when time to drain runs out; both are
//!   booked and logged. Which of several exporters is not waited for any longer is the fan-out's decision
//!   ([`Context::is_owned`](sluice_component::Context::is_owned)).
//! - *End to end*: nothing is owned. Callers wait and get the verdict on the batches that carried their items; a
//!   batch leaves at the latest at half of the shortest time that one of its callers waits. A caller that goes
//!   away before the batch leaves takes only his own items out of it. A batch that is refused for good is taken
//!   `apart`, and what each caller put into it is offered alone, once: what one of them sent costs only himself.
//!
//! Appending moves references: nothing is decoded or copied, and nothing is allocated per item.

mod apart;
mod buffer;
mod lane;
mod settings;
mod stage;
mod waiter;

pub use settings::Settings;
pub use stage::Factory;
