//! Names, labels, resources, scopes: A1 to A3 as far as they are not the namer's.

use super::*;

const SHOP: &[(&str, &str)] = &[
    ("service.name", "cart"),
    ("service.namespace", "shop"),
    ("service.instance.id", "i1"),
    ("host.name", "h"),
];

fn lines(exposed: &Exposed) -> Vec<String> {
    exposed.text().lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

/// A gauge of 1 with this label, of [`SHOP`] and the scope `lib`.
fn scoped() -> Pdata {
    let scope = json!({"name": "lib", "version": "1", "attributes": attributes(&[("a.b", "c")])});
    batch(&json!([{
        "resource": {"attributes": attributes(SHOP)},
        "scopeMetrics": [{"scope": scope, "schemaUrl": "s", "metrics": [gauge("up.time", &[("k", "v")], 1.0, T)]}],
    }]))
}

#[test]
fn a_series_has_the_labels_of_its_resource_and_scope_and_the_target_tells_the_rest() {
    let exposed = Exposed::new("");
    exposed.take(&scoped());
    assert_eq!(
        exposed.text(),
        r#"# HELP target_info Target metadata
# TYPE target_info gauge
target_info{host_name="h",instance="i1",job="shop/cart"} 1
# TYPE up_time gauge
up_time{k="v",instance="i1",job="shop/cart",otel_scope_a_b="c",otel_scope_name="lib",otel_scope_schema_url="s",otel_scope_version="1"} 1
"#
    );
}

#[test]
fn without_scope_info_leaves_the_scope_out() {
    let exposed = Exposed::new("without_scope_info: true");
    exposed.take(&scoped());
    assert_eq!(lines(&exposed)[1], r#"up_time{k="v",instance="i1",job="shop/cart"} 1"#);
}

#[test]
fn resource_attributes_become_labels_as_they_are_asked_for() {
    for (yaml, labels) in [
        (
            "resource_to_telemetry_conversion: {enabled: true}",
            r#"host_name="h",instance="i1",job="shop/cart",service_instance_id="i1",service_name="cart",service_namespace="shop""#,
        ),
        (
            "resource_to_telemetry_conversion: {enabled: true, exclude_service_attributes: true}",
            r#"host_name="h",instance="i1",job="shop/cart""#,
        ),
        (
            "resource_constant_labels: {included: ['service.*'], excluded: ['*.id']}",
            r#"instance="i1",job="shop/cart",service_name="cart",service_namespace="shop""#,
        ),
        (
            "resource_constant_labels: {included: [h*]}, resource_to_telemetry_conversion: {enabled: true}",
            r#"host_name="h",instance="i1",job="shop/cart""#,
        ),
    ] {
        let exposed = Exposed::new(&format!("without_scope_info: true, {yaml}"));
        exposed.take(&scoped());
        assert_eq!(lines(&exposed)[1], format!(r#"up_time{{k="v",{labels}}} 1"#), "{yaml}");
    }
}

#[test]
fn namespace_and_const_labels_are_on_everything_and_a_series_own_label_wins() {
    let exposed = Exposed::new("namespace: app, const_labels: {k: const, 'env.name': prod, empty: ''}");
    exposed.take(&of(&[("service.name", "cart"), ("x", "y")], &json!([gauge("up", &[("k", "v")], 1.0, T)])));
    assert_eq!(
        lines(&exposed),
        [
            r#"app_target_info{job="cart",x="y",env_name="prod",k="const"} 1"#,
            r#"app_up{k="v",job="cart",env_name="prod"} 1"#
        ]
    );
}

#[test]
fn resource_and_scope_win_over_attributes_and_bounds_over_everything() {
    let exposed = Exposed::new("const_labels: {le: x}");
    let histogram = json!({"name": "h", "histogram": {"aggregationTemporality": 2, "dataPoints": [
        {"timeUnixNano": T.to_string(), "count": "1", "attributes": attributes(&[("job", "mine"), ("le", "mine")])}]}});
    exposed.take(&of(&[("service.name", "cart")], &json!([histogram])));
    assert_eq!(lines(&exposed), [r#"h_bucket{job="cart",le="+Inf"} 1"#, r#"h_count{job="cart"} 1"#]);
}

#[test]
fn keys_that_become_one_label_are_joined_and_empty_values_are_no_labels() {
    let exposed = Exposed::new("");
    let labels = [("a_b", "2"), ("a.b", "1"), ("c", ""), ("__name__", "x"), ("d.e", "same"), ("d_e", "same")];
    exposed.take(&of(&[], &json!([gauge("g", &labels, 1.0, T)])));
    assert_eq!(lines(&exposed), [r#"g{a_b="1;2",d_e="same"} 1"#]);
}

#[test]
fn a_resource_without_identity_or_without_anything_else_has_no_target_info() {
    let exposed = Exposed::new("");
    exposed.take(&of(&[("host.name", "h")], &json!([gauge("a", &[], 1.0, T)])));
    exposed.take(&of(&[("service.name", "cart")], &json!([gauge("b", &[], 1.0, T)])));
    assert_eq!(lines(&exposed), ["a 1", "b{job=\"cart\"} 1"]);
}

#[test]
fn strategies_make_names_and_escaping_makes_them_readable() {
    let metric = || {
        let mut metric = gauge("http.server", &[("net.peer", "x")], 1.0, T);
        metric["unit"] = json!("s");
        of(&[], &json!([metric]))
    };
    let utf8 = "text/plain;version=1.0.0;escaping=allow-utf-8";
    for (yaml, accept, wanted) in [
        ("", "", r#"http_server_seconds{net_peer="x"} 1"#),
        ("", utf8, r#"http_server_seconds{net_peer="x"} 1"#),
        ("add_metric_suffixes: false", "", r#"http_server{net_peer="x"} 1"#),
        ("translation_strategy: UnderscoreEscapingWithoutSuffixes", "", r#"http_server{net_peer="x"} 1"#),
        (
            "translation_strategy: NoUTF8EscapingWithSuffixes",
            utf8,
            r#"{"http.server_seconds","net.peer"="x"} 1"#,
        ),
        ("translation_strategy: NoTranslation", utf8, r#"{"http.server","net.peer"="x"} 1"#),
        ("translation_strategy: NoTranslation", "", r#"http_server{net_peer="x"} 1"#),
        (
            "translation_strategy: NoTranslation",
            "text/plain;escaping=values",
            r#"U__http_2e_server{U__net_2e_peer="x"} 1"#,
        ),
        ("", "text/plain;escaping=dots", r#"http__server__seconds{net__peer="x"} 1"#),
        // The namespace is put in front as it is.
        ("namespace: my-app", "", r#"my_app_http_server_seconds{net_peer="x"} 1"#),
    ] {
        let exposed = Exposed::new(yaml);
        exposed.take(&metric());
        let text = exposed.as_text(accept);
        assert_eq!(text.lines().last(), Some(wanted), "{yaml} {accept}");
    }
}

#[test]
fn i15_line_breaks_and_quotes_in_names_and_values_cannot_make_lines() {
    for yaml in ["", "translation_strategy: NoTranslation"] {
        let exposed = Exposed::new(&format!("enable_open_metrics: true, {yaml}"));
        let hostile = "a\n# EOF\nb{c=\"d\"} 1\\\u{1b}[31m<b>";
        let mut metric = gauge(hostile, &[(hostile, hostile)], 1.0, T);
        metric["description"] = json!(hostile);
        metric["unit"] = json!(hostile);
        exposed.take(&of(&[("service.name", hostile)], &json!([metric])));
        for accept in ["", "text/plain;version=1.0.0;escaping=allow-utf-8", OPEN_METRICS] {
            let text = exposed.as_text(accept);
            let end = usize::from(accept == OPEN_METRICS);
            assert_eq!(text.lines().count(), 3 + end, "{text}");
            assert_eq!(text.lines().filter(|line| line.starts_with("# EOF")).count(), end, "{text}");
        }
    }
}
