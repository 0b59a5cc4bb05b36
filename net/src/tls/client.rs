//! TLS of a client.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::WebPkiServerVerifier,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::time::Instant;

use super::{TlsError, names, pem, settings::ClientSettings};

/// The certificates of a client, read again while it runs.
pub(crate) struct ClientTls {
    settings: ClientSettings,
    alpn: Vec<Vec<u8>>,
    name: NameFrom,
    /// Read at the first use: the system's roots cost a megabyte.
    current: Mutex<Option<(Arc<ClientConfig>, Instant)>>,
}

/// Who applies `server_name_override`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NameFrom {
    /// Whoever connects.
    Connection,
    /// The verifier, for a client that takes the name from its URL alone. The URL's host is still what is sent.
    Verifier,
}

impl ClientTls {
    /// Reads the given files once, so that a start fails on bad ones; the system's roots wait for the first use.
    pub(crate) fn new(settings: &ClientSettings, alpn: &[&[u8]]) -> Result<Self, TlsError> {
        let common = &settings.common;
        let provider = names::provider(&common.suites(), &common.curves());
        if settings.uses_files() {
            pem::identity(common, &provider)?;
            pem::given_roots(common)?;
        }
        let alpn = alpn.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(Self { settings: settings.clone(), alpn, name: NameFrom::Connection, current: Mutex::new(None) })
    }

    /// The same, with `server_name_override` applied where certificates are verified.
    pub(crate) fn verifying_the_override(mut self) -> Self {
        self.name = NameFrom::Verifier;
        self
    }

    /// A configuration that trusts nobody, for clients of plain text that must have one.
    pub(crate) fn without_roots() -> ClientConfig {
        let provider = Arc::new(names::provider(&[], &[]));
        ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map(|builder| builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
            .unwrap_or_else(|_| unreachable!("ring has the default versions"))
    }

    /// The name that is sent and verified in place of the endpoint's host.
    pub(crate) fn server_name(&self) -> Option<&str> {
        Some(self.settings.server_name_override.as_str()).filter(|name| !name.is_empty())
    }

    /// The configuration for the next handshake; the same one until the files are due to be read again. Files that
    /// cannot be used leave the old one in place.
    pub(crate) fn config(&self) -> Result<Arc<ClientConfig>, TlsError> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        let interval = self.settings.common.reload_interval.non_zero();
        if let Some((config, read_at)) = &*current
            && interval.is_none_or(|interval| read_at.elapsed() < interval)
        {
            return Ok(config.clone());
        }
        let config = match (load(&self.settings, &self.alpn, self.name), &*current) {
            (Ok(config), _) => config,
            (Err(error), Some((old, _))) => {
                tracing::warn!(key = error.key, %error, "cannot reload TLS files, the old ones stay in use");
                old.clone()
            }
            (Err(error), None) => return Err(error),
        };
        *current = Some((config.clone(), Instant::now()));
        Ok(config)
    }
}

/// Everything that is wrong with the files of `settings`.
pub(super) fn problems(settings: &ClientSettings) -> Vec<TlsError> {
    if !settings.uses_files() {
        return Vec::new();
    }
    let common = &settings.common;
    let mut found = pem::identity_problems(common, &names::provider(&common.suites(), &common.curves()));
    found.extend(pem::given_roots(common).err());
    found
}

fn load(settings: &ClientSettings, alpn: &[Vec<u8>], name: NameFrom) -> Result<Arc<ClientConfig>, TlsError> {
    let common = &settings.common;
    let provider = Arc::new(names::provider(&common.suites(), &common.curves()));
    let identity = if settings.uses_files() { pem::identity(common, &provider)? } else { None };
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&common.versions())
        .map_err(|error| TlsError::new("min_version", error.to_string()))?;
    let override_name =
        Some(&settings.server_name_override).filter(|n| !n.is_empty() && name == NameFrom::Verifier);
    let builder = if settings.insecure_skip_verify {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(TakesAll(provider)))
    } else if let Some(name) = override_name {
        let wrong = |error: &dyn std::fmt::Display| TlsError::new("server_name_override", error.to_string());
        let name = ServerName::try_from(name.clone()).map_err(|error| wrong(&error))?;
        let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(pem::roots(common)?), provider)
            .build()
            .map_err(|error| wrong(&error))?;
        builder.dangerous().with_custom_certificate_verifier(Arc::new(Named { inner, name }))
    } else {
        builder.with_root_certificates(pem::roots(common)?)
    };
    let mut config = match identity {
        Some(identity) => {
            let resolver = rustls::sign::SingleCertAndKey::from(identity);
            builder.with_client_cert_resolver(Arc::new(resolver))
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = alpn.to_vec();
    Ok(Arc::new(config))
}

/// Verifies that the certificate is for a name other than the URL's.
#[derive(Debug)]
struct Named {
    inner: Arc<WebPkiServerVerifier>,
    name: ServerName<'static>,
}

impl ServerCertVerifier for Named {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.inner.verify_server_cert(end_entity, intermediates, &self.name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// `insecure_skip_verify`: takes every certificate, whoever signed it. Signatures of the handshake still count.
#[derive(Debug)]
struct TakesAll(Arc<CryptoProvider>);

impl ServerCertVerifier for TakesAll {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
