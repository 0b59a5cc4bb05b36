//! The settings blocks, as YAML.

use serde::{Serialize, de::DeserializeOwned};
use sluice_config::{Check, Loader, Problems, decode_over, to_node};
use sluice_net::{grpc, http};

fn load<T: DeserializeOwned + Serialize + Check + Default>(yaml: &str) -> (Option<T>, Vec<String>) {
    let loaded = Loader::new().text("test.yaml", yaml).load().unwrap();
    let mut problems = Problems::new();
    let settings = decode_over(&T::default(), &loaded.root, "", &mut problems);
    (settings, problems.iter().map(ToString::to_string).collect())
}

/// The settings of a YAML without problems.
pub(crate) fn decode<T: DeserializeOwned + Serialize + Check + Default>(yaml: &str) -> T {
    let (settings, problems) = load(yaml);
    settings.unwrap_or_else(|| panic!("{yaml}: {problems:?}"))
}

fn problem<T: DeserializeOwned + Serialize + Check + Default>(yaml: &str) -> String {
    let (_, problems) = load::<T>(yaml);
    assert_eq!(problems.len(), 1, "{yaml}: {problems:?}");
    problems.into_iter().next().unwrap()
}

#[test]
fn every_key_of_a_grpc_server_is_read() {
    let settings: grpc::ServerSettings = decode(
        "
endpoint: 0.0.0.0:4317
transport: tcp4
include_metadata: true
max_recv_msg_size_mib: 16
max_concurrent_streams: 10
read_buffer_size: 524288
write_buffer_size: 1
keepalive:
  server_parameters:
    max_connection_idle: 11s
    max_connection_age: 12s
    max_connection_age_grace: 13s
    time: 30s
    timeout: 5s
auth:
middlewares: []
",
    );
    assert_eq!(settings.message_limit(), 16 << 20);
    assert_eq!(settings.claims().len(), 1);
    let keepalive = settings.keepalive.as_option().unwrap();
    assert_eq!(keepalive.server_parameters.as_option().unwrap().max_connection_age.as_secs(), 12);
    assert_eq!(grpc::ServerSettings::at("x:1").message_limit(), 4 << 20);
}

#[test]
fn every_key_of_a_grpc_client_is_read() {
    let settings: grpc::ClientSettings = decode(
        "
endpoint: dns:///collector:4317
tls: {insecure: true, insecure_skip_verify: true, server_name_override: x, reload_interval: 1h}
compression: zstd
headers: {api-key: secret}
user_agent: me
keepalive: {time: 20s, timeout: 5s, permit_without_stream: true}
read_buffer_size: 1
write_buffer_size: 524288
wait_for_ready: true
balancer_name: pick_first
authority: front:1
",
    );
    assert_eq!(settings.balancer_name, grpc::settings::Balancer::PickFirst);
    assert!(settings.tls.insecure);
    assert!(!format!("{:?}", to_node(&settings)).contains("secret"), "headers are secrets");
}

#[test]
fn every_key_of_an_http_server_is_read() {
    let settings: http::ServerSettings = decode(
        "
endpoint: localhost:4318
cors: {allowed_origins: ['http://*.example.com'], allowed_headers: [x], exposed_headers: [y], max_age: 60}
max_request_body_size: 1000
include_metadata: true
response_headers: {x-server: sluice}
compression_algorithms: ['', gzip]
read_timeout: 1s
read_header_timeout: 2s
write_timeout: 3s
idle_timeout: 4s
keep_alives_enabled: false
",
    );
    assert_eq!(settings.body_limit(), 1000);
    assert!(settings.cors.is_on());
    let defaults = http::ServerSettings::at("x:1");
    assert_eq!((defaults.body_limit(), defaults.idle_timeout.as_secs()), (20 << 20, 60));
}

#[test]
fn every_key_of_an_http_client_is_read() {
    let settings: http::ClientSettings = decode(
        "
endpoint: https://backend:4318
proxy_url: http://proxy:3128
headers: [{name: Host, value: other}]
timeout: 30s
compression: gzip
compression_params: {level: 1}
read_buffer_size: 1
write_buffer_size: 1
max_idle_conns: 1
max_idle_conns_per_host: 1
max_conns_per_host: 1
idle_conn_timeout: 1s
disable_keep_alives: true
http2_read_idle_timeout: 1s
http2_ping_timeout: 1s
force_attempt_http2: false
",
    );
    assert_eq!(settings.compression_params.level, 1);
    assert_eq!(settings.headers.get("host").unwrap().expose(), "other");
}

