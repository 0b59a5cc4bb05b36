//! TLS of a server.

use std::{
    io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    time::SystemTime,
};

use rustls::{ServerConfig, server::WebPkiClientVerifier};
use sluice_component::{ComponentRef, StartError};
use sluice_config::Section;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::Instant,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{TlsError, names, pem, settings::ServerSettings};
use crate::serve::join;

/// The certificates of a server, read again while it runs.
pub(crate) struct ServerTls {
    settings: ServerSettings,
    alpn: Vec<Vec<u8>>,
    current: Mutex<Current>,
}

struct Current {
    config: Arc<ServerConfig>,
    read_at: Instant,
    client_ca_changed: Option<SystemTime>,
}

impl ServerTls {
    /// What the `tls` section below `key` asks for; `None` when it is off.
    pub(crate) fn for_section(
        section: &Section<ServerSettings>,
        alpn: &[&[u8]],
        component: &ComponentRef,
        key: &str,
    ) -> Result<Option<Arc<Self>>, StartError> {
        let Some(settings) = section.as_option() else { return Ok(None) };
        let alpn: Vec<_> = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        let config = load(settings, &alpn).map_err(|error| {
            let key = join(&join(key, "tls"), error.key);
            StartError::new(component.clone(), &key, error.message)
        })?;
        let current = Current {
            config,
            read_at: Instant::now(),
            client_ca_changed: settings.client_ca_file.as_deref().and_then(changed_at),
        };
        Ok(Some(Arc::new(Self { settings: settings.clone(), alpn, current: Mutex::new(current) })))
    }

    /// Performs the handshake.
    pub(crate) async fn accept<I>(&self, stream: I) -> io::Result<TlsStream<I>>
    where
        I: AsyncRead + AsyncWrite + Unpin,
    {
        TlsAcceptor::from(self.config()).accept(stream).await
    }

    /// The configuration for the next handshake. Files that cannot be used leave the old one in place.
    fn config(&self) -> Arc<ServerConfig> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let due = self
            .settings
            .common
            .reload_interval
            .non_zero()
            .is_some_and(|interval| current.read_at.elapsed() >= interval);
        let client_ca =
            self.settings.client_ca_file.as_deref().filter(|_| self.settings.client_ca_file_reload);
        let client_ca_changed = client_ca.and_then(changed_at);
        let changed = client_ca.is_some() && client_ca_changed != current.client_ca_changed;
        if due || changed {
            current.read_at = Instant::now();
            current.client_ca_changed = client_ca_changed;
            match load(&self.settings, &self.alpn) {
                Ok(config) => current.config = config,
                Err(error) => {
                    tracing::warn!(key = error.key, %error, "cannot reload TLS files, the old ones stay in use");
                }
            }
        }
        current.config.clone()
    }
}

fn changed_at(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

/// Everything that is wrong with the files of `settings`.
pub(super) fn problems(settings: &ServerSettings) -> Vec<TlsError> {
    let provider = names::provider(&settings.common.suites(), &settings.common.curves());
    let mut found = pem::identity_problems(&settings.common, &provider);
    let roots = |path: &std::path::PathBuf| pem::roots_of_file("client_ca_file", path).err();
    found.extend(settings.client_ca_file.as_ref().and_then(roots));
    if found.is_empty() {
        // What is left is how they go together.
        found.extend(load(settings, &[]).err());
    }
    found
}

fn load(settings: &ServerSettings, alpn: &[Vec<u8>]) -> Result<Arc<ServerConfig>, TlsError> {
    let common = &settings.common;
    let provider = Arc::new(names::provider(&common.suites(), &common.curves()));
    let identity = pem::identity(common, &provider)?
        .ok_or_else(|| TlsError::new("cert_file", "a server needs a certificate and a key"))?;
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&common.versions())
        .map_err(|error| TlsError::new("min_version", error.to_string()))?;
    let builder = match &settings.client_ca_file {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let roots = Arc::new(pem::roots_of_file("client_ca_file", path)?);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, provider)
                .build()
                .map_err(|error| TlsError::new("client_ca_file", error.to_string()))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder.with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(identity)));
    config.alpn_protocols = alpn.to_vec();
    Ok(Arc::new(config))
}
