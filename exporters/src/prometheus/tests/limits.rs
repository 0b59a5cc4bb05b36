//! How much there may be, and that scraping it takes no memory and holds nobody up.

use super::*;

/// Gauges of one name that differ in a label.
fn many(range: std::ops::Range<usize>) -> Pdata {
    let point = |n| {
        let label = format!("value-{n}");
        json!({"attributes": attributes(&[("label", label.as_str())]), "asInt": "1", "timeUnixNano": T.to_string()})
    };
    of(&[], &json!([{"name": "many", "gauge": {"dataPoints": range.map(point).collect::<Vec<_>>()}}]))
}

#[test]
fn i14_series_above_max_series_are_counted_in_one_series() {
    let exposed = Exposed::new("max_series: 100");
    let metrics: Vec<_> = (0..1000).map(|n| gauge(&format!("name{n}"), &[], 1.0, T)).collect();
    let lost = exposed.lost(&of(&[], &json!(metrics)));
    assert_eq!(lost.len(), 900);
    assert!(lost.iter().all(|(_, lost, _)| *lost == Lost::MaxSeries));
    assert_eq!(exposed.lost(&many(0..50)), [("many".to_owned(), Lost::MaxSeries, 50)]);
    assert_eq!(exposed.series(), 100);
    let text = exposed.text();
    assert!(text.ends_with("# TYPE sluice_exporter_overflow_points_total counter\nsluice_exporter_overflow_points_total 950\n"), "{text}");
    assert_eq!(text.matches("\nname").count(), 100);
    // Those that are there go on.
    exposed.take(&of(&[], &json!([gauge("name7", &[], 2.0, T)])));
    assert!(exposed.text().contains("name7 2\n"));
}

#[test]
fn i14_names_without_room_leave_nothing_behind() {
    let exposed = Exposed::new("max_series: 1");
    exposed.take(&of(&[], &json!([gauge("kept", &[], 1.0, T)])));
    for n in 0..1000 {
        exposed.lost(&of(&[], &json!([gauge(&format!("name{n}"), &[], 1.0, T)])));
    }
    assert_eq!(exposed.intake.store.families(), 1);
}

#[test]
fn i3_the_memory_budget_ends_the_series_before_max_series_does() {
    let budget = Budget::new(1 << 20);
    let exposed = Exposed::within("", budget.clone());
    let lost = exposed.lost(&many(0..20_000));
    assert!(matches!(lost[..], [(_, Lost::MemoryLimit, 10_000..)]), "{lost:?}");
    assert!(budget.used() <= 1 << 20);
    assert!(exposed.text().ends_with(&format!("sluice_exporter_overflow_points_total {}\n", lost[0].2)));
    drop(exposed);
    assert_eq!(budget.used(), 0);
}

#[test]
fn a_scrape_that_stands_still_holds_up_no_batch() {
    let exposed = Exposed::new("");
    exposed.take(&many(0..5000));
    let mut pieces = exposed.scrape().pieces(Negotiated::of("", false));
    let first = pieces.next().unwrap();
    assert!(first.len() < 64 << 10, "{}", first.len());
    // The same thread that scrapes takes in: a lock that is held would be a deadlock.
    exposed.take(&many(0..6000));
    let rest: Vec<u8> = pieces.flatten().collect();
    let text = String::from_utf8([&first[..], &rest].concat()).unwrap();
    assert_eq!(text.lines().count(), 6001, "every series once, new ones as well");
}

#[test]
fn a_family_that_vanishes_during_a_scrape_ends_there() {
    let exposed = Exposed::new("metric_expiration: 1h");
    exposed.take(&many(0..5000));
    exposed.take(&of(&[], &json!([gauge("zone", &[], 1.0, T)])));
    let mut pieces = exposed.scrape().pieces(Negotiated::of("", false));
    pieces.next().unwrap();
    let point = |n| {
        let label = format!("value-{n}");
        json!({"attributes": attributes(&[("label", label.as_str())]), "timeUnixNano": T.to_string(), "flags": 1})
    };
    let points: Vec<_> = (0..5000).map(point).collect();
    exposed.take(&of(&[], &json!([{"name": "many", "gauge": {"dataPoints": points}}])));
    exposed.intake.store.sweep();
    let rest: Vec<u8> = pieces.flatten().collect();
    assert_eq!(String::from_utf8(rest).unwrap(), "# TYPE zone gauge\nzone 1\n");
}

