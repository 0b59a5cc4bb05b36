use std::{collections::HashMap, io, path::Path, sync::Arc, time::Duration};

use sluice_component::{
    Component, Consume, Context, Growth, Kind, Processor, ProcessorFactory, Registry,
    testkit::{self, Recorder},
};
use sluice_config::{Node, Problems, decode_over};
use sluice_pdata::{
    Pdata, Signal,
    otlp::{
        ExportTraceServiceRequest,
        common::v1::{AnyValue, KeyValue, any_value},
        resource::v1::Resource,
        trace::v1::{ResourceSpans, ScopeSpans, Span},
    },
};

use super::{
    Factory, Settings,
    detected::Detected,
    machine::{Machine, Names},
    processor::ResourceDetection,
    value::{Attributes, Value},
};

fn settings(yaml: &str) -> Result<Settings, String> {
    let node = Node::from_yaml("test.yaml", yaml).unwrap();
    let mut problems = Problems::new();
    let settings = decode_over(&Settings::default(), &node, "processors.resource_detection", &mut problems);
    settings.ok_or_else(|| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

const NAMES: Names = Names {
    host: || "web-1".to_owned(),
    canonical: |host| Ok(format!("{host}.example")),
    addresses: |_| Err(io::Error::other("no DNS")),
    name_of: |_| Err(io::Error::other("no DNS")),
};

/// A machine with these variables, whose files lie below `root`.
fn machine(root: &Path, variables: &[(&str, &str)]) -> Machine {
    let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let variables: HashMap<String, String> = owned.collect();
    Machine::new(Box::new(move |name| variables.get(name).cloned()), root.to_owned(), NAMES)
}

fn write(root: &Path, path: &str, text: &str) {
    let file = root.join(path);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
}

fn text(found: &Attributes, key: &str) -> String {
    match found.get(key) {
        Some(Value::Text(text)) => text.clone(),
        other => panic!("{key}: {other:?}"),
    }
}

/// What is detected by these settings, as keys and texts.
async fn detected(yaml: &str, machine: Machine) -> Vec<(String, String)> {
    let detected = Detected::new(settings(yaml).unwrap(), machine);
    detected.detect().await.unwrap();
    detected.found().iter().map(|(key, value)| (key.clone(), format!("{:?}", value.value()))).collect()
}

fn pair(key: &str, value: &str) -> KeyValue {
    let value = Some(any_value::Value::StringValue(value.to_owned()));
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value }), ..KeyValue::default() }
}

fn spans(attributes: Vec<KeyValue>) -> Pdata {
    let span = Span { trace_id: vec![1; 16], span_id: vec![1; 8], ..Span::default() };
    let scope_spans = vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }];
    let resource = Some(Resource { attributes, ..Resource::default() });
    Pdata::from_traces(ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }],
    })
}

/// The attributes of a resource with `a: sent` behind the processor.
async fn passed(yaml: &str, variables: &[(&str, &str)]) -> Vec<KeyValue> {
    let settings = settings(yaml).unwrap();
    let (root, recorder, process) = (tempfile::tempdir().unwrap(), Recorder::new(), testkit::process());
    let cx = testkit::build_cx(&process, Kind::Processor, "resource_detection", Signal::Traces);
    let processor = ResourceDetection {
        overrides: settings.overrides,
        growth: Growth::of(&cx),
        detected: Arc::new(Detected::new(settings, machine(root.path(), variables))),
        next: recorder.clone(),
    };
    processor.start(&testkit::host(&process, Kind::Processor, "resource_detection")).await.unwrap();
    processor.consume(Context::default(), spans(vec![pair("a", "sent")])).await.unwrap();
    let mut data = recorder.batches().remove(0);
    assert_eq!(data.items(), 1);
    data.traces_mut().resource_spans.remove(0).resource.unwrap().attributes
}

