//! How problems are printed: as text with the source line and carets, or as JSON.

use std::fmt::{self, Write as _};
use std::ops::Range;

use serde::Serialize;

use super::{Problem, Problems, Severity};
use crate::secret::REDACTED;
use crate::source::Span;

/// Characters of a source line that are shown; longer lines are cut around the place.
const SHOWN: usize = 140;
/// Bytes on either side of a place that are looked at for that.
const WINDOW: usize = 600;
/// Problems that are printed as text; the rest is told by its number.
pub(super) const PRINTED: usize = 500;

impl fmt::Display for Problems {
    /// Every problem in file order, as [`Problems::to_text`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.to_text().trim_end())
    }
}

impl Problems {
    /// Every problem in file order, each as an error line, its place, the source line with carets, and what to do.
    ///
    /// Control characters of what the user wrote are escaped; secrets are replaced. The total is for the caller to print.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        let all = self.in_order();
        for problem in all.iter().take(PRINTED) {
            // Writing to a String cannot fail.
            let _ok = self.write_text(&mut out, problem);
        }
        if let Some(more) = all.len().checked_sub(PRINTED).filter(|more| *more > 0) {
            let _ok = writeln!(out, "and {more} more, which are not printed");
        }
        out
    }

    fn write_text(&self, out: &mut String, problem: &Problem) -> fmt::Result {
        let word = match problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        writeln!(out, "{word}: {problem}")?;
        let mut width = 2;
        let mut help = problem.help.as_deref();
        if let Some(span) = &problem.span {
            let number = span.line().to_string();
            width = width.max(number.len());
            writeln!(out, "{:width$}--> {}", "", escape(&span.to_string()))?;
            if let Some((line, before, carets)) = self.excerpt(span) {
                writeln!(out, "{:width$} |", "")?;
                writeln!(out, "{number:>width$} | {line}")?;
                write!(out, "{:width$} | {:before$}{}", "", "", "^".repeat(carets))?;
                match help.take() {
                    Some(help) => writeln!(out, " {}", escape(help))?,
                    None => writeln!(out)?,
                }
            }
        }
        for note in help.into_iter().chain(problem.notes.iter().map(String::as_str)) {
            writeln!(out, "{:width$}= {}", "", escape(note))?;
        }
        Ok(())
    }

    /// The source line of a place made safe to print, the width before the carets, and their number.
    fn excerpt(&self, span: &Span) -> Option<(String, usize, usize)> {
        let (start, line) = span.source().line(span.line())?;
        if line.trim().is_empty() {
            return None;
        }
        let place = span.bytes();
        // Only what is near the place: a line may be the whole of a file.
        let at = place.start.saturating_sub(start).min(line.len());
        let from = boundary(line, at.saturating_sub(WINDOW));
        let to = boundary(line, at + WINDOW);
        let near = line.get(from..to)?;
        let hidden = self.hidden(span, start, line, from.saturating_sub(WINDOW)..to);
        let (mut shown, mut before, mut carets) = (String::new(), 0, 0);
        let mut in_secret = false;
        for (at, c) in near.char_indices() {
            let at = start + from + at;
            let secret = hidden.iter().any(|range| range.contains(&at));
            let piece = match (secret, in_secret) {
                (true, false) => REDACTED.to_owned(),
                (true, true) => String::new(),
                (false, _) if c == '\t' => " ".to_owned(),
                (false, _) => escape(c.encode_utf8(&mut [0; 4])),
            };
            in_secret = secret;
            let wide = piece.chars().count();
            if at < place.start {
                before += wide;
            } else if at < place.end {
                carets += wide;
            }
            shown.push_str(&piece);
        }
        let (shown, before) = cut(&shown, before, from > 0, to < line.len());
        let room = (shown.chars().count().saturating_sub(before)).max(1);
        Some((shown, before, carets.clamp(1, room)))
    }

    /// Bytes of the source that lie on this line and must not be shown. Keys are looked for in `near`, and first.
    fn hidden(&self, span: &Span, start: usize, line: &str, near: Range<usize>) -> Vec<Range<usize>> {
        if span.source().name().starts_with("--set") && is_sensitive(span.source().name()) {
            return std::iter::once(0..usize::MAX).collect();
        }
        let window = start + near.start..start + near.end;
        let shown = |range: &Range<usize>| range.start < window.end && window.start < range.end;
        let decoded = self.secrets.iter().filter(|s| s.same_source(span)).map(Span::bytes).filter(shown);
        // A problem may keep a secret from ever being decoded as one: go by the names of keys as well.
        let named = secrets_by_name(line, near).map(|range| start + range.start..start + range.end);
        decoded.chain(named).collect()
    }

    /// A JSON array in file order of objects with `severity`, `path`, `message`, and where known `file`, `line`,
    /// `column`, `help`, `notes`.
    pub fn to_json(&self) -> String {
        let list: Vec<Json<'_>> = self.in_order().into_iter().map(Json::of).collect();
        serde_json::to_string_pretty(&list).unwrap_or_else(|_| "[]".to_owned())
    }
}

