//! `verbosity: detailed`: every field of every item. Metrics are in [`metrics`].

pub(super) mod metrics;

use sluice_pdata::view::{
    EntityRefView, LogRecordView, LogsView, ResourceView, ScopeView, SpanView, Text, TracesView,
};

use super::text::{Clean, Dump, Hex, Time, Typed, line};

/// What is below a line that is itself an item of a list is indented by this.
const INDENT: &str = "     ";

pub(super) fn traces(view: TracesView<'_>) -> Dump {
    let mut dump = Dump::default();
    for (i, resource) in view.iter().enumerate() {
        resource_lines(&mut dump, "ResourceSpans", i, resource.schema_url, resource.resource);
        for (j, scope) in resource.scope_spans.iter().enumerate() {
            scope_lines(&mut dump, "ScopeSpans", j, scope.schema_url, scope.scope);
            scope.spans.iter().enumerate().for_each(|(k, span)| span_lines(&mut dump, k, &span));
        }
    }
    dump
}

pub(super) fn logs(view: LogsView<'_>) -> Dump {
    let mut dump = Dump::default();
    for (i, resource) in view.iter().enumerate() {
        resource_lines(&mut dump, "ResourceLog", i, resource.schema_url, resource.resource);
        for (j, scope) in resource.scope_logs.iter().enumerate() {
            scope_lines(&mut dump, "ScopeLogs", j, scope.schema_url, scope.scope);
            scope.log_records.iter().enumerate().for_each(|(k, record)| record_lines(&mut dump, k, &record));
        }
    }
    dump
}

fn resource_lines(
    dump: &mut Dump,
    name: &str,
    index: usize,
    schema_url: Text<'_>,
    resource: ResourceView<'_>,
) {
    line!(dump, "{name} #{index}");
    line!(dump, "Resource SchemaURL: {}", Clean(schema_url));
    dump.attributes("Resource attributes", "", resource.attributes);
    if !resource.entity_refs.is_empty() {
        line!(dump, "Resource entity refs:");
        resource.entity_refs.iter().enumerate().for_each(|(i, entity)| entity_lines(dump, i, &entity));
    }
}

