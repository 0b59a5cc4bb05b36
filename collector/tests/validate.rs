//! What `validate` accepts can be started: what the settings name on this machine is looked at, and told together
//! with everything else.
#![expect(clippy::unwrap_used, reason = "helpers of a test")]

#[path = "cli/harness.rs"]
mod harness;

use std::{fs, path::Path};

use harness::{Done, file, sluice};
use rcgen::{CertifiedKey, generate_simple_self_signed};

/// A receiver with TLS on `cert.pem` and `key.pem` of `directory`, and whatever else.
fn with_tls(directory: &Path, tls: &str) -> String {
    let directory = directory.display();
    format!(
        "receivers:\n  otlp:\n    protocols:\n      grpc:\n        endpoint: localhost:0\n        tls:\n          \
         cert_file: {directory}/cert.pem\n          key_file: {directory}/key.pem\n{tls}\
         exporters: {{nop: }}\n\
         service:\n  telemetry: {{metrics: {{level: none}}}}\n  pipelines: {{traces: {{receivers: [otlp], exporters: [nop]}}}}\n"
    )
}

fn write_pair(directory: &Path) -> String {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(directory.join("cert.pem"), cert.pem()).unwrap();
    fs::write(directory.join("key.pem"), signing_key.serialize_pem()).unwrap();
    cert.pem()
}

fn validate(yaml: &str) -> Done {
    sluice(&["validate", "--config", file(yaml).path()])
}

#[track_caller]
fn says(done: &Done, expected: &[&str]) {
    assert_eq!(done.code, 1, "{done:?}");
    for expected in expected {
        assert!(done.err.contains(expected), "missing: {expected}\n{}", done.err);
    }
}

#[test]
fn files_of_tls_that_are_not_there_are_problems_with_their_place() {
    let directory = tempfile::tempdir().unwrap();
    let config = file(&with_tls(directory.path(), "          client_ca_file: /nowhere/ca.pem\n"));
    let done = sluice(&["validate", "--config", config.path()]);
    let place = format!("--> {}:7:22", config.path());
    says(
        &done,
        &[
            "Error: invalid configuration: 3 problems",
            "receivers.otlp.protocols.grpc.tls.cert_file: cannot read ",
            "/cert.pem: no such file or directory",
            "receivers.otlp.protocols.grpc.tls.key_file: cannot read ",
            "receivers.otlp.protocols.grpc.tls.client_ca_file: cannot read /nowhere/ca.pem",
            "cert.pem\n   |                      ^^^",
            &place,
        ],
    );
    // `run` says the same, before anything is started.
    assert_eq!(sluice(&["--config", config.path()]).err, done.err);
}

#[test]
fn files_of_tls_must_hold_what_their_keys_say() {
    let directory = tempfile::tempdir().unwrap();
    let yaml = with_tls(directory.path(), "");
    write_pair(directory.path());
    let done = validate(&yaml);
    assert_eq!(done.code, 0, "{done:?}");
    // The key of another certificate.
    let key = fs::read(directory.path().join("key.pem")).unwrap();
    let certificate = write_pair(directory.path());
    fs::write(directory.path().join("key.pem"), key).unwrap();
    says(&validate(&yaml), &["tls.key_file: is not the key of the certificate in cert_file"]);
    fs::write(directory.path().join("key.pem"), &certificate).unwrap();
    fs::write(directory.path().join("cert.pem"), "nothing").unwrap();
    says(
        &validate(&yaml),
        &["tls.key_file: holds no PEM private key", "tls.cert_file: holds no PEM certificate"],
    );
}

#[test]
fn files_of_a_client_are_looked_at_unless_tls_is_off() {
    let yaml = |insecure: bool| {
        format!(
            "receivers: {{nop: }}\nexporters:\n  otlp_grpc:\n    endpoint: localhost:4317\n    tls:\n      insecure: {insecure}\n      \
             cert_file: /nowhere/c\n      key_file: /nowhere/k\n  otlp_http:\n    endpoint: https://localhost:4318\n    tls: {{ca_file: /nowhere/ca}}\n\
             service:\n  pipelines: {{traces: {{receivers: [nop], exporters: [otlp_grpc, otlp_http]}}}}\n"
        )
    };
    let http = "exporters.otlp_http.tls.ca_file: cannot read /nowhere/ca: no such file or directory";
    says(&validate(&yaml(false)), &["exporters.otlp_grpc.tls.cert_file: cannot read /nowhere/c", http]);
    let plain = validate(&yaml(true));
    says(&plain, &[http]);
    assert!(!plain.err.contains("otlp_grpc"), "{}", plain.err);
}

