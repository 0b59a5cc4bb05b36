//! Targets that a server, the DNS or the target allocator tells.

use super::*;

const JSON: &str = "application/json";

#[tokio::test]
async fn a_server_tells_targets_and_the_last_good_answer_stays() {
    let (one, two) = (Target::start("a 1\n").await, Target::start("a 2\n").await);
    let server = Target::start("").await;
    let list = |target: &Target| {
        format!("[{{\"targets\": [\"{}\"], \"labels\": {{\"x\": \"y\"}}}}]", target.address)
    };
    server.reply(Reply::body(200, JSON, "", list(&one).as_bytes()));
    let running = Running::start(&format!(
        "config: {{scrape_configs: [{{job_name: test, scrape_interval: 100ms, http_sd_configs: [{{url: 'http://{}/sd', refresh_interval: 50ms}}], relabel_configs: [{{source_labels: [__meta_url], target_label: from}}]}}]}}",
        server.address
    ))
    .await;
    let scrape =
        running.find("the first", |scrape| scrape.points.keys().any(|name| name.starts_with("a "))).await;
    assert_eq!(scrape.get(&format!("a from=http://{}/sd x=y", server.address)), "1");
    let request = server.request(0);
    assert!(request.contains("accept: application/json\r\n"), "{request}");
    assert!(request.contains("x-prometheus-refresh-interval-seconds: 0.05\r\n"), "{request}");
    for reply in [
        Reply::status(500),
        Reply::body(200, "text/plain", "", list(&two).as_bytes()),
        Reply::body(200, JSON, "", b"{"),
        Reply::body(200, JSON, "", b"[{\"targets\": [\"http://x/y\"]}]"),
    ] {
        server.reply(reply);
        until("a refresh that brings nothing", || server.said() >= 2).await;
        let before = running.scrapes().len();
        until("two more scrapes", || running.scrapes().len() >= before + 2).await;
    }
    let values: Vec<String> =
        running.scrapes().into_iter().flat_map(|scrape| scrape.points.into_values()).collect();
    assert!(!values.iter().any(|value| value == "stale"), "the first target stays: {values:?}");
    server.reply(Reply::body(200, JSON, "", list(&two).as_bytes()));
    running.find("the second", |scrape| scrape.points.values().any(|value| value == "2")).await;
    running.stop().await;
}

#[tokio::test]
async fn the_target_allocator_tells_jobs_and_their_targets() {
    let target = Target::start("a 1\n").await;
    let server = Target::start("").await;
    server.reply(Reply::status(404));
    let jobs = |interval: &str| {
        format!(
            "my job/x:\n  job_name: my job/x\n  scrape_interval: {interval}\n  kubernetes_sd_configs: [{{role: pod}}]\n  metric_relabel_configs: [{{target_label: interval, replacement: '{interval}'}}]\n"
        )
    };
    server.reply_at("/scrape_configs", "application/yaml", &jobs("100ms"));
    let list = format!(
        "[{{\"targets\": [\"{}\"], \"labels\": {{\"__meta_kubernetes_pod_name\": \"pod\"}}}}]",
        target.address
    );
    server.reply_at("/jobs/my%20job%2Fx/targets?collector_id=me", JSON, &list);
    let running = Running::start(&format!(
        "{{target_allocator: {{endpoint: 'http://{}', interval: 100ms, collector_id: me, headers: {{x-key: abc}}}}}}",
        server.address
    ))
    .await;
    let scrape = running.find("a scrape", |scrape| scrape.get("a interval=100ms") == "1").await;
    assert!(
        scrape.resource.contains("service.name=my job/x") && scrape.resource.contains("k8s.pod.name=pod"),
        "{scrape:?}"
    );
    assert!(server.request(0).contains("x-key: abc\r\n"), "{}", server.request(0));
    server.reply_at("/scrape_configs", "application/yaml", &jobs("110ms"));
    running.find("the job as it is now", |scrape| scrape.get("a interval=110ms") == "1").await;
    for spoiled in ["scrape_interval: soon", "tls_config: {ca_file: /there/is/none}"] {
        let job = format!("my job/x: {{job_name: my job/x, {spoiled}}}");
        server.reply_at("/scrape_configs", "application/yaml", &job);
        let asked = || server.requests_of("GET /scrape_configs").len();
        let before = asked();
        until("three more questions", || asked() >= before + 3).await;
        let before = target.requests();
        until("scrapes of the job as it was", || target.requests() >= before + 4).await;
    }
    server.reply_at("/scrape_configs", "application/yaml", "{}");
    running.find("the end of the job", |scrape| scrape.get("a interval=110ms") == "stale").await;
    let scrapes = running.scrapes();
    let told =
        |series: &str, value: &str| scrapes.iter().filter(|scrape| scrape.get(series) == value).count();
    assert_eq!(told("a interval=100ms", "stale"), 1, "the job as it is now does not have it");
    assert_eq!(told("up", "stale"), 1, "it goes on until the job is gone");
    running.stop().await;
}

