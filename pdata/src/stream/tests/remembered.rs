use crate::stream::{Full, MetricId, ResourceId, ScopeId, StreamId, Streams};
use crate::view::{Attributes, MetricView, ResourceView, ScopeMetricsView};
use std::time::{Duration, Instant};

fn stream(name: &str) -> StreamId {
    let scope: ScopeId = ResourceId::of(&ResourceView::default()).scope(&ScopeMetricsView::default());
    let metric: MetricId = scope.metric(&MetricView { name: name.into(), ..MetricView::default() });
    metric.stream(&Attributes::default())
}

const AGE: Duration = Duration::from_secs(60);

#[test]
fn a_stream_is_remembered_until_it_was_silent_for_longer_than_the_age() {
    let (mut streams, start) = (Streams::new(10, AGE), Instant::now());
    assert_eq!(streams.at(stream("a"), start), Ok(&mut None));
    *streams.at(stream("a"), start).unwrap() = Some(1);
    assert_eq!(streams.at(stream("a"), start + AGE), Ok(&mut Some(1)));
    assert_eq!(streams.at(stream("a"), start + 2 * AGE), Ok(&mut Some(1)));
    assert_eq!(streams.at(stream("a"), start + 3 * AGE + Duration::from_millis(1)), Ok(&mut None));
}

#[test]
fn a_stream_that_finds_no_place_is_refused_until_a_silent_one_gave_its_place_back() {
    let (mut streams, start) = (Streams::new(2, AGE), Instant::now());
    *streams.at(stream("a"), start).unwrap() = Some(1);
    *streams.at(stream("b"), start).unwrap() = Some(2);
    assert_eq!(streams.at(stream("c"), start), Err(Full));
    assert_eq!(streams.at(stream("b"), start + AGE), Ok(&mut Some(2)));
    assert_eq!(streams.at(stream("c"), start + AGE + AGE / 2), Ok(&mut None));
    assert_eq!(streams.at(stream("b"), start + AGE + AGE / 2), Ok(&mut Some(2)));
    assert_eq!(streams.len(), 2);
}

#[test]
fn an_age_of_zero_is_for_ever() {
    let (mut streams, start) = (Streams::new(2, Duration::ZERO), Instant::now());
    *streams.at(stream("a"), start).unwrap() = Some(1);
    assert_eq!(streams.at(stream("a"), start + 1_000_000 * AGE), Ok(&mut Some(1)));
}

#[test]
fn clocks_that_go_back_forget_nothing() {
    let (mut streams, start) = (Streams::new(2, AGE), Instant::now());
    *streams.at(stream("a"), start + 10 * AGE).unwrap() = Some(1);
    assert_eq!(streams.at(stream("a"), start), Ok(&mut Some(1)));
}
