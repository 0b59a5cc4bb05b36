//! What passes the door and moves through a pipeline allocates by request, never by item; and what is refused
//! allocates nothing.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../benches/support/payload.rs"]
mod payload;

use allocation_counter::{AllocationInfo, measure};
use bytes::Bytes;
use payload::encode;
use sluice_pdata::otlp::trace::v1::{ResourceSpans, ScopeSpans, Span};
use sluice_pdata::otlp::{ExportTraceServiceRequest, Message};
use sluice_pdata::{AttributesEdit, Limits, Pdata, RecordEditor, Room, Signal, WireError};

fn body(signal: Signal) -> Bytes {
    match signal {
        Signal::Traces => encode(&payload::traces()),
        Signal::Metrics => encode(&payload::metrics()),
        Signal::Logs => encode(&payload::logs()),
    }
}

fn pdata(signal: Signal) -> Pdata {
    Pdata::from_wire(signal, body(signal), &Limits::default()).unwrap().0
}

fn allocations<T>(mut run: impl FnMut() -> T) -> (AllocationInfo, T) {
    let mut result = None;
    let info = measure(|| result = Some(run()));
    (info, result.unwrap())
}

#[test]
fn clean_input_passes_the_door_without_an_allocation() {
    for signal in Signal::ALL {
        let body = body(signal);
        let (info, result) = allocations(|| Pdata::from_wire(signal, body.clone(), &Limits::default()));
        assert_eq!(result.unwrap().0.items(), payload::ITEMS);
        // `Bytes` made from a `Vec` allocates its reference count when it is first cloned.
        assert!(info.count_total <= 1, "{signal}: {info:?}");
    }
}

#[test]
fn joining_allocates_for_the_list_of_chunks_alone() {
    let requests: Vec<_> = (0..100).map(|_| pdata(Signal::Traces)).collect();
    let mut requests = requests.into_iter();
    let (info, batch) = allocations(|| {
        let mut batch = requests.next().unwrap();
        requests.by_ref().for_each(|request| batch.append(request));
        batch
    });
    assert_eq!(batch.items(), 100 * payload::ITEMS);
    assert!(info.count_total < 20, "{info:?}");
}

#[test]
fn edits_of_records_allocate_by_request() {
    struct Edits;
    impl RecordEditor for Edits {
        fn record(&mut self, _: &[u8], attributes: &mut AttributesEdit<'_>) {
            attributes.insert("first", "new");
            attributes.upsert("first", "newer");
            if let Some(from) = attributes.find("first") {
                attributes.copy(from, "second", None);
            }
            attributes.delete("http.request.method");
        }
    }
    for signal in Signal::ALL {
        let mut data = pdata(signal);
        let (info, grown) = allocations(|| data.edit_records(Room::unlimited(), &mut Edits).unwrap());
        assert!(grown > 0);
        assert!(info.count_total < 16, "{signal}: {info:?}");
    }
}

#[test]
fn records_that_nobody_changes_are_not_copied() {
    struct Looks;
    impl RecordEditor for Looks {
        fn record(&mut self, _: &[u8], attributes: &mut AttributesEdit<'_>) {
            assert!(!attributes.delete("absent"));
        }
    }
    for signal in Signal::ALL {
        let mut data = pdata(signal);
        let (info, grown) = allocations(|| data.edit_records(Room::unlimited(), &mut Looks).unwrap());
        assert_eq!(grown, 0);
        // The list of attributes, which is there for all records.
        assert!(info.count_total < 4 && info.bytes_total < 8192, "{signal}: {info:?} of {}", data.size());
    }
}

#[test]
fn cutting_copies_what_is_at_the_cut_alone() {
    for signal in Signal::ALL {
        let mut batch = pdata(signal);
        (0..9).for_each(|_| batch.append(pdata(signal)));
        let size = batch.size();
        let (info, front) = allocations(|| batch.split_off_front(451));
        assert_eq!((front.items(), batch.items()), (451, 549));
        // A reference count for each chunk, the lists of chunks, and the resource at the cut, on either side.
        assert!(info.count_total < 10 + 15, "{signal}: {info:?}");
        assert!(info.bytes_total < size as u64 / 3, "{signal}: {info:?} of {size}");
    }
}

#[test]
fn i3_a_refused_request_allocates_nothing() {
    let span = b"\x12\x00".repeat(2_000_000);
    let scope = ScopeSpans { schema_url: String::new(), ..Default::default() };
    assert!(scope.encode_to_vec().is_empty());
    let wrap = |number: u8, body: Vec<u8>| {
        let mut out = vec![number << 3 | 2];
        prost::encode_length_delimiter(body.len(), &mut out).unwrap();
        out.extend(body);
        out
    };
    let bomb = Bytes::from(wrap(1, wrap(2, span)));
    let (info, result) = allocations(|| Pdata::from_wire(Signal::Traces, bomb.clone(), &Limits::default()));
    assert!(matches!(result, Err(WireError::TooLarge { .. })));
    assert!(info.bytes_total < 1024, "{info:?}");

    let malformed = Bytes::from([body(Signal::Traces), Bytes::from_static(b"\x07")].concat());
    let (info, result) =
        allocations(|| Pdata::from_wire(Signal::Traces, malformed.clone(), &Limits::default()));
    assert!(matches!(result, Err(WireError::Malformed { .. })));
    assert!(info.bytes_total < 1024, "{info:?}");
}

#[test]
fn the_price_of_decoding_is_never_too_low() {
    let empty = |resources, spans| {
        let scope = ScopeSpans { spans: vec![Span::default(); spans], ..Default::default() };
        let resource = ResourceSpans { scope_spans: vec![scope], ..Default::default() };
        encode(&ExportTraceServiceRequest { resource_spans: vec![resource; resources] })
    };
    let requests = [
        (Signal::Traces, body(Signal::Traces)),
        (Signal::Metrics, body(Signal::Metrics)),
        (Signal::Logs, body(Signal::Logs)),
        (Signal::Traces, empty(1, 4097)),
        (Signal::Traces, empty(1000, 1)),
    ];
    for (signal, body) in requests {
        let (mut data, _) = Pdata::from_wire(signal, body.clone(), &Limits::default()).unwrap();
        let (info, ()) = allocations(|| match signal {
            Signal::Traces => drop(data.traces_mut()),
            Signal::Metrics => drop(data.metrics_mut()),
            Signal::Logs => drop(data.logs_mut()),
        });
        // The data is still alive, so this is what is held after decoding.
        let held = usize::try_from(info.bytes_current).unwrap();
        let limits = Limits { max_decoded_bytes: held, ..Limits::default() };
        let refused = Pdata::from_wire(signal, body.clone(), &limits);
        assert!(matches!(refused, Err(WireError::TooLarge { .. })), "{signal}: {held} bytes are held");
        let limits = Limits { max_decoded_bytes: held * 4, ..Limits::default() };
        assert!(Pdata::from_wire(signal, body, &limits).is_ok(), "{signal}: priced at four times of {held}");
    }
}
