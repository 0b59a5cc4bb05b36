//! Credentials that are files or tokens, and proxies.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use sluice_config::decode;
use sluice_net::http::{Handler, Incoming, Response, Server, ServerSettings, text_response};

use super::*;

/// Answers `a 1` over TLS.
struct Secure;

#[async_trait]
impl Handler for Secure {
    async fn handle(&self, _: Incoming) -> Response {
        text_response(sluice_net::http::StatusCode::OK, "a 1\n", None)
    }
}

#[tokio::test]
async fn tls_trusts_who_it_is_told_to_trust_and_shows_who_it_is() {
    sluice_net::tls::install_provider();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text).unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    write("ca.pem", params.self_signed(&key).unwrap().pem());
    let issuer = Issuer::new(params, key);
    for (name, host) in [("server", "example.org"), ("client", "client")] {
        let key = KeyPair::generate().unwrap();
        let certificate =
            CertificateParams::new(vec![host.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        write(&format!("{name}.pem"), certificate.pem());
        write(&format!("{name}.key"), key.serialize_pem());
    }
    let yaml = |text: &str| text.replace('%', &folder.path().display().to_string());
    let text = yaml(
        "{endpoint: 'localhost:0', tls: {cert_file: '%/server.pem', key_file: '%/server.key', client_ca_file: '%/ca.pem'}}",
    );
    let settings: Option<ServerSettings> =
        decode(&Node::from_yaml("server.yaml", &text).unwrap(), "", &mut Problems::new());
    let process = process();
    let server = host(&process, Kind::Receiver, "server");
    let server = Server::start(&settings.unwrap(), "", &server, Arc::new(Secure)).await.unwrap();
    let port = server.addresses()[0].port();
    let identity = "cert_file: '%/client.pem', key_file: '%/client.key'";
    for (tls, is_up) in [
        (format!("{{ca_file: '%/ca.pem', server_name: example.org, {identity}}}"), true),
        (format!("{{insecure_skip_verify: true, {identity}}}"), true),
        (format!("{{ca_file: '%/ca.pem', {identity}}}"), false),
        (format!("{{server_name: example.org, {identity}}}"), false),
        ("{ca_file: '%/ca.pem', server_name: example.org}".to_owned(), false),
    ] {
        let running = Running::start(&yaml(&format!(
            "config: {{scrape_configs: [{{job_name: test, scheme: https, scrape_interval: 200ms, static_configs: [{{targets: ['localhost:{port}']}}], tls_config: {tls}}}]}}"
        )))
        .await;
        let scrape = running.find(&tls, |scrape| !scrape.get("up").is_empty()).await;
        assert_eq!(scrape.is_up(), is_up, "{tls}");
        running.stop().await;
    }
    assert!(server.shutdown(Instant::now() + Duration::from_secs(10)).await);
}

#[tokio::test]
async fn credentials_are_read_from_their_files_for_each_request() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let target = Target::start("a 1\n").await;
    let token = file("token", "first\n");
    let running = Running::job(&format!("bearer_token_file: '{token}'"), &[&target]).await;
    until("a request", || target.requests() > 0).await;
    assert!(target.request(0).contains("authorization: Bearer first\r\n"), "{}", target.request(0));
    file("token", "second");
    until("the other token", || !target.requests_of("GET").last().unwrap().contains("Bearer first")).await;
    assert!(target.requests_of("GET").last().unwrap().contains("authorization: Bearer second\r\n"));
    std::fs::remove_file(&token).unwrap();
    running.find("without a token there is no scrape", Scrape::is_down).await;
    running.stop().await;
    let target = Target::start("a 1\n").await;
    let (user, password) = (file("user", "u\n"), file("password", "p\n"));
    let keys = format!(
        "basic_auth: {{username_file: '{user}', password_file: '{password}'}}, http_headers: {{X-Own: {{files: ['{user}'], secrets: [s]}}}}"
    );
    let running = Running::job(&keys, &[&target]).await;
    until("a request", || target.requests() > 0).await;
    for line in ["authorization: Basic dTpw", "x-own: s", "x-own: u"] {
        assert!(target.request(0).contains(&format!("\r\n{line}\r\n")), "{line}: {}", target.request(0));
    }
    running.stop().await;
}

#[tokio::test]
async fn oauth2_asks_for_a_token_once_and_again_when_it_ends() {
    let (server, target) = (Target::start("").await, Target::start("a 1\n").await);
    server.reply(Reply::body(
        200,
        "application/json",
        "",
        b"{\"access_token\": \"t1\", \"token_type\": \"bearer\", \"expires_in\": 3600}",
    ));
    let keys = format!(
        "oauth2: {{client_id: 'me too', client_secret: 's&', token_url: 'http://{}/token', scopes: [a, b], endpoint_params: {{x: y}}}}",
        server.address
    );
    let running = Running::job(&keys, &[&target]).await;
    until("some scrapes", || target.requests() >= 3).await;
    assert!(target.request(0).contains("authorization: Bearer t1\r\n"), "{}", target.request(0));
    let request = server.request(0);
    assert_eq!(server.requests(), 1);
    assert!(request.starts_with("POST /token "), "{request}");
    assert!(request.ends_with("grant_type=client_credentials&scope=a+b&x=y"), "{request}");
    // me+too:s%26
    assert!(request.contains("authorization: Basic bWUrdG9vOnMlMjY=\r\n"), "{request}");
    running.stop().await;
    // A token that ends at once is asked for again each time.
    server.reply(Reply::body(200, "application/json", "", b"{\"access_token\": \"t2\", \"expires_in\": 1}"));
    let running = Running::job(&keys, &[&target]).await;
    until("tokens", || server.requests() >= 3).await;
    server.reply(Reply::status(401));
    running.find("no token, no scrape", Scrape::is_down).await;
    running.stop().await;
}

#[tokio::test]
async fn a_proxy_is_asked_for_what_is_not_excepted() {
    let (proxy, target) = (Target::start("a 1\n").await, Target::start("a 2\n").await);
    let keys = format!("proxy_url: 'http://{}'", proxy.address);
    let running = Running::job(&keys, &[&target]).await;
    running.find("the proxy's answer", |scrape| scrape.get("a") == "1").await;
    assert!(
        proxy.request(0).starts_with(&format!("GET http://{}/metrics ", target.address)),
        "{}",
        proxy.request(0)
    );
    running.stop().await;
    let running = Running::job(&format!("{keys}, no_proxy: '127.0.0.0/8'"), &[&target]).await;
    running.find("the target's own", |scrape| scrape.get("a") == "2").await;
    running.stop().await;
}
