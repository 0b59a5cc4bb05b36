use super::{Fault, Read, Type, Write, binary, compact};

fn binary(input: &[u8]) -> binary::Reader<'_> {
    Read::new(input)
}

fn compact(input: &[u8]) -> compact::Reader<'_> {
    Read::new(input)
}

fn what<T: std::fmt::Debug>(result: Result<T, Fault>, input: &[u8]) -> (&'static str, usize) {
    let fault = result.expect_err("must be refused");
    (fault.what(), fault.offset_in(input))
}

#[test]
fn envelopes_of_all_three_kinds_are_read() {
    let strict = b"\x80\x01\x00\x04\x00\x00\x00\x02hi\x00\x00\x00\x07rest";
    let mut reader = binary(strict);
    let message = reader.message().expect("strict");
    assert_eq!((message.name, message.kind, message.sequence), (&b"hi"[..], 4, 7));
    assert_eq!(reader.rest(), b"rest");

    let old = b"\x00\x00\x00\x02hi\x01\x00\x00\x00\x07rest";
    let mut reader = binary(old);
    let message = reader.message().expect("old");
    assert_eq!((message.name, message.kind, message.sequence), (&b"hi"[..], 1, 7));
    assert_eq!(reader.rest(), b"rest");

    let short = b"\x82\x81\x07\x02hirest";
    let mut reader = compact(short);
    let message = reader.message().expect("compact");
    assert_eq!((message.name, message.kind, message.sequence), (&b"hi"[..], 4, 7));
    assert_eq!(reader.rest(), b"rest");
}

#[test]
fn i8_wrong_protocol_is_refused_at_its_first_byte() {
    let strict = b"\x80\x01\x00\x04\x00\x00\x00\x02hi\x00\x00\x00\x07";
    assert_eq!(what(compact(strict).message(), strict).1, 0);
    let short = b"\x82\x81\x07\x02hi";
    assert_eq!(what(binary(short).message(), short).1, 0);
    let http = b"POST /api/traces HTTP/1.1\r\n";
    assert_eq!(what(binary(http).message(), http), ("length exceeds the input", 0));
    let version_2 = b"\x80\x02\x00\x04\x00\x00\x00\x02hi\x00\x00\x00\x07";
    assert_eq!(what(binary(version_2).message(), version_2).1, 0);
    let kind_5 = b"\x82\xA1\x07\x02hi";
    assert_eq!(what(compact(kind_5).message(), kind_5), ("message kind does not exist", 0));
}

#[test]
fn i8_negative_and_huge_sizes_are_refused_where_they_stand() {
    for size in [[0x7F, 0xFF, 0xFF, 0xFF], [0xFF, 0xFF, 0xFF, 0xFF], [0x80, 0, 0, 0]] {
        let text = [&size[..], &[0; 64]].concat();
        assert_eq!(what(binary(&text).bytes(), &text).1, 0, "{size:?}");
        for element in [2, 3, 4, 6, 8, 10, 11, 12, 13, 14, 15, 16] {
            let list = [&[element][..], &size, &[0; 64]].concat();
            assert_eq!(what(binary(&list).list(), &list).1, 0, "{element} {size:?}");
            let map = [&[element, element][..], &size, &[0; 64]].concat();
            assert_eq!(what(binary(&map).map(), &map).1, 0, "{element} {size:?}");
        }
    }
    for size in
        [&[0xFF, 0xFF, 0xFF, 0xFF, 0x07][..], &[0xFF, 0xFF, 0xFF, 0xFF, 0x0F], &[0xFF; 9], &[0xFF; 11]]
    {
        let text = [size, &[0; 64]].concat();
        assert_eq!(what(compact(&text).bytes(), &text).1, 0, "{size:?}");
        for element in 1..=13 {
            let list = [&[0xF0 | element][..], size, &[0; 64]].concat();
            assert!(what(compact(&list).list(), &list).1 <= 1, "{element} {size:?}");
            let map = [size, &[element << 4 | element], &[0; 64]].concat();
            assert_eq!(what(compact(&map).map(), &map).1, 0, "{element} {size:?}");
        }
    }
}

