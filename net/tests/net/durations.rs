//! How long requests take is told with labels of few values, whatever clients send.

use std::sync::Arc;

use ::http::HeaderMap;
use bytes::Bytes;
use sluice_component::{Host, async_trait};
use sluice_net::{
    grpc::{self, ClientSettings},
    http::{self, Handler, Incoming, Response},
};

use crate::support::{Echo, PATH, grpc_server, host, plain_server, within};

/// Answers 202.
struct Taken;

#[async_trait]
impl Handler for Taken {
    async fn handle(&self, _: Incoming) -> Response {
        let mut response = Response::default();
        *response.status_mut() = ::http::StatusCode::ACCEPTED;
        response
    }
}

/// The labels of each series of `family`, and how often it was counted.
fn series(host: &Host, family: &str) -> Vec<(String, u64)> {
    let families = host.telemetry().registry().gather();
    let family = families.iter().find(|f| f.name() == family).unwrap();
    let of = |metric: &prometheus::proto::Metric| {
        let labels = metric.get_label().iter().filter(|label| label.name() != "server_port");
        let labels: Vec<_> = labels.map(|label| format!("{}={}", label.name(), label.value())).collect();
        (labels.join(" "), metric.get_histogram().get_sample_count())
    };
    family.get_metric().iter().map(of).collect()
}

#[tokio::test]
async fn calls_are_timed_on_both_sides_by_method_and_status() {
    let (serving, calling) = (host(1 << 20), host(1 << 20));
    let server = grpc_server(&plain_server(), &serving, Arc::new(Echo::default())).await;
    let settings = ClientSettings::insecure(&server.addresses()[0].to_string());
    let client = grpc::Client::new(&settings, "", &calling).unwrap();
    let message = [Bytes::from_static(b"abc")];
    within(client.unary(PATH, &message, None, &HeaderMap::new())).await.unwrap();
    for n in 0..3 {
        let path = format!("/any.Text/{n}");
        within(client.unary(&path, &message, None, &HeaderMap::new())).await.unwrap_err();
    }
    let labels = |method: &str, status: &str, address: &str| {
        format!(
            "rpc_method={method} rpc_response_status_code={status} rpc_system_name=grpc server_address={address}"
        )
    };
    let mut served = series(&serving, "rpc_server_call_duration");
    served.sort();
    assert_eq!(
        served,
        [
            (labels("_OTHER", "UNIMPLEMENTED", "127.0.0.1"), 3),
            (labels("test.Service/Export", "OK", "127.0.0.1"), 1)
        ]
    );
    let called = series(&calling, "rpc_client_call_duration");
    assert!(called.contains(&(labels("test.Service/Export", "OK", "127.0.0.1"), 1)), "{called:?}");
}

#[tokio::test]
async fn requests_are_timed_on_both_sides_by_method_and_status() {
    let (serving, calling) = (host(1 << 20), host(1 << 20));
    let settings = http::ServerSettings::at("127.0.0.1:0");
    let server = http::Server::start(&settings, "", &serving, Arc::new(Taken)).await.unwrap();
    let url = format!("http://{}/v1/traces", server.addresses()[0]);
    let client = http::Client::new(&http::ClientSettings::default(), "", &calling).unwrap();
    within(client.post(&url, "text/plain", &[], &HeaderMap::new())).await.unwrap();
    let browser = crate::http::browser();
    for method in ["BREW", "SOMETHING"] {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        within(browser.request(method, &url).send()).await.unwrap();
    }
    let labels = |method: &str| {
        format!(
            "http_request_method={method} http_response_status_code=202 server_address=127.0.0.1 url_scheme=http"
        )
    };
    let mut served = series(&serving, "http_server_request_duration");
    served.sort();
    assert_eq!(served, [(labels("POST"), 1), (labels("_OTHER"), 2)]);
    assert_eq!(series(&calling, "http_client_request_duration"), [(labels("POST"), 1)]);
}
