//! The binary running, from its first log line to its exit.

#[path = "cli/harness.rs"]
mod harness;

use harness::{Running, file, sluice};

/// A collector that listens on free ports only.
fn config(more: &str) -> String {
    format!(
        "receivers: {{nop: }}\nexporters: {{nop: }}\nextensions: {{health_check: {{endpoint: '127.0.0.1:0'}}}}\n\
         service:\n  telemetry:\n    logs: {{encoding: json, level: debug}}\n    metrics: {{readers: [{{pull: {{exporter: \
         {{prometheus: {{host: 127.0.0.1, port: 0}}}}}}}}]}}\n  pipelines: {{traces: {{receivers: [nop], exporters: \
         [nop]}}}}\n{more}"
    )
}

const READY: &str = "Everything is ready. Begin running and processing data.";

#[test]
fn a_run_logs_what_otelcol_logs_and_ends_with_0() {
    let config = file(&config(""));
    let mut running = Running::start(&["--config", config.path()], &[]);
    let ready = running.wait_for(READY);
    assert_eq!(ready["level"], "info");
    assert_eq!(ready["resource"]["service.name"], "sluice");
    assert_eq!(running.line("Starting sluice...")["configuration"], config.path());
    running.signal("TERM");
    assert_eq!(running.wait(), 0);
    assert_eq!(running.line("Received signal from OS")["signal"], "terminated");
    for message in ["Starting shutdown...", "Shutdown complete."] {
        running.line(message);
    }
}

#[test]
fn variables_name_the_configuration_and_own_settings() {
    let config = file(&config(""));
    let env = [("SLUICE_CONFIG", config.path()), ("SLUICE_SHUTDOWN_TIMEOUT", "3s")];
    let mut running = Running::start(&[], &env);
    running.wait_for(READY);
    running.signal("INT");
    assert_eq!(running.wait(), 0);
    assert_eq!(running.line("Received signal from OS")["signal"], "interrupt");
}

#[test]
fn p3_a_second_signal_ends_the_process_at_once_with_failure() {
    let config = file(&config("sluice: {drain_delay: 10m}\n"));
    let mut running = Running::start(&["--config", config.path()], &[]);
    running.wait_for(READY);
    running.signal("TERM");
    running.wait_for("serving on while load balancers look away");
    running.signal("TERM");
    assert_eq!(running.wait(), 1);
    running.line("second signal, exiting at once");
}

#[test]
fn a_hangup_changes_nothing_and_says_so() {
    let config = file(&config(""));
    let mut running = Running::start(&["--config", config.path()], &[]);
    running.wait_for(READY);
    running.signal("HUP");
    running.wait_for("reload is not built yet, the configuration stays as it is");
    running.signal("TERM");
    assert_eq!(running.wait(), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn healthcheck_asks_a_process_without_any_extension() {
    let config = file(&config("sluice: {drain_delay: 10m}\n"));
    let mut running = Running::start(&["--config", config.path()], &[]);
    running.wait_for(READY);
    let pid = running.pid().to_string();
    let check = || sluice(&["healthcheck", "--pid", &pid]);
    assert_eq!(check().code, 0);
    running.signal("TERM");
    running.wait_for("serving on while load balancers look away");
    let drains = check();
    assert_eq!((drains.code, drains.err), (1, format!("Error: not well: process {pid} is not ready\n")));
    running.signal("TERM");
    assert_eq!(running.wait(), 1);
    let gone = check();
    assert_eq!(gone.code, 1);
    assert!(gone.err.contains(&format!("no answer from process {pid}")), "{}", gone.err);
}

#[test]
fn a_port_that_is_taken_stops_the_start() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let config = file(
        &config("")
            .replace("endpoint: '127.0.0.1:0'", &format!("endpoint: '{address}'"))
            .replace("service:\n", "service:\n  extensions: [health_check]\n"),
    );
    let done = sluice(&["--config", config.path()]);
    assert_eq!(done.code, 1);
    let expected = format!(
        "Error: cannot start pipelines: extensions.health_check.endpoint: cannot listen on {address}"
    );
    assert!(done.err.contains(&expected), "{done:?}");
}

#[test]
fn warnings_and_known_feature_gates_are_logged() {
    let config = file(&config("").replace("logs: {", "resource: {zone: a}\n    logs: {"));
    let mut running =
        Running::start(&["--config", config.path(), "--feature-gates", "service.profilesSupport"], &[]);
    running.wait_for(READY);
    let warning = running.line("configuration may not do what was meant");
    assert!(
        warning["problem"]
            .as_str()
            .unwrap()
            .starts_with("service.telemetry.resource: attributes written as keys")
    );
    assert_eq!(warning["place"], format!("{}:6:15", config.path()));
    assert_eq!(running.line("feature gate changes nothing")["gate"], "service.profilesSupport");
    running.signal("TERM");
    assert_eq!(running.wait(), 0);
}

#[test]
fn healthcheck_asks_the_extension_of_the_configuration() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let config = file(
        &config("")
            .replace("endpoint: '127.0.0.1:0'", &format!("endpoint: '{free}'"))
            .replace("service:\n", "service:\n  extensions: [health_check]\n"),
    );
    let mut running = Running::start(&["--config", config.path()], &[]);
    running.wait_for(READY);
    let done = sluice(&["healthcheck", "--config", config.path()]);
    assert_eq!(done.code, 0, "{done:?}");
    running.signal("TERM");
    assert_eq!(running.wait(), 0);
}
