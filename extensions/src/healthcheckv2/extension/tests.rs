use std::time::Duration;

use sluice_component::{
    Kind, PipelineId, Registry, State,
    factory::Described,
    host::Process,
    testkit::{component, host, load_examples, problems, process},
};
use sluice_config::Section;
use sluice_net::grpc::{Client, ClientSettings, Code};
use sluice_pdata::Signal;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::*;
use crate::healthcheckv2::{
    HttpSettings,
    answers::{CheckRequest, CheckResponse, NOT_SERVING, SERVING},
    settings::GrpcSettings,
};

struct Stand {
    extension: HealthCheckV2,
    process: Arc<Process>,
    host: Host,
}

fn settings() -> Settings {
    let mut http = HttpSettings::default();
    "127.0.0.1:0".clone_into(&mut http.server.endpoint);
    let grpc = GrpcSettings { server: grpc::ServerSettings::at("127.0.0.1:0") };
    Settings { use_v2: true, http: Section::on(http), grpc: Section::on(grpc), ..Settings::default() }
}

impl Stand {
    async fn new(settings: Settings) -> Self {
        let process = process();
        let host = host(&process, Kind::Extension, "healthcheckv2");
        host.report(State::Ok, None);
        let exporter = component(Kind::Exporter, "otlp");
        process.health.enlist(exporter.clone(), vec![PipelineId::new(Signal::Traces, "x")]);
        process.health.post(&exporter, State::Ok, None);
        process.health.set_ready(true);
        let extension = HealthCheckV2 { settings, servers: Mutex::default() };
        extension.start(&host).await.unwrap();
        Self { extension, process, host }
    }

    fn exporter_is(&self, state: State) {
        self.process.health.post(&component(Kind::Exporter, "otlp"), state, None);
    }

    async fn get(&self, path: &str) -> (u16, serde_json::Value) {
        let address =
            self.extension.servers.lock().unwrap().as_ref().unwrap().http.as_ref().unwrap().addresses()[0];
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or_default())
    }

    async fn check(&self, service: &str) -> Result<i32, Code> {
        let address =
            self.extension.servers.lock().unwrap().as_ref().unwrap().grpc.as_ref().unwrap().addresses()[0];
        let client = Client::new(&ClientSettings::insecure(&address.to_string()), "", &self.host).unwrap();
        let request = prost::Message::encode_to_vec(&CheckRequest { service: service.to_owned() });
        let call = client.unary(CHECK, &[request.into()], None, &http::HeaderMap::new()).await;
        let reply = call.map_err(|status| status.code())?;
        Ok(<CheckResponse as prost::Message>::decode(reply.message).unwrap().status)
    }

    async fn stop(&self) {
        self.extension.shutdown(Instant::now() + Duration::from_secs(10)).await.unwrap();
    }
}

#[tokio::test]
async fn http_tells_the_whole_and_each_pipeline() {
    let stand = Stand::new(settings()).await;
    let (status, json) = stand.get("/status").await;
    assert_eq!((status, &json["status"], &json["healthy"]), (200, &"StatusOK".into(), &true.into()));
    assert!(json.get("components").is_none());
    let (_, json) = stand.get("/status?verbose").await;
    assert!(json["components"]["pipeline:traces/x"]["components"]["exporter:otlp"].is_object(), "{json}");
    stand.exporter_is(State::FatalError);
    let (status, json) = stand.get("/status?pipeline=traces%2Fx&verbose=true").await;
    assert_eq!((status, &json["status"]), (500, &"StatusFatalError".into()));
    assert_eq!(stand.get("/status?pipeline=traces/y").await.0, 404);
    assert_eq!(stand.get("/config").await.0, 404);
    assert_eq!(stand.get("/readyz").await, (200, serde_json::json!({ "ready": true })));
    stand.process.health.set_ready(false);
    stand.exporter_is(State::Ok);
    assert_eq!(stand.get("/readyz").await, (503, serde_json::json!({ "ready": false })));
    assert_eq!(stand.get("/status").await.0, 503);
    stand.stop().await;
}

#[tokio::test]
async fn grpc_serves_the_health_service() {
    let stand = Stand::new(settings()).await;
    assert_eq!(stand.check("").await, Ok(SERVING));
    assert_eq!(stand.check("traces/x").await, Ok(SERVING));
    assert_eq!(stand.check("traces/y").await, Err(Code::NotFound));
    stand.exporter_is(State::FatalError);
    assert_eq!(stand.check("traces/x").await, Ok(NOT_SERVING));
    stand.stop().await;
}

#[tokio::test]
async fn errors_count_as_component_health_says() {
    let mut settings = settings();
    settings.component_health.include_permanent_errors = true;
    let stand = Stand::new(settings).await;
    stand.exporter_is(State::RecoverableError);
    assert_eq!(stand.get("/status").await.0, 200);
    stand.exporter_is(State::PermanentError);
    assert_eq!(stand.get("/status").await.0, 500);
    stand.stop().await;
}

#[tokio::test]
async fn without_use_v2_it_is_health_check() {
    let mut settings = Settings::default();
    "127.0.0.1:0".clone_into(&mut settings.v1.server.endpoint);
    let stand = Stand::new(settings).await;
    let (status, json) = stand.get("/").await;
    assert_eq!((status, &json["status"]), (200, &"Server available".into()));
    stand.stop().await;
    stand.stop().await;
}

fn registry() -> Registry {
    Registry::empty().extension::<Factory>()
}

fn told(yaml: &str) -> Vec<String> {
    let registry = registry();
    let factory: &dyn Described = registry.describe(Kind::Extension)[0];
    problems(factory, yaml).iter().map(ToString::to_string).collect()
}

#[test]
fn the_examples_of_the_page_load() {
    let page = include_str!("../../../../docs/components/extensions/healthcheckv2.md");
    assert_eq!(load_examples(&registry(), page), 2);
}

#[test]
fn mistakes_are_told() {
    for (yaml, text) in [
        ("{use_v2: true}", "must specify at least one protocol"),
        ("{use_v2: true, http: {config: {enabled: true}}}", "not built yet"),
        ("{use_v2: true, http: {status: {path: x}}}", "path must start with /"),
        ("{use_v2: true, htp: }", "unknown key"),
        ("{http: }", "no effect without `use_v2: true`"),
        ("{path: x}", "path must start with /"),
    ] {
        let told = told(yaml);
        assert!(told.iter().any(|problem| problem.contains(text)), "{yaml}: {told:?}");
    }
}

#[test]
fn v2_on_both_transports_by_default_claims_both_ports() {
    let registry = registry();
    let factory = registry.extensions.get("healthcheckv2").unwrap();
    let node = sluice_config::Node::from_yaml("test.yaml", "{use_v2: true, http: , grpc: }").unwrap();
    let parsed =
        factory.parse(&node, "extensions.healthcheckv2", &mut sluice_config::Problems::new()).unwrap();
    let claims: Vec<_> = parsed.claims.iter().map(|claim| format!("{claim:?}")).collect();
    for port in ["Tcp(127.0.0.1:13133)", "Tcp(127.0.0.1:13132)"] {
        assert!(claims.contains(&port.to_owned()), "{claims:?}");
    }
}