#[tokio::test]
async fn what_is_found_goes_over_what_was_sent_unless_override_is_off() {
    let variables = [("OTEL_RESOURCE_ATTRIBUTES", "a=found,b=1")];
    assert_eq!(passed("{}", &variables).await, [pair("a", "found"), pair("b", "1")]);
    assert_eq!(passed("{override: false}", &variables).await, [pair("a", "sent"), pair("b", "1")]);
    assert_eq!(passed("{}", &[]).await, [pair("a", "sent")]);
}

#[tokio::test]
async fn of_two_detectors_that_find_an_attribute_the_first_counts() {
    let root = tempfile::tempdir().unwrap();
    let variables = [("OTEL_RESOURCE_ATTRIBUTES", "host.name=mine")];
    let name = |yaml: &'static str| {
        let machine = machine(root.path(), &variables);
        async move { detected(yaml, machine).await.into_iter().find(|(key, _)| key == "host.name").unwrap().1 }
    };
    assert!(name("{detectors: [env, system]}").await.contains("mine"));
    assert!(name("{detectors: [system, env]}").await.contains("web-1.example"));
}

#[tokio::test]
async fn env_takes_what_is_allowed() {
    let root = tempfile::tempdir().unwrap();
    let keys = |yaml: &'static str, name: &'static str| {
        let machine = machine(root.path(), &[(name, "a=1,b=2")]);
        async move { detected(yaml, machine).await.into_iter().map(|(key, _)| key).collect::<Vec<_>>() }
    };
    assert_eq!(keys("{}", "OTEL_RESOURCE_ATTRIBUTES").await, ["a", "b"]);
    assert_eq!(keys("{}", "OTEL_RESOURCE").await, ["a", "b"]);
    assert_eq!(keys("{env: {allowlist: [b, c]}}", "OTEL_RESOURCE_ATTRIBUTES").await, ["b"]);
    assert!(keys("{env: {allowlist: []}}", "OTEL_RESOURCE_ATTRIBUTES").await.is_empty());
}

#[tokio::test]
async fn system_tells_name_and_type_and_more_when_it_is_asked() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "etc/machine-id", "0123abcd\n");
    write(
        root.path(),
        "etc/os-release",
        "PRETTY_NAME=\"Debian GNU/Linux 13\"\nNAME=Debian\nVERSION_ID='13'\nBUILD_ID=\n",
    );
    let cpu = "processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\nmodel\t\t: 85\nmodel name\t: Xeon : 1\nstepping\t: 7\n\nprocessor\t: 1\nmodel\t: 9\n";
    write(root.path(), "proc/cpuinfo", cpu);
    for (index, level, size) in [(0, "1", "32K"), (2, "2", "1024K")] {
        let cache = format!("sys/devices/system/cpu/cpu0/cache/index{index}");
        write(root.path(), &format!("{cache}/level"), level);
        write(root.path(), &format!("{cache}/size"), size);
    }
    let few = detected("{detectors: [system]}", machine(root.path(), &[])).await;
    assert_eq!(few.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), ["host.name", "os.type"]);

    let keys = [
        "host.id",
        "host.arch",
        "host.ip",
        "host.mac",
        "host.interface",
        "host.cpu.vendor.id",
        "host.cpu.family",
        "host.cpu.model.id",
        "host.cpu.model.name",
        "host.cpu.stepping",
        "host.cpu.cache.l2.size",
        "os.description",
        "os.name",
        "os.version",
        "os.build.id",
    ];
    let toggles: Vec<String> = keys.iter().map(|key| format!("{key}: {{enabled: true}}")).collect();
    let yaml = format!(
        "{{detectors: [system], system: {{hostname_sources: [os], resource_attributes: {{{}}}}}}}",
        toggles.join(", ")
    );
    let settings = settings(&yaml).unwrap();
    let machine = Arc::new(machine(root.path(), &[]));
    let found = super::system::detect(&settings.system, &machine, Duration::from_secs(60)).await.unwrap();
    // An empty BUILD_ID is none.
    assert!(
        keys[..14].iter().all(|key| found.get(key).is_some()) && found.get("os.build.id").is_none(),
        "{found:?}"
    );
    for (key, expected) in [
        ("host.name", "web-1"),
        ("host.id", "0123abcd"),
        ("host.cpu.vendor.id", "GenuineIntel"),
        ("host.cpu.family", "6"),
        ("host.cpu.model.id", "85"),
        ("host.cpu.model.name", "Xeon : 1"),
        ("host.cpu.stepping", "7"),
        ("os.name", "Debian"),
        ("os.version", "13"),
    ] {
        assert_eq!(text(&found, key), expected, "{key}");
    }
    assert_eq!(found.get("host.cpu.cache.l2.size"), Some(&Value::Int(1 << 20)));
    assert!(text(&found, "os.description").starts_with("Debian GNU/Linux 13 ("), "{found:?}");
}

