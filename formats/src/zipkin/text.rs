//! Text that Zipkin gets: values, encoded events and links, names in lower case.

use sluice_pdata::json::write::{push_hex, push_int, push_string};
use sluice_pdata::view::{AnyValueView, Attributes, LinkView};

/// A value as text, in `scratch` unless it is text already.
#[inline]
pub(super) fn text_of<'t, 'v: 't>(value: &AnyValueView<'v>, scratch: &'t mut Vec<u8>) -> &'t [u8] {
    if let AnyValueView::String(text) = value {
        return text.as_bytes();
    }
    scratch.clear();
    value.write_text(scratch);
    scratch
}

/// `name|{attributes}|dropped`.
pub(super) fn put_encoded(out: &mut Vec<u8>, name: &[u8], attributes: Attributes<'_>, dropped: u32) {
    out.extend_from_slice(name);
    out.extend_from_slice(b"|{");
    for (index, attribute) in attributes.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        push_string(out, attribute.key.as_bytes());
        out.push(b':');
        attribute.value.write_json(out);
    }
    out.extend_from_slice(b"}|");
    push_int(out, dropped);
}

/// `trace id|span id|tracestate|{attributes}|dropped`.
pub(super) fn put_link(out: &mut Vec<u8>, link: &LinkView<'_>) {
    push_hex(out, link.trace_id);
    out.push(b'|');
    push_hex(out, link.span_id);
    out.push(b'|');
    put_encoded(out, link.trace_state.as_bytes(), link.attributes, link.dropped_attributes_count);
}

/// `text` in lower case, letter by letter, in `scratch`.
pub(super) fn lowered<'t>(text: &[u8], scratch: &'t mut Vec<u8>) -> &'t [u8] {
    scratch.clear();
    if text.is_ascii() {
        // Without a branch per byte: cheaper than to look first whether there is anything to do.
        scratch.extend_from_slice(text);
        scratch.make_ascii_lowercase();
        return scratch;
    }
    for chunk in text.utf8_chunks() {
        for letter in chunk.valid().chars().flat_map(char::to_lowercase) {
            scratch.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    scratch
}