/// What its series are called has not changed: nothing of it ends, nobody sees a gap.
#[tokio::test]
async fn a_target_that_is_reached_otherwise_goes_on_with_its_series() {
    let target = Target::start("a 1\n").await;
    target.reply_at("/other", "text/plain", "a 2\n");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("targets.json");
    let list = |labels: &str| {
        std::fs::write(&file, format!(r#"[{{"targets": ["{}"], "labels": {{{labels}}}}}]"#, target.address))
            .unwrap();
    };
    list("");
    let running = Running::start(&format!(
        "config: {{scrape_configs: [{{job_name: filed, scrape_interval: 100ms, file_sd_configs: [{{files: ['{}']}}]}}]}}",
        file.display()
    ))
    .await;
    running.find("a scrape", |scrape| scrape.get("a") == "1").await;
    list(r#""__metrics_path__": "/other", "__scrape_interval__": "110ms""#);
    running.find("a scrape of the other path", |scrape| scrape.get("a") == "2").await;
    let last = running.scrapes().len();
    until("scrapes after the one before would have ended", || running.scrapes().len() >= last + 5).await;
    for scrape in running.scrapes() {
        assert!(scrape.is_up() && scrape.get("a") != "stale", "{scrape:?}");
    }
    assert_eq!(running.scrapes().last().unwrap().get("scrape_series_added"), "0");
    running.stop().await;
}

#[tokio::test]
async fn jobs_come_from_files_too() {
    let target = Target::start("a 1\n").await;
    let folder = tempfile::tempdir().unwrap();
    let job = format!(
        "scrape_configs:\n- job_name: filed\n  scrape_interval: 100ms\n  static_configs: [{{targets: ['{}']}}]\n",
        target.address
    );
    std::fs::write(folder.path().join("job.yml"), job).unwrap();
    let pattern = format!("{}/*.yml", folder.path().display());
    let running = Running::start(&format!("config: {{scrape_config_files: ['{pattern}']}}")).await;
    running.find("a scrape", |scrape| scrape.resource.contains("service.name=filed")).await;
    running.stop().await;
    std::fs::write(folder.path().join("other.yml"), "scrape_configs: [{job_name: filed}]").unwrap();
    let settings = Settings {
        config: Some(Config { scrape_config_files: vec![pattern.as_str().into()], ..Config::default() }),
        ..Settings::default()
    };
    let process = process();
    let outputs = Outputs::default().with(Signal::Metrics, Sink::new());
    let cx = build_cx(&process, Kind::Receiver, "prometheus", Signal::Metrics);
    let receiver = Factory::build(&settings, cx, outputs).unwrap();
    let error = receiver.start(&host(&process, Kind::Receiver, "prometheus")).await.unwrap_err();
    assert!(
        error.to_string().contains("config.scrape_config_files: found multiple scrape configs"),
        "{error}"
    );
}
