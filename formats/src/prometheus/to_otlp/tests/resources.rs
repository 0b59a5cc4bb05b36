//! Resources and scopes.

use super::*;

#[test]
fn a_scraped_target_is_the_resource() {
    let lines = Stand::scraper().scrape("up 1\n").finish();
    assert_eq!(
        lines[..2],
        [
            "resource server.address=host server.port=80 service.instance.id=host:80 service.name=job",
            "scope sluice",
        ]
    );
}

#[test]
fn samples_with_their_own_job_or_instance_are_other_resources() {
    let body = "a{job=\"other\"} 1\na{instance=\"localhost:1\"} 2\na 3\n";
    let lines = Stand::scraper().scrape(body).finish();
    let resources: Vec<_> = lines.iter().filter(|line| line.starts_with("resource")).collect();
    assert_eq!(
        resources,
        [
            "resource server.address=host server.port=80 service.instance.id=host:80 service.name=other",
            "resource server.port=1 service.instance.id=localhost:1 service.name=job",
            "resource server.address=host server.port=80 service.instance.id=host:80 service.name=job",
        ]
    );
}

#[test]
fn the_receiver_s_scope_has_its_version() {
    let options = Options {
        source: target("j", "i"),
        scope_name: "name".into(),
        scope_version: "1.2".into(),
        ..Options::default()
    };
    assert_eq!(Stand::new(options).scrape("a 1\n").finish()[1], "scope name 1.2");
}

#[test]
fn target_info_describes_the_resource_and_is_no_metric() {
    let body =
        "a 1\n# TYPE target info\ntarget_info{host_name=\"h\",\"service.name\"=\"better\",job=\"job\"} 1\n";
    assert_eq!(
        Stand::scraper().scrape(body).finish(),
        [
            "resource host_name=h server.address=host server.port=80 service.instance.id=host:80 service.name=better",
            "scope sluice",
            "a gauge prometheus.type=unknown",
            "  @1000 1",
        ]
    );
    assert_eq!(Stand::scraper().scrape("target_info{a=\"b\"} 1\n").finish(), Vec::<String>::new());
}

#[test]
fn scope_labels_are_the_scope_and_no_attributes() {
    let body = "a{otel_scope_name=\"s\",otel_scope_version=\"1\",otel_scope_schema_url=\"u\",otel_scope_x=\"y\",z=\"1\"} 1\n\
                a{otel_scope_name=\"s\",otel_scope_version=\"2\"} 2\n";
    assert_eq!(
        Stand::scraper().scrape(body).finish()[1..],
        [
            "scope s 1 x=y u",
            "a gauge prometheus.type=unknown",
            "  z=1 @1000 1",
            "scope s 2",
            "a gauge prometheus.type=unknown",
            "  @1000 2",
        ]
    );
}

#[test]
fn scope_info_describes_a_scope() {
    let body = "a{otel_scope_name=\"s\"} 1\notel_scope_info{otel_scope_name=\"s\",animal=\"bear\"} 1\n";
    assert_eq!(
        Stand::scraper().scrape(body).finish()[1..],
        ["scope s  animal=bear", "a gauge prometheus.type=unknown", "  @1000 1",]
    );
}

#[test]
fn what_is_written_has_the_resource_of_job_and_instance() {
    let mut stand = Stand::receiver();
    stand.push(&[("__name__", "a"), ("job", "ns/name"), ("instance", "i:1")], Value::Float(1.0)).unwrap();
    stand.push(&[("__name__", "a")], Value::Float(2.0)).unwrap();
    let lines = stand.finish();
    let resources: Vec<_> = lines.iter().filter(|line| line.starts_with("resource")).collect();
    assert_eq!(
        resources,
        ["resource service.instance.id=i:1 service.name=name service.namespace=ns", "resource"]
    );
}

#[test]
fn one_request_can_know_the_target_info_of_another() {
    let mut stand = Stand::receiver();
    let mut known = Vec::new();
    stand.push(&[("__name__", "target_info"), ("job", "j"), ("x", "y")], Value::Float(1.0)).unwrap();
    stand.transaction.each_target_info(|job, instance, info| {
        assert_eq!((job, instance), ("j", ""));
        known.clone_from(info);
    });
    assert_eq!(stand.finish(), Vec::<String>::new());
    stand.push(&[("__name__", "a"), ("job", "j")], Value::Float(1.0)).unwrap();
    stand.transaction.each_target_info(|job, _, info| {
        assert_eq!((job, &info[..]), ("j", &[][..]));
        info.clone_from(&known);
    });
    assert_eq!(stand.finish()[0], "resource service.name=j x=y");
}