#[test]
fn a_field_is_taken_only_where_it_stands() {
    fn check<'a, R: Read<'a>>(mut reader: R) {
        let (rest, last) = (reader.rest(), &mut 0);
        for (id, ty) in
            [(2, Type::Binary), (1, Type::I64), (0, Type::Binary), (-15, Type::Binary), (17, Type::Binary)]
        {
            assert!(!reader.takes(last, id, ty), "{id} {ty:?}");
        }
        assert_eq!((reader.rest(), *last), (rest, 0));
        assert!(reader.takes(last, 1, Type::Binary));
        assert_eq!(reader.bytes(), Ok(&b"hi"[..]));
        assert!(!reader.takes(last, 2, Type::Binary), "the end of a struct is no field");
    }
    check(binary(b"\x0b\x00\x01\x00\x00\x00\x02hi\x00"));
    check(compact(b"\x18\x02hi\x00"));
}

#[test]
fn elements_need_their_smallest_size() {
    let doubles = [&[4, 0, 0, 0, 3][..], &[0; 23]].concat();
    assert_eq!(what(binary(&doubles).list(), &doubles), ("more elements than bytes left", 0));
    let doubles = [&[4, 0, 0, 0, 3][..], &[0; 24]].concat();
    assert_eq!(binary(&doubles).list(), Ok((Type::Double, 3)));
    let doubles = [&[3 << 4 | 7][..], &[0; 23]].concat();
    assert_eq!(what(compact(&doubles).list(), &doubles), ("more elements than bytes left", 0));
    let pairs = [&[12, 12, 0, 0, 0, 4][..], &[0; 7]].concat();
    assert_eq!(what(binary(&pairs).map(), &pairs), ("more elements than bytes left", 0));
}

#[test]
fn i8_structs_and_lists_nested_1000_deep_are_refused() {
    let structs = [&b"\x0c\x00\x01".repeat(1000)[..], &[0; 1000]].concat();
    assert_eq!(what(binary(&structs).skip(Type::Struct), &structs).0, "nested too deeply");
    let lists = b"\x0f\x00\x00\x00\x01".repeat(1000);
    assert_eq!(what(binary(&lists).skip(Type::List), &lists).0, "nested too deeply");
    let structs = [&[0x1C; 1000][..], &[0; 1000]].concat();
    assert_eq!(what(compact(&structs).skip(Type::Struct), &structs).0, "nested too deeply");
    let lists = [0x19; 1000];
    assert_eq!(what(compact(&lists).skip(Type::List), &lists).0, "nested too deeply");
    let fits = [&[0x1C; 63][..], &[0; 64]].concat();
    let mut reader = compact(&fits);
    assert_eq!(reader.skip(Type::Struct), Ok(()));
    assert_eq!(reader.rest(), b"");
}

/// Writes a struct with a field of every type that our writer knows, field ids near and far.
fn write(out: &mut impl Write) {
    let mut last = 0;
    out.bool_field(&mut last, 1, true);
    out.bool_field(&mut last, 2, false);
    out.field(&mut last, 17, Type::I32);
    out.i32(-5);
    out.field(&mut last, 40, Type::I64);
    out.i64(i64::MIN);
    out.field(&mut last, 3, Type::Double);
    out.double(-0.25);
    out.field(&mut last, 4, Type::Binary);
    out.bytes(b"\xFFtext");
    for len in [0, 14, 15, 300] {
        out.field(&mut last, 5, Type::List);
        out.list(Type::I32, len);
        (0..len).for_each(|_| out.i32(1));
    }
    out.field(&mut last, i16::MIN, Type::Struct);
    let mut inner = 0;
    out.field(&mut inner, i16::MAX, Type::I32);
    out.i32(i32::MAX);
    out.stop();
    out.stop();
}

