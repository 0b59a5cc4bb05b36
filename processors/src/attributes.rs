//! Edits the attributes of spans, data points and log records, on the wire.
//!
//! `settings` -> `selection` (which records) and the shared `actions` (what is done) -> [`Factory`].

mod selection;
mod settings;

use std::sync::Arc;

use sluice_component::{
    BuildCx, BuildError, Consume, Context, Growth, Processor, ProcessorFactory, Refusal, Stability,
    Transform, Verdict,
};
use sluice_config::Checker;
use sluice_pdata::{
    AttributesEdit, Pdata, RecordEditor, Signal,
    view::{ResourceView, ScopeView, Text},
};

use crate::actions::{self, Actions, Run};
pub use crate::actions::{Action, ActionKind, ConvertedType};
use selection::{Selection, Standing};
pub use settings::{
    AttributeMatch, Library, MatchProperties, MatchType, RegexpCache, Settings, SeverityNumber,
};

/// Makes `attributes` processors.
#[derive(Debug)]
pub struct Factory;

impl ProcessorFactory for Factory {
    const TYPE: &'static str = "attributes";
    const STABILITY: Stability = Stability::Beta;
    type Settings = Settings;

    fn build(settings: &Settings, cx: BuildCx, _: Arc<dyn Consume>) -> Result<Processor, BuildError> {
        let selection = |key, properties: &Option<MatchProperties>| match properties {
            None => Ok(None),
            Some(properties) => Selection::new(properties).map(Some).map_err(|text| cx.error(key, text)),
        };
        Ok(Processor::Transform(Arc::new(Attributes {
            include: selection("include", &settings.include)?,
            exclude: selection("exclude", &settings.exclude)?,
            actions: actions::compile(&settings.actions, "actions", &cx)?,
            growth: Growth::of(&cx),
        })))
    }

    fn check_signal(settings: &Settings, signal: Signal, at: &mut Checker<'_>) {
        settings.check_signal(signal, at);
    }
}

struct Attributes {
    include: Option<Selection>,
    exclude: Option<Selection>,
    actions: Actions,
    growth: Growth,
}

impl Transform for Attributes {
    fn apply(&self, cx: &Context, data: &mut Pdata) -> Result<Verdict, Refusal> {
        let mut editor = Editor {
            signal: data.signal(),
            include: self.include.as_ref().map(Standing::of),
            exclude: self.exclude.as_ref().map(Standing::of),
            run: self.actions.run(cx.request()),
        };
        self.growth.edit(data, |data, room| data.edit_records(room, &mut editor))?;
        Ok(Verdict::Forward)
    }
}

/// Runs the actions on the records that are included and not excluded.
struct Editor<'a> {
    signal: Signal,
    include: Option<Standing<'a>>,
    exclude: Option<Standing<'a>>,
    run: Run<'a>,
}

impl<'a> Editor<'a> {
    /// Shows both selections what stands around the records to come. Whether one of them can be included.
    fn enter(&mut self, see: impl Fn(&mut Standing<'a>) -> bool) -> bool {
        self.exclude.as_mut().map(&see);
        self.include.as_mut().is_none_or(see)
    }
}

impl RecordEditor for Editor<'_> {
    fn resource(&mut self, resource: &ResourceView<'_>) -> bool {
        self.enter(|standing| standing.resource(resource))
    }

    fn scope(&mut self, scope: &ScopeView<'_>) -> bool {
        self.enter(|standing| standing.scope(scope))
    }

    fn metric(&mut self, name: Text<'_>) -> bool {
        self.enter(|standing| standing.metric(name))
    }

    fn record(&mut self, message: &[u8], attributes: &mut AttributesEdit<'_>) {
        let is_in = |standing: &Standing<'_>| standing.has(self.signal, message, attributes);
        if self.include.as_ref().is_none_or(is_in) && !self.exclude.as_ref().is_some_and(is_in) {
            self.run.apply(attributes);
        }
    }
}
