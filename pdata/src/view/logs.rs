//! Views of the log messages.

use super::fields::Fields;
use super::{AnyValueView, Attributes, List, ResourceView, ScopeView, Text, View, decoded};
use crate::otlp::logs::v1 as logs;

/// Log records in the order they were sent.
pub type LogRecords<'a> = List<'a, LogRecordView<'a>>;

/// The log records of one resource.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ResourceLogsView<'a> {
    /// Who produced them.
    pub resource: ResourceView<'a>,
    /// The records, by the instrumentation that made them.
    pub scope_logs: List<'a, ScopeLogsView<'a>>,
    /// Schema of the resource.
    pub schema_url: Text<'a>,
}

impl<'a> View<'a> for ResourceLogsView<'a> {
    type Struct = logs::ResourceLogs;

    fn from_wire(message: &'a [u8]) -> Self {
        let mut view = Self::default();
        for field in Fields::new(message) {
            match field.number {
                1 => view.resource = field.message(),
                2 => view.scope_logs.push(field),
                3 => view.schema_url = field.text(),
                _ => {}
            }
        }
        view
    }

    fn from_struct(message: &'a logs::ResourceLogs) -> Self {
        Self {
            resource: decoded(message.resource.as_ref()),
            scope_logs: List::decoded(&message.scope_logs),
            schema_url: message.schema_url.as_str().into(),
        }
    }
}

/// The log records of one instrumentation scope.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ScopeLogsView<'a> {
    /// The instrumentation that made them.
    pub scope: ScopeView<'a>,
    /// The records.
    pub log_records: LogRecords<'a>,
    /// Schema of the records.
    pub schema_url: Text<'a>,
}

impl<'a> View<'a> for ScopeLogsView<'a> {
    type Struct = logs::ScopeLogs;

    fn from_wire(message: &'a [u8]) -> Self {
        let mut view = Self::default();
        for field in Fields::new(message) {
            match field.number {
                1 => view.scope = field.message(),
                2 => view.log_records.push(field),
                3 => view.schema_url = field.text(),
                _ => {}
            }
        }
        view
    }

    fn from_struct(message: &'a logs::ScopeLogs) -> Self {
        Self {
            scope: decoded(message.scope.as_ref()),
            log_records: List::decoded(&message.log_records),
            schema_url: message.schema_url.as_str().into(),
        }
    }
}

/// One log record.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct LogRecordView<'a> {
    /// When it happened: nanoseconds since the Unix epoch, 0 if unknown.
    pub time_unix_nano: u64,
    /// When it was collected: nanoseconds since the Unix epoch.
    pub observed_time_unix_nano: u64,
    /// 1–4 trace, 5–8 debug, 9–12 info, 13–16 warn, 17–20 error, 21–24 fatal, 0 unspecified.
    pub severity_number: i32,
    /// The severity in the source's own words.
    pub severity_text: Text<'a>,
    /// The message; absent reads as [`AnyValueView::Empty`].
    pub body: AnyValueView<'a>,
    /// What is known of the record.
    pub attributes: Attributes<'a>,
    /// How many attributes the producer left out.
    pub dropped_attributes_count: u32,
    /// Bits 0–7 are the W3C trace flags.
    pub flags: u32,
    /// 16 bytes, or none.
    pub trace_id: &'a [u8],
    /// 8 bytes, or none.
    pub span_id: &'a [u8],
    /// Set if the record is an event.
    pub event_name: Text<'a>,
}

impl<'a> View<'a> for LogRecordView<'a> {
    type Struct = logs::LogRecord;

    #[inline]
    fn from_wire(message: &'a [u8]) -> Self {
        let mut view = Self::default();
        for field in Fields::new(message) {
            match field.number {
                1 => view.time_unix_nano = field.u64(),
                2 => view.severity_number = field.i32(),
                3 => view.severity_text = field.text(),
                5 => view.body = field.message(),
                6 => view.attributes.push(field),
                7 => view.dropped_attributes_count = field.u32(),
                8 => view.flags = field.u32(),
                9 => view.trace_id = field.bytes(),
                10 => view.span_id = field.bytes(),
                11 => view.observed_time_unix_nano = field.u64(),
                12 => view.event_name = field.text(),
                _ => {}
            }
        }
        view
    }

    fn from_struct(message: &'a logs::LogRecord) -> Self {
        Self {
            time_unix_nano: message.time_unix_nano,
            observed_time_unix_nano: message.observed_time_unix_nano,
            severity_number: message.severity_number,
            severity_text: message.severity_text.as_str().into(),
            body: decoded(message.body.as_ref()),
            attributes: Attributes::decoded(&message.attributes),
            dropped_attributes_count: message.dropped_attributes_count,
            flags: message.flags,
            trace_id: &message.trace_id,
            span_id: &message.span_id,
            event_name: message.event_name.as_str().into(),
        }
    }
}
