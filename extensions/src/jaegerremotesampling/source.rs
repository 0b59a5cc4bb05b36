//! Where strategies come from.

use std::sync::{Arc, PoisonError, RwLock};

use sluice_component::{Host, StartError};
use sluice_net::grpc::{Client, Status};

use super::{Settings, messages::Strategy, remote::Remote, strategies::Strategies};

/// Answers what the strategy of a service is.
pub(super) enum Origin {
    /// A file, or the configuration itself.
    Local(Local),
    /// Another server.
    Remote(Remote),
}

/// Strategies that can be exchanged.
pub(super) struct Local {
    path: String,
    now: RwLock<Arc<Strategies>>,
}

impl Origin {
    pub(super) fn new(settings: &Settings, host: &Host) -> Result<Self, StartError> {
        let source = &settings.source;
        let error = |key: &str, why: String| StartError::new(host.component().clone(), key, why);
        if let Some(remote) = source.remote.as_option() {
            let client = Client::new(remote, "source.remote", host)?;
            return Ok(Self::Remote(Remote::new(client, source.reload_interval.get())));
        }
        let strategies = match source.file.as_str() {
            "" => Strategies::parse(&source.contents).map_err(|why| error("source.contents", why))?,
            path => Strategies::read(path).map_err(|why| error("source.file", why))?,
        };
        Ok(Self::Local(Local { path: source.file.clone(), now: RwLock::new(Arc::new(strategies)) }))
    }

    pub(super) async fn get(&self, service: &str) -> Result<Strategy, Status> {
        match self {
            Self::Local(local) => {
                let strategies = local.now.read().unwrap_or_else(PoisonError::into_inner).clone();
                Ok(strategies.of(service).clone())
            }
            Self::Remote(remote) => remote.get(service).await,
        }
    }

    /// Reads the file again, if there is one. One that cannot be read changes nothing.
    pub(super) fn reload(&self) {
        let Self::Local(local) = self else { return };
        match Strategies::read(&local.path) {
            Ok(strategies) => {
                let mut now = local.now.write().unwrap_or_else(PoisonError::into_inner);
                if **now != strategies {
                    *now = Arc::new(strategies);
                    tracing::info!(file = local.path, "read new sampling strategies");
                }
            }
            Err(error) => tracing::warn!(error, "sampling strategies stay as they are"),
        }
    }
}
