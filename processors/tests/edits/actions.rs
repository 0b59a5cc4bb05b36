//! What each action does.

use std::slice::from_ref;

use sluice_component::{Request, testkit::component};
use sluice_pdata::otlp::{
    ExportTraceServiceRequest,
    common::v1::KeyValueList,
    resource::v1::Resource,
    trace::v1::{ResourceSpans, ScopeSpans, Span},
};

use super::*;

/// The attributes of a resource and of a span after the same actions, which must agree.
fn after(actions: &str, cx: &Context, attributes: Vec<KeyValue>) -> Vec<KeyValue> {
    let resource = Some(Resource { attributes: attributes.clone(), ..Resource::default() });
    let of_resource = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans { resource, ..ResourceSpans::default() }],
    };
    let mut data =
        edited("resource", &format!("attributes: [{actions}]"), cx, Pdata::from_traces(of_resource));
    let of_resource = data.traces_mut().resource_spans[0].resource.clone().unwrap().attributes;

    let spans = vec![Span { attributes, name: "span".into(), ..Span::default() }];
    let of_span = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
            ..ResourceSpans::default()
        }],
    };
    let mut data = edited("attributes", &format!("actions: [{actions}]"), cx, Pdata::from_traces(of_span));
    let of_span = data.traces_mut().resource_spans[0].scope_spans[0].spans[0].clone();
    assert_eq!(of_span.name, "span");
    assert_eq!(of_span.attributes, of_resource);
    of_resource
}

#[track_caller]
fn assert_after(actions: &str, before: &[KeyValue], expected: &[KeyValue]) {
    assert_eq!(after(actions, &Context::default(), before.to_vec()), expected, "{actions}");
}

#[test]
fn insert_update_and_upsert_differ_in_when_they_act() {
    let (a, b) = (attribute("a", text("old")), attribute("b", Value::IntValue(1)));
    let (before, new) = ([a.clone(), b.clone()], attribute("a", text("new")));
    let c = attribute("c", text("new"));
    assert_after("{key: a, value: new, action: insert}", &before, &before);
    assert_after("{key: c, value: new, action: insert}", &before, &[a.clone(), b.clone(), c.clone()]);
    assert_after("{key: a, value: new, action: update}", &before, &[new.clone(), b.clone()]);
    assert_after("{key: c, value: new, action: update}", &before, &before);
    assert_after("{key: a, value: new, action: UPSERT}", &before, &[new, b.clone()]);
    assert_after("{key: c, value: new, action: Upsert}", &before, &[a, b, c.clone()]);
    assert_after("{key: c, value: new, action: insert}", &[], &[c]);
}

#[test]
fn a_value_has_the_type_of_the_yaml() {
    let map = Value::KvlistValue(KeyValueList {
        values: vec![attribute("x", Value::IntValue(1)), attribute("y", None)],
    });
    let cases = [
        ("word", text("word")),
        ("'5'", text("5")),
        ("''", text("")),
        ("5", Value::IntValue(5)),
        ("-9223372036854775808", Value::IntValue(i64::MIN)),
        ("0.5", Value::DoubleValue(0.5)),
        ("true", Value::BoolValue(true)),
        ("[1, a, [false]]", list([Value::IntValue(1), text("a"), list([Value::BoolValue(false)])])),
        ("{x: 1, y: }", map),
    ];
    for (yaml, value) in cases {
        assert_after(&format!("{{key: a, value: {yaml}, action: insert}}"), &[], &[attribute("a", value)]);
    }
}

#[test]
fn from_attribute_copies_a_value_of_any_type() {
    let values = [
        text("x"),
        Value::BoolValue(false),
        list([]),
        Value::BytesValue(vec![0, 255]),
        Value::DoubleValue(-0.0),
    ];
    for value in values {
        let (a, b) = (attribute("a", value.clone()), attribute("b", value));
        assert_after("{key: b, from_attribute: a, action: insert}", from_ref(&a), &[a.clone(), b.clone()]);
        assert_after(
            "{key: b, from_attribute: a, action: update}",
            &[attribute("b", None), a.clone()],
            &[b.clone(), a.clone()],
        );
        assert_after(
            "{key: b, from_attribute: a, action: upsert}, {key: a, action: delete}",
            &[a.clone(), attribute("c", text("c"))],
            &[attribute("c", text("c")), b.clone()],
        );
        assert_after("{key: a, from_attribute: a, action: upsert}", from_ref(&a), from_ref(&a));
    }
    let before = [attribute("c", text("c"))];
    assert_after("{key: b, from_attribute: a, action: upsert}", &before, &before);
    assert_after("{key: c, from_attribute: a, action: upsert}", &before, &before);
}

