//! v1 Thrift to OTLP. The bodies are written by Apache's own library.

use sluice_formats::zipkin::{Options, thrift_v1_to_otlp};
use sluice_pdata::Limits;
use thrift::protocol::{
    TBinaryOutputProtocol, TFieldIdentifier, TListIdentifier, TOutputProtocol, TStructIdentifier, TType,
};

use crate::otlp::{Flat, map, one};

type Out<'o> = TBinaryOutputProtocol<&'o mut Vec<u8>>;

fn list(out: &mut Out<'_>, len: usize, mut element: impl FnMut(&mut Out<'_>, usize)) {
    out.write_list_begin(&TListIdentifier::new(TType::Struct, len.try_into().unwrap())).unwrap();
    for index in 0..len {
        structure(out, |out| element(out, index));
    }
    out.write_list_end().unwrap();
}

fn structure(out: &mut Out<'_>, body: impl FnOnce(&mut Out<'_>)) {
    out.write_struct_begin(&TStructIdentifier::new("")).unwrap();
    body(out);
    out.write_field_stop().unwrap();
    out.write_struct_end().unwrap();
}

fn field(out: &mut Out<'_>, id: i16, ty: TType, value: impl FnOnce(&mut Out<'_>)) {
    out.write_field_begin(&TFieldIdentifier::new("", ty, id)).unwrap();
    value(out);
    out.write_field_end().unwrap();
}

fn i64_field(out: &mut Out<'_>, id: i16, value: i64) {
    field(out, id, TType::I64, |out| out.write_i64(value).unwrap());
}

fn bytes_field(out: &mut Out<'_>, id: i16, value: &[u8]) {
    field(out, id, TType::String, |out| out.write_bytes(value).unwrap());
}

fn endpoint_field(out: &mut Out<'_>, id: i16, port: i16, ipv6: &[u8]) {
    field(out, id, TType::Struct, |out| {
        structure(out, |out| {
            field(out, 1, TType::I32, |out| out.write_i32(0x7f00_0001).unwrap());
            field(out, 2, TType::I16, |out| out.write_i16(port).unwrap());
            bytes_field(out, 3, b"svc");
            bytes_field(out, 4, ipv6);
        });
    });
}