#[test]
fn scraping_allocates_pieces_and_no_exposition() {
    let exposed = Exposed::new("enable_open_metrics: true");
    exposed.take(&many(0..30_000));
    for accept in ["", OPEN_METRICS, PROTOBUF] {
        let whole = exposed.body(accept).len();
        let pieces = exposed.scrape().pieces(Negotiated::of(accept, true));
        let measured = allocation_counter::measure(|| {
            let length: usize = pieces.map(|piece| piece.len()).sum();
            assert_eq!(length, whole);
        });
        assert!(whole > 768 << 10, "{whole}");
        assert!(measured.bytes_max < 512 << 10, "{accept}: {} bytes for {whole}", measured.bytes_max);
    }
}

#[test]
fn i14_a_point_cannot_ask_for_more_text_than_fits_in_a_piece() {
    let exposed = Exposed::new("");
    let long = "x".repeat(100_000);
    let bounds: Vec<_> = (0..1000).map(f64::from).collect();
    let counts = vec!["1"; 1001];
    let histogram = |labels: &[(&str, &str)]| {
        let point = json!({"attributes": attributes(labels), "timeUnixNano": T.to_string(), "count": "1001",
            "explicitBounds": bounds, "bucketCounts": counts});
        json!({"name": "h", "description": long, "histogram": {"aggregationTemporality": 2, "dataPoints": [point]}})
    };
    let data = of(&[], &json!([histogram(&[("a", "short")]), histogram(&[("a", long.as_str())])]));
    assert_eq!(exposed.lost(&data), [("h".to_owned(), Lost::Unconvertible(Reason::TooLarge), 1)]);
    let negotiated = Negotiated::of("", false);
    assert!(exposed.scrape().pieces(negotiated).all(|piece| piece.len() < 128 << 10));
}

#[test]
fn i14_resources_and_names_count_as_well() {
    let budget = Budget::new(1 << 20);
    let exposed = Exposed::within("", budget.clone());
    let long = "x".repeat(2000);
    let mut taken = 0;
    // Far more than the budget holds, of which each part is small.
    for n in 0..2000 {
        let service = format!("{long}{n}");
        let mut metric = gauge(&format!("g{n}"), &[], 1.0, T);
        metric["description"] = json!(long);
        let lost = exposed.lost(&of(&[("service.name", service.as_str())], &json!([metric])));
        assert!(lost.iter().all(|(_, lost, _)| *lost == Lost::MemoryLimit));
        taken += usize::from(lost.is_empty());
    }
    assert!((200..260).contains(&taken), "{taken} series of some 4.5 KiB");
    assert!(budget.used() <= 1 << 20);
    drop(exposed);
    assert_eq!(budget.used(), 0);
}

#[test]
fn who_removes_a_family_late_leaves_the_next_of_its_name() {
    let exposed = Exposed::new("");
    let mut metric = gauge("brief", &[], 1.0, T);
    let alive = of(&[], &json!([metric]));
    exposed.take(&alive);
    let first = exposed.intake.store.after(None).unwrap();
    metric["gauge"]["dataPoints"][0]["flags"] = json!(1);
    exposed.take(&of(&[], &json!([metric])));
    assert_eq!(exposed.intake.store.families(), 0);
    exposed.take(&alive);
    exposed.intake.store.remove(&first);
    assert_eq!((exposed.series(), exposed.intake.store.families()), (1, 1));
}

#[test]
fn batches_scrapes_and_sweeps_at_the_same_time_do_not_stop_each_other() {
    let exposed = Exposed::new("max_series: 0");
    let families = 0..20;
    std::thread::scope(|threads| {
        for thread in 0..3 {
            let (exposed, families) = (&exposed, families.clone());
            threads.spawn(move || {
                for round in 0..10_u32 {
                    for family in families.clone() {
                        let (name, thread) = (format!("family{family}"), format!("thread{thread}"));
                        let labels = [("thread", thread.as_str())];
                        let gauge = gauge(&name, &labels, f64::from(round), T + u64::from(round));
                        exposed.take(&of(&[("service.name", thread.as_str())], &json!([gauge])));
                        // Comes and goes, and its family with it.
                        let mut end = super::gauge("brief", &labels, 1.0, T);
                        exposed.take(&of(&[], &json!([end])));
                        end["gauge"]["dataPoints"][0]["flags"] = json!(1);
                        exposed.take(&of(&[], &json!([end])));
                    }
                }
            });
        }
        threads.spawn(|| (0..50).for_each(|_| exposed.intake.store.sweep()));
        threads.spawn(|| {
            for _ in 0..50 {
                let text = exposed.text();
                assert!(
                    text.lines().all(|line| line.starts_with("# TYPE ") || line.contains("{thread=\"thread"))
                );
            }
        });
    });
    exposed.intake.store.sweep();
    let text = exposed.text();
    assert_eq!(text.lines().filter(|line| line.ends_with("} 9")).count(), 3 * families.len(), "{text}");
    assert_eq!((exposed.series(), exposed.intake.store.families()), (3 * families.len(), families.len()));
}