#[derive(Serialize)]
struct Json<'a> {
    severity: &'static str,
    path: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    notes: &'a [String],
}

impl<'a> Json<'a> {
    fn of(problem: &'a Problem) -> Self {
        let span = problem.span.as_ref();
        Self {
            severity: match problem.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            path: &problem.path,
            message: &problem.message,
            file: span.map(|s| s.source().name()),
            line: span.map(Span::line),
            column: span.map(Span::column),
            help: problem.help.as_deref(),
            notes: &problem.notes,
        }
    }
}

/// The last character boundary at or before `at`.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// Values in a line whose keys sound like those of secrets.
fn secrets_by_name(line: &str, near: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let is_end = |at: &usize| matches!(line.as_bytes().get(*at), Some(b':' | b'='));
    let first = line.find([':', '=']).filter(|at| *at < near.start);
    first.into_iter().chain(near.filter(is_end)).filter_map(|at| {
        let before = line.get(boundary(line, at.saturating_sub(64))..at)?;
        before.rsplit([' ', ',', '{', '[']).next().filter(|key| is_sensitive(key))?;
        let rest = line.get(at + 1..)?;
        let value = rest.trim_start();
        let begin = line.len() - value.len();
        let in_flow = line.get(..at)?.contains('{');
        let end = match value.chars().next()? {
            quote @ ('"' | '\'') => value.get(1..)?.find(quote).map_or(line.len(), |len| begin + len + 2),
            _ if in_flow => value.find([',', '}']).map_or(line.len(), |len| begin + len),
            _ => line.len(),
        };
        let text = line.get(begin..end)?.trim().trim_matches(['"', '\'']);
        (!is_reference(text)).then_some(begin..end)
    })
}

/// Cuts a long line to the stretch around the place. `more_before` and `more_after` say that it already is cut.
fn cut(line: &str, before: usize, more_before: bool, more_after: bool) -> (String, usize) {
    let long = line.chars().count() > SHOWN;
    let skip = if long { before.saturating_sub(SHOWN / 2) } else { 0 };
    let lead = if skip > 0 || more_before { "..." } else { "" };
    let tail = if skip + SHOWN < line.chars().count() || more_after { "..." } else { "" };
    let shown: String = line.chars().skip(skip).take(SHOWN).collect();
    (format!("{lead}{shown}{tail}"), before - skip + lead.len())
}

/// Writes control and other invisible characters as `\u{1b}`, so that a terminal cannot be driven by a config.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let invisible = c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            _ if invisible => out.extend(c.escape_unicode()),
            _ => out.push(c),
        }
    }
    out
}

/// Whether a text is one `${...}` without a default, and so gives nothing away.
pub(crate) fn is_reference(text: &str) -> bool {
    let inside = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    inside.is_some_and(|inside| !inside.contains('}') && !inside.contains(":-"))
}

/// Whether a key's name says that its value is a secret.
pub(crate) fn is_sensitive(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["password", "passwd", "secret", "token", "authorization", "credential", "api_key", "api-key", "apikey"]
        .iter()
        .any(|word| key.contains(word))
}
