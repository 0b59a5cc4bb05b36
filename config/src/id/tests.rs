use super::ComponentId;

fn parse(text: &str) -> Result<String, String> {
    text.parse::<ComponentId>().map(|id| id.to_string()).map_err(|e| e.to_string())
}

#[test]
fn an_id_is_a_type_and_maybe_a_name_with_slashes() {
    for (text, type_, name) in [
        ("otlp", "otlp", ""),
        ("otlp/backend", "otlp", "backend"),
        (" otlp / a ", "otlp", "a"),
        ("otlp/a/b", "otlp", "a/b"),
        ("file_log/日本", "file_log", "日本"),
    ] {
        let id: ComponentId = text.parse().unwrap();
        assert_eq!((id.type_(), id.name()), (type_, name), "{text}");
    }
    assert_eq!(parse(" otlp / a "), Ok("otlp/a".to_owned()));
}

#[test]
fn a_bad_id_is_refused_in_otelcols_words() {
    for (text, error) in [
        ("", "id must not be empty"),
        ("  ", "id must not be empty"),
        ("x/", "in \"x/\" id: the part after / should not be empty"),
        ("/x", "in \"/x\" id: the part before / should not be empty"),
        (
            "9x",
            "in \"9x\" id: invalid character(s) in type \"9x\": a type is a letter, then up to 62 letters, digits or `_`",
        ),
        (
            "x/a b",
            "in \"x/a b\" id: invalid character(s) in name \"a b\": a name is 1 to 1024 characters without blanks, control characters or symbols",
        ),
    ] {
        assert_eq!(parse(text), Err(error.to_owned()), "{text}");
    }
    assert!(parse(&"t".repeat(63)).is_ok());
    assert!(parse(&"t".repeat(64)).is_err());
    assert!(parse(&format!("t/{}", "n".repeat(1024))).is_ok());
    assert!(parse(&format!("t/{}", "n".repeat(1025))).is_err());
    assert!(parse("t/a$b").is_err());
    assert!(parse("t/a\u{200b}b").is_err());
}

#[test]
fn a_map_of_ids_answers_for_their_text() {
    let ids = std::collections::HashMap::from([("otlp/a".parse::<ComponentId>().unwrap(), 1)]);
    assert_eq!(ids.get("otlp/a"), Some(&1));
}