#[tokio::test]
async fn k8s_downward_reads_variables_then_files() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), "etc/podinfo/name", "from-file");
    write(root.path(), "etc/podinfo/uid", "u-1\n");
    write(root.path(), "var/run/secrets/kubernetes.io/serviceaccount/namespace", "shop");
    let variables =
        [("POD_NAME", "web-0"), ("K8S_NODE_NAME", "node-1"), ("MY_POD_IP", "192.0.2.7"), ("POD_UID", " ")];
    let found = |yaml: &'static str| {
        let machine = machine(root.path(), &variables);
        async move {
            let unquoted = |text: String| text.split('"').nth(1).unwrap_or_default().to_owned();
            let found = detected(yaml, machine).await.into_iter().map(|(key, text)| (key, unquoted(text)));
            found.collect::<HashMap<_, _>>()
        }
    };
    let expected = |more: &[(&str, &str)]| {
        let all = [("k8s.pod.uid", "u-1"), ("k8s.node.name", "node-1"), ("k8s.namespace.name", "shop")];
        all.iter()
            .chain(more)
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect::<HashMap<_, _>>()
    };
    assert_eq!(found("{detectors: [k8s_downward]}").await, expected(&[("k8s.pod.name", "web-0")]));
    let toggles = "{detectors: [k8s_downward], k8s_downward: {resource_attributes:
        {k8s.pod.name: {enabled: false}, k8s.pod.ip: {enabled: true}}}}";
    assert_eq!(found(toggles).await, expected(&[("k8s.pod.ip", "192.0.2.7")]));
}

#[tokio::test]
async fn outside_of_a_pod_nothing_is_found_which_may_be_a_failure() {
    let root = tempfile::tempdir().unwrap();
    assert!(detected("{detectors: [k8s_downward]}", machine(root.path(), &[])).await.is_empty());
    let strict = settings("{detectors: [k8s_downward], fail_on_missing_metadata: true}").unwrap();
    let error = Detected::new(strict, machine(root.path(), &[])).detect().await.unwrap_err().to_string();
    assert!(error.starts_with("k8s_downward: nothing of the pod is known: set K8S_POD_NAME"), "{error}");
}

#[tokio::test]
async fn a_detector_that_fails_stops_the_start() {
    let (root, process) = (tempfile::tempdir().unwrap(), testkit::process());
    let bad = machine(root.path(), &[("OTEL_RESOURCE_ATTRIBUTES", "nonsense")]);
    let detected = Arc::new(Detected::new(settings("{}").unwrap(), bad));
    let host = testkit::host(&process, Kind::Processor, "resource_detection");
    let error = detected.start(&host).await.unwrap_err();
    assert!(
        error.to_string().starts_with("processors.resource_detection.detectors: resource detection failed")
    );
    let cause = error.cause.unwrap().to_string();
    assert_eq!(cause, "env: OTEL_RESOURCE_ATTRIBUTES: `nonsense` is no key=value");
}

