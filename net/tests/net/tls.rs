//! TLS of both servers and both clients, with certificates made on the spot.

use std::{fs, path::Path, sync::Arc, time::Duration};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use sluice_component::Host;
use sluice_net::{
    grpc::{self, Code},
    http,
};

use crate::support::*;

/// A CA and what it signed, as files in a directory.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new(directory: &Path, name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        fs::write(directory.join(format!("{name}.pem")), certificate.pem()).unwrap();
        Self { issuer: Issuer::new(params, key) }
    }

    /// Writes `<name>.pem` and `<name>.key` for `host`.
    fn sign(&self, directory: &Path, name: &str, host: &str) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        fs::write(directory.join(format!("{name}.pem")), certificate.pem()).unwrap();
        fs::write(directory.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }
}

/// A directory with a CA, a server's certificate for localhost and a client's.
fn files() -> (tempfile::TempDir, Authority) {
    sluice_net::tls::install_provider();
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new(directory.path(), "ca");
    authority.sign(directory.path(), "server", "localhost");
    authority.sign(directory.path(), "client", "client");
    (directory, authority)
}

/// `{..}` with `%` replaced by the directory.
fn yaml(directory: &tempfile::TempDir, text: &str) -> String {
    text.replace('%', &directory.path().display().to_string())
}

async fn server(directory: &tempfile::TempDir, host: &Host, tls: &str) -> grpc::Server {
    let text = yaml(directory, &format!("{{endpoint: 'localhost:0', transport: tcp4, tls: {tls}}}"));
    grpc_server(&crate::settings::decode(&text), host, Arc::new(Echo::default())).await
}

fn client(directory: &tempfile::TempDir, server: &grpc::Server, tls: &str) -> grpc::Client {
    let port = server.addresses()[0].port();
    let text = yaml(directory, &format!("{{endpoint: 'localhost:{port}', tls: {tls}}}"));
    grpc::Client::new(&crate::settings::decode(&text), "", &host(16 << 20)).unwrap()
}

async fn call(client: &grpc::Client) -> Result<(), grpc::Status> {
    let timeout = Some(Duration::from_secs(15));
    let reply = within(client.unary(PATH, &[data(100_000)], timeout, &::http::HeaderMap::new())).await?;
    assert_eq!(reply.message, data(100_000));
    Ok(())
}

const SERVER: &str = "{cert_file: %/server.pem, key_file: %/server.key}";
const MUTUAL: &str = "{cert_file: %/server.pem, key_file: %/server.key, client_ca_file: %/ca.pem}";

#[tokio::test]
async fn grpc_over_tls_verifies_the_server() {
    let (directory, _authority) = files();
    let server = server(&directory, &host(16 << 20), SERVER).await;
    for good in [
        "{ca_file: %/ca.pem}",
        "{ca_file: %/ca.pem, insecure: true}",
        "{ca_file: %/ca.pem, min_version: '1.3'}",
        "{ca_file: %/ca.pem, max_version: '1.2', cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]}",
        "{ca_file: %/ca.pem, curve_preferences: [P384]}",
        "{insecure_skip_verify: true}",
    ] {
        call(&client(&directory, &server, good)).await.unwrap_or_else(|status| panic!("{good}: {status}"));
    }
    for (bad, part) in [
        ("{}", "certificate"),
        ("{ca_file: %/ca.pem, server_name_override: other}", "certificate"),
        ("{insecure: true}", ""),
    ] {
        let status = call(&client(&directory, &server, bad)).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{bad}: {status}");
        assert!(status.message().contains(part), "{bad}: {status}");
    }
}

#[tokio::test]
async fn mutual_tls_asks_for_a_certificate() {
    let (directory, _authority) = files();
    let server = server(&directory, &host(16 << 20), MUTUAL).await;
    let with = "{ca_file: %/ca.pem, cert_file: %/client.pem, key_file: %/client.key}";
    call(&client(&directory, &server, with)).await.unwrap();
    let status = call(&client(&directory, &server, "{ca_file: %/ca.pem}")).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status}");
}

