use sluice_component::Level;
use sluice_config::{Node, Problems, decode, to_node};

use super::*;

fn read(yaml: &str) -> (Option<TelemetrySettings>, String) {
    let node = Node::from_yaml("c.yaml", yaml).unwrap();
    let mut problems = Problems::new();
    let settings = decode(&node, "service.telemetry", &mut problems);
    (settings, problems.iter().map(|p| format!("{p}\n")).collect())
}

fn good(yaml: &str) -> TelemetrySettings {
    let (settings, problems) = read(yaml);
    settings.unwrap_or_else(|| panic!("{problems}"))
}

#[test]
fn nothing_written_is_otelcols_defaults() {
    let settings = good("{}");
    assert_eq!(settings, TelemetrySettings::default());
    assert_eq!(settings.metrics.listeners(), [Prometheus::default()]);
    assert_eq!(settings.logs.output_paths, ["stderr"]);
}

#[test]
fn levels_are_taken_in_either_case() {
    let settings = good("{logs: {level: WARN}, metrics: {level: Detailed}}");
    assert_eq!((settings.logs.level, settings.metrics.level), (LogLevel::Warn, Level::Detailed));
    let (_, problems) = read("{logs: {level: loud}}");
    assert!(problems.contains("logs.level: unknown level `loud` (known: debug, info,"), "{problems}");
}

#[test]
fn a_written_reader_keeps_the_names_without_suffix() {
    let settings =
        good("metrics: {readers: [{pull: {exporter: {prometheus: {host: 0.0.0.0, port: 1234}}}}]}");
    let expected = Prometheus { host: "0.0.0.0".to_owned(), port: 1234, ..Prometheus::default() };
    assert_eq!(settings.metrics.listeners(), [expected]);
}

#[test]
fn level_none_listens_nowhere_and_needs_no_reader() {
    assert!(good("metrics: {level: none}").metrics.listeners().is_empty());
    assert!(good("metrics: {level: none, readers: []}").metrics.listeners().is_empty());
    let (_, problems) = read("metrics: {readers: []}");
    assert!(problems.contains("reader should exist when metric level is not none"), "{problems}");
}

#[test]
fn the_classic_address_is_taken_with_a_warning() {
    let (settings, problems) = read("metrics: {address: ':8889'}");
    let listeners = settings.unwrap().metrics.listeners();
    assert_eq!(listeners, [Prometheus { host: String::new(), port: 8889, ..Prometheus::default() }]);
    assert!(problems.contains("metrics.address: is the classic spelling"), "{problems}");
}

#[test]
fn what_is_not_built_is_refused_or_said() {
    let (settings, problems) = read("metrics: {readers: [{periodic: {interval: 10000}}]}");
    assert!(settings.is_none());
    assert!(
        problems
            .contains("metrics.readers[0].periodic: sending the collector's own metrics is not built yet")
    );
    let (settings, problems) =
        read("{logs: {processors: [{batch: {}}]}, traces: {processors: [{batch: {}}]}}");
    assert!(settings.is_some(), "{problems}");
    assert!(problems.contains("logs.processors: export of the collector's own log is not built yet"));
    assert!(problems.contains("traces.processors: traces of the collector itself are not built yet"));
    let (settings, _) = read("metrics: {views: [{}]}");
    assert!(settings.is_none(), "views need level detailed");
}

#[test]
fn a_resource_is_written_as_a_list_or_inline_but_not_both() {
    let list = good("resource: {attributes: [{name: service.name, value: edge}, {name: zone, value: 7}]}");
    let resource = list.resource.resolve("id-1");
    let expected = [
        ("service.instance.id", "id-1"),
        ("service.name", "edge"),
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("zone", "7"),
    ];
    assert_eq!(resource.iter().collect::<Vec<_>>(), expected);

    let (inline, problems) = read("resource: {host.name: h, service.instance.id: }");
    assert!(problems.contains("attributes written as keys are deprecated"), "{problems}");
    let resource = inline.unwrap().resource.resolve("id-1");
    assert_eq!(
        resource.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        ["host.name", "service.name", "service.version"]
    );

    let (mixed, problems) = read("resource: {host.name: h, attributes: []}");
    assert!(mixed.is_none() && problems.contains("resource.host.name: cannot be mixed"), "{problems}");
}

#[test]
fn the_effective_settings_read_back_as_themselves() {
    let settings = good("{logs: {initial_fields: {a: 1}, sampling: {thereafter: 0}}, resource: {x: y}}");
    let mut problems = Problems::new();
    let again = decode::<TelemetrySettings>(&to_node(&settings), "", &mut problems);
    // The resource is printed with its defaults; printed again, it is the same.
    assert_eq!(to_node(&again), to_node(&settings));
    assert_eq!(again.unwrap().resource.resolve("id"), settings.resource.resolve("id"));
}