#[tokio::test(start_paused = true)]
async fn a_refresh_finds_what_has_changed_and_keeps_what_was_found_when_it_fails() {
    let (root, process) = (tempfile::tempdir().unwrap(), testkit::process());
    write(root.path(), "etc/podinfo/name", "one");
    let yaml = "{detectors: [k8s_downward], refresh_interval: 1m, fail_on_missing_metadata: true}";
    let detected = Arc::new(Detected::new(settings(yaml).unwrap(), machine(root.path(), &[])));
    detected.start(&testkit::host(&process, Kind::Processor, "resource_detection")).await.unwrap();
    let name = || detected.found().first().map(|(_, value)| format!("{:?}", value.value())).unwrap();
    assert!(name().contains("one"));
    write(root.path(), "etc/podinfo/name", "two");
    tokio::time::sleep(Duration::from_secs(90)).await;
    assert!(name().contains("two"));
    std::fs::remove_file(root.path().join("etc/podinfo/name")).unwrap();
    tokio::time::sleep(Duration::from_secs(90)).await;
    assert!(name().contains("two"));
    process.stopping.cancel();
    process.tasks.close();
    process.tasks.wait().await;
}

#[test]
fn instances_of_all_pipelines_share_what_is_detected() {
    let process = testkit::process();
    let cx = testkit::build_cx(&process, Kind::Processor, "resource_detection", Signal::Traces);
    for signal in Signal::ALL {
        let cx = sluice_component::BuildCx { signal: Some(signal), ..cx.clone() };
        let built = Factory::build(&Settings::default(), cx, Recorder::new()).unwrap();
        assert!(matches!(built, Processor::Stage(_)));
    }
    let shared: Arc<Detected> = cx.shared.get_or_make(&cx.component, || panic!("made before"));
    // Those of three pipelines, this one, and that of the board.
    assert_eq!(Arc::strong_count(&shared), 2);
}

#[test]
fn other_detectors_are_refused_by_name_and_place() {
    let problem = |yaml: &str| settings(yaml).unwrap_err();
    let node = problem("{detectors: [env, k8snode]}");
    assert!(
        node.contains("processors.resource_detection.detectors[1]: the detector \"k8snode\" asks"),
        "{node}"
    );
    assert!(node.contains("\"k8s_downward\" takes the names of pod"), "{node}");
    assert!(problem("{detectors: [ec2]}").contains("detectors[0]: the detector \"ec2\" is not built yet"));
    assert!(
        problem("{detectors: [sytem]}").contains("invalid detector key: \"sytem\"; did you mean \"system\"?")
    );
    assert!(
        problem("{detectors: []}").contains("detectors: must name at least one of env, system, k8s_downward")
    );
    assert!(problem("{ec2: {tags: []}}").contains("ec2"));
    let system = |yaml: &str| problem(&format!("{{system: {{{yaml}}}}}"));
    assert!(
        system("hostname_sources: [os, nis]").contains("system.hostname_sources[1]: unknown source \"nis\"")
    );
    assert!(system("hostname_sources: []").contains("system.hostname_sources: must name at least one"));
    assert!(system("resource_attributes: {host.nam: {enabled: true}}").contains("host.nam"));
    assert!(problem("{timeout: 0s}").contains("must be more than 0"));
}

#[test]
fn the_defaults_are_otelcols() {
    let settings =
        settings("{system: {resource_attributes: {host.name: {}, os.type: {enabled: false}}}}").unwrap();
    assert_eq!(settings.detectors.iter().map(ToString::to_string).collect::<Vec<_>>(), ["env"]);
    assert_eq!((settings.overrides, settings.timeout.as_secs()), (true, 5));
    assert!(settings.refresh_interval.is_zero() && !settings.fail_on_missing_metadata);
    let system = &settings.system.resource_attributes;
    assert!(system.host_name.enabled && !system.os_type.enabled && !system.host_id.enabled);
    assert_eq!(
        settings.system.hostname_sources.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["dns", "os"]
    );
}

#[test]
fn the_examples_of_the_page_load() {
    let registry = Registry::default().processor::<Factory>();
    let page = include_str!("../../../docs/components/processors/resource_detection.md");
    assert_eq!(testkit::load_examples(&registry, page), 3);
}
