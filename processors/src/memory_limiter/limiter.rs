//! Resolves the limits and refuses.

use std::sync::Arc;

use sluice_component::{
    BuildCx, BuildError, ComponentRef, Consume, Context, Processor, ProcessorFactory, Reason, Refusal,
    Stability, Transform, Verdict, memory, telemetry::MemoryLimiterMetrics,
};
use sluice_pdata::{Pdata, Signal};

use super::{
    Settings,
    gauge::{self, Gauge},
};

/// Makes `memory_limiter` processors.
#[derive(Debug)]
pub struct Factory;

impl ProcessorFactory for Factory {
    const TYPE: &'static str = "memory_limiter";
    const STABILITY: Stability = Stability::Beta;
    type Settings = Settings;

    fn build(settings: &Settings, cx: BuildCx, _: Arc<dyn Consume>) -> Result<Processor, BuildError> {
        let limits = Limits::resolve(settings, memory::total).ok_or_else(|| {
            cx.error("limit_percentage", "the total memory is not known here; set limit_mib")
        })?;
        Ok(Processor::Transform(Arc::new(MemoryLimiter::new(settings, cx, limits, gauge::resident)?)))
    }
}

/// The two lines, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Limits {
    hard: u64,
    soft: u64,
}

impl Limits {
    fn resolve(settings: &Settings, total: impl FnOnce() -> Option<u64>) -> Option<Self> {
        let (hard, spike) = if settings.limit.bytes() > 0 {
            (settings.limit.bytes(), settings.spike_limit.bytes())
        } else {
            let total = total()?;
            let part = |percentage: u32| total / 100 * u64::from(percentage);
            (part(settings.limit_percentage), part(settings.spike_limit_percentage))
        };
        let spike = if spike > 0 { spike } else { hard / 5 };
        Some(Self { hard, soft: hard.saturating_sub(spike) })
    }
}

struct MemoryLimiter {
    component: ComponentRef,
    gauge: Arc<Gauge>,
    metrics: MemoryLimiterMetrics,
}

impl MemoryLimiter {
    fn new(
        settings: &Settings,
        cx: BuildCx,
        limits: Limits,
        resident: fn() -> Option<u64>,
    ) -> Result<Self, BuildError> {
        let signal: Signal = cx.signal.ok_or_else(|| cx.error("", "a processor serves one signal"))?;
        cx.budget.tighten(usize::try_from(limits.hard).unwrap_or(usize::MAX));
        let gauge = cx.shared.get_or_make(&cx.component, || {
            tracing::info!(
                component = %cx.component,
                limit_mib = limits.hard >> 20,
                spike_limit_mib = (limits.hard - limits.soft) >> 20,
                check_interval = %settings.check_interval,
                "Memory limiter configured"
            );
            Gauge::new(cx.budget.clone(), limits.soft, settings.check_interval.get(), resident)
        });
        let metrics = cx.telemetry.memory_limiter(&cx.component, signal);
        Ok(Self { component: cx.component, gauge, metrics })
    }
}

impl Transform for MemoryLimiter {
    fn apply(&self, _: &Context, data: &mut Pdata) -> Result<Verdict, Refusal> {
        let items = data.items();
        if self.gauge.is_short() {
            self.metrics.refused.inc_by(items as u64);
            let component = self.component.clone();
            return Err(Refusal::retryable(component, data.signal(), items, Reason::MemoryLimit));
        }
        self.metrics.accepted.inc_by(items as u64);
        Ok(Verdict::Forward)
    }
}

#[cfg(test)]
mod tests;
