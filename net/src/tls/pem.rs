//! Certificates, keys and roots from PEM files and texts.

use std::{path::Path, sync::Arc};

use rustls::{RootCertStore, crypto::CryptoProvider, sign::CertifiedKey};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use sluice_config::Secret;

use super::{TlsError, settings::Common};

/// The bytes of a file or of a text; `None` where neither is given.
fn read(
    key: &'static str,
    file: Option<&Path>,
    pem_key: &'static str,
    pem: &Secret,
) -> Result<Option<(&'static str, Vec<u8>)>, TlsError> {
    match file {
        Some(path) => match std::fs::read(path) {
            Ok(bytes) => Ok(Some((key, bytes))),
            Err(error) => Err(TlsError::new(key, format!("cannot read {}: {error}", path.display()))),
        },
        None if pem.is_empty() => Ok(None),
        None => Ok(Some((pem_key, pem.expose().as_bytes().to_vec()))),
    }
}

fn certificates(key: &'static str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let list: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match list {
        Ok(list) if list.is_empty() => Err(TlsError::new(key, "holds no PEM certificate")),
        Ok(list) => Ok(list),
        Err(error) => Err(TlsError::new(key, format!("is no PEM: {error}"))),
    }
}

/// The certificate and its key, checked to belong together; `None` where none is given.
pub(super) fn identity(
    common: &Common,
    provider: &CryptoProvider,
) -> Result<Option<Arc<CertifiedKey>>, TlsError> {
    let chain = read("cert_file", common.cert_file.as_deref(), "cert_pem", &common.cert_pem)?;
    let key = read("key_file", common.key_file.as_deref(), "key_pem", &common.key_pem)?;
    let (Some((cert_key, chain)), Some((key_key, key))) = (chain, key) else { return Ok(None) };
    let chain = certificates(cert_key, &chain)?;
    let key = PrivateKeyDer::from_pem_slice(&key)
        .map_err(|error| TlsError::new(key_key, format!("holds no PEM private key: {error}")))?;
    CertifiedKey::from_der(chain, key, provider)
        .map(|identity| Some(Arc::new(identity)))
        .map_err(|error| TlsError::new(key_key, format!("does not go with the certificate: {error}")))
}

/// The roots of a PEM file.
pub(super) fn roots_of_file(key: &'static str, path: &Path) -> Result<RootCertStore, TlsError> {
    let bytes = std::fs::read(path)
        .map_err(|error| TlsError::new(key, format!("cannot read {}: {error}", path.display())))?;
    let mut roots = RootCertStore::empty();
    add(&mut roots, key, &bytes)?;
    Ok(roots)
}

/// The roots that a client trusts: the given CA, the system's where none is given or both are wanted.
pub(super) fn roots(common: &Common) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    let given = read("ca_file", common.ca_file.as_deref(), "ca_pem", &common.ca_pem)?;
    if let Some((key, pem)) = &given {
        add(&mut roots, key, pem)?;
    }
    if given.is_none() || common.include_system_ca_certs_pool {
        // A system without roots is no error: verification says what is missing.
        let (added, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        tracing::debug!(added, "loaded the system's root certificates");
    }
    Ok(roots)
}

fn add(roots: &mut RootCertStore, key: &'static str, pem: &[u8]) -> Result<(), TlsError> {
    for certificate in certificates(key, pem)? {
        roots
            .add(certificate)
            .map_err(|error| TlsError::new(key, format!("holds a certificate that is no root: {error}")))?;
    }
    Ok(())
}
