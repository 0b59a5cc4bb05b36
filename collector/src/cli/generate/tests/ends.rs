//! How a run ends, with an exporter whose start or answers take their time.

use std::{
    future::{pending, ready},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use sluice_component::{
    BuildCx, BuildError, Component, ComponentRef, Consume, Context, Delivery, DrainError, Exporter,
    ExporterFactory, Host, Kind, Reason, Refusal, Registry, Stability, StartError, async_trait,
    factory::Purpose,
};
use sluice_config::{Node, Problems, Reach};
use sluice_pdata::{Pdata, Signal};
use tokio::time::{Instant, sleep};

use crate::{
    cli::generate::{
        go,
        source::tests::options,
        target::{Target, Way},
    },
    testdata::Settings,
};

/// Gets ready or never does. Each request takes `SECONDS`; what is on its way when it is stopped is refused.
struct Slow<const READY: bool, const SECONDS: u64> {
    stopping: AtomicBool,
}

impl<const READY: bool, const SECONDS: u64> ExporterFactory for Slow<READY, SECONDS> {
    const TYPE: &'static str = "slow";
    const STABILITY: Stability = Stability::Development;
    type Settings = Settings;

    fn build(_: &Settings, _: BuildCx) -> Result<Arc<dyn Exporter>, BuildError> {
        Ok(Arc::new(Self { stopping: AtomicBool::new(false) }))
    }

    fn delivery(_: &Settings) -> Delivery {
        Delivery::WaitsForResult
    }
}

#[async_trait]
impl<const READY: bool, const SECONDS: u64> Component for Slow<READY, SECONDS> {
    async fn start(&self, _: &Host) -> Result<(), StartError> {
        if READY { Ok(()) } else { pending().await }
    }

    async fn shutdown(&self, _: Instant) -> Result<(), DrainError> {
        self.stopping.store(true, SeqCst);
        Ok(())
    }
}

#[async_trait]
impl<const READY: bool, const SECONDS: u64> Consume for Slow<READY, SECONDS> {
    async fn consume(&self, _: Context, data: Pdata) -> Result<(), Refusal> {
        sleep(Duration::from_secs(SECONDS)).await;
        let component = ComponentRef::new(Kind::Exporter, "slow".parse().unwrap());
        match self.stopping.load(SeqCst) {
            true => Err(Refusal::retryable(component, data.signal(), data.items(), Reason::Stopping)),
            false => Ok(()),
        }
    }
}

impl<const READY: bool, const SECONDS: u64> Exporter for Slow<READY, SECONDS> {}

/// The summary of a run that `stopped` stops.
async fn summary<F: ExporterFactory>(stopped: impl Future<Output = ()>) -> String {
    let factory = Registry::empty().exporter::<F>().exporters.get(F::TYPE).unwrap().clone();
    let purpose = Purpose { signals: &[Signal::Traces], reach: Reach::Machine };
    let node = Node::from_yaml("test", "{}").unwrap();
    let settings = factory.parse_for(purpose, &node, F::TYPE, &mut Problems::new()).unwrap();
    let target = Target { signal: Signal::Traces, way: Way::Exporter { factory, settings } };
    go(&options("traces --rate 0 --batch 10"), &target, stopped).await.unwrap().summary()
}

#[tokio::test(start_paused = true)]
async fn a_signal_ends_it_before_it_has_begun() {
    let text = summary::<Slow<false, 0>>(ready(())).await;
    assert!(text.starts_with("sent      0 spans in 0.0s\n"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn what_is_on_its_way_at_the_end_is_not_refused() {
    let text = summary::<Slow<true, 1>>(sleep(Duration::from_millis(500))).await;
    assert!(text.starts_with("sent      10 spans in 1.0s\n") && text.contains("\nrefused   0\n"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn what_takes_too_long_at_the_end_is_refused() {
    let text = summary::<Slow<true, 4>>(sleep(Duration::from_millis(500))).await;
    assert!(text.contains("\nrefused   10\n          10: no answer before the end\n"), "{text}");
}
