//! Gives cumulative points the start time that their source did not tell, as Prometheus does not.
//!
//! `settings` -> [`Factory`] -> `editor` finds the start of each stream, by one of three `strategy`s; `known` is what is
//! remembered of one, and sees resets; `process_start` finds what a process says of its own start. Points that have a
//! start time pass as they are.

mod editor;
mod known;
mod process_start;
mod settings;

use std::sync::Arc;

use sluice_component::{BuildCx, BuildError, Consume, Processor, ProcessorFactory, Stability};
use sluice_pdata::Signal;

use crate::streams;
pub use settings::{Settings, Strategy};

/// Makes `metric_start_time` processors.
#[derive(Debug)]
pub struct Factory;

impl ProcessorFactory for Factory {
    const TYPE: &'static str = "metric_start_time";
    const ALIASES: &'static [&'static str] = &["metricstarttime"];
    const STABILITY: Stability = Stability::Beta;
    const SIGNALS: &'static [Signal] = &[Signal::Metrics];
    type Settings = Settings;

    fn build(settings: &Settings, cx: BuildCx, next: Arc<dyn Consume>) -> Result<Processor, BuildError> {
        let editor = editor::StartTimes::new(settings)
            .map_err(|error| cx.error("start_time_metric_regex", error.to_string()))?;
        streams::processor(editor, settings.max_streams, settings.gc_interval, &cx, next)
    }
}
