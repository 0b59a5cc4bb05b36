//! A3: resources and scopes.

use std::sync::Arc;

use sluice_formats::prometheus::from_otlp::{Options, Reason, ResourceAttributes, SeriesSet, translate};
use sluice_formats::prometheus::names::{Namer, Strategy};

use crate::foreign::{sent, sent_with, without_metadata};
use crate::otlp::{attributes, data, gauge, number, resource, scope};

const SHOP: [(&str, &str); 4] = [
    ("service.name", "cart"),
    ("service.namespace", "shop"),
    ("service.instance.id", "i-1"),
    ("host.name", "h"),
];

fn one() -> Vec<sluice_pdata::otlp::metrics::v1::Metric> {
    vec![gauge("g", vec![number(&[], 1000, 1.0), number(&[], 3000, 2.0)])]
}

#[test]
fn a_resource_is_job_and_instance_and_a_series_of_its_own() {
    assert_eq!(
        sent(&data(vec![resource(&SHOP, one())])),
        [
            r#"g{instance="i-1",job="shop/cart"} 1@1000 2@3000 : gauge"#,
            r#"target_info{host_name="h",instance="i-1",job="shop/cart"} 1@3000 : gauge "Target metadata""#,
        ]
    );
}

#[test]
fn what_is_unknown_is_no_label() {
    let lines =
        |attributes: &[(&str, &str)]| without_metadata(sent(&data(vec![resource(attributes, one())])));
    assert_eq!(lines(&[("service.name", "cart")]), [r#"g{job="cart"} 1@1000 2@3000"#]);
    assert_eq!(lines(&[("service.namespace", "shop")]), ["g 1@1000 2@3000"]);
    assert_eq!(lines(&[("host.name", "h")]), ["g 1@1000 2@3000"], "nobody could join target_info");
    assert_eq!(
        lines(&[("service.instance.id", "i"), ("x", "y")]),
        [r#"g{instance="i"} 1@1000 2@3000"#, r#"target_info{instance="i",x="y"} 1@3000"#,]
    );
    assert_eq!(lines(&SHOP[..3]).len(), 1, "there is nothing more to say");
}

#[test]
fn target_info_can_be_switched_off_and_has_the_namespace() {
    let shop = data(vec![resource(&SHOP, one())]);
    let off = Options { target_info: false, ..Options::default() };
    assert_eq!(sent_with(&shop, &off).len(), 1);
    let namer = Namer::new(Strategy::default(), "app");
    let lines = sent_with(&shop, &Options { namer, ..Options::default() });
    assert!(lines[0].starts_with("app_g{") && lines[1].starts_with("app_target_info{"), "{lines:?}");
}

#[test]
fn a_resource_without_points_is_not_described() {
    assert!(sent(&data(vec![resource(&SHOP, vec![gauge("g", vec![])])])).is_empty());
}

#[test]
fn resource_attributes_become_labels_where_that_is_asked_for() {
    let shop = data(vec![resource(
        &SHOP,
        vec![gauge("g", vec![number(&[("host.name", "mine"), ("job", "x")], 1, 1.0)])],
    )]);
    let with = |resource_attributes| {
        let options = Options { resource_attributes, target_info: false, ..Options::default() };
        without_metadata(sent_with(&shop, &options)).remove(0)
    };
    assert_eq!(with(ResourceAttributes::None), r#"g{host_name="mine",instance="i-1",job="shop/cart"} 1@1"#);
    assert_eq!(
        with(ResourceAttributes::AllButService),
        r#"g{host_name="h",instance="i-1",job="shop/cart"} 1@1"#,
        "the resource wins over the point"
    );
    let all = r#"g{host_name="h",instance="i-1",job="shop/cart",service_instance_id="i-1",service_name="cart",service_namespace="shop"} 1@1"#;
    assert_eq!(with(ResourceAttributes::All), all);
    let named = |wanted: &'static [&str]| ResourceAttributes::Named(Arc::new(|key| wanted.contains(&key)));
    assert_eq!(
        with(named(&["service.name", "none"])),
        r#"g{host_name="mine",instance="i-1",job="shop/cart",service_name="cart"} 1@1"#
    );
    assert_eq!(with(named(&[])), with(ResourceAttributes::None));
}

#[test]
fn scopes_are_labels() {
    let mut of = resource(&[], one());
    of.scope_metrics[0].scope = scope("lib", "1.2", &[("a.b", "c"), ("name", "loses")]);
    of.scope_metrics[0].schema_url = "https://s".to_owned();
    let scoped = data(vec![of]);
    assert_eq!(
        without_metadata(sent(&scoped)),
        [
            r#"g{otel_scope_a_b="c",otel_scope_name="lib",otel_scope_schema_url="https://s",otel_scope_version="1.2"} 1@1000 2@3000"#
        ]
    );
    let off = Options { scope_labels: false, ..Options::default() };
    assert_eq!(without_metadata(sent_with(&scoped, &off)), ["g 1@1000 2@3000"]);
}

#[test]
fn two_scopes_are_two_series() {
    let mut of = resource(&[], vec![gauge("g", vec![number(&[], 1, 1.0)])]);
    of.scope_metrics.push(of.scope_metrics[0].clone());
    of.scope_metrics[0].scope = scope("one", "", &[]);
    of.scope_metrics[1].scope = scope("two", "", &[]);
    let lines = without_metadata(sent(&data(vec![of])));
    assert_eq!(lines, [r#"g{otel_scope_name="one"} 1@1"#, r#"g{otel_scope_name="two"} 1@1"#]);
}

#[test]
fn what_one_resource_has_does_not_reach_the_next() {
    let lines = without_metadata(sent(&data(vec![
        resource(&SHOP, one()),
        resource(&[("service.name", "b")], one()),
        resource(&[], one()),
    ])));
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[2..], [r#"g{job="b"} 1@1000 2@3000"#, "g 1@1000 2@3000"]);
}

#[test]
fn an_attribute_of_the_resource_without_label_costs_itself() {
    let odd = [("service.name", "a"), ("@", "x")];
    let mut of = resource(&odd, one());
    of.resource.as_mut().unwrap().attributes.extend(attributes(&[("k", "v")]));
    let of = data(vec![of]);
    assert_eq!(
        without_metadata(sent(&of)),
        [r#"g{job="a"} 1@1000 2@3000"#, r#"target_info{job="a",k="v"} 1@3000"#]
    );
    let all = Options {
        resource_attributes: ResourceAttributes::AllButService,
        target_info: false,
        ..Options::default()
    };
    assert_eq!(without_metadata(sent_with(&of, &all)), [r#"g{job="a",k="v"} 1@1000 2@3000"#]);
}

#[test]
fn a_resource_is_described_again_only_by_later_points() {
    let mut set = SeriesSet::default();
    let mut described = |at| {
        let metrics = vec![gauge("g", vec![number(&[], at, 1.0)])];
        translate(&data(vec![resource(&SHOP, metrics)]), &Options::default(), None, &mut set);
        let series = set.len();
        set.release();
        series == 2
    };
    assert_eq!([5, 5, 3, 6, 4].map(&mut described), [true, false, false, true, false]);
}

/// i3: every series has what its scope says.
#[test]
fn points_of_a_scope_that_says_too_much_are_lost() {
    let points = (0..3000).map(|at| number(&[("n", &at.to_string())], at, 1.0)).collect();
    let mut large = resource(&[], vec![gauge("g", points)]);
    let keys: Vec<String> = (0..3000).map(|n| format!("k{n}")).collect();
    let pairs: Vec<(&str, &str)> = keys.iter().map(|key| (key.as_str(), "x")).collect();
    large.scope_metrics[0].scope = scope("lib", "1", &pairs);
    let mut set = SeriesSet::default();
    translate(&data(vec![large]), &Options::default(), None, &mut set);
    let lost: Vec<_> = set.lost().map(|(metric, reason, points)| (metric, reason, points < 2000)).collect();
    assert_eq!(lost, [("g", Reason::TooLarge, true)]);
}