fn read<'a>(reader: &mut impl Read<'a>) -> Result<(), Fault> {
    let mut last = 0;
    let mut next = |reader: &mut _| Read::field(reader, &mut last).map(|field| field.map(|f| (f.id, f.ty)));
    assert_eq!(next(reader)?, Some((1, Type::Bool)));
    assert!(reader.bool()?);
    assert_eq!(next(reader)?, Some((2, Type::Bool)));
    assert!(!reader.bool()?);
    assert_eq!(next(reader)?, Some((17, Type::I32)));
    assert_eq!(reader.i32()?, -5);
    assert_eq!(next(reader)?, Some((40, Type::I64)));
    assert_eq!(reader.i64()?, i64::MIN);
    assert_eq!(next(reader)?, Some((3, Type::Double)));
    assert!((reader.double()? + 0.25).abs() < f64::EPSILON);
    assert_eq!(next(reader)?, Some((4, Type::Binary)));
    assert_eq!(reader.bytes()?, b"\xFFtext");
    for len in [0, 14, 15, 300] {
        assert_eq!(next(reader)?, Some((5, Type::List)));
        assert_eq!(reader.list_of(Type::I32)?, len);
        for _ in 0..len {
            assert_eq!(reader.i32()?, 1);
        }
    }
    assert_eq!(next(reader)?, Some((i16::MIN, Type::Struct)));
    let mut inner = 0;
    assert_eq!(reader.field(&mut inner)?.map(|field| field.id), Some(i16::MAX));
    assert_eq!(reader.i32()?, i32::MAX);
    assert_eq!(reader.field(&mut inner)?, None);
    assert_eq!(next(reader)?, None);
    Ok(())
}

#[test]
fn what_is_written_is_read_and_skipped_and_no_prefix_of_it_is() {
    let mut out = Vec::new();
    write(&mut binary::Writer::new(&mut out));
    prefixes::<binary::Reader<'_>>(&out);
    let mut out = Vec::new();
    write(&mut compact::Writer::new(&mut out));
    prefixes::<compact::Reader<'_>>(&out);

    fn prefixes<'a, R: Read<'a>>(whole: &'a [u8]) {
        let mut reader = R::new(whole);
        read(&mut reader).expect("all of it");
        assert_eq!(reader.rest(), b"");
        let mut reader = R::new(whole);
        reader.skip(Type::Struct).expect("all of it");
        assert_eq!(reader.rest(), b"");
        for end in 0..whole.len() {
            assert!(R::new(&whole[..end]).skip(Type::Struct).is_err(), "cut at {end}");
        }
    }
}

#[test]
fn booleans_in_lists_are_one_byte_each() {
    let input = [0x31, 1, 2, 0];
    let mut reader = compact(&input);
    assert_eq!(reader.list(), Ok((Type::Bool, 3)));
    assert_eq!([reader.bool(), reader.bool(), reader.bool()], [Ok(true), Ok(false), Ok(false)]);
}

#[test]
fn maps_sets_and_uuids_are_skipped() {
    let map = b"\x0b\x08\x00\x00\x00\x01\x00\x00\x00\x01k\x00\x00\x00\x07";
    let mut reader = binary(map);
    assert_eq!(reader.skip(Type::Map), Ok(()));
    assert_eq!(reader.rest(), b"");
    let mut reader = compact(b"\x01\x85\x01k\x0e");
    assert_eq!(reader.skip(Type::Map), Ok(()));
    assert_eq!(reader.rest(), b"");
    let mut reader = compact(b"\x00");
    assert_eq!(reader.skip(Type::Map), Ok(()));
    assert_eq!(reader.rest(), b"");
    let uuids = [&[0x2D][..], &[7; 32]].concat();
    let mut reader = compact(&uuids);
    assert_eq!(reader.skip(Type::Set), Ok(()));
    assert_eq!(reader.rest(), b"");
}

#[test]
fn a_known_list_of_another_type_is_refused_unless_it_is_empty() {
    let input = b"\x0b\x00\x00\x00\x01\x00\x00\x00\x00";
    assert_eq!(what(binary(input).list_of(Type::Struct), input).1, 0);
    assert_eq!(binary(b"\x0b\x00\x00\x00\x00").list_of(Type::Struct), Ok(0));
}