#[test]
fn default_value_is_for_a_source_that_yields_nothing() {
    let (from, made) = (attribute("a", text("a")), attribute("b", text("a")));
    let default = attribute("b", text("default"));
    let action = "{key: b, from_attribute: a, default_value: default, action: insert}";
    assert_after(action, from_ref(&from), &[from.clone(), made]);
    assert_after(action, &[], from_ref(&default));
    assert_after(
        "{key: b, from_context: metadata.x, default_value: default, action: upsert}",
        &[],
        from_ref(&default),
    );
    assert_after("{key: b, value: , default_value: default, action: upsert}", &[], &[default]);
}

#[test]
fn from_context_takes_what_the_request_says() {
    let request = Request::builder(component(Kind::Receiver, "otlp"), "grpc")
        .metadata("X-Tenant", "a".into())
        .metadata("x-tenant", "b".into())
        .auth("subject", "someone".into())
        .peer(Some("[2001:db8::1]:4000".parse().unwrap()))
        .build();
    let cx = Context::new(request);
    let cases = [
        ("metadata.x-tenant", "a;b"),
        ("metadata.X-Tenant", "a;b"),
        ("x-tenant", "a;b"),
        ("auth.subject", "someone"),
        ("client.address", "2001:db8::1"),
    ];
    for (name, value) in cases {
        let action = format!("{{key: b, from_context: {name}, action: insert}}");
        assert_eq!(after(&action, &cx, Vec::new()), [attribute("b", text(value))], "{name}");
        assert_after(&action, &[], &[]);
    }
    for name in ["metadata.other", "auth.other", "other"] {
        let action = format!("{{key: b, from_context: {name}, action: insert}}");
        assert_eq!(after(&action, &cx, Vec::new()), [], "{name}");
    }
}

#[test]
fn what_a_request_says_at_length_is_no_value() {
    let cx = |len: usize| {
        let request = Request::builder(component(Kind::Receiver, "otlp"), "grpc");
        let request = request.metadata("x-tenant", "t".repeat(len)).auth("subject", "s".repeat(len));
        Context::new(request.build())
    };
    for name in ["metadata.x-tenant", "auth.subject"] {
        let action = format!("{{key: b, from_context: {name}, default_value: nobody, action: insert}}");
        let longest = after(&action, &cx(1024), Vec::new());
        assert_ne!(longest, [attribute("b", text("nobody"))], "{name}");
        assert_eq!(after(&action, &cx(1025), Vec::new()), [attribute("b", text("nobody"))], "{name}");
        let action = format!("{{key: b, from_context: {name}, action: insert}}");
        assert_eq!(after(&action, &cx(1025), Vec::new()), [], "{name}");
    }
}

#[test]
fn delete_goes_by_key_pattern_or_both() {
    let all = ["password", "password.old", "user", "token"].map(|key| attribute(key, text("x")));
    let left = |keys: &[usize]| keys.iter().map(|&at| all[at].clone()).collect::<Vec<_>>();
    assert_after("{key: user, action: delete}", &all, &left(&[0, 1, 3]));
    assert_after("{key: nobody, action: delete}", &all, &all);
    assert_after("{pattern: ^pass, action: delete}", &all, &left(&[2, 3]));
    assert_after("{pattern: o, action: delete}", &all, &left(&[2]));
    assert_after("{key: user, pattern: ^pass, action: delete}", &all, &left(&[3]));
    assert_after("{pattern: ., action: delete}", &all, &[]);
}

