//! Jaeger's wire forms, written by hand from its IDL.

/// `emitBatch` in the compact protocol with one span, as thriftpy2 writes it: service `svc`, trace 1/2, span 3, `op`,
/// flags 1, tag error=true.
pub(super) const COMPACT: &[u8] = b"\x82\x81\x01\x09emitBatch\
    \x1c\x1c\x18\x03svc\x00\x19\x1c\x16\x04\x16\x02\x16\x06\x16\x00\x18\x02op\x25\x02\
    \x16\x82\x89\xa2\xab\xd5\x94\xcf\x05\x16\xa8\x90\x7a\
    \x19\x1c\x18\x05error\x15\x04\x31\x00\x00\x00\x00";

const START: i64 = 1_581_452_772_000_321;
const DURATION: i64 = 1_000_468;

fn field(type_: u8, id: u8, value: &[u8]) -> Vec<u8> {
    [&[type_, 0, id], value].concat()
}

fn text(id: u8, text: &str) -> Vec<u8> {
    let len = u32::try_from(text.len()).unwrap().to_be_bytes();
    field(11, id, &[&len, text.as_bytes()].concat())
}

fn long(id: u8, value: i64) -> Vec<u8> {
    field(10, id, &value.to_be_bytes())
}

fn int(id: u8, value: i32) -> Vec<u8> {
    field(8, id, &value.to_be_bytes())
}

pub(super) fn list(id: u8, elements: &[Vec<u8>]) -> Vec<u8> {
    let size = u32::try_from(elements.len()).unwrap().to_be_bytes();
    field(15, id, &[&[12], &size[..], &elements.concat()].concat())
}

/// The same span.
pub(super) fn span() -> Vec<u8> {
    let tag = [text(1, "error"), int(2, 2), field(2, 5, &[1]), vec![0]].concat();
    let ids = [long(1, 2), long(2, 1), long(3, 3), long(4, 0)].concat();
    let times = [int(7, 1), long(8, START), long(9, DURATION)].concat();
    [ids, text(5, "op"), times, list(10, &[tag]), vec![0]].concat()
}

/// A span without its name, which is required.
pub(super) fn nameless() -> Vec<u8> {
    [long(1, 2), long(2, 1), long(3, 3), long(4, 0), int(7, 1), long(8, START), long(9, 1), vec![0]].concat()
}

/// A bare `Batch` in the binary protocol.
pub(super) fn batch(spans: &[Vec<u8>]) -> Vec<u8> {
    let process = field(12, 1, &[text(1, "svc"), vec![0]].concat());
    [process, list(2, spans), vec![0]].concat()
}

/// A call in the binary protocol.
pub(super) fn call(method: &str, batch: &[u8]) -> Vec<u8> {
    let len = u32::try_from(method.len()).unwrap().to_be_bytes();
    let head = [&[0x80, 1, 0, 4], &len[..], method.as_bytes(), &[0, 0, 0, 1]].concat();
    [head, field(12, 1, batch), vec![0]].concat()
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PostSpans {
    #[prost(message, optional, tag = "1")]
    pub(super) batch: Option<Batch>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Batch {
    #[prost(message, repeated, tag = "1")]
    pub(super) spans: Vec<Span>,
    #[prost(message, optional, tag = "2")]
    pub(super) process: Option<Process>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Process {
    #[prost(string, tag = "1")]
    pub(super) service_name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Time {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Tag {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(int32, tag = "2")]
    v_type: i32,
    #[prost(bool, tag = "4")]
    v_bool: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Span {
    #[prost(bytes, tag = "1")]
    pub(super) trace_id: Vec<u8>,
    #[prost(bytes, tag = "2")]
    pub(super) span_id: Vec<u8>,
    #[prost(string, tag = "3")]
    pub(super) operation_name: String,
    #[prost(uint32, tag = "5")]
    pub(super) flags: u32,
    #[prost(message, optional, tag = "6")]
    pub(super) start_time: Option<Time>,
    #[prost(message, optional, tag = "7")]
    pub(super) duration: Option<Time>,
    #[prost(message, repeated, tag = "8")]
    pub(super) tags: Vec<Tag>,
}

/// The same span.
pub(super) fn proto_span() -> Span {
    let time = |micros: i64| {
        let nanos = i32::try_from(micros % 1_000_000 * 1000).unwrap();
        Some(Time { seconds: micros / 1_000_000, nanos })
    };
    Span {
        trace_id: [&1_u64.to_be_bytes()[..], &2_u64.to_be_bytes()].concat(),
        span_id: 3_u64.to_be_bytes().to_vec(),
        operation_name: "op".to_owned(),
        flags: 1,
        start_time: time(START),
        duration: time(DURATION),
        tags: vec![Tag { key: "error".to_owned(), v_type: 1, v_bool: true }],
    }
}

/// A request with these spans.
pub(super) fn post_spans(spans: Vec<Span>) -> Vec<u8> {
    let process = Some(Process { service_name: "svc".to_owned() });
    prost::Message::encode_to_vec(&PostSpans { batch: Some(Batch { spans, process }) })
}
