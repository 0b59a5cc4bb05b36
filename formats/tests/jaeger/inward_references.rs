//! §Parent and links. The span is number 3 of trace 1.

use sluice_formats::jaeger::api_v2::{Span, SpanRef};
use sluice_pdata::otlp::trace::v1 as otlp;

use crate::support::{
    batch, child_of, decode_span, follows_from, from_thrift, only_span, rows, span, span_id, text, trace_id,
};

fn check(span: otlp::Span, parent: Option<u8>, links: &[(u8, u8, &str)]) {
    assert_eq!(span.parent_span_id, parent.map(span_id).unwrap_or_default());
    let expected: Vec<_> = links
        .iter()
        .map(|(trace, id, kind)| otlp::span::Link {
            trace_id: trace_id(*trace),
            span_id: span_id(*id),
            attributes: vec![text("opentracing.ref_type", kind)],
            ..Default::default()
        })
        .collect();
    assert_eq!(span.links, expected);
}

fn references(references: &[SpanRef], parent: Option<u8>, links: &[(u8, u8, &str)]) {
    check(decode_span(Span { references: references.to_vec(), ..span() }), parent, links);
}

rows! { references {
    none: &[], None, &[];
    child_of_in_the_same_trace_is_the_parent: &[child_of(1, 2)], Some(2), &[];
    first_child_of_wins_and_the_second_is_a_link: &[child_of(1, 2), child_of(1, 4)], Some(2), &[(1, 4, "child_of")];
    child_of_wins_over_an_earlier_follows_from: &[follows_from(1, 4), child_of(1, 2)], Some(2), &[(1, 4, "follows_from")];
    follows_from_alone_is_the_parent_and_a_link: &[follows_from(1, 2)], Some(2), &[(1, 2, "follows_from")];
    child_of_another_trace_is_a_link: &[child_of(9, 2)], None, &[(9, 2, "child_of")];
    follows_from_another_trace_is_a_link: &[follows_from(9, 2)], None, &[(9, 2, "follows_from")];
    child_of_another_trace_with_the_parents_id_is_no_link: &[child_of(1, 2), child_of(9, 2)], Some(2), &[];
    follows_from_the_parent_is_a_link_too: &[child_of(1, 2), follows_from(1, 2)], Some(2), &[(1, 2, "follows_from")];
} }

fn with_parent(references: &[SpanRef], parent: Option<u8>, links: &[(u8, u8, &str)]) {
    let batch = batch(vec![Span { references: references.to_vec(), ..span() }]);
    let number = i64::from_be_bytes(span_id(5).try_into().expect("8 bytes"));
    check(only_span(from_thrift(&batch, number)), parent, links);
}

rows! { with_parent {
    thrift_parent_span_id_without_references: &[], Some(5), &[];
    thrift_parent_span_id_beats_references: &[child_of(1, 2)], Some(5), &[(1, 2, "child_of")];
    thrift_parent_span_id_with_its_reference: &[child_of(1, 5)], Some(5), &[];
} }
