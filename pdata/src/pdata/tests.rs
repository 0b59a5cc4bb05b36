use super::*;
use crate::otlp::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use crate::testing::{admit, as_structs, items, pdata, request};

/// Seeds whose requests have several items.
const SEEDS: [u64; 2] = [1, 3];

fn logs(records: usize) -> ExportLogsServiceRequest {
    let log_records = vec![LogRecord::default(); records];
    let scope_logs = vec![ScopeLogs { log_records, ..Default::default() }];
    ExportLogsServiceRequest { resource_logs: vec![ResourceLogs { scope_logs, ..Default::default() }] }
}

#[test]
fn structs_are_encoded_once_for_all_clones() {
    let data = Pdata::from_logs(logs(3));
    let clone = data.clone();
    assert_eq!(data.wire()[0].as_ptr(), clone.wire()[0].as_ptr());
    assert_eq!((data.items(), data.size()), (3, data.wire()[0].len()));
}

#[test]
fn an_edit_forgets_what_was_computed_and_spares_the_clones() {
    let mut data = Pdata::from_logs(logs(3));
    let (clone, before) = (data.clone(), data.wire());
    data.logs_mut().resource_logs.extend(logs(2).resource_logs);
    assert_eq!((data.items(), clone.items()), (5, 3));
    assert!(data.size() > clone.size());
    assert_ne!(data.wire(), before);
    assert_eq!(clone.wire(), before);
}

#[test]
fn decoding_an_unshared_batch_keeps_all_its_chunks_in_order() {
    for signal in Signal::ALL {
        let wire = pdata(signal, &SEEDS);
        let structs = as_structs(&wire);
        assert_eq!(items(signal, &structs.wire()), items(signal, &wire.wire()));
        assert_eq!((structs.items(), structs.size()), (wire.items(), wire.size()));
    }
}

#[test]
fn bytes_and_structs_can_be_joined_in_any_order() {
    for signal in Signal::ALL {
        let (a, b) = (pdata(signal, &SEEDS[..1]), pdata(signal, &SEEDS[1..]));
        let expected = items(signal, &pdata(signal, &SEEDS).wire());
        for (mut first, second) in [
            (a.clone(), b.clone()),
            (as_structs(&a), b.clone()),
            (a.clone(), as_structs(&b)),
            (as_structs(&a), as_structs(&b)),
        ] {
            first.append(second);
            assert_eq!(items(signal, &first.wire()), expected);
            assert_eq!(first.items(), expected.len());
        }
    }
}

#[test]
#[should_panic(expected = "different signals")]
fn different_signals_cannot_be_joined() {
    pdata(Signal::Logs, &[]).append(pdata(Signal::Traces, &[]));
}

#[test]
fn chunks_are_whole_requests() {
    let batch = pdata(Signal::Logs, &[1, 2, 3]);
    for chunk in batch.wire() {
        admit(Signal::Logs, chunk);
    }
    assert_eq!(batch.size(), batch.wire().iter().map(Bytes::len).sum::<usize>());
}

#[test]
fn small_pieces_can_let_go_of_the_buffer_they_are_cut_from() {
    let small = Pdata::from_logs(logs(1)).wire().concat();
    let large = Pdata::from_logs(logs(100)).wire().concat();
    let buffer = Bytes::from([small.clone(), large.clone()].concat());
    let admit = |bytes| Pdata::from_wire(Signal::Logs, bytes, &Limits::default()).unwrap().0;
    let mut data = admit(buffer.slice(..small.len()));
    data.append(admit(buffer.slice(small.len()..)));
    data.copy_pieces_below(small.len() + 1);
    let wire = data.wire();
    assert_eq!(wire.concat(), buffer);
    assert_ne!(wire[0].as_ptr(), buffer.as_ptr());
    assert_eq!(wire[1].as_ptr(), buffer[small.len()..].as_ptr());
}

#[test]
fn a_guard_lives_until_the_last_piece_is_gone() {
    let guard: Guard = Arc::new("permit");
    let alive = || Arc::strong_count(&guard) > 1;
    let mut data = pdata(Signal::Traces, &SEEDS);
    data.hold(guard.clone());
    let clone = data.clone();
    let front = data.split_off_front(1);
    let pieces = clone.split_by_size(100);
    let mut joined = pdata(Signal::Traces, &[]);
    drop(data);
    drop(pieces);
    joined.append(front);
    assert!(alive(), "moved along by append");
    drop(joined);
    assert!(!alive());
}

#[test]
fn debug_is_short() {
    let data = admit(Signal::Logs, request(Signal::Logs, 1));
    assert!(format!("{data:?}").len() < 80, "{data:?}");
    assert_eq!(format!("{:?}", Pdata::from_logs(logs(2))), "Pdata(2 log records, structs)");
}
