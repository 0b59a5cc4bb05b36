//! The factory and what happens to a batch.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use sluice_component::{
    BuildCx, BuildError, Claim, Component, ComponentRef, Consume, Context, Delivery, DrainError, Exporter,
    ExporterFactory, Host, Reason, Refusal, Stability, StartError, State, async_trait,
};
use sluice_pdata::{Pdata, Signal};
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::Settings;
use super::format::{Compression, Format, record};
use super::output::{Output, Place};

/// Makes `file` exporters. The signals of one ID share the file.
#[derive(Debug)]
pub struct Factory;

impl ExporterFactory for Factory {
    const TYPE: &'static str = "file";
    const STABILITY: Stability = Stability::Alpha;
    type Settings = Settings;

    fn build(settings: &Settings, cx: BuildCx) -> Result<Arc<dyn Exporter>, BuildError> {
        let signal = cx.signal.ok_or_else(|| cx.error("", "an exporter serves one signal"))?;
        let unusable = |key: &str| cx.error(key, "not a value that this exporter knows");
        let format = settings.format().ok_or_else(|| unusable("format"))?;
        let compression = settings.compression().ok_or_else(|| unusable("compression"))?;
        let permissions =
            settings.directory_permissions().ok_or_else(|| unusable("directory_permissions"))?;
        let place = Place {
            path: PathBuf::from(&settings.path),
            append: settings.append,
            create_directory: settings.create_directory.then_some(permissions),
        };
        let output = cx.shared.get_or_make(&cx.component, Output::default);
        Ok(Arc::new(Exporting {
            component: cx.component,
            signal,
            format,
            compression,
            place,
            output,
            open: AtomicBool::new(false),
            host: OnceLock::new(),
        }))
    }

    fn delivery(_: &Settings) -> Delivery {
        Delivery::Direct
    }

    fn claims(settings: &Settings) -> Vec<Claim> {
        vec![Claim::Path(PathBuf::from(&settings.path))]
    }
}

struct Exporting {
    component: ComponentRef,
    signal: Signal,
    format: Format,
    compression: Compression,
    place: Place,
    output: Arc<Output>,
    /// Whether this instance counts as a user of the output.
    open: AtomicBool,
    host: OnceLock<Host>,
}

#[async_trait]
impl Component for Exporting {
    async fn start(&self, host: &Host) -> Result<(), StartError> {
        self.host.get_or_init(|| host.clone());
        if self.open.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let (output, place) = (self.output.clone(), self.place.clone());
        let opened = spawn_blocking(move || output.open(&place)).await;
        let error: Box<dyn std::error::Error + Send + Sync> = match opened {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error.into(),
            Err(panic) => panic.into(),
        };
        self.open.store(false, Ordering::Release);
        let path = self.place.path.display();
        let hint = match self.place.path.parent() {
            Some(directory) if !directory.as_os_str().is_empty() && !directory.exists() => {
                " (create_directory: true creates the directory)"
            }
            _ => "",
        };
        let message = format!("cannot open {path}: {error}{hint}");
        Err(StartError::new(self.component.clone(), "path", message).because(error))
    }

    /// Every batch that was acknowledged is in the file already; this puts it on disk.
    async fn shutdown(&self, _: Instant) -> Result<(), DrainError> {
        if !self.open.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        let output = self.output.clone();
        match spawn_blocking(move || output.close()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(component = %self.component, %error, "cannot sync the file to disk");
            }
            Err(error) => tracing::warn!(component = %self.component, %error, "cannot close the file"),
        }
        Ok(())
    }
}

impl Exporting {
    fn refusal(&self, data: &Pdata, reason: Reason) -> Refusal {
        Refusal::retryable(self.component.clone(), self.signal, data.items(), reason)
    }

    fn report(&self, state: State, error: Option<String>) {
        if let Some(host) = self.host.get() {
            host.report(state, error);
        }
    }
}

#[async_trait]
impl Consume for Exporting {
    /// `Ok` means that the operating system has the record. When the future is dropped meanwhile, the record may
    /// be written all the same.
    async fn consume(&self, _: Context, data: Pdata) -> Result<(), Refusal> {
        if !self.open.load(Ordering::Acquire) {
            return Err(self.refusal(&data, Reason::Stopping));
        }
        let (output, batch) = (self.output.clone(), data.clone());
        let (format, compression) = (self.format, self.compression);
        let written = spawn_blocking(move || match record(&batch, format, compression) {
            Ok(record) => output.append(&record),
            Err(error) => Some(Err(error)),
        });
        match written.await {
            Ok(Some(Ok(()))) => {
                self.report(State::Ok, None);
                Ok(())
            }
            Ok(Some(Err(error))) => {
                self.report(State::RecoverableError, Some(error.to_string()));
                Err(self.refusal(&data, Reason::Io).because(error))
            }
            Ok(None) => Err(self.refusal(&data, Reason::Stopping)),
            Err(panic) => Err(self.refusal(&data, Reason::Panic).because(panic)),
        }
    }
}

/// The graph books what it takes as sent.
impl Exporter for Exporting {}
