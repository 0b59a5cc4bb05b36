//! How a line looks: otelcol's console columns, or one JSON object.

use std::{
    io::{self, Write},
    time::SystemTime,
};

use jiff::{Timestamp, tz::TimeZone};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Value, ser::Formatter};
use tracing::Level;

use super::record::Record;
use crate::telemetry_settings::{Encoding, Logs, Resource};

#[derive(Debug)]
pub(super) struct Encoder {
    encoding: Encoding,
    with_caller: bool,
    zone: TimeZone,
    /// Fields on every line: the initial ones and the resource.
    always: Vec<(String, Value)>,
}

impl Encoder {
    pub(super) fn new(settings: &Logs, resource: &Resource) -> Self {
        let initial = serde_json::to_value(&settings.initial_fields).unwrap_or_default();
        let mut always: Vec<(String, Value)> = match initial {
            Value::Object(fields) => fields.into_iter().collect(),
            _ => Vec::new(),
        };
        if !settings.disable_zap_resource {
            let attributes = resource.iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
            always.push(("resource".to_owned(), Value::Object(attributes)));
        }
        Self {
            encoding: settings.encoding,
            with_caller: !settings.disable_caller,
            zone: TimeZone::system(),
            always,
        }
    }

    /// The line of a record, with its line break.
    pub(super) fn line(&self, record: &Record) -> String {
        let time = self.time(record.time);
        let caller = record.caller.as_deref().filter(|_| self.with_caller);
        let fields = Body { head: Vec::new(), always: &self.always, record };
        match self.encoding {
            Encoding::Console => {
                let mut columns = vec![time, level(record.level).to_owned()];
                columns.extend(caller.map(str::to_owned));
                columns.push(escaped(&record.message));
                if !fields.is_empty() {
                    columns.push(fields.to_json(Spacing::Wide));
                }
                columns.join("\t") + "\n"
            }
            Encoding::Json => {
                let mut head = vec![("level", level(record.level)), ("ts", &time)];
                head.extend(caller.map(|caller| ("caller", caller)));
                head.push(("msg", &record.message));
                Body { head, ..fields }.to_json(Spacing::Tight) + "\n"
            }
        }
    }

    /// ISO 8601 with milliseconds and the zone, as zap writes it: `2025-04-17T10:40:44.559+0200`, `..Z` for UTC.
    fn time(&self, time: SystemTime) -> String {
        let zoned = Timestamp::try_from(time).unwrap_or_default().to_zoned(self.zone.clone());
        let zone = if zoned.offset().is_zero() { "Z" } else { "%z" };
        zoned.strftime(&format!("%Y-%m-%dT%H:%M:%S%.3f{zone}")).to_string()
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        _ => "debug",
    }
}

/// A line's fields as one object: those of the JSON form, those on every line, those of the record.
struct Body<'a> {
    head: Vec<(&'static str, &'a str)>,
    always: &'a [(String, Value)],
    record: &'a Record,
}

impl Body<'_> {
    fn is_empty(&self) -> bool {
        self.always.is_empty() && self.record.fields.iter().next().is_none()
    }

    fn to_json(&self, spacing: Spacing) -> String {
        let mut out = Vec::new();
        let mut serializer = serde_json::Serializer::with_formatter(&mut out, spacing);
        match self.serialize(&mut serializer) {
            Ok(()) => String::from_utf8_lossy(&out).into_owned(),
            // Strings and plain values cannot fail.
            Err(_) => String::new(),
        }
    }
}

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in &self.head {
            map.serialize_entry(name, value)?;
        }
        for (name, value) in self.always {
            map.serialize_entry(name, value)?;
        }
        for (name, value) in self.record.fields.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// Writes JSON in which every character that could drive a terminal is escaped; with blanks after `:` and `,` for
/// the console, as zap has it there.
#[derive(Debug, Clone, Copy)]
enum Spacing {
    Wide,
    Tight,
}

impl Spacing {
    fn blank<W: ?Sized + Write>(self, writer: &mut W) -> io::Result<()> {
        match self {
            Self::Wide => writer.write_all(b" "),
            Self::Tight => Ok(()),
        }
    }

    fn comma<W: ?Sized + Write>(self, writer: &mut W, first: bool) -> io::Result<()> {
        if first {
            return Ok(());
        }
        writer.write_all(b",")?;
        self.blank(writer)
    }
}

impl Formatter for Spacing {
    fn begin_array_value<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.comma(writer, first)
    }

    fn begin_object_key<W: ?Sized + Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.comma(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b":")?;
        self.blank(writer)
    }

    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, text: &str) -> io::Result<()> {
        let mut rest = text;
        while let Some((at, c)) = rest.char_indices().find(|(_, c)| is_invisible(*c)) {
            writer.write_all(rest.get(..at).unwrap_or_default().as_bytes())?;
            write!(writer, "\\u{:04x}", u32::from(c))?;
            rest = rest.get(at + c.len_utf8()..).unwrap_or_default();
        }
        writer.write_all(rest.as_bytes())
    }
}

/// Characters that drive a terminal or turn text around without being seen. All are below U+10000.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The message for the console: line breaks and tabs as they are, nothing else that is invisible.
fn escaped(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    for c in message.chars() {
        if is_invisible(c) && !matches!(c, '\n' | '\t') {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_iso_8601_with_milliseconds_and_zone() {
        let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_millis(1_744_879_244_559);
        let encoder = |zone| Encoder { zone, ..Encoder::new(&Logs::default(), &Resource::default()) };
        assert_eq!(encoder(TimeZone::UTC).time(time), "2025-04-17T08:40:44.559Z");
        let east = TimeZone::fixed(jiff::tz::offset(2));
        assert_eq!(encoder(east).time(time), "2025-04-17T10:40:44.559+0200");
    }
}
