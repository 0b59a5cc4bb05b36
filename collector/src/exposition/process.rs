//! What the process takes from the machine, as otelcol's `otelcol_process_*` families.
//!
//! Two of them are figures of Go's runtime: here they are jemalloc's, where it is built in.
//! `heap_alloc_bytes` is what the program holds, `total_sys_memory_bytes` what jemalloc has mapped for it.
//! `total_alloc_bytes`, all that was ever allocated, is left out: jemalloc counts that per thread only.

use std::{collections::HashMap, time::Instant};

use prometheus::{
    core::{Collector, Desc},
    proto::{Counter, Gauge, Metric, MetricFamily, MetricType},
};
use rustix::time::{ClockId, clock_gettime};

use crate::runtime;

const UPTIME: (&str, &str) = ("otelcol_process_uptime", "Uptime of the process");
const CPU: (&str, &str) = ("otelcol_process_cpu_seconds", "Total CPU user and system time in seconds");
const RSS: (&str, &str) = ("otelcol_process_memory_rss", "Total physical memory (resident set size)");
const HEAP: (&str, &str) = (
    "otelcol_process_runtime_heap_alloc_bytes",
    "Bytes of allocated heap objects (see 'go doc runtime.MemStats.HeapAlloc')",
);
const SYS: (&str, &str) = (
    "otelcol_process_runtime_total_sys_memory_bytes",
    "Total bytes of memory obtained from the OS (see 'go doc runtime.MemStats.Sys')",
);

/// Reads the process at each scrape. What the platform does not tell is left out.
pub(super) fn collector() -> Box<dyn Collector> {
    #[expect(clippy::expect_used, reason = "constants; a test collects them")]
    let desc = |(name, help): (&str, &str)| {
        Desc::new(name.to_owned(), help.to_owned(), Vec::new(), HashMap::new()).expect("valid names")
    };
    Box::new(Process { started: Instant::now(), descs: [UPTIME, CPU, RSS, HEAP, SYS].map(desc) })
}

struct Process {
    started: Instant,
    descs: [Desc; 5],
}

impl Collector for Process {
    fn desc(&self) -> Vec<&Desc> {
        self.descs.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut families =
            vec![counter(UPTIME, self.started.elapsed().as_secs_f64()), counter(CPU, cpu_seconds())];
        families.extend(sluice_component::memory::resident().map(|bytes| gauge(RSS, bytes)));
        if let Some(heap) = runtime::heap() {
            families.push(gauge(HEAP, heap.allocated));
            families.push(gauge(SYS, heap.mapped));
        }
        families
    }
}

fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    #[expect(clippy::cast_precision_loss, reason = "seconds and nanoseconds of a process fit")]
    let seconds = time.tv_sec as f64 + time.tv_nsec as f64 / 1e9;
    seconds
}

fn counter(what: (&str, &str), value: f64) -> MetricFamily {
    let mut counter = Counter::default();
    counter.set_value(value);
    let mut metric = Metric::default();
    metric.set_counter(counter);
    family(what, MetricType::COUNTER, metric)
}

fn gauge(what: (&str, &str), bytes: u64) -> MetricFamily {
    let mut gauge = Gauge::default();
    #[expect(clippy::cast_precision_loss, reason = "Prometheus values are floats")]
    gauge.set_value(bytes as f64);
    family(what, MetricType::GAUGE, Metric::from_gauge(gauge))
}

fn family((name, help): (&str, &str), kind: MetricType, metric: Metric) -> MetricFamily {
    let mut family = MetricFamily::default();
    family.set_name(name.to_owned());
    family.set_help(help.to_owned());
    family.set_field_type(kind);
    family.set_metric(vec![metric]);
    family
}
