//! Extensions whose section is accepted with a warning and that do nothing yet.
#![cfg(all(feature = "pprof-extension", feature = "zpages-extension"))]
#![expect(clippy::unwrap_used, reason = "test code")]

use sluice_component::{
    Kind, Registry,
    factory::Described,
    testkit::{build_cx, load_examples, problems, process},
};
use sluice_extensions::{pprof, zpages};
use sluice_pdata::Signal;

fn registry() -> Registry {
    Registry::empty().extension::<zpages::Factory>().extension::<pprof::Factory>()
}

fn told(type_: &str, yaml: &str) -> Vec<String> {
    let registry = registry();
    let mut known = registry.describe(Kind::Extension).into_iter();
    let factory: &dyn Described = known.find(|factory| factory.type_() == type_).unwrap();
    problems(factory, yaml).iter().map(ToString::to_string).collect()
}

#[test]
fn the_examples_of_the_pages_load() {
    let pages = [
        include_str!("../../docs/components/extensions/zpages.md"),
        include_str!("../../docs/components/extensions/pprof.md"),
    ];
    for page in pages {
        assert_eq!(load_examples(&registry(), page), 1);
    }
}

#[test]
fn they_are_accepted_with_a_warning() {
    let pprof = "{endpoint: ':1888', block_profile_fraction: 3, mutex_profile_fraction: -1, save_to_file: x}";
    for (type_, yaml) in [("zpages", "{endpoint: ':55679', expvar: {enabled: true}}"), ("pprof", pprof)] {
        let told = told(type_, yaml);
        assert!(told.len() == 1 && told[0].contains("accepted"), "{told:?}");
    }
}

#[test]
fn mistakes_are_told() {
    assert!(told("zpages", "{endpoint: ''}")[0].contains("\"endpoint\" is required"));
    assert!(told("pprof", "{endpont: x}").iter().any(|problem| problem.contains("unknown key")));
}

#[tokio::test]
async fn they_start_and_stop() {
    let process = process();
    for (type_, extension) in registry().extensions.iter().map(|factory| {
        let node = sluice_config::Node::empty_map();
        let parsed = factory.parse(&node, "x", &mut sluice_config::Problems::new()).unwrap();
        assert!(parsed.claims.is_empty(), "nothing is bound");
        let cx = build_cx(&process, Kind::Extension, factory.type_(), Signal::Traces);
        (factory.type_(), factory.build(&parsed, cx).unwrap())
    }) {
        extension.start(&sluice_component::testkit::host(&process, Kind::Extension, type_)).await.unwrap();
        extension.shutdown(tokio::time::Instant::now()).await.unwrap();
    }
}
