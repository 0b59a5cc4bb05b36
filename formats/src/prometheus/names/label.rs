//! Labels: attribute keys in the characters that Prometheus 2 allowed.

use std::borrow::Cow;

use super::LabelOptions;

/// The key with everything but letters, digits and underscores replaced.
pub(super) fn escaped(key: &str, options: LabelOptions) -> Cow<'_, str> {
    if is_label(key, options) {
        return Cow::Borrowed(key);
    }
    let mut out = String::with_capacity(key.len() + 4);
    if key.starts_with(|c: char| c.is_ascii_digit()) {
        out.push_str("key_");
    }
    // `__name__` and its like keep what marks them as reserved.
    let inner = match key.strip_prefix("__").and_then(|rest| rest.strip_suffix("__")) {
        Some(inner) if !options.keep_underscores => inner,
        _ => "",
    };
    if inner.is_empty() {
        put_collapsed(&mut out, key, options);
    } else {
        out.push_str("__");
        put_collapsed(&mut out, inner.trim_matches('_'), options);
        out.push_str("__");
    }
    if options.underscore_gets_key && out.starts_with('_') && !out.starts_with("__") {
        out.insert_str(0, "key");
    }
    Cow::Owned(out)
}

fn put_collapsed(out: &mut String, text: &str, options: LabelOptions) {
    let mut after_underscore = false;
    for c in text.chars() {
        let c = if c.is_ascii_alphanumeric() { c } else { '_' };
        if c != '_' || options.keep_underscores || !after_underscore {
            out.push(c);
        }
        after_underscore = c == '_';
    }
}

/// Whether the key is a label as it stands.
fn is_label(key: &str, options: LabelOptions) -> bool {
    let mut before = b'a';
    let collapsed = key.bytes().all(|byte| {
        let allowed =
            byte.is_ascii_alphanumeric() || byte == b'_' && (before != b'_' || options.keep_underscores);
        before = byte;
        allowed
    });
    let needs_key = |first: u8| first.is_ascii_digit() || first == b'_' && options.underscore_gets_key;
    collapsed && !key.bytes().next().is_some_and(needs_key)
}
