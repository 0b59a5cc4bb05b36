//! Cutting loses nothing and counts right. The first three bytes pick the signal, where to cut, and the size of pieces.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sluice_pdata::{Limits, Pdata, Room, Signal};

fuzz_target!(|input: &[u8]| {
    let [pick, at, size, body @ ..] = input else { return };
    let signal = Signal::ALL[usize::from(*pick) % 3];
    let Ok((whole, _)) = Pdata::from_wire(signal, Bytes::copy_from_slice(body), &Limits::default()) else {
        return;
    };

    let mut back = whole.clone();
    let mut front = back.split_off_front((*at).into());
    assert_eq!(front.items(), usize::from(*at).min(whole.items()));
    assert_eq!(records(&front) + records(&back), records(&whole));
    check(&front);
    check(&back);
    front.append(back);
    assert_eq!(front.items(), whole.items());
    check(&front);

    let max = usize::from(*size) * 8;
    let pieces = whole.clone().split_by_size(max);
    assert_eq!(pieces.iter().map(Pdata::items).sum::<usize>(), whole.items());
    for piece in &pieces {
        let fits = piece.size() <= max || piece.items() <= 1 || piece.clone().split_by_size(max).len() == 1;
        assert!(fits, "{piece:?} in {max} could be cut");
        check(piece);
    }

    let most = usize::from(*at).max(1);
    let pieces = whole.clone().split_by_items(most);
    assert_eq!(pieces.iter().map(Pdata::items).sum::<usize>(), whole.items());
    assert_eq!(pieces.iter().map(records).sum::<usize>(), records(&whole));
    for piece in &pieces {
        assert!(piece.items() <= most || piece.clone().split_by_items(most).len() == 1);
        check(piece);
    }

    let mut half = whole.clone();
    let mut odd = false;
    half.retain_wire(|_| {
        odd = !odd;
        odd
    });
    assert_eq!(half.items(), whole.items().div_ceil(2));
    check(&half);

    let mut edited = whole.clone();
    edited
        .edit_resources(Room::unlimited(), |resource| {
            resource.upsert("fuzzed", true);
            resource.delete("service.name");
        })
        .unwrap();
    assert_eq!(edited.items(), whole.items());
    check(&edited);
});

/// What was cut is a canonical request with as many items as it says.
fn check(data: &Pdata) {
    let wire = data.wire().concat();
    let (again, repairs) =
        Pdata::from_wire(data.signal(), wire.into(), &Limits::default()).expect("still a request");
    assert!(repairs.is_empty());
    assert_eq!(again.items(), data.items());
    assert_eq!(again.wire().concat(), data.wire().concat(), "still canonical");
}

/// Bytes in records.
fn records(data: &Pdata) -> usize {
    let mut sum = 0;
    data.clone().retain_wire(|record| {
        sum += record.len();
        true
    });
    sum
}