fn entity_lines(dump: &mut Dump, index: usize, entity: &EntityRefView<'_>) {
    line!(dump, "     -> Entity ref #{index}:");
    line!(dump, "          -> Type: {}", Clean(entity.r#type));
    if !entity.schema_url.is_empty() {
        line!(dump, "          -> Schema URL: {}", Clean(entity.schema_url));
    }
    for (name, keys) in [("ID keys", entity.id_keys), ("Description keys", entity.description_keys)] {
        if !keys.is_empty() {
            line!(dump, "          -> {name}:");
            keys.iter().for_each(|key| line!(dump, "               -> {}", Clean(key)));
        }
    }
}

fn scope_lines(dump: &mut Dump, name: &str, index: usize, schema_url: Text<'_>, scope: ScopeView<'_>) {
    line!(dump, "{name} #{index}");
    line!(dump, "{name} SchemaURL: {}", Clean(schema_url));
    line!(dump, "InstrumentationScope {} {}", Clean(scope.name), Clean(scope.version));
    dump.attributes("InstrumentationScope attributes", "", scope.attributes);
}

fn span_lines(dump: &mut Dump, index: usize, span: &SpanView<'_>) {
    line!(dump, "Span #{index}");
    line!(dump, "    Trace ID       : {}", Hex(span.trace_id));
    line!(dump, "    Parent ID      : {}", Hex(span.parent_span_id));
    line!(dump, "    ID             : {}", Hex(span.span_id));
    line!(dump, "    Name           : {}", Clean(span.name));
    line!(dump, "    Kind           : {}", kind(span.kind));
    if !span.trace_state.is_empty() {
        line!(dump, "    TraceState     : {}", Clean(span.trace_state));
    }
    line!(dump, "    Start time     : {}", Time(span.start_time_unix_nano));
    line!(dump, "    End time       : {}", Time(span.end_time_unix_nano));
    line!(dump, "    Status code    : {}", status_code(span.status.code));
    line!(dump, "    Status message : {}", Clean(span.status.message));
    line!(dump, "    DroppedAttributesCount: {}", span.dropped_attributes_count);
    line!(dump, "    DroppedEventsCount: {}", span.dropped_events_count);
    line!(dump, "    DroppedLinksCount: {}", span.dropped_links_count);
    dump.attributes("Attributes", "", span.attributes);
    event_lines(dump, span);
    link_lines(dump, span);
}

fn event_lines(dump: &mut Dump, span: &SpanView<'_>) {
    if !span.events.is_empty() {
        line!(dump, "Events:");
    }
    for (i, event) in span.events.iter().enumerate() {
        line!(dump, "SpanEvent #{i}");
        line!(dump, "     -> Name: {}", Clean(event.name));
        line!(dump, "     -> Timestamp: {}", Time(event.time_unix_nano));
        line!(dump, "     -> DroppedAttributesCount: {}", event.dropped_attributes_count);
        dump.attributes("     -> Attributes:", INDENT, event.attributes);
    }
}

fn link_lines(dump: &mut Dump, span: &SpanView<'_>) {
    if !span.links.is_empty() {
        line!(dump, "Links:");
    }
    for (i, link) in span.links.iter().enumerate() {
        line!(dump, "SpanLink #{i}");
        line!(dump, "     -> Trace ID: {}", Hex(link.trace_id));
        line!(dump, "     -> ID: {}", Hex(link.span_id));
        line!(dump, "     -> TraceState: {}", Clean(link.trace_state));
        line!(dump, "     -> DroppedAttributesCount: {}", link.dropped_attributes_count);
        dump.attributes("     -> Attributes:", INDENT, link.attributes);
    }
}

fn record_lines(dump: &mut Dump, index: usize, record: &LogRecordView<'_>) {
    line!(dump, "LogRecord #{index}");
    line!(dump, "ObservedTimestamp: {}", Time(record.observed_time_unix_nano));
    line!(dump, "Timestamp: {}", Time(record.time_unix_nano));
    line!(dump, "SeverityText: {}", Clean(record.severity_text));
    line!(dump, "SeverityNumber: {}({})", severity(record.severity_number), record.severity_number);
    if !record.event_name.is_empty() {
        line!(dump, "EventName: {}", Clean(record.event_name));
    }
    line!(dump, "Body: {}", Typed(record.body));
    dump.attributes("Attributes", "", record.attributes);
    line!(dump, "Trace ID: {}", Hex(record.trace_id));
    line!(dump, "Span ID: {}", Hex(record.span_id));
    line!(dump, "Flags: {}", record.flags);
}

fn kind(kind: i32) -> &'static str {
    match kind {
        0 => "Unspecified",
        1 => "Internal",
        2 => "Server",
        3 => "Client",
        4 => "Producer",
        5 => "Consumer",
        _ => "",
    }
}

fn status_code(code: i32) -> &'static str {
    match code {
        0 => "Unset",
        1 => "Ok",
        2 => "Error",
        _ => "",
    }
}

fn severity(number: i32) -> &'static str {
    const NAMES: [&str; 25] = [
        "Unspecified",
        "Trace",
        "Trace2",
        "Trace3",
        "Trace4",
        "Debug",
        "Debug2",
        "Debug3",
        "Debug4",
        "Info",
        "Info2",
        "Info3",
        "Info4",
        "Warn",
        "Warn2",
        "Warn3",
        "Warn4",
        "Error",
        "Error2",
        "Error3",
        "Error4",
        "Fatal",
        "Fatal2",
        "Fatal3",
        "Fatal4",
    ];
    usize::try_from(number).ok().and_then(|number| NAMES.get(number)).copied().unwrap_or_default()
}
