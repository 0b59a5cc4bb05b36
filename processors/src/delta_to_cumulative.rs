//! Adds up delta points, so that each stream becomes cumulative.
//!
//! `settings` -> [`Factory`] -> `editor` remembers one sum a stream and puts it in the place of each delta. The adding
//! itself is [`Accumulated`](sluice_pdata::stream::Accumulated).

mod editor;
mod settings;

use std::sync::Arc;

use sluice_component::{BuildCx, BuildError, Consume, Processor, ProcessorFactory, Stability};
use sluice_pdata::Signal;

use crate::streams;
pub use settings::Settings;

/// Makes `delta_to_cumulative` processors.
#[derive(Debug)]
pub struct Factory;

impl ProcessorFactory for Factory {
    const TYPE: &'static str = "delta_to_cumulative";
    const ALIASES: &'static [&'static str] = &["deltatocumulative"];
    const STABILITY: Stability = Stability::Beta;
    const SIGNALS: &'static [Signal] = &[Signal::Metrics];
    type Settings = Settings;

    fn build(settings: &Settings, cx: BuildCx, next: Arc<dyn Consume>) -> Result<Processor, BuildError> {
        streams::processor(editor::Sums, settings.max_streams, settings.max_stale, &cx, next)
    }
}
