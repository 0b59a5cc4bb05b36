use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::otlp::ExportTraceServiceRequest;
use crate::otlp::trace::v1::{ResourceSpans, ScopeSpans, Span};
use crate::testing::{as_structs, items, pdata};
use crate::{Pdata, otlp::Message};

fn signal() -> impl Strategy<Value = Signal> {
    proptest::sample::select(&Signal::ALL[..])
}

proptest! {
    #[test]
    fn counts_equal_those_of_the_structs(signal in signal(), seeds in vec(any::<u64>(), 0..4)) {
        let data = pdata(signal, &seeds);
        prop_assert_eq!(data.items(), as_structs(&data).items());
        prop_assert_eq!(data.size(), as_structs(&data).size());
        prop_assert_eq!(data.items(), items(signal, &data.wire()).len());
    }

    #[test]
    fn split_and_append_is_identity(signal in signal(), seeds in vec(any::<u64>(), 1..4), at in 0usize..60) {
        let whole = pdata(signal, &seeds);
        let mut back = whole.clone();
        let mut front = back.split_off_front(at);
        prop_assert_eq!(front.items(), at.min(whole.items()));
        prop_assert_eq!(front.items() + back.items(), whole.items());
        for side in [&front, &back] {
            prop_assert_eq!(as_structs(side).items(), side.items(), "stored counts are true");
        }
        front.append(back);
        prop_assert_eq!(items(signal, &front.wire()), items(signal, &whole.wire()));
    }

    #[test]
    fn structs_are_split_like_bytes(signal in signal(), seed: u64, at in 0usize..20) {
        let mut wire = pdata(signal, &[seed]);
        let mut structs = as_structs(&wire);
        prop_assert_eq!(
            items(signal, &wire.split_off_front(at).wire()),
            items(signal, &structs.split_off_front(at).wire())
        );
        prop_assert_eq!(items(signal, &wire.wire()), items(signal, &structs.wire()));
    }

    #[test]
    fn pieces_by_size_fit_and_hold_everything(
        signal in signal(), seeds in vec(any::<u64>(), 1..4), max in 1usize..3000,
    ) {
        let whole = pdata(signal, &seeds);
        let pieces = whole.clone().split_by_size(max);
        let mut all = Vec::new();
        for piece in &pieces {
            let fits = piece.size() <= max || piece.items() <= 1 || piece.clone().split_by_size(max).len() == 1;
            prop_assert!(fits, "{piece:?} in {max} could be cut");
            let own = items(signal, &piece.wire());
            prop_assert_eq!(own.len(), piece.items());
            all.extend(own);
        }
        prop_assert_eq!(all, items(signal, &whole.wire()));
        // Headers at most treble the data; keys and lengths are not bounded by the size of a piece.
        let bound = 4 * whole.size() + 24 * whole.items();
        prop_assert!(pieces.iter().map(Pdata::size).sum::<usize>() <= bound);
    }

    #[test]
    fn canonical_form_survives_cutting(signal in signal(), seed: u64, at in 1usize..20, max in 1usize..2000) {
        let mut back = pdata(signal, &[seed]);
        let front = back.split_off_front(at);
        for piece in front.split_by_size(max).into_iter().chain([back]) {
            for chunk in piece.wire() {
                prop_assert!(!crate::walk::walk(signal, &chunk, 64).unwrap().odd);
            }
        }
    }
}

fn spans(resources: usize, spans: usize, name: &str) -> Pdata {
    let span = Span { name: name.into(), ..Default::default() };
    let scope = ScopeSpans { spans: vec![span; spans], schema_url: "scope".into(), ..Default::default() };
    let resource =
        ResourceSpans { scope_spans: vec![scope], schema_url: "resource".into(), ..Default::default() };
    let request = ExportTraceServiceRequest { resource_spans: vec![resource; resources] };
    crate::testing::admit(Signal::Traces, request.encode_to_vec().into())
}

#[test]
fn whole_resources_are_shared_not_copied() {
    let mut back = spans(10, 10, "a");
    let bytes = back.wire()[0].clone();
    let front = back.split_off_front(45);
    let inside = |chunk: &Bytes| bytes.as_ptr_range().contains(&chunk.as_ptr());
    assert_eq!(front.wire().iter().map(inside).collect::<Vec<_>>(), [true, false]);
    assert_eq!(back.wire().iter().map(inside).collect::<Vec<_>>(), [false, true]);
}