#[test]
fn what_is_not_built_yet_is_refused_by_name() {
    let refused = "not built yet: remove the key";
    for key in ["auth: {authenticator: basic}", "middlewares: [{id: x}]"] {
        let name = key.split(':').next().unwrap();
        let all = [
            problem::<grpc::ServerSettings>(&format!("endpoint: h:1\n{key}")),
            problem::<grpc::ClientSettings>(&format!("endpoint: h:1\n{key}")),
            problem::<http::ServerSettings>(&format!("endpoint: h:1\n{key}")),
            problem::<http::ClientSettings>(&format!("endpoint: http://h:1\n{key}")),
        ];
        for text in all {
            assert_eq!(text, format!("{name}: {refused}"));
        }
    }
    let text = problem::<http::ClientSettings>("{endpoint: 'http://h', cookies: {enabled: true}}");
    assert_eq!(text, format!("cookies: {refused}"));
    let text = problem::<grpc::ClientSettings>("{endpoint: 'h:1', tls: {tpm: {enabled: true}}}");
    assert_eq!(text, format!("tls.tpm: {refused}"));
}

#[test]
fn wrong_values_are_told_what_is_right() {
    let client = |keys: &str| problem::<grpc::ClientSettings>(&format!("{{endpoint: 'h:1', {keys}}}"));
    let server = |keys: &str| problem::<http::ServerSettings>(&format!("{{endpoint: 'h:1', {keys}}}"));
    let post = |keys: &str| problem::<http::ClientSettings>(&format!("{{endpoint: 'http://h:1', {keys}}}"));
    for (text, part) in [
        (
            problem::<grpc::ClientSettings>("endpoint: h:port"),
            "endpoint: invalid port \"port\": write a number",
        ),
        (problem::<grpc::ServerSettings>("endpoint: localhost"), "endpoint: `localhost` has no port"),
        (problem::<grpc::ServerSettings>("{endpoint: 'h:1', max_recv_msg_size_mib: 4096}"), "less than 4096"),
        (
            problem::<grpc::ServerSettings>("{endpoint: 'h:1', max_recv_msg_size_mib: -1}"),
            "max_recv_msg_size_mib",
        ),
        (problem::<grpc::ServerSettings>("{endpoint: 'h:1', transport: tcp5}"), "transport"),
        (client("compression: lz4"), "compression: unsupported compression type \"lz4\""),
        (client("balancer_name: random"), "balancer_name"),
        (client("headers: {'a b': c}"), "headers.a b: is no header name"),
        (
            client("tls: {min_version: '1.3', max_version: '1.2'}"),
            "min_version cannot be greater than max_version",
        ),
        (client("tls: {min_version: '2'}"), "tls.min_version: must be one of 1.0, 1.1, 1.2, 1.3"),
        (
            client("tls: {cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]}"),
            "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
        ),
        (client("tls: {curve_preferences: [P521]}"), "these exist: X25519, P256, P384"),
        (client("tls: {cert_file: a.pem}"), "provide both certificate and key, or neither"),
        (client("tls: {ca_file: a, ca_pem: b}"), "provide either ca_file or ca_pem, not both"),
        (server("tls:"), "TLS configuration must include both certificate and key for server connections"),
        (server("compression_algorithms: [br]"), "compression_algorithms[0]: unknown Content-Encoding `br`"),
        (
            server("cors: {allowed_headers: [x]}"),
            "cors.allowed_headers: has no effect without allowed_origins",
        ),
        (
            post("compression: snappy, compression_params: {level: 1}"),
            "compression_params.level: unsupported parameters {Level:1} for compression type \"snappy\"",
        ),
        (
            post("compression: gzip, compression_params: {level: 10}"),
            "{Level:10} for compression type \"gzip\"",
        ),
        (problem::<http::ClientSettings>("endpoint: localhost:4318"), "must start with http:// or https://"),
        (post("proxy_url: x"), "proxy_url: `x` is no URL"),
    ] {
        assert!(text.contains(part), "{text:?} has no {part:?}");
    }
}

#[test]
fn old_tls_versions_are_a_warning() {
    let (settings, problems) = load::<grpc::ClientSettings>("{endpoint: 'h:1', tls: {min_version: '1.0'}}");
    assert!(settings.is_some());
    assert_eq!(problems, ["tls.min_version: TLS 1.0 is not built in; 1.2 is used"]);
}