#[tokio::test]
async fn e14_new_files_are_used_and_bad_ones_keep_the_old() {
    let (directory, _authority) = files();
    let tls = "{cert_file: %/server.pem, key_file: %/server.key, reload_interval: 1ms}";
    let server = server(&directory, &host(16 << 20), tls).await;
    let trusting = "{ca_file: %/ca.pem}";
    call(&client(&directory, &server, trusting)).await.unwrap();
    fs::write(directory.path().join("server.pem"), "damaged").unwrap();
    std::thread::sleep(Duration::from_millis(5));
    call(&client(&directory, &server, trusting)).await.unwrap();
    // Another authority signs from now on.
    let other = Authority::new(directory.path(), "other");
    other.sign(directory.path(), "server", "localhost");
    std::thread::sleep(Duration::from_millis(5));
    call(&client(&directory, &server, "{ca_file: %/other.pem}")).await.unwrap();
    assert!(call(&client(&directory, &server, trusting)).await.is_err());
}

#[tokio::test]
async fn e14_a_changed_client_ca_is_used_at_once() {
    let (directory, _authority) = files();
    let tls = MUTUAL.replace('}', ", client_ca_file_reload: true}").replace("%/ca.pem", "%/trusted.pem");
    fs::copy(directory.path().join("ca.pem"), directory.path().join("trusted.pem")).unwrap();
    let server = server(&directory, &host(16 << 20), &tls).await;
    let with = "{ca_file: %/ca.pem, cert_file: %/client.pem, key_file: %/client.key}";
    call(&client(&directory, &server, with)).await.unwrap();
    Authority::new(directory.path(), "other");
    fs::copy(directory.path().join("other.pem"), directory.path().join("trusted.pem")).unwrap();
    assert!(call(&client(&directory, &server, with)).await.is_err());
}

#[tokio::test]
async fn http_over_tls_speaks_both_versions() {
    let (directory, _authority) = files();
    let text = yaml(&directory, &format!("{{endpoint: 'localhost:0', transport: tcp4, tls: {MUTUAL}}}"));
    let handler = Answers(|request: http::Incoming| async move {
        let mut response = http::Response::default();
        let h2 = request.uri.authority().is_some();
        response.headers_mut().insert("x-h2", h2.to_string().parse().unwrap());
        response
    });
    let host = host(16 << 20);
    let settings = crate::settings::decode(&text);
    let server = http::Server::start(&settings, "", &host, Arc::new(handler)).await.unwrap();
    let port = server.addresses()[0].port();
    for (h2, name) in [(true, "localhost"), (false, "localhost"), (true, "127.0.0.1")] {
        let text = yaml(
            &directory,
            &format!(
                "{{force_attempt_http2: {h2}, tls: {{ca_file: %/ca.pem, cert_file: %/client.pem, \
                 key_file: %/client.key, server_name_override: localhost}}}}"
            ),
        );
        let client = http::Client::new(&crate::settings::decode(&text), "", &host).unwrap();
        let url = format!("https://{name}:{port}/v1/traces");
        let (body, none) = ([data(9)], ::http::HeaderMap::new());
        let answer = within(client.post(&url, "application/json", &body, &none)).await.unwrap();
        assert_eq!(answer.headers["x-h2"], h2.to_string().as_str());
    }
}

#[tokio::test]
async fn a_missing_file_fails_the_start_and_names_the_key() {
    let (directory, _authority) = files();
    let text =
        yaml(&directory, "{endpoint: 'localhost:0', tls: {cert_file: %/nope.pem, key_file: %/server.key}}");
    let settings: grpc::ServerSettings = crate::settings::decode(&text);
    let error = grpc::Server::start(&settings, "protocols.grpc", &host(1 << 20), grpc::Routes::new()).await;
    let text = error.unwrap_err().to_string();
    assert!(text.starts_with("receivers.test.protocols.grpc.tls.cert_file: cannot read "), "{text}");
    let mixed = yaml(&directory, "{endpoint: 'h:1', tls: {cert_file: %/server.pem, key_file: %/client.key}}");
    let error = grpc::Client::new(&crate::settings::decode(&mixed), "", &host(1 << 20)).unwrap_err();
    assert!(
        error.to_string().contains("tls.key_file: is not the key of the certificate in cert_file"),
        "{error}"
    );
}
