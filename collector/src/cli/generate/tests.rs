mod ends;

use std::future::pending;

use super::{
    source::tests::options,
    target::{Target, Way},
    worker::Share,
    *,
};

fn refused(line: &str) -> String {
    let Err(failure) = Target::new(&options(line), &crate::components::full()) else { panic!("{line}") };
    failure.to_string()
}

#[test]
fn shares_are_the_whole() {
    let options = options("logs --count 10 --rate 9 --workers 3 --batch 100");
    let shares = [0, 1, 2].map(|number| Share::of(&options, number));
    assert_eq!(shares.map(|share| share.count), [Some(4), Some(3), Some(3)]);
    assert!(shares.iter().all(|share| share.rate == 3.0 && share.batch == 3), "{shares:?}");
}

#[tokio::test(start_paused = true)]
async fn workers_take_turns() {
    let options = options("logs --rate 100 --workers 100");
    let start = Instant::now();
    let turns = (0..100).map(|number| {
        let Share { rate, phase, batch, .. } = Share::of(&options, number);
        async move {
            pace::Pace::new(rate, phase).wait_for(batch).await;
            start.elapsed().as_millis()
        }
    });
    let times = join_all(turns).await;
    // 100 of them in a second, 10 ms apart. Timers are of whole milliseconds.
    assert!(times.windows(2).all(|two| (9..=11).contains(&(two[1] - two[0]))), "{times:?}");
}

#[test]
fn a_low_rate_has_small_requests() {
    let batch = |line: &str| Share::of(&options(line), 0).batch;
    assert_eq!(batch("logs --rate 0 --batch 500"), 500);
    assert_eq!(batch("logs --rate 1000 --batch 500"), 500);
    assert_eq!(batch("logs --rate 100 --batch 500"), 62);
    assert_eq!(batch("logs --rate 0.1"), 1);
}

#[test]
#[cfg(feature = "full")]
fn what_cannot_be_sent_is_told() {
    for protocol in ["zipkin", "jaeger", "jaeger-thrift", "jaeger-udp"] {
        for signal in ["metrics", "logs"] {
            let text = refused(&format!("{signal} --protocol {protocol}"));
            let expected = format!(
                "Error: --protocol: Zipkin and Jaeger take traces only; {signal} go by otlp or otlphttp\n"
            );
            assert_eq!(text, expected);
        }
    }
    assert!(refused("logs --endpoint h:x").contains("endpoint: invalid port \"x\""));
    assert!(refused("logs --compression lz4").contains("compression: unsupported compression type \"lz4\""));
    assert!(refused("logs --ca-file /none").contains("/none"));
    assert!(refused("logs --endpoint http://h:1 --tls").contains("--endpoint: http:// is without TLS"));
}

#[test]
fn each_flag_of_tls_asks_for_tls() {
    let of = |flags: &str| {
        let settings = target::settings(&options(&format!("logs --endpoint h:1{flags}")), "http://localhost");
        (settings["endpoint"].as_str() == Some("https://h:1"), settings["tls"]["insecure"] == false)
    };
    assert_eq!(of(""), (false, false));
    for flags in [" --tls", " --ca-file /ca", " --cert-file /c --key-file /k", " --insecure-skip-verify"] {
        assert_eq!(of(flags), (true, true), "{flags}");
    }
}

#[test]
fn what_udp_cannot_do_is_refused_by_name() {
    let of = |flags: &str| refused(&format!("traces --protocol jaeger-udp {flags}"));
    for flag in [
        "--tls",
        "--ca-file /ca",
        "--insecure-skip-verify",
        "--header a:b",
        "--compression gzip",
        "--timeout 5s",
        "--retry-for 30s",
    ] {
        let name = flag.split(' ').next().unwrap();
        let text = format!("Error: {name}: not with --protocol jaeger-udp, which cannot do that\n");
        assert_eq!(of(flag), text);
    }
    let text = of("--cert-file /c --key-file /k --tls");
    assert!(text.starts_with("Error: --tls, --cert-file, --key-file: not"), "{text}");
    for flags in ["", " --compression none --retry-for 0s"] {
        let options = options(&format!("traces --protocol jaeger-udp{flags}"));
        assert!(Target::new(&options, &Registry::empty()).is_ok(), "{flags}");
    }
}

#[test]
fn a_build_without_the_exporter_says_so() {
    let Err(failure) = Target::new(&options("traces"), &Registry::empty()) else { panic!() };
    assert_eq!(failure.to_string(), "Error: this build has no exporter `otlp`\n");
}

#[test]
#[cfg(feature = "full")]
fn endpoints_are_completed() {
    let of = |line: &str| {
        let target = Target::new(&options(line), &crate::components::full()).unwrap();
        let Way::Exporter { settings, .. } = target.way else { panic!() };
        let settings = settings.effective(sluice_component::factory::Secrets::Shown);
        settings.get("endpoint").and_then(|node| node.as_str()).unwrap().to_owned()
    };
    assert_eq!(of("traces"), "localhost:4317");
    assert_eq!(of("traces --endpoint h:1"), "h:1");
    assert_eq!(of("logs --protocol otlphttp --endpoint h:1"), "http://h:1");
    assert_eq!(of("logs --protocol otlphttp --endpoint h:1 --tls"), "https://h:1");
    assert_eq!(of("traces --protocol zipkin"), "http://localhost:9411/api/v2/spans");
    assert_eq!(of("traces --protocol zipkin --endpoint h:1"), "http://h:1/api/v2/spans");
    assert_eq!(of("traces --protocol zipkin --endpoint https://h/x"), "https://h/x");
    assert_eq!(of("traces --protocol jaeger-thrift --endpoint http://h:1"), "http://h:1/api/traces");
}

#[tokio::test]
#[cfg(feature = "full")]
async fn where_nobody_listens_every_item_is_refused_with_the_reason() {
    // Bound and closed: nobody is there.
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for protocol in ["otlp", "otlphttp", "zipkin", "jaeger", "jaeger-thrift"] {
        let line = format!(
            "traces --protocol {protocol} --endpoint {address} --rate 0 --count 250 --workers 2 --retry-for 0s"
        );
        let options = options(&line);
        let target = Target::new(&options, &crate::components::full()).unwrap();
        let report = go(&options, &target, pending()).await.unwrap();
        let summary = report.summary();
        assert!(report.has_refused() && summary.starts_with("sent      250 spans in "), "{summary}");
        assert!(summary.contains("accepted  0 (0.0/s)\nrefused   250\n"), "{summary}");
        assert!(summary.contains("onnection refused"), "{summary}");
    }
}
