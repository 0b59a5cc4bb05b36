use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Deserialize;
use sluice_pdata::otlp::metrics::v1::exponential_histogram_data_point::Buckets;
use sluice_pdata::view::{BucketsView, View};

use super::*;

/// Counts by bucket, without the empty ones.
fn expand(spans: impl IntoIterator<Item = (i32, u32)>, deltas: &[i64]) -> BTreeMap<i64, i64> {
    let (mut all, mut index, mut count, mut deltas) = (BTreeMap::new(), 0_i64, 0, deltas.iter());
    for (offset, length) in spans {
        index += i64::from(offset);
        for _ in 0..length {
            count += deltas.next().unwrap();
            if count != 0 {
                all.insert(index, count);
            }
            index += 1;
        }
    }
    assert_eq!(deltas.next(), None);
    all
}

fn sparse(offset: i32, counts: &[u64], merge: u32) -> (Vec<(i32, u32)>, Vec<i64>, Option<u64>) {
    let buckets = Buckets { offset, bucket_counts: counts.to_vec() };
    let (mut spans, mut deltas) = (Vec::new(), Vec::new());
    let sum = exponential(&BucketsView::from_struct(&buckets), merge, &mut spans, &mut deltas);
    (spans.iter().map(|span: &Span| (span.offset, span.length)).collect(), deltas, sum)
}

#[derive(Deserialize)]
struct Case {
    case: String,
    otlp_offset: i32,
    counts: Vec<u64>,
    scale_down: u32,
    want_spans: Vec<(i32, u32)>,
    want_deltas: Vec<i64>,
}

#[test]
fn buckets_are_laid_out_as_in_prometheus_s_own_table() {
    let table = include_str!("../../../../testdata/prometheus/native_bucket_layouts.json");
    let cases: Vec<Case> = serde_json::from_str(table).unwrap();
    assert!(cases.len() > 9);
    for case in cases {
        let (spans, deltas, sum) = sparse(case.otlp_offset, &case.counts, case.scale_down);
        let want = expand(case.want_spans, &case.want_deltas);
        assert_eq!(expand(spans, &deltas), want, "{} {}", case.case, case.scale_down);
        assert_eq!(sum, Some(case.counts.iter().sum()));
    }
}

#[test]
fn a_short_gap_is_filled_and_a_long_one_ends_the_span() {
    let far = [vec![4, 2, 0, 2], vec![0; 12], vec![1]].concat();
    assert_eq!(sparse(4, &far, 0).0, [(5, 4), (12, 1)]);
    assert_eq!(sparse(-2, &[3, 1, 0, 0, 0, 1], 0).0, [(-1, 2), (3, 1)]);
    assert_eq!(sparse(-2, &[3, 0, 0, 1], 0), (vec![(-1, 4)], vec![3, -3, 0, 1], Some(4)));
    assert_eq!(sparse(0, &[], 0), (vec![], vec![], Some(0)));
    assert_eq!(sparse(0, &[0, 0, 0, 5, 0], 0), (vec![(4, 1)], vec![5], Some(5)));
}

/// Where Prometheus goes wrong: after a merged bucket that is empty.
#[test]
fn merged_buckets_are_the_sums_of_what_they_cover() {
    assert_eq!(sparse(0, &[0, 0, 3, 4], 1), (vec![(2, 1)], vec![7], Some(7)));
}

#[test]
fn what_prometheus_cannot_hold_is_told() {
    assert_eq!(sparse(0, &[u64::MAX], 0).2, None);
    assert_eq!(sparse(0, &[u64::MAX / 2, u64::MAX / 2, 2], 0).2, None);
    assert_eq!(sparse(i32::MAX, &[1], 0).2, None);
    assert_eq!(sparse(i32::MAX, &[1], 1).2, Some(1));
}

#[test]
fn scales_become_schemas() {
    let rows = [
        (8, Some((8, 0))),
        (9, Some((8, 1))),
        (20, Some((8, 12))),
        (0, Some((0, 0))),
        (-4, Some((-4, 0))),
        (-5, None),
        (i32::MAX, Some((8, i32::MAX.cast_unsigned() - 8))),
        (i32::MIN, None),
    ];
    for (scale, want) in rows {
        assert_eq!(schema(scale), want, "{scale}");
    }
    assert_eq!(sparse(-3, &[1, 2], u32::MAX), (vec![(0, 1)], vec![3], Some(3)));
}

proptest! {
    #[test]
    fn every_count_is_in_the_bucket_of_its_shifted_index(
        offset in -40..40_i32,
        counts in prop::collection::vec(prop_oneof![3 => Just(0_u64), 1 => 0..9_u64], 0..40),
        merge in 0..6_u32,
    ) {
        let mut want = BTreeMap::new();
        for (index, &count) in (i64::from(offset)..).zip(&counts) {
            if count > 0 {
                *want.entry((index >> merge) + 1).or_insert(0) += count.cast_signed();
            }
        }
        let (spans, deltas, sum) = sparse(offset, &counts, merge);
        prop_assert_eq!(expand(spans, &deltas), want);
        prop_assert_eq!(sum, Some(counts.iter().sum()));
    }
}
