use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn varints_come_back(value: u64) {
        for value in [value, value >> (value % 64), 0, 127, 128, u64::MAX] {
            let mut out = Vec::new();
            out.put_varint(value);
            prop_assert_eq!(out.len(), varint_len(value));
            let mut reader = Reader::new(&out);
            prop_assert_eq!(reader.varint(), Ok(value));
            prop_assert!(reader.is_empty());
        }
    }

    #[test]
    fn lengths_are_patched_whatever_the_hint(len in 0usize..20_000, hint in 0usize..20_000) {
        let mut out = b"before".to_vec();
        out.put_message_field(3, hint, |out| out.resize(out.len() + len, 7));
        let mut expected = b"before".to_vec();
        expected.put_bytes_field(3, &vec![7; len]);
        prop_assert_eq!(out, expected);
    }
}

#[test]
fn fields_of_every_wire_type_come_back_with_their_bytes() {
    let mut out = Vec::new();
    out.put_varint_field(1, 300);
    out.put_fixed64_field(2, 5);
    out.put_bytes_field(3, b"text");
    out.put_key(4, WireType::StartGroup);
    out.put_varint_field(1, 1);
    out.put_key(4, WireType::EndGroup);
    out.put_fixed32_field(1000, 6);
    let values: Vec<_> = fields(&out).map(|field| (field.number, field.value)).collect();
    let expected = [
        (1, Value::Varint(300)),
        (2, Value::Fixed64(5)),
        (3, Value::Len(b"text")),
        (4, Value::Group(b"\x08\x01")),
        (1000, Value::Fixed32(6)),
    ];
    assert_eq!(values, expected);
    assert_eq!(fields(&out).map(|field| field.raw).collect::<Vec<_>>().concat(), out);
}

#[test]
fn longer_varints_than_necessary_are_legal() {
    let mut reader = Reader::new(b"\x8A\x80\x00\x81\x00x");
    assert_eq!(reader.key(), Ok(Key::new(1, WireType::Len)));
    assert_eq!(reader.bytes(), Ok(&b"x"[..]));
}

#[test]
fn a_fault_names_its_place() {
    let body = b"\x0A\x01x\x12\x09y";
    let mut reader = Reader::new(body);
    assert!(reader.field().unwrap().is_some());
    let fault = reader.field().unwrap_err();
    assert_eq!((fault.offset_in(body), fault.what()), (4, "length exceeds the enclosing message"));
}

#[test]
fn the_iterator_ends_where_bytes_are_not_protobuf() {
    assert_eq!(fields(b"\x08\x01\x07").count(), 1);
}