#[test]
fn places_to_write_must_be_there() {
    let done = validate(
        "receivers: {otlp: {protocols: {grpc: {transport: unix, endpoint: /nowhere/otlp.sock}}}}\n\
         exporters:\n  file: {path: /nowhere/out.json}\n  file/b: {path: /dev/null/x/out.json, create_directory: true}\n  \
         debug: {use_internal_logger: false, output_paths: [stdout, /nowhere/debug.txt]}\n\
         service:\n  telemetry: {logs: {output_paths: [/nowhere/log]}}\n  \
         pipelines: {traces: {receivers: [otlp], exporters: [file, file/b, debug]}}\n",
    );
    says(
        &done,
        &[
            "5 problems",
            "receivers.otlp.protocols.grpc.endpoint: cannot listen on unix:/nowhere/otlp.sock: there is no directory /nowhere",
            "exporters.file.path: cannot write /nowhere/out.json: there is no directory /nowhere: create it, or write create_directory: true",
            "exporters.file/b.path: cannot write /dev/null/x/out.json",
            "exporters.debug.output_paths[1]: cannot write /nowhere/debug.txt: there is no directory /nowhere",
            "service.telemetry.logs.output_paths[0]: cannot write /nowhere/log: there is no directory /nowhere",
        ],
    );
}

#[test]
fn hosts_to_listen_on_must_be_addresses_of_this_machine() {
    let done = validate(
        "receivers:\n  otlp:\n    protocols:\n      grpc: {endpoint: 'no-such-host.invalid:4317'}\n      \
         http: {endpoint: '192.0.2.1:4318'}\n\
         exporters: {nop: }\nextensions: {health_check: {endpoint: 'no-such-host.invalid:13133'}}\n\
         service:\n  extensions: [health_check]\n  telemetry:\n    metrics:\n      readers: [{pull: {exporter: {prometheus: \
         {host: no-such-host.invalid}}}}]\n  pipelines: {traces: {receivers: [otlp], exporters: [nop]}}\n",
    );
    says(
        &done,
        &[
            "4 problems",
            "receivers.otlp.protocols.grpc.endpoint: cannot listen on no-such-host.invalid:4317: its host has no address: ",
            "      grpc: {endpoint: 'no-such-host.invalid:4317'}\n   |                        ^^^^",
            "receivers.otlp.protocols.http.endpoint: cannot listen on 192.0.2.1:4318: 192.0.2.1 is no address of this machine: ",
            "extensions.health_check.endpoint: cannot listen on no-such-host.invalid:13133: ",
            "service.telemetry.metrics.readers[0].pull.exporter.prometheus.host: cannot listen on no-such-host.invalid:8888: ",
        ],
    );
}

#[test]
fn a_file_is_the_same_by_every_spelling() {
    let directory = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(directory.path(), directory.path().join("link")).unwrap();
    let place = directory.path().display();
    let done = validate(&format!(
        "receivers: {{nop: }}\nexporters:\n  file: {{path: {place}/out.json}}\n  file/b: {{path: {place}/link/./out.json}}\n\
         service:\n  pipelines: {{traces: {{receivers: [nop], exporters: [file, file/b]}}}}\n",
    ));
    says(&done, &["1 problem", "exporters.file/b: ", "out.json is also claimed by exporters.file"]);
}

#[test]
fn what_an_exporter_lacks_for_a_signal_is_told_with_everything_else() {
    let done = validate(
        "receivers: {nop: }\nexporters:\n  otlp_http:\n    traces_endpoint: http://localhost:4318/x\n    retries: 1\n\
         service:\n  pipelines:\n    traces: {receivers: [nop], exporters: [otlp_http]}\n    \
         logs: {receivers: [nop], exporters: [otlp_http, nop]}\n",
    );
    says(
        &done,
        &[
            "3 problems",
            "unknown key `retries`",
            "exporters.otlp_http: either endpoint or logs_endpoint must be specified: a logs pipeline sends here",
            "references exporter \"nop\" which is not configured",
        ],
    );
}

#[test]
fn files_of_what_is_not_started_are_not_looked_at() {
    let yaml = "receivers: {nop: }\nexporters: {nop: , file: {path: /nowhere/x}}\n\
                service:\n  pipelines: {traces: {receivers: [nop], exporters: [nop]}}\n";
    assert_eq!(validate(yaml).code, 0);
    // Neither are they where the configuration is only printed.
    let used = file(&yaml.replace("exporters: [nop]", "exporters: [file]"));
    assert_eq!(sluice(&["print-config", "--config", used.path()]).code, 0);
    assert_eq!(sluice(&["graph", "--config", used.path()]).code, 0);
}
