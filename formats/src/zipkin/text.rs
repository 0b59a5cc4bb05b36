//! Text that Zipkin gets: values, encoded events and links, names in lower case.

use sluice_pdata::json::write::{push_hex, push_int, push_string};
use sluice_pdata::view::{AnyValueView, Attributes, EventView, LinkView, TextWriter};

/// Where one text after the other is put together. Each is there until the next.
#[derive(Debug, Default)]
pub(super) struct Scratch<'a> {
    text: Vec<u8>,
    values: TextWriter<'a>,
}

impl<'a> Scratch<'a> {
    /// A value as text; one that is text already stays where it is.
    #[inline]
    pub(super) fn value<'t>(&'t mut self, value: &AnyValueView<'a>) -> &'t [u8]
    where
        'a: 't,
    {
        if let AnyValueView::String(text) = value {
            return text.as_bytes();
        }
        self.text.clear();
        self.values.text(value, &mut self.text);
        &self.text
    }

    /// `name|{attributes}|dropped`.
    pub(super) fn event(&mut self, event: &EventView<'a>) -> &[u8] {
        self.text.clear();
        self.put_encoded(event.name.as_bytes(), event.attributes, event.dropped_attributes_count);
        &self.text
    }

    /// `trace id|span id|tracestate|{attributes}|dropped`.
    pub(super) fn link(&mut self, link: &LinkView<'a>) -> &[u8] {
        self.text.clear();
        for id in [link.trace_id, link.span_id] {
            push_hex(&mut self.text, id);
            self.text.push(b'|');
        }
        self.put_encoded(link.trace_state.as_bytes(), link.attributes, link.dropped_attributes_count);
        &self.text
    }

    fn put_encoded(&mut self, head: &[u8], attributes: Attributes<'a>, dropped: u32) {
        let Self { text, values } = self;
        text.extend_from_slice(head);
        text.extend_from_slice(b"|{");
        for (index, attribute) in attributes.iter().enumerate() {
            if index > 0 {
                text.push(b',');
            }
            push_string(text, attribute.key.as_bytes());
            text.push(b':');
            values.json(&attribute.value, text);
        }
        text.extend_from_slice(b"}|");
        push_int(text, dropped);
    }

    /// `text` in lower case, letter by letter.
    pub(super) fn lowered(&mut self, text: &[u8]) -> &[u8] {
        let out = &mut self.text;
        out.clear();
        if text.is_ascii() {
            // Without a branch per byte: cheaper than to look first whether there is anything to do.
            out.extend_from_slice(text);
            out.make_ascii_lowercase();
            return out;
        }
        for chunk in text.utf8_chunks() {
            for letter in chunk.valid().chars().flat_map(char::to_lowercase) {
                out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        out
    }
}
