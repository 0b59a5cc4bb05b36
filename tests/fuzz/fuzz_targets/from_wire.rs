//! The door against prost: the walk accepts what prost accepts, what passes is canonical, means what was sent, and
//! reads the same from bytes and from structs. The first byte picks the signal.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sluice_pdata::otlp::{
    ExportLogsServiceRequest, ExportMetricsServiceRequest, ExportTraceServiceRequest, Message,
};
use sluice_pdata::{Limits, Pdata, Signal};

/// prost decodes without a recursion limit here, so inputs stay shorter than what could exhaust the stack.
const MAX_LEN: usize = 4096;

fuzz_target!(|input: &[u8]| {
    let Some((pick, body)) = input.split_first() else { return };
    if body.len() > MAX_LEN {
        return;
    }
    let signal = Signal::ALL[usize::from(*pick) % 3];
    let structs = decode(signal, body);
    match Pdata::from_wire(signal, Bytes::copy_from_slice(body), &Limits::default()) {
        Err(error) => assert!(structs.is_none(), "prost accepts what was refused: {error}"),
        Ok((data, repairs)) => {
            let wire = data.wire().concat();
            let ours = decode(signal, &wire).expect("what passed decodes");
            if repairs.is_empty()
                && let Some(structs) = structs
            {
                assert_eq!(structs, ours, "it means the same");
            }
            let (again, repairs) =
                Pdata::from_wire(signal, wire.into(), &Limits::default()).expect("passes again");
            assert!(repairs.is_empty());
            assert_eq!(again.items(), data.items());
            assert_eq!(data.wire(), again.wire(), "it is canonical");
            views(data);
        }
    }
});

/// Views of bytes and of structs are the same, and so are the counts.
fn views(wire: Pdata) {
    let mut structs = wire.clone();
    match wire.signal() {
        Signal::Traces => {
            structs.traces_mut();
            assert_eq!(format!("{:?}", wire.traces()), format!("{:?}", structs.traces()));
        }
        Signal::Metrics => {
            structs.metrics_mut();
            assert_eq!(format!("{:?}", wire.metrics()), format!("{:?}", structs.metrics()));
        }
        Signal::Logs => {
            structs.logs_mut();
            assert_eq!(format!("{:?}", wire.logs()), format!("{:?}", structs.logs()));
        }
    }
    assert_eq!(wire.items(), structs.items());
}

/// What prost makes of it, in words, since NaN does not equal itself.
fn decode(signal: Signal, body: &[u8]) -> Option<String> {
    match signal {
        Signal::Traces => ExportTraceServiceRequest::decode(body).ok().map(|request| format!("{request:?}")),
        Signal::Metrics => {
            ExportMetricsServiceRequest::decode(body).ok().map(|request| format!("{request:?}"))
        }
        Signal::Logs => ExportLogsServiceRequest::decode(body).ok().map(|request| format!("{request:?}")),
    }
}
