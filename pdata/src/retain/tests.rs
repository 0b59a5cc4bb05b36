use proptest::collection::vec;
use proptest::prelude::*;

use crate::Signal;
use crate::testing::{as_structs, items, pdata};

proptest! {
    #[test]
    fn exactly_the_items_with_a_true_verdict_stay(
        signal in proptest::sample::select(&Signal::ALL[..]),
        seeds in vec(any::<u64>(), 1..4),
        verdicts in vec(any::<bool>(), 300),
    ) {
        let whole = pdata(signal, &seeds);
        let all = items(signal, &whole.wire());
        let expected: Vec<_> = all.iter().zip(&verdicts).filter(|&(_, &keep)| keep).map(|(item, _)| item.clone()).collect();
        let verdicts = &verdicts[..all.len()];
        let (mut wire, mut structs) = (whole.clone(), as_structs(&whole));
        wire.retain_items(verdicts);
        structs.retain_items(verdicts);
        prop_assert_eq!(wire.items(), expected.len());
        prop_assert_eq!(structs.items(), expected.len());
        prop_assert_eq!(&items(signal, &wire.wire()), &expected);
        prop_assert_eq!(&items(signal, &structs.wire()), &expected);
        for chunk in wire.wire() {
            prop_assert!(!crate::walk::walk(signal, &chunk, 64).unwrap().odd);
        }
    }

    #[test]
    fn retain_wire_shows_every_record_once_in_order(
        signal in proptest::sample::select(&Signal::ALL[..]),
        seeds in vec(any::<u64>(), 1..4),
    ) {
        let whole = pdata(signal, &seeds);
        let mut seen = 0;
        let mut left = whole.clone();
        left.retain_wire(|_| { seen += 1; seen % 3 == 0 });
        prop_assert_eq!(seen, whole.items());
        prop_assert_eq!(left.items(), whole.items() / 3);
        let expected: Vec<_> = items(signal, &whole.wire()).into_iter().skip(2).step_by(3).collect();
        prop_assert_eq!(items(signal, &left.wire()), expected);
    }
}

#[test]
fn nothing_is_copied_when_everything_stays() {
    let whole = pdata(Signal::Traces, &[1, 2, 3]);
    let mut left = whole.clone();
    left.retain_wire(|_| true);
    let same = whole.wire().iter().zip(left.wire()).all(|(a, b)| a.as_ptr() == b.as_ptr());
    assert!(same && whole.wire().len() == left.wire().len());
}