#[test]
fn hash_is_the_sha_256_of_the_text() {
    let cases = [
        (text("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (text(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (Value::IntValue(42), "73475cb40a568e8da8a045ced110137e159f890ac4da883b6b17dc651b3a8049"),
        (Value::BoolValue(true), "b5bea41b6c623f7c09f1bf24dcae58ebab3c0cdd90ad966bc43a45b44867e12b"),
    ];
    for (value, hash) in cases {
        let before = [attribute("a", value), attribute("b", text("b"))];
        assert_after("{key: a, action: hash}", &before, &[attribute("a", text(hash)), before[1].clone()]);
        assert_after(
            "{pattern: ^a$, action: hash}",
            &before,
            &[attribute("a", text(hash)), before[1].clone()],
        );
        assert_after("{key: c, action: hash}", &before, &before);
    }
}

#[test]
fn what_key_and_pattern_mean_is_hashed_twice_as_in_otelcol() {
    let before = [attribute("a", text("abc")), attribute("b", text("abc"))];
    let once = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let twice = "dfe7a23fefeea519e9bbfdd1a6be94c4b2e4529dd6b7cbea83f9959c2621b13c";
    let expected = [attribute("a", text(twice)), attribute("b", text(once))];
    assert_after("{key: a, pattern: '^[ab]$', action: hash}", &before, &expected);
}

#[test]
fn extract_makes_an_attribute_of_each_group() {
    let action = r"{key: url, pattern: '^/(?P<first>[^/]*)/(?P<second>\d+)?', action: extract}";
    let source = attribute("url", text("/shop/42"));
    let (first, second) = (attribute("first", text("shop")), attribute("second", text("42")));
    assert_after(action, from_ref(&source), &[source.clone(), first.clone(), second.clone()]);
    let old = attribute("second", Value::IntValue(1));
    assert_after(action, &[old, source.clone()], &[second, source, first.clone()]);
    let none = attribute("url", text("/shop/"));
    assert_after(action, from_ref(&none), &[none.clone(), first, attribute("second", text(""))]);
    for untouched in
        [attribute("url", text("shop")), attribute("url", Value::IntValue(1)), attribute("a", None)]
    {
        assert_after(action, from_ref(&untouched), from_ref(&untouched));
    }
    let own = r"{key: a, pattern: (?P<a>\d+), action: extract}";
    assert_after(own, &[attribute("a", text("x12"))], &[attribute("a", text("12"))]);
}

#[test]
fn convert_leaves_what_it_cannot_convert() {
    let cases = [
        ("int", text("-12"), Value::IntValue(-12)),
        ("int", text("1.5"), text("1.5")),
        ("int", text(""), text("")),
        ("int", Value::DoubleValue(-1.9), Value::IntValue(-1)),
        ("int", Value::DoubleValue(1e19), Value::DoubleValue(1e19)),
        ("int", Value::DoubleValue(f64::INFINITY), Value::DoubleValue(f64::INFINITY)),
        ("int", Value::BoolValue(true), Value::IntValue(1)),
        ("int", Value::IntValue(3), Value::IntValue(3)),
        ("int", list([]), list([])),
        ("double", text("0.25"), Value::DoubleValue(0.25)),
        ("double", text("+Inf"), Value::DoubleValue(f64::INFINITY)),
        ("double", text("1e999"), text("1e999")),
        ("double", text("a"), text("a")),
        ("double", Value::IntValue(2), Value::DoubleValue(2.0)),
        ("double", Value::BoolValue(false), Value::DoubleValue(0.0)),
        ("double", Value::BytesValue(vec![1]), Value::BytesValue(vec![1])),
        ("string", Value::IntValue(-2), text("-2")),
        ("string", Value::DoubleValue(0.5), text("0.5")),
        ("string", Value::BoolValue(true), text("true")),
        ("string", list([Value::IntValue(1), text("a")]), text("[1,\"a\"]")),
        ("string", text("a"), text("a")),
    ];
    for (to, before, expected) in cases {
        let action = format!("{{key: a, converted_type: {to}, action: convert}}");
        assert_after(&action, &[attribute("a", before)], &[attribute("a", expected)]);
    }
    assert_after("{key: b, converted_type: int, action: convert}", &[], &[]);
}

#[test]
fn actions_run_in_order_and_see_what_others_did() {
    let actions = "{key: a, value: '7', action: insert}, {key: a, converted_type: int, action: convert}, \
                   {key: b, from_attribute: a, action: insert}, {key: a, action: delete}, \
                   {key: a, value: again, action: insert}, {key: b, converted_type: string, action: convert}, \
                   {key: c, from_attribute: b, action: upsert}";
    let expected = [attribute("b", text("7")), attribute("a", text("again")), attribute("c", text("7"))];
    assert_after(actions, &[], &expected);
}

#[test]
fn of_equal_keys_the_first_stays_when_one_is_edited() {
    let twice = [attribute("a", text("1")), attribute("b", text("2")), attribute("a", text("3"))];
    assert_after(
        "{key: a, value: new, action: update}",
        &twice,
        &[attribute("a", text("new")), twice[1].clone()],
    );
    assert_after("{key: a, action: delete}", &twice, &[twice[1].clone()]);
    assert_after("{pattern: a, action: delete}", &twice, &[twice[1].clone()]);
    assert_after("{key: b, action: delete}", &twice, &[twice[0].clone(), twice[2].clone()]);
}
