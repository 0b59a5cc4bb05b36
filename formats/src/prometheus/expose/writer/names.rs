//! The names of a family's samples, quoted where they need it.

use super::numbers::{Style, put_bound};
use crate::prometheus::{escaping::is_legacy_metric_name, expose::label_text::push_quoted};

/// How the line of a sample begins, up to its labels.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Of the family, as `# TYPE` has it.
    pub(super) family: String,
    /// `name{`, or `{"name"` if it is quoted.
    pub(super) plain: Start,
    pub(super) bucket: Start,
    pub(super) sum: Start,
    pub(super) count: Start,
}

/// The last label of some samples: `le` or `quantile`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bound<'a> {
    pub(super) name: &'a str,
    pub(super) value: f64,
    pub(super) style: Style,
}

/// The begin of a line.
#[derive(Debug, Default)]
pub(super) struct Start {
    text: String,
    /// The name stands inside the braces.
    quoted: bool,
}

impl Names {
    /// Of a family: `family` is its name, its samples are called `sample` and `family` with a suffix.
    pub(super) fn set(&mut self, family: &str, sample: &str, suffixes: bool) {
        self.family.clear();
        push_name(&mut self.family, family);
        self.plain.set(sample, "");
        if suffixes {
            self.bucket.set(family, "_bucket");
            self.sum.set(family, "_sum");
            self.count.set(family, "_count");
        }
    }
}

impl Start {
    fn set(&mut self, name: &str, suffix: &str) {
        self.text.clear();
        self.quoted = !is_legacy_metric_name(name);
        if self.quoted {
            self.text.push('{');
            push_quoted(&mut self.text, &format!("{name}{suffix}"));
        } else {
            self.text.push_str(name);
            self.text.push_str(suffix);
        }
    }

    /// Appends the name, the labels and a blank.
    #[inline]
    pub(super) fn put(&self, out: &mut Vec<u8>, labels: [&str; 2], last: Option<Bound<'_>>) {
        out.extend_from_slice(self.text.as_bytes());
        let mut open = self.quoted;
        let mut separate = |out: &mut Vec<u8>| {
            out.push(if open { b',' } else { b'{' });
            open = true;
        };
        for part in labels.into_iter().filter(|part| !part.is_empty()) {
            separate(out);
            out.extend_from_slice(part.as_bytes());
        }
        if let Some(Bound { name, value, style }) = last {
            separate(out);
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b"=\"");
            put_bound(out, value, style);
            out.push(b'"');
        }
        if open {
            out.push(b'}');
        }
        out.push(b' ');
    }
}

fn push_name(text: &mut String, name: &str) {
    if is_legacy_metric_name(name) {
        text.push_str(name);
    } else {
        push_quoted(text, name);
    }
}
