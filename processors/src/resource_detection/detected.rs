//! Runs the detectors, and keeps what they found last.

use std::sync::{Arc, PoisonError, RwLock};

use sluice_component::{Host, StartError};
use sluice_pdata::EncodedAttribute;
use tokio::{
    sync::OnceCell,
    time::{sleep, timeout},
};

use super::{env, k8s_downward, machine::Machine, settings::Settings, system, value::Attributes};

/// Attributes to put on resources, and their keys.
pub(super) type Found = Arc<[(String, EncodedAttribute)]>;

/// What is known, for the instances of all pipelines.
#[derive(Debug)]
pub(super) struct Detected {
    settings: Settings,
    machine: Arc<Machine>,
    started: OnceCell<()>,
    found: RwLock<Found>,
}

/// Which detector failed, and how.
#[derive(Debug, thiserror::Error)]
#[error("{detector}: {text}")]
pub(super) struct Fault {
    detector: String,
    text: String,
}

/// What failed at the last refresh: it is told when it changes.
#[derive(Debug, Default)]
struct Failing(Option<String>);

impl Failing {
    fn is_new(&mut self, error: &Fault) -> bool {
        let text = Some(error.to_string());
        std::mem::replace(&mut self.0, text.clone()) != text
    }

    fn is_over(&mut self) -> bool {
        self.0.take().is_some()
    }
}

impl Detected {
    pub(super) fn new(settings: Settings, machine: Machine) -> Self {
        let found = RwLock::new(Vec::new().into());
        Self { settings, machine: Arc::new(machine), started: OnceCell::new(), found }
    }

    /// What was found last; nothing before the start.
    pub(super) fn found(&self) -> Found {
        self.found.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Detects, once for all instances, and then again each `refresh_interval`.
    ///
    /// # Errors
    /// A detector failed. Data without what it is for would look like data of somebody else.
    pub(super) async fn start(self: &Arc<Self>, host: &Host) -> Result<(), StartError> {
        let start = || async {
            if let Err(error) = self.detect().await {
                let text = "resource detection failed; fix it, or leave out the detector";
                return Err(StartError::new(host.component().clone(), "detectors", text).because(error));
            }
            if let Some(interval) = self.settings.refresh_interval.non_zero() {
                let (detected, stopping) = (self.clone(), host.stopping().clone());
                drop(host.spawn("refresh", async move {
                    let mut last = Failing::default();
                    loop {
                        tokio::select! {
                            () = stopping.cancelled() => return,
                            () = sleep(interval) => {}
                        }
                        match detected.detect().await {
                            Err(error) if last.is_new(&error) => {
                                tracing::warn!(%error, "resource detection failed, what was found before stays");
                            }
                            Ok(()) if last.is_over() => tracing::info!("resource detection works again"),
                            _ => {}
                        }
                    }
                }));
            }
            Ok(())
        };
        self.started.get_or_try_init(start).await.copied()
    }

    /// Asks all detectors, and remembers what they find if none fails.
    pub(super) async fn detect(&self) -> Result<(), Fault> {
        let mut all = Attributes::default();
        let limit = self.settings.timeout.get();
        for detector in self.settings.detectors.iter() {
            let fault = |text: String| Fault { detector: detector.to_string(), text };
            let found = timeout(limit, self.ask(detector)).await;
            let found = found.map_err(|_| fault(format!("not done within {limit:?}")))?;
            all.merge(found.map_err(fault)?);
        }
        let new: Found = all.encode().into();
        let mut found = self.found.write().unwrap_or_else(PoisonError::into_inner);
        if *found != new {
            let attributes = all.keys().collect::<Vec<_>>().join(",");
            tracing::info!(attributes, "detected resource information");
            *found = new;
        }
        Ok(())
    }

    async fn ask(&self, detector: &str) -> Result<Attributes, String> {
        let Settings { env, system, k8s_downward, fail_on_missing_metadata, timeout, .. } = &self.settings;
        match detector {
            "env" => env::detect(env, &self.machine),
            "system" => system::detect(system, &self.machine, timeout.get()).await,
            "k8s_downward" => k8s_downward::detect(k8s_downward, *fail_on_missing_metadata, &self.machine),
            other => Err(format!("there is no detector \"{other}\"")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_once_and_so_is_its_end() {
        let fault = |text: &str| Fault { detector: "system".into(), text: text.into() };
        let mut last = Failing::default();
        assert!(!last.is_over());
        assert!(last.is_new(&fault("no answer")) && !last.is_new(&fault("no answer")));
        assert!(last.is_new(&fault("still no answer")));
        assert!(last.is_over() && !last.is_over());
        assert!(last.is_new(&fault("still no answer")));
    }
}
