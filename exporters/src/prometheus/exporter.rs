//! The factory, and what happens to a batch.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sluice_component::{
    BuildCx, BuildError, Claim, Component, ComponentRef, Consume, Context, Delivery, DrainError, Exporter,
    ExporterFactory, Host, Reason, Refusal, Stability, StartError, async_trait,
    telemetry::{Destination, ExporterMetrics},
};
use sluice_net::http::Server;
use sluice_pdata::{Pdata, Signal};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Settings, intake::Intake, lost::Books, scrape::Scrape};

/// Makes `prometheus` exporters.
#[derive(Debug)]
pub struct Factory;

impl ExporterFactory for Factory {
    const TYPE: &'static str = "prometheus";
    const STABILITY: Stability = Stability::Beta;
    const SIGNALS: &'static [Signal] = &[Signal::Metrics];
    type Settings = Settings;

    fn build(settings: &Settings, cx: BuildCx) -> Result<Arc<dyn Exporter>, BuildError> {
        let unknown = || cx.error("translation_strategy", "not a strategy that is known");
        let intake = Intake::new(settings, cx.budget.clone()).ok_or_else(unknown)?;
        let metrics = cx.telemetry.exporter(&cx.component, Signal::Metrics, &Destination::default());
        let books = Books::new(cx.component.clone(), cx.telemetry.unconverted(&cx.component));
        Ok(Arc::new(Prometheus {
            component: cx.component,
            settings: settings.clone(),
            intake,
            books,
            metrics,
            running: Mutex::default(),
            stopped: AtomicBool::new(false),
        }))
    }

    fn delivery(_: &Settings) -> Delivery {
        Delivery::CannotRefuse
    }

    fn claims(settings: &Settings) -> Vec<Claim> {
        settings.server.claims()
    }
}

struct Prometheus {
    component: ComponentRef,
    settings: Settings,
    intake: Intake,
    books: Books,
    metrics: ExporterMetrics,
    running: Mutex<Option<Arc<Running>>>,
    stopped: AtomicBool,
}

struct Running {
    server: Server,
    stop: CancellationToken,
}

#[async_trait]
impl Component for Prometheus {
    async fn start(&self, host: &Host) -> Result<(), StartError> {
        if self.running().is_some() {
            return Ok(());
        }
        let scrape = Scrape::new(&self.settings, self.intake.store.clone());
        let server = Server::start(&self.settings.server, "", host, Arc::new(scrape)).await?;
        for address in server.addresses() {
            tracing::info!(component = %self.component, %address, path = self.settings.path, "serving series");
        }
        let stop = CancellationToken::new();
        host.spawn("sweep", self.sweep(stop.clone()));
        *self.lock() = Some(Arc::new(Running { server, stop }));
        self.stopped.store(false, Ordering::Release);
        Ok(())
    }

    async fn shutdown(&self, deadline: Instant) -> Result<(), DrainError> {
        self.stopped.store(true, Ordering::Release);
        let running = self.lock().take();
        if let Some(running) = running {
            running.stop.cancel();
            running.server.shutdown(deadline).await;
        }
        Ok(())
    }
}

impl Prometheus {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<Running>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self) -> Option<Arc<Running>> {
        self.lock().clone()
    }

    /// Forgets what has expired, now and then: scrapers do not see it anyway.
    fn sweep(&self, stop: CancellationToken) -> impl Future<Output = ()> + use<> {
        const OFTEN: Duration = Duration::from_secs(1);
        const SELDOM: Duration = Duration::from_secs(60);
        let store = self.intake.store.clone();
        let every = (self.settings.metric_expiration.get() / 4).clamp(OFTEN, SELDOM);
        async move {
            while stop.run_until_cancelled(tokio::time::sleep(every)).await.is_some() {
                store.sweep();
            }
        }
    }
}

#[async_trait]
impl Consume for Prometheus {
    /// `Ok` means that the points are there for the next scrape, or are booked as dropped.
    async fn consume(&self, cx: Context, data: Pdata) -> Result<(), Refusal> {
        let items = data.items();
        if self.stopped.load(Ordering::Acquire) {
            let component = self.component.clone();
            return Err(Refusal::retryable(component, data.signal(), items, Reason::Stopping));
        }
        let losses = self.intake.take(data.metrics());
        self.books.book(&cx, &losses);
        let lost = losses.points();
        let taken = items.saturating_sub(lost);
        self.metrics.sent.inc_by(taken as u64);
        self.metrics.send_failed.count(Reason::Unconvertible, true, lost);
        if let Some(branch) = cx.branch() {
            branch.sent(taken);
        }
        Ok(())
    }
}

impl Exporter for Prometheus {
    fn keeps_accounts(&self) -> bool {
        true
    }
}
