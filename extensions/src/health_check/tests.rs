use std::time::Duration;

use sluice_component::{
    Kind, Registry, State,
    factory::Described,
    host::Process,
    testkit::{build_cx, host, load_examples, problems, process},
};
use sluice_config::Section;
use sluice_pdata::Signal;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::*;

struct Stand {
    extension: HealthCheck,
    process: Arc<Process>,
    host: Host,
}

impl Stand {
    async fn new(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings::default();
        "127.0.0.1:0".clone_into(&mut settings.server.endpoint);
        change(&mut settings);
        let process = process();
        let host = host(&process, Kind::Extension, "health_check");
        let extension = HealthCheck { settings, server: Mutex::default() };
        extension.start(&host).await.unwrap();
        Self { extension, process, host }
    }

    /// The status and the body of `method path`.
    async fn ask(&self, method: &str, path: &str) -> (u16, String) {
        let address = self.extension.server.lock().unwrap().as_ref().unwrap().addresses()[0];
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.contains("404") || head.contains("content-type: application/json"), "{head}");
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    async fn stop(&self) {
        self.extension.shutdown(Instant::now() + Duration::from_secs(10)).await.unwrap();
    }
}

#[tokio::test]
async fn ready_is_200_and_anything_else_503() {
    let stand = Stand::new(|_| {}).await;
    let down = r#"{"status":"Server not available","upSince":"0001-01-01T00:00:00Z","uptime":""}"#;
    assert_eq!(stand.ask("GET", "/").await, (503, down.to_owned()));
    stand.process.health.set_ready(true);
    for method in ["GET", "POST", "PUT"] {
        let (status, body) = stand.ask(method, "/").await;
        assert_eq!(status, 200);
        assert!(body.starts_with(r#"{"status":"Server available","upSince":"20"#), "{body}");
        assert!(body.ends_with(r#"s"}"#), "{body}");
    }
    stand.process.health.set_ready(false);
    assert_eq!(stand.ask("GET", "/").await.0, 503);
    stand.stop().await;
}

#[tokio::test]
async fn another_path_and_fixed_bodies_can_be_set_and_readyz_stays() {
    let stand = Stand::new(|settings| {
        "/health".clone_into(&mut settings.path);
        let bodies = ResponseBody { healthy: "good".to_owned(), unhealthy: "bad".to_owned() };
        settings.response_body = Section::on(bodies);
    })
    .await;
    for path in ["/health", "/readyz", "/readyz?x"] {
        assert_eq!(stand.ask("GET", path).await, (503, "bad".to_owned()), "{path}");
    }
    stand.process.health.set_ready(true);
    assert_eq!(stand.ask("GET", "/health").await, (200, "good".to_owned()));
    assert_eq!(stand.ask("GET", "/").await.0, 404);
    stand.stop().await;
}

#[tokio::test]
async fn status_tells_each_component() {
    let stand = Stand::new(|_| {}).await;
    stand.process.health.set_ready(true);
    stand.host.report(State::RecoverableError, Some("a backend is down".to_owned()));
    let (status, body) = stand.ask("GET", "/status").await;
    assert_eq!(status, 200);
    let json: serde_json::Value = serde_json::from_str(&body).unwrap();
    let own = &json["components"]["extensions"]["components"]["extension:health_check"];
    assert_eq!(own["status"], "StatusRecoverableError");
    assert_eq!(own["error"], "a backend is down");
    stand.stop().await;
}

#[tokio::test]
async fn it_starts_again_after_shutdown_and_a_shutdown_before_start_is_harmless() {
    let stand = Stand::new(|_| {}).await;
    let address = stand.extension.server.lock().unwrap().as_ref().unwrap().addresses()[0];
    stand.stop().await;
    stand.stop().await;
    assert!(TcpStream::connect(address).await.is_err());
    stand.extension.start(&stand.host).await.unwrap();
    assert_eq!(stand.ask("GET", "/").await.0, 503);
    stand.stop().await;
}

fn registry() -> Registry {
    Registry::empty().extension::<Factory>()
}

#[test]
fn the_examples_of_the_page_load_and_build_twice() {
    let page = include_str!("../../../docs/components/extensions/health_check.md");
    assert_eq!(load_examples(&registry(), page), 2);
    for _ in 0..2 {
        let cx = build_cx(&process(), Kind::Extension, "health_check", Signal::Traces);
        Factory::build(&Settings::default(), cx).unwrap();
    }
    assert_eq!(Factory::claims(&Settings::default()).len(), 2, "localhost is two addresses");
}

#[test]
fn mistakes_are_told() {
    let registry = registry();
    let factory: &dyn Described = registry.describe(Kind::Extension)[0];
    for (yaml, text) in [
        ("{path: health}", "path must start with /"),
        ("{pth: /}", "unknown key"),
        ("{endpoint: x}", "no port"),
        ("{check_collector_pipeline: {enabled: true, interval: 5m}}", "has no effect"),
    ] {
        let told: Vec<_> = problems(factory, yaml).iter().map(ToString::to_string).collect();
        assert!(told.len() == 1 && told[0].contains(text), "{yaml}: {told:?}");
    }
}
