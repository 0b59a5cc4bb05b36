//! The connections of one client: for http URLs, and for https URLs with certificates that may change.

use std::{fmt, sync::Arc};

use arc_swap::ArcSwapOption;
use reqwest::Url;

use crate::tls::{ClientTls, TlsError};

type Build = dyn Fn(rustls::ClientConfig) -> reqwest::Result<reqwest::Client> + Send + Sync;

/// Two clients that are built in the same way.
pub(super) struct Pool {
    /// For http URLs.
    plain: reqwest::Client,
    /// For https URLs: a client cannot change its certificates, so it is replaced with them.
    secure: ArcSwapOption<Secure>,
    tls: ClientTls,
    build: Box<Build>,
}

struct Secure {
    config: Arc<rustls::ClientConfig>,
    client: reqwest::Client,
}

/// Why there is no client for a URL.
#[derive(Debug, thiserror::Error)]
pub(super) enum PoolError {
    /// Certificates cannot be read now.
    #[error("tls.{}: {}", .0.key, .0)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Build(#[from] reqwest::Error),
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pool")
    }
}

impl Pool {
    pub(super) fn new(
        tls: ClientTls,
        build: impl Fn(rustls::ClientConfig) -> reqwest::Result<reqwest::Client> + Send + Sync + 'static,
    ) -> reqwest::Result<Self> {
        let plain = build(ClientTls::without_roots())?;
        Ok(Self { plain, secure: ArcSwapOption::empty(), tls, build: Box::new(build) })
    }

    /// The client for `url`, with the certificates of now.
    pub(super) fn client(&self, url: &Url) -> Result<reqwest::Client, PoolError> {
        if url.scheme() == "http" {
            return Ok(self.plain.clone());
        }
        let config = self.tls.config()?;
        if let Some(secure) = &*self.secure.load()
            && Arc::ptr_eq(&secure.config, &config)
        {
            return Ok(secure.client.clone());
        }
        let client = (self.build)((*config).clone())?;
        self.secure.store(Some(Arc::new(Secure { config, client: client.clone() })));
        Ok(client)
    }
}

/// The URL for messages: no user, no password, no query.
pub(super) fn redacted(url: &Url) -> String {
    let mut url = url.clone();
    // Both fail only for URLs that cannot have them.
    url.set_username("").unwrap_or_default();
    url.set_password(None).unwrap_or_default();
    url.set_query(None);
    url.into()
}
