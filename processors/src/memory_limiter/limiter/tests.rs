use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use sluice_component::{
    Kind,
    testkit::{build_cx, process},
};
use sluice_config::{ByteSize, GoDuration};
use sluice_pdata::otlp::{
    ExportLogsServiceRequest,
    logs::v1::{LogRecord, ResourceLogs, ScopeLogs},
};

use super::*;

fn settings() -> Settings {
    Settings { check_interval: GoDuration::from_secs(1), limit: ByteSize::mib(100), ..Settings::default() }
}

fn one_log() -> Pdata {
    let scope = ScopeLogs { log_records: vec![LogRecord::default()], ..ScopeLogs::default() };
    let resource = ResourceLogs { scope_logs: vec![scope], ..ResourceLogs::default() };
    Pdata::from_logs(ExportLogsServiceRequest { resource_logs: vec![resource] })
}

fn apply(limiter: &MemoryLimiter) -> Result<Verdict, Refusal> {
    limiter.apply(&Context::default(), &mut one_log())
}

#[test]
fn the_soft_limit_is_a_fifth_below_the_hard_one() {
    let limits = Limits::resolve(&settings(), || None).unwrap();
    assert_eq!(limits, Limits { hard: 100 << 20, soft: 80 << 20 });
}

#[test]
fn percentages_are_of_the_total_and_mib_wins() {
    let percent = Settings { limit_percentage: 50, spike_limit_percentage: 10, ..Settings::default() };
    let total = || Some(1000 << 20);
    let limits = Limits::resolve(&percent, total).unwrap();
    assert_eq!((limits.hard >> 20, limits.soft >> 20), (500, 400));
    let both = Settings { limit: ByteSize::mib(100), ..percent };
    assert_eq!(Limits::resolve(&both, total).unwrap().hard, 100 << 20);
}

#[test]
fn a_percentage_of_an_unknown_total_does_not_resolve() {
    let percent = Settings { limit_percentage: 50, ..Settings::default() };
    assert_eq!(Limits::resolve(&percent, || None), None);
}

#[tokio::test(start_paused = true)]
async fn short_memory_refuses_with_retry_until_usage_is_back() {
    static RESIDENT: AtomicU64 = AtomicU64::new(0);
    let process = process();
    let cx = build_cx(&process, Kind::Processor, "memory_limiter", Signal::Logs);
    let limits = Limits { hard: 100, soft: 80 };
    let resident = || Some(RESIDENT.load(Ordering::Relaxed));
    let limiter = MemoryLimiter::new(&settings(), cx, limits, resident).unwrap();
    assert_eq!(apply(&limiter).unwrap(), Verdict::Forward);

    RESIDENT.store(80, Ordering::Relaxed);
    assert!(apply(&limiter).is_ok(), "measured once per interval");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let refusal = apply(&limiter).unwrap_err();
    assert_eq!((refusal.reason, refusal.items), (Reason::MemoryLimit, 1));
    let answer = refusal.answer();
    assert_eq!((answer.grpc, answer.http, answer.retry_after.is_some()), (14, 503, true));
    assert!(refusal.to_string().ends_with("data refused due to high memory usage"));

    RESIDENT.store(79, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(apply(&limiter).is_ok());
    assert_eq!((limiter.metrics.accepted.get(), limiter.metrics.refused.get()), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn what_the_budget_has_handed_out_counts_as_usage() {
    let process = process();
    let cx = build_cx(&process, Kind::Processor, "memory_limiter", Signal::Logs);
    let limiter = MemoryLimiter::new(&settings(), cx, Limits { hard: 100, soft: 80 }, || None).unwrap();
    let held = process.budget.reserve(90).unwrap();
    assert!(apply(&limiter).is_err());
    drop(held);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(apply(&limiter).is_ok());
}

#[test]
fn the_budget_is_tightened_to_the_hard_limit() {
    let process = process();
    let cx = build_cx(&process, Kind::Processor, "memory_limiter", Signal::Logs);
    let next = sluice_component::testkit::Recorder::new();
    Factory::build(&settings(), cx, next).unwrap();
    assert_eq!(process.budget.limit(), 100 << 20);
}

#[test]
fn instances_of_one_processor_share_a_gauge() {
    let process = process();
    let cx = build_cx(&process, Kind::Processor, "memory_limiter", Signal::Logs);
    let limits = Limits { hard: 100, soft: 80 };
    let one = MemoryLimiter::new(&settings(), cx.clone(), limits, || None).unwrap();
    let two = MemoryLimiter::new(&settings(), cx, limits, || None).unwrap();
    assert!(Arc::ptr_eq(&one.gauge, &two.gauge));
}
