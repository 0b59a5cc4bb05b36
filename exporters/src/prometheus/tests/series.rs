//! Which series a point belongs to, and how long it is there.

use std::time::Duration;

use tokio::time::advance;

use super::*;

fn lost(name: &str, lost: Lost) -> [(String, Lost, usize); 1] {
    [(name.to_owned(), lost, 1)]
}

#[test]
fn the_newest_value_stays() {
    let exposed = Exposed::new("");
    for (value, time) in [(1.0, T), (2.0, T + SECOND), (3.0, T)] {
        exposed.take(&of(&[], &json!([gauge("g", &[], value, time)])));
    }
    assert_eq!(exposed.text(), "# TYPE g gauge\ng 2\n");
}

#[test]
fn a_stale_marker_removes_its_series_and_the_other_points_are_read() {
    let exposed = Exposed::new("");
    let point = |room: &str, flags: u8| json!({"attributes": attributes(&[("room", room)]), "timeUnixNano": T.to_string(), "asDouble": 1.0, "flags": flags});
    let gauge = |points: Value| of(&[], &json!([{"name": "g", "gauge": {"dataPoints": points}}]));
    exposed.take(&gauge(json!([point("a", 0), point("b", 0)])));
    exposed.take(&gauge(json!([point("a", 1), point("c", 0), point("never", 1)])));
    assert_eq!(exposed.text(), "# TYPE g gauge\ng{room=\"c\"} 1\ng{room=\"b\"} 1\n");
    assert_eq!(exposed.series(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_series_without_new_points_expires_and_its_room_is_free_again() {
    let exposed = Exposed::new("metric_expiration: 10s");
    exposed.take(&of(&[("service.name", "x"), ("a", "b")], &json!([gauge("old", &[], 1.0, T)])));
    advance(Duration::from_secs(6)).await;
    exposed.take(&of(&[], &json!([gauge("new", &[], 1.0, T)])));
    assert_eq!(exposed.series(), 3);
    advance(Duration::from_secs(5)).await;
    assert_eq!(exposed.text(), "# TYPE new gauge\nnew 1\n");
    exposed.intake.store.sweep();
    assert_eq!(exposed.series(), 1);
    // The name is free, for another type as well.
    exposed.take(&of(&[], &json!([sum("old", 2, false, &[(1.0, T, T)])])));
    assert!(exposed.text().contains("old 1\n"));
}

#[test]
fn two_types_of_one_name_are_the_first_one() {
    let exposed = Exposed::new("");
    exposed.take(&of(&[], &json!([gauge("a.total", &[], 1.0, T)])));
    assert_eq!(
        exposed.lost(&of(&[], &json!([counter("a", 2.0, T, T)]))),
        lost("a", Lost::Unconvertible(Reason::TypeConflict))
    );
    assert_eq!(exposed.text(), "# TYPE a_total gauge\na_total 1\n");
}

#[test]
fn two_help_texts_of_one_name_are_the_first_one() {
    let exposed = Exposed::new("");
    for (room, help) in [("a", "First."), ("b", "Second.")] {
        let mut gauge = gauge("g", &[("room", room)], 1.0, T);
        gauge["description"] = json!(help);
        exposed.take(&of(&[], &json!([gauge])));
    }
    assert_eq!(exposed.text(), "# HELP g First.\n# TYPE g gauge\ng{room=\"a\"} 1\ng{room=\"b\"} 1\n");
}

#[test]
fn a_family_whose_samples_another_one_has_is_left_out() {
    let exposed = Exposed::new("");
    let summary = json!({"name": "a", "summary": {"dataPoints": [{"timeUnixNano": "1", "count": "1"}]}});
    exposed.take(&of(&[], &json!([gauge("a.count", &[], 1.0, T)])));
    assert_eq!(exposed.lost(&of(&[], &json!([summary]))), lost("a", Lost::NameConflict));
    // In OpenMetrics, a counter and a gauge may not share the family's name.
    let both = of(&[], &json!([gauge("b", &[], 1.0, T), counter("b", 2.0, T, T)]));
    exposed.take(&both);
    let open = Exposed::new("enable_open_metrics: true");
    assert_eq!(open.lost(&both), lost("b", Lost::NameConflict));
}

/// One gauge or counter, of two resources that have the same labels.
fn pod(pod: &str, metric: Value) -> Pdata {
    of(&[("service.name", "cart"), ("k8s.pod", pod)], &json!([metric]))
}

#[test]
fn two_streams_of_one_series_are_the_first_one() {
    let exposed = Exposed::new("");
    exposed.take(&pod("1", counter("c", 1.0, T, T + SECOND)));
    let second = pod("2", counter("c", 9.0, T, T + SECOND));
    assert_eq!(exposed.lost(&second), lost("c", Lost::SameSeries));
    exposed.take(&pod("1", counter("c", 2.0, T, T + 2 * SECOND)));
    assert!(exposed.text().starts_with("# TYPE c_total counter\nc_total{job=\"cart\"} 2\n"));
}

#[test]
fn a_process_that_was_started_again_goes_on_with_the_series() {
    let exposed = Exposed::new("");
    exposed.take(&pod("1", counter("c", 9.0, T, T + SECOND)));
    exposed.take(&pod("2", counter("c", 1.0, T + 2 * SECOND, T + 3 * SECOND)));
    assert!(exposed.text().starts_with("# TYPE c_total counter\nc_total{job=\"cart\"} 1\n"));
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_gives_way_after_half_its_time() {
    let exposed = Exposed::new("metric_expiration: 10s");
    exposed.take(&pod("1", gauge("g", &[], 1.0, T)));
    advance(Duration::from_secs(4)).await;
    assert_eq!(exposed.lost(&pod("2", gauge("g", &[], 2.0, T))), lost("g", Lost::SameSeries));
    advance(Duration::from_secs(2)).await;
    exposed.take(&pod("2", gauge("g", &[], 2.0, T)));
    assert!(exposed.text().starts_with("# TYPE g gauge\ng{job=\"cart\"} 2\n"));
}

#[test]
fn labels_are_the_same_in_whatever_order_and_from_wherever_they_come() {
    let exposed = Exposed::new("resource_to_telemetry_conversion: {enabled: true}");
    exposed.take(&of(&[("a", "1")], &json!([gauge("g", &[("b", "2"), ("c", "3")], 1.0, T)])));
    let again = of(&[("b", "2")], &json!([gauge("g", &[("c", "3"), ("a", "1")], 1.0, T)]));
    assert_eq!(exposed.lost(&again), lost("g", Lost::SameSeries));
}