proptest! {
    #[test]
    fn pieces_by_items_fit_and_hold_everything(
        signal in signal(), seeds in vec(any::<u64>(), 1..4), max in 1usize..40,
    ) {
        let whole = pdata(signal, &seeds);
        let pieces = whole.clone().split_by_items(max);
        let mut all = Vec::new();
        for piece in &pieces {
            let own = items(signal, &piece.wire());
            prop_assert_eq!(own.len(), piece.items());
            prop_assert!(own.len() <= max);
            all.extend(own);
        }
        prop_assert_eq!(all, items(signal, &whole.wire()));
        let fewest = whole.items().div_ceil(max).max(1);
        prop_assert_eq!(pieces.len(), fewest, "each is filled");
    }
}

#[test]
fn a_cut_between_resources_copies_nothing() {
    let mut back = spans(10, 10, "a");
    let bytes = back.wire()[0].clone();
    let front = back.split_off_front(40);
    assert_eq!((front.wire().len(), back.wire().len()), (1, 1));
    assert_eq!(front.wire()[0].as_ptr(), bytes.as_ptr());
    assert_eq!(back.wire()[0].as_ptr_range().end, bytes.as_ptr_range().end);
}

#[test]
fn pieces_are_filled() {
    let data = spans(1, 1000, &"x".repeat(100));
    let (size, max) = (data.size(), data.size() / 4);
    let pieces = data.split_by_size(max);
    assert_eq!(pieces.len(), 5, "headers are repeated, so four do not suffice");
    assert!(pieces.iter().take(4).all(|piece| piece.size() > max - 150));
    assert!(pieces.iter().map(Pdata::size).sum::<usize>() < size + 5 * 40);
}

#[test]
fn an_item_that_is_too_large_is_alone_and_its_neighbours_fit() {
    let mut data = spans(1, 3, "small");
    data.append(spans(1, 1, &"large".repeat(100)));
    data.append(spans(1, 3, "small"));
    let pieces = data.split_by_size(100);
    let sizes: Vec<_> = pieces.iter().map(|piece| (piece.items(), piece.size() <= 100)).collect();
    assert_eq!(sizes, [(3, true), (1, false), (3, true)]);
}

#[test]
fn a_resource_with_a_huge_header_is_not_copied_into_each_piece() {
    let schema_url = "h".repeat(100_000);
    for cut in [600, 50_000, 150_000] {
        let scope = ScopeSpans { spans: vec![Span::default(); 30_000], ..Default::default() };
        let resource =
            ResourceSpans { scope_spans: vec![scope], schema_url: schema_url.clone(), ..Default::default() };
        let request = ExportTraceServiceRequest { resource_spans: vec![resource] };
        let mut data = crate::testing::admit(Signal::Traces, request.encode_to_vec().into());
        data.append(spans(2, 100, "neighbour"));
        let pieces = data.clone().split_by_size(cut);
        let own = pieces.iter().find(|piece| piece.items() == 30_000).expect("is whole in one piece");
        assert!(own.size() > 100_000 && own.clone().split_by_size(cut).len() == 1, "in {cut}");
        assert_eq!(pieces.iter().map(Pdata::items).sum::<usize>(), 30_200);
        assert!(pieces.iter().map(Pdata::size).sum::<usize>() < data.size() * 2, "in {cut}");
    }
}

#[test]
fn cutting_by_items_repeats_no_huge_header_either() {
    let mut data = spans(1, 1000, "x");
    data.traces_mut().resource_spans[0].schema_url = "h".repeat(100_000);
    data.append(spans(2, 30, "neighbour"));
    let pieces = data.clone().split_by_items(10);
    assert_eq!(pieces.iter().map(Pdata::items).collect::<Vec<_>>(), [1000, 10, 10, 10, 10, 10, 10]);
    assert!(pieces.iter().map(Pdata::size).sum::<usize>() < data.size() + 1000);
    let halves = data.split_by_items(500);
    assert_eq!(halves.iter().map(Pdata::items).collect::<Vec<_>>(), [500, 500, 60], "twice is worth it");
}

#[test]
fn a_header_of_up_to_half_a_piece_is_repeated() {
    let pieces = spans(1, 100, &"x".repeat(20)).split_by_size(64);
    assert!(pieces.iter().all(|piece| piece.size() <= 64), "{pieces:?}");
}

#[test]
fn empty_envelopes_are_kept() {
    let data = spans(3, 0, "");
    assert!(data.is_empty());
    assert_eq!(data.clone().split_off_front(5).size(), data.size());
    assert_eq!(data.clone().split_by_size(10).iter().map(Pdata::size).sum::<usize>(), data.size());
}
