//! Labels as exposition text, which is also how the pull exporter keeps them: `code="200",method="GET"`.

use std::borrow::Cow;

use memchr::{memchr, memchr3, memmem};

use crate::prometheus::{
    escaping::{Escaping, is_legacy_label_name},
    model::Exemplar,
};

/// Appends one label, and a comma before it if it is not the first. A name that is not a legacy name is quoted.
pub fn push_label(text: &mut String, name: &str, value: &str) {
    if !text.is_empty() {
        text.push(',');
    }
    if is_legacy_label_name(name) {
        text.push_str(name);
    } else {
        push_quoted(text, name);
    }
    text.push('=');
    push_quoted(text, value);
}

/// Appends `value` in quotes: `\`, `"` and line feed are escaped.
pub(super) fn push_quoted(text: &mut String, value: &str) {
    text.push('"');
    let mut rest = value;
    while let Some(at) = memchr3(b'\\', b'"', b'\n', rest.as_bytes()) {
        let (before, after) = rest.split_at_checked(at).unwrap_or((rest, ""));
        text.push_str(before);
        let mut after = after.chars();
        match after.next() {
            Some('\n') => text.push_str("\\n"),
            Some(special) => text.extend(['\\', special]),
            None => {}
        }
        rest = after.as_str();
    }
    text.push_str(rest);
    text.push('"');
}

/// The names and values of a text that [`push_label`] made. Ends early at what it would not have made.
pub fn labels_of(text: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.strip_prefix(',').unwrap_or(rest);
        let name = if rest.starts_with('"') {
            take_quoted(&mut rest)?
        } else {
            let (name, after) = rest.split_at_checked(memchr(b'=', rest.as_bytes())?)?;
            rest = after;
            Cow::Borrowed(name)
        };
        rest = rest.strip_prefix('=')?;
        Some((name, take_quoted(&mut rest)?))
    })
}

/// Takes a quoted text off the front, without its quotes and escapes.
fn take_quoted<'t>(rest: &mut &'t str) -> Option<Cow<'t, str>> {
    let body = rest.strip_prefix('"')?;
    let mut value = Cow::Borrowed("");
    let mut from = body;
    loop {
        let at = memchr::memchr2(b'\\', b'"', from.as_bytes())?;
        let (before, after) = from.split_at_checked(at)?;
        let mut after = after.chars();
        if value.is_empty() {
            value = Cow::Borrowed(before);
        } else {
            value.to_mut().push_str(before);
        }
        if after.next() == Some('"') {
            *rest = after.as_str();
            return Some(value);
        }
        value.to_mut().push(match after.next()? {
            'n' => '\n',
            other => other,
        });
        from = after.as_str();
    }
}

/// Whether `escaping` changes a name in this text.
pub(super) fn needs_escaping(text: &str, escaping: Escaping) -> bool {
    match escaping {
        Escaping::AllowUtf8 => false,
        // A quote that begins a name follows a comma; one inside a value is escaped.
        Escaping::Underscores | Escaping::Values => {
            text.starts_with('"') || memmem::find(text.as_bytes(), b",\"").is_some()
        }
        Escaping::Dots => true,
    }
}

/// The same labels under an escaping scheme; the values of names that become one are joined by `;`.
pub(super) fn escaped(texts: [&str; 2], escaping: Escaping) -> String {
    let mut labels: Vec<(String, Cow<'_, str>)> = Vec::new();
    for (name, value) in texts.into_iter().flat_map(labels_of) {
        let name = escaping.label_name(&name).into_owned();
        match labels.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => {
                let known = known.to_mut();
                known.push(';');
                known.push_str(&value);
            }
            None => labels.push((name, value)),
        }
    }
    let mut text = String::new();
    for (name, value) in &labels {
        push_label(&mut text, name, value);
    }
    text
}

/// Visits the labels of an exemplar under an escaping scheme; of names that become one, the first stays.
pub(super) fn each_exemplar_label(
    exemplar: &Exemplar,
    escaping: Escaping,
    mut visit: impl FnMut(&str, &str),
) {
    let mut seen: Vec<Cow<'_, str>> = Vec::new();
    for (name, value) in exemplar.labels.iter() {
        let name = escaping.label_name(name);
        if !seen.contains(&name) {
            visit(&name, value);
            seen.push(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(labels: &[(&str, &str)]) -> String {
        let mut text = String::new();
        for (name, value) in labels {
            push_label(&mut text, name, value);
        }
        text
    }

    #[test]
    fn i15_values_and_names_are_escaped() {
        let text = text(&[("path", "C:\\x\n\"é\""), ("http.code", "200"), ("a\"b", "")]);
        assert_eq!(text, r#"path="C:\\x\n\"é\"","http.code"="200","a\"b"="""#);
    }

    #[test]
    fn names_that_become_one_are_joined() {
        let labels = text(&[("a.b", "1"), ("c", "2")]);
        let more = text(&[("a_b", "x,\"y")]);
        assert_eq!(escaped([&labels, &more], Escaping::Underscores), r#"a_b="1;x,\"y",c="2""#);
        assert_eq!(escaped([&labels, &more], Escaping::Dots), r#"a_dot_b="1",c="2",a__b="x,\"y""#);
        assert_eq!(escaped([&labels, ""], Escaping::Values), r#"U__a_2e_b="1",c="2""#);
    }

    proptest! {
        #[test]
        fn labels_come_back(labels in prop::collection::vec((".{1,4}", r#"[a",=\\\n]{0,6}"#), 0..5)) {
            let labels: Vec<_> = labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            let text = text(&labels);
            let back: Vec<_> = labels_of(&text).map(|(name, value)| (name.into_owned(), value.into_owned())).collect();
            let wanted: Vec<_> = labels.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
            prop_assert_eq!(back, wanted);
            let legacy = labels.iter().all(|(name, _)| is_legacy_label_name(name));
            prop_assert!(legacy || needs_escaping(&text, Escaping::Underscores), "{}", text);
        }
    }
}
