//! Attributes are added within the memory budget, to however many empty elements. In a process of its own, for its peak
//! is what is measured.
#![cfg(all(
    target_os = "linux",
    feature = "attributes-processor",
    feature = "resource-processor",
    feature = "resource-detection-processor"
))]
#![expect(clippy::unwrap_used, reason = "test code")]

use std::{fs, sync::Arc};

use sluice_component::{
    Budget, BuildCx, Context, Kind, Processor, Reason, Refusal, Registry, Request,
    host::Process,
    testkit::{Recorder, build_cx, component, host, process},
};
use sluice_config::{Node, Problems};
use sluice_pdata::{Limits, Pdata, Signal, wire::Write as _};
use sluice_processors::{attributes, resource, resource_detection};

const BUDGET: usize = 4 << 20;

fn status(key: &str) -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(key)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
}

fn empty(number: u8, count: usize) -> Vec<u8> {
    [number << 3 | 2, 0].repeat(count)
}

/// So many empty records in one scope.
fn records(signal: Signal, count: usize) -> Vec<u8> {
    let mut out = Vec::new();
    out.put_message_field(1, 0, |out| {
        out.put_message_field(2, 0, |out| match signal {
            Signal::Metrics => out.put_message_field(2, 0, |out| {
                out.put_message_field(5, 0, |out| out.extend(empty(1, count)));
            }),
            Signal::Traces | Signal::Logs => out.extend(empty(2, count)),
        });
    });
    out
}

/// A request, and the processors that have to do with what it is full of.
struct Case {
    what: String,
    signal: Signal,
    body: Vec<u8>,
    types: &'static [&'static str],
}

fn cases() -> Vec<Case> {
    let of_signal = |signal| {
        let resources = Case {
            what: format!("empty resources of {signal}"),
            signal,
            body: empty(1, 17_000),
            types: &["resource", "resource_detection"],
        };
        let records = Case {
            what: format!("empty {}", signal.item_noun()),
            signal,
            body: records(signal, 17_000),
            types: &["attributes"],
        };
        [resources, records]
    };
    Signal::ALL.into_iter().flat_map(of_signal).collect()
}

/// What the processor `type_` says to `body`.
async fn outcome(
    process: &Arc<Process>,
    type_: &str,
    yaml: &str,
    signal: Signal,
    body: &[u8],
) -> Result<(), Refusal> {
    let registry = Registry::empty()
        .processor::<attributes::Factory>()
        .processor::<resource::Factory>()
        .processor::<resource_detection::Factory>();
    let factory = registry.processors.get(type_).unwrap();
    let (node, mut problems) = (Node::from_yaml("test.yaml", yaml).unwrap(), Problems::new());
    let settings = factory.parse(&node, type_, &mut problems);
    assert!(!problems.has_errors(), "{problems}");
    let cx = BuildCx { budget: process.budget.clone(), ..build_cx(process, Kind::Processor, type_, signal) };
    let request =
        Request::builder(component(Kind::Receiver, "otlp"), "http").metadata("x-tenant", "t".repeat(1000));
    let context = Context::new(request.build());
    let (mut data, _) = Pdata::from_wire(signal, body.to_vec().into(), &Limits::default()).unwrap();
    match factory.build(&settings.unwrap(), cx, Recorder::new()).unwrap() {
        Processor::Transform(transform) => transform.apply(&context, &mut data).map(drop),
        Processor::Stage(stage) => {
            stage.start(&host(process, Kind::Processor, type_)).await.unwrap();
            stage.consume(context, data).await
        }
    }
}

#[tokio::test]
async fn i3_what_is_added_to_very_many_empty_elements_is_refused_within_8_mib() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("name"), "n".repeat(1000)).unwrap();
    let detection =
        format!("{{detectors: [k8s_downward], k8s_downward: {{directory: {}}}}}", directory.path().display());
    let action = "[{key: tenant, from_context: metadata.x-tenant, action: insert}]";
    let yaml = |type_: &str| match type_ {
        "resource" => format!("{{attributes: {action}}}"),
        "attributes" => format!("{{actions: {action}}}"),
        _ => detection.clone(),
    };
    let process = Process::new(Budget::new(BUDGET), process().telemetry.clone());
    let cases = cases();
    // Threads and tables that every process pays for once.
    let few = records(Signal::Traces, 1);
    outcome(&process, "attributes", &yaml("attributes"), Signal::Traces, &few).await.unwrap();
    let before = status("VmRSS:");
    for Case { what, signal, body, types } in &cases {
        for type_ in *types {
            let refusal = outcome(&process, type_, &yaml(type_), *signal, body).await.unwrap_err();
            assert!(
                refusal.is_retryable() && refusal.reason == Reason::MemoryLimit,
                "{type_}: {what}: {refusal}"
            );
            assert_eq!(process.budget.used(), 0, "{type_}: {what}");
        }
    }
    let grown = status("VmHWM:") - before;
    assert!(grown < 8 << 20, "{} KiB", grown >> 10);
}
