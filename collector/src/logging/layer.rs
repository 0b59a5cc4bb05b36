//! From `tracing` to [`Record`]s.

use std::{sync::Arc, time::SystemTime};

use tracing::{
    Event, Metadata, Subscriber,
    level_filters::LevelFilter,
    span::{Attributes, Id, Record as Values},
    subscriber::Interest,
};
use tracing_subscriber::{layer::Context, registry::LookupSpan};

use super::{
    Shared,
    record::{Collect, Fields, Record, caller},
};

/// Crates that log every frame at debug: they are heard from warn up.
const NOISY: [&str; 8] = ["h2", "hyper", "hyper_util", "mio", "reqwest", "rustls", "tonic", "tower"];

fn is_noisy(metadata: &Metadata<'_>) -> bool {
    NOISY.contains(&metadata.target().split("::").next().unwrap_or_default())
}

pub(super) struct Layer(pub(super) Arc<Shared>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> tracing_subscriber::Layer<S> for Layer {
    /// Decides once per place in the code where that is possible: libraries that open a span per frame would
    /// otherwise cost time on the data path for spans that nobody reads.
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        match (is_noisy(metadata), metadata.is_span()) {
            (true, true) => Interest::never(),
            (true, false) if *metadata.level() > LevelFilter::WARN => Interest::never(),
            // A span of any level names the component that the events inside speak of.
            (false, true) => Interest::always(),
            // The level may still change: the configuration is read later.
            (_, false) => Interest::sometimes(),
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        match (is_noisy(metadata), metadata.is_span()) {
            (noisy, true) => !noisy,
            (true, false) => *metadata.level() <= self.0.level().min(LevelFilter::WARN),
            (false, false) => *metadata.level() <= self.0.level(),
        }
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut collect = Collect::default();
            attributes.record(&mut collect);
            span.extensions_mut().insert(collect.fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Values<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut collect = Collect::default();
            values.record(&mut collect);
            if let Some(fields) = span.extensions_mut().get_mut::<Fields>() {
                fields.extend(&collect.fields);
            }
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::default();
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(of_span) = span.extensions().get::<Fields>() {
                fields.extend(of_span);
            }
        }
        let mut collect = Collect::default();
        event.record(&mut collect);
        fields.extend(&collect.fields);
        let metadata = event.metadata();
        self.0.write(Record {
            time: SystemTime::now(),
            level: *metadata.level(),
            caller: caller(metadata),
            message: collect.message,
            fields,
        });
    }
}