fn body(span: impl Fn(&mut Out<'_>)) -> Vec<u8> {
    let mut bytes = Vec::new();
    list(&mut TBinaryOutputProtocol::new(&mut bytes, false), 1, |out, _| span(out));
    bytes
}

fn ids(out: &mut Out<'_>) {
    i64_field(out, 1, 2);
    i64_field(out, 4, 3);
    i64_field(out, 10, 1000);
}

fn read(body: &[u8]) -> Flat {
    one(thrift_v1_to_otlp, body, &Options::default())
}

fn full(out: &mut Out<'_>) {
    ids(out);
    bytes_field(out, 3, b"op");
    i64_field(out, 5, 9);
    field(out, 6, TType::List, |out| {
        list(out, 2, |out, index| {
            i64_field(out, 1, 1000 + i64::try_from(index).unwrap());
            bytes_field(out, 2, if index == 0 { b"sr" } else { b"x" });
            endpoint_field(out, 3, -25536, &[0; 16]);
        });
    });
    field(out, 8, TType::List, |out| {
        list(out, 1, |out, _| {
            bytes_field(out, 1, b"k");
            bytes_field(out, 2, b"v");
            field(out, 3, TType::I32, |out| out.write_i32(6).unwrap());
        });
    });
    field(out, 9, TType::Bool, |out| out.write_bool(true).unwrap());
    i64_field(out, 11, 5);
    i64_field(out, 12, 1);
    bytes_field(out, 99, b"unknown");
}

#[test]
fn every_field_arrives() {
    let Flat { resource, attributes, span, .. } = read(&body(full));
    assert_eq!(
        resource,
        map([("service.name", "svc"), ("ipv4", "127.0.0.1"), ("ipv6", "::"), ("port", "40000")])
    );
    assert_eq!(attributes, map([("k", "v")]));
    assert_eq!(span.trace_id, [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2]);
    assert_eq!(
        (&span.span_id[..], &span.parent_span_id[..]),
        (&[0, 0, 0, 0, 0, 0, 0, 3][..], &[0, 0, 0, 0, 0, 0, 0, 9][..])
    );
    assert_eq!((span.name.as_str(), span.kind), ("op", 2));
    assert_eq!((span.start_time_unix_nano, span.end_time_unix_nano), (1_000_000, 1_005_000));
    assert_eq!(
        (span.events.len(), span.events[0].name.as_str(), span.events[0].time_unix_nano),
        (1, "x", 1_001_000)
    );
}

/// A body that Python's thriftpy2 wrote: trace 1/2, span 3, a server that received at 1000 for 5 microseconds.
#[test]
fn a_body_of_another_library_is_read() {
    let body = [
        &b"\x0c\0\0\0\x01\x0a\0\x01\0\0\0\0\0\0\0\x02\x0b\0\x03\0\0\0\x02op\x0a\0\x04\0\0\0\0\0\0\0\x03"[..],
        b"\x0f\0\x06\x0c\0\0\0\x01\x0a\0\x01\0\0\0\0\0\0\x03\xe8\x0b\0\x02\0\0\0\x02sr\x0c\0\x03",
        b"\x08\0\x01\x7f\0\0\x01\x06\0\x02\x1f\x90\x0b\0\x03\0\0\0\x03svc\0\0",
        b"\x0f\0\x08\x0c\0\0\0\0\x02\0\x09\0\x0a\0\x0a\0\0\0\0\0\0\x03\xe8\x0a\0\x0b\0\0\0\0\0\0\0\x05",
        b"\x0a\0\x0c\0\0\0\0\0\0\0\x01\0",
    ]
    .concat();
    let Flat { resource, attributes, span, .. } = read(&body);
    assert_eq!(resource, map([("service.name", "svc"), ("ipv4", "127.0.0.1"), ("port", "8080")]));
    assert!(attributes.is_empty() && span.events.is_empty());
    assert_eq!(span.trace_id, [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2]);
    assert_eq!((span.span_id[7], span.kind, &*span.name), (3, 2, "op"));
    assert_eq!((span.start_time_unix_nano, span.end_time_unix_nano), (1_000_000, 1_005_000));
}

#[test]
fn values_have_the_type_of_their_annotation() {
    const SHORT: &str = "<not enough bytes representing the number>";
    for (ty, bytes, expected) in [
        (0, &b"\x01"[..], "bool:true"),
        (0, b"\x00", "bool:false"),
        (0, b"\x02", "bool:false"),
        (0, b"", "bool:false"),
        (1, b"\xff\x00", "/wA="),
        (2, b"\xff\xff", "int:-1"),
        (2, b"\x01", SHORT),
        (3, b"\xff\xff\xff\xff", "int:-1"),
        (3, b"\x00\x00\x01", SHORT),
        (4, b"\x00\x00\x00\x00\x00\x00\x00\x19", "int:25"),
        (4, b"", SHORT),
        (5, b"\x40\x28\x99\x99\x99\x99\x99\x9a", "double:12.3"),
        (5, b"\x40", SHORT),
        (6, b"text", "text"),
        (7, b"text", "<unknown zipkin v1 binary annotation type (7)>"),
        (-1, b"text", "<unknown zipkin v1 binary annotation type (-1)>"),
    ] {
        let span = read(&body(|out| {
            ids(out);
            field(out, 8, TType::List, |out| {
                list(out, 1, |out, _| {
                    bytes_field(out, 1, b"k");
                    bytes_field(out, 2, bytes);
                    field(out, 3, TType::I32, |out| out.write_i32(ty).unwrap());
                });
            });
        }));
        assert_eq!(span.attributes, map([("k", expected)]), "{ty} {bytes:?}");
    }
}

#[test]
fn i10_negative_times_cost_their_span() {
    for id in [10, 11] {
        let body = body(|out| {
            ids(out);
            i64_field(out, id, -1);
        });
        let translated = thrift_v1_to_otlp(&body, &Options::default(), &Limits::default()).unwrap();
        assert_eq!((translated.items, translated.rejected.items()), (0, 1));
    }
}

fn refused(body: &[u8]) -> String {
    thrift_v1_to_otlp(body, &Options::default(), &Limits::default()).unwrap_err().to_string()
}

#[test]
fn i8_sizes_that_lie_are_refused() {
    for (body, what) in [
        (&b"\x0c\xff\xff\xff\xff"[..], "malformed request at byte 0: negative number of elements"),
        (b"\x0c\x7f\xff\xff\xff\x00", "malformed request at byte 0: more elements than bytes left"),
        (
            b"\x08\x00\x00\x00\x01\x00\x00\x00\x01",
            "malformed request at byte 0: list elements are of another type",
        ),
        (
            b"\x0c\x00\x00\x00\x01\x0b\x00\x03\x7f\xff\xff\xff",
            "malformed request at byte 8: length exceeds the input",
        ),
        (b"\x0c\x00\x00\x00\x01\x00\x00", "malformed request at byte 6: expected nothing more"),
    ] {
        assert_eq!(refused(body), what);
    }
}

#[test]
fn i8_a_body_that_is_cut_off_anywhere_is_refused() {
    let body = body(full);
    for len in 1..body.len() {
        refused(&body[..len]);
    }
}

#[test]
fn i8_deep_nesting_is_refused() {
    let mut body = b"\x0c\x00\x00\x00\x01".to_vec();
    body.extend([0x0c, 0x00, 0x63].repeat(1000));
    assert!(refused(&body).contains("nested too deeply"));
}
