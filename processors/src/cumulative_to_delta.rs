//! Turns cumulative sums and histograms into deltas: each point less the one before it.
//!
//! `settings` -> `selection` (which metrics) -> [`Factory`] -> `editor` remembers each stream's last points. The
//! difference itself is [`Cumulative::since`](sluice_pdata::stream::Cumulative::since).

mod editor;
mod selection;
mod settings;

use std::sync::Arc;

use sluice_component::{BuildCx, BuildError, Consume, Processor, ProcessorFactory, Stability};
use sluice_pdata::Signal;

use crate::streams;
pub use settings::{InitialValue, MatchType, MetricType, Metrics, Settings};

/// Makes `cumulative_to_delta` processors.
#[derive(Debug)]
pub struct Factory;

impl ProcessorFactory for Factory {
    const TYPE: &'static str = "cumulative_to_delta";
    const ALIASES: &'static [&'static str] = &["cumulativetodelta"];
    const STABILITY: Stability = Stability::Beta;
    const SIGNALS: &'static [Signal] = &[Signal::Metrics];
    type Settings = Settings;

    fn build(settings: &Settings, cx: BuildCx, next: Arc<dyn Consume>) -> Result<Processor, BuildError> {
        let editor = editor::Deltas::new(settings).map_err(|error| cx.error("", error.to_string()))?;
        streams::processor(editor, settings.max_streams, settings.max_staleness, &cx, next)
    }
}
