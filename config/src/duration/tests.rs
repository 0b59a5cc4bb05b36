use std::time::Duration;

use proptest::prelude::*;

use super::GoDuration;
use crate::{Node, Problems, decode};

fn parse(text: &str) -> Result<Duration, String> {
    text.parse::<GoDuration>().map(GoDuration::get).map_err(|e| e.to_string())
}

#[test]
fn go_durations_are_read_as_go_reads_them() {
    for (text, nanos) in [
        ("0", 0),
        ("0s", 0),
        ("-0s", 0),
        ("300ms", 300_000_000),
        ("1.5h", 5_400_000_000_000),
        ("2h45m", 9_900_000_000_000),
        ("1m30s", 90_000_000_000),
        ("+5s", 5_000_000_000),
        ("1us", 1_000),
        ("1\u{b5}s", 1_000),
        ("1\u{3bc}s", 1_000),
        ("7ns", 7),
        (".5s", 500_000_000),
        ("1.s", 1_000_000_000),
        ("0.3333333333333333333h", 1_200_000_000_000 - 1),
        ("9223372036854775807ns", 9_223_372_036_854_775_807),
    ] {
        assert_eq!(parse(text), Ok(Duration::from_nanos(nanos)), "{text}");
    }
}

#[test]
fn a_bad_duration_says_what_to_write() {
    for (text, error) in [
        ("", "invalid duration \"\": write it as 300ms, 1.5h or 2h45m"),
        ("s", "invalid duration \"s\": write it as 300ms, 1.5h or 2h45m"),
        (
            "5 s",
            "unknown unit \" s\" in duration \"5 s\": units are ns, us, ms, s, m and h, without a blank before them",
        ),
        ("10", "missing unit in duration \"10\": write 10s, 10ms or 10m"),
        ("1d", "unknown unit \"d\" in duration \"1d\": units are ns, us, ms, s, m and h"),
        ("-1s", "duration \"-1s\" is negative"),
        ("9223372036854775808ns", "duration \"9223372036854775808ns\" is too large"),
        (
            "99999999999999999999999999999999999999999h",
            "duration \"99999999999999999999999999999999999999999h\" is too large",
        ),
        (
            "340282366920938463463374607431768211.999us",
            "duration \"340282366920938463463374607431768211.999us\" is too large",
        ),
        (
            "340282366920938463463374607431768211455h",
            "duration \"340282366920938463463374607431768211455h\" is too large",
        ),
    ] {
        assert_eq!(parse(text), Err(error.to_owned()), "{text}");
    }
}

#[test]
fn durations_print_as_go_prints_them() {
    for (nanos, text) in [
        (0, "0s"),
        (1, "1ns"),
        (1_500, "1.5\u{b5}s"),
        (200_000_000, "200ms"),
        (1_000_000_000, "1s"),
        (90_000_000_000, "1m30s"),
        (3_600_000_000_000, "1h0m0s"),
        (5_400_000_000_001, "1h30m0.000000001s"),
    ] {
        assert_eq!(GoDuration::new(Duration::from_nanos(nanos)).to_string(), text);
    }
}

#[test]
fn in_yaml_an_integer_is_nanoseconds_and_other_types_are_refused() {
    for (yaml, expected) in [
        ("1000000", Ok("1ms")),
        ("200ms", Ok("200ms")),
        ("0", Ok("0s")),
        ("\"10\"", Err("t: missing unit in duration \"10\": write 10s, 10ms or 10m")),
        ("-5", Err("t: duration \"-5\" is negative")),
        ("1.5", Err("t: expected a duration such as 300ms or 1m30s, found number `1.5`")),
        ("[1s]", Err("t: expected a duration such as 300ms or 1m30s, found a list")),
    ] {
        let node = Node::from_yaml("c.yaml", yaml).unwrap();
        let mut problems = Problems::new();
        let decoded = decode::<GoDuration>(&node, "t", &mut problems).map(|d| d.to_string());
        let found = decoded.ok_or_else(|| problems.iter().next().unwrap().to_string());
        assert_eq!(found.as_deref().map_err(String::as_str), expected, "{yaml}");
    }
}

proptest! {
    #[test]
    fn what_is_printed_reads_back(nanos in 0_u64..=9_223_372_036_854_775_807) {
        let duration = GoDuration::new(Duration::from_nanos(nanos));
        prop_assert_eq!(duration.to_string().parse(), Ok(duration));
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[-+]?[0-9.]{0,30}(ns|us|ms|s|m|h|x)?[0-9.]{0,3}[hms]{0,2}") {
        let _either = text.parse::<GoDuration>();
    }
}
