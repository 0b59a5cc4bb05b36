//! Certificates, keys and roots from PEM files and texts.

use std::{path::Path, sync::Arc};

use rustls::{RootCertStore, crypto::CryptoProvider, sign::CertifiedKey};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use sluice_config::Secret;

use super::{TlsError, settings::Common};
use crate::serve::plain;

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
            Err(error) => Err(TlsError::new(key, unreadable(path, &error))),
        },
        None if pem.is_empty() => Ok(None),
        None => Ok(Some((pem_key, pem.expose().as_bytes().to_vec()))),
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> String {
    format!("cannot read {}: {}", path.display(), plain(error))
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
    let (Some((cert_key, chain)), Some((key_key, key))) = (chain(common)?, private_key(common)?) else {
        return Ok(None);
    };
    CertifiedKey::from_der(chain, key, provider).map(|identity| Some(Arc::new(identity))).map_err(|error| {
        match error {
            rustls::Error::InconsistentKeys(_) => {
                TlsError::new(key_key, format!("is not the key of the certificate in {cert_key}"))
            }
            error => TlsError::new(key_key, format!("does not go with the certificate: {error}")),
        }
    })
}

/// Everything that is wrong with the files and texts of the certificate and its key.
pub(super) fn identity_problems(common: &Common, provider: &CryptoProvider) -> Vec<TlsError> {
    let alone: Vec<_> = chain(common).err().into_iter().chain(private_key(common).err()).collect();
    if alone.is_empty() { identity(common, provider).err().into_iter().collect() } else { alone }
}

/// A value, with the key that it came from.
type Keyed<T> = (&'static str, T);

fn chain(common: &Common) -> Result<Option<Keyed<Vec<CertificateDer<'static>>>>, TlsError> {
    let pem = read("cert_file", common.cert_file.as_deref(), "cert_pem", &common.cert_pem)?;
    pem.map(|(key, pem)| Ok((key, certificates(key, &pem)?))).transpose()
}

fn private_key(common: &Common) -> Result<Option<Keyed<PrivateKeyDer<'static>>>, TlsError> {
    let pem = read("key_file", common.key_file.as_deref(), "key_pem", &common.key_pem)?;
    let parse = |(key, pem): Keyed<Vec<u8>>| match PrivateKeyDer::from_pem_slice(&pem) {
        Ok(private) => Ok((key, private)),
        // The parser's own words would quote what it found.
        Err(_) if pem.windows(9).any(|text| text == b"ENCRYPTED") => {
            Err(TlsError::new(key, "is encrypted, and there is nowhere to give a password: decrypt it"))
        }
        Err(_) => Err(TlsError::new(key, "holds no PEM private key (PKCS#8, PKCS#1 or SEC1)")),
    };
    pem.map(parse).transpose()
}

/// The roots of a PEM file.
pub(super) fn roots_of_file(key: &'static str, path: &Path) -> Result<RootCertStore, TlsError> {
    let bytes = std::fs::read(path).map_err(|error| TlsError::new(key, unreadable(path, &error)))?;
    let mut roots = RootCertStore::empty();
    add(&mut roots, key, &bytes)?;
    Ok(roots)
}

/// The roots that a client trusts: the given CA, the system's where none is given or both are wanted.
pub(super) fn roots(common: &Common) -> Result<RootCertStore, TlsError> {
    let given = given_roots(common)?;
    let wants_system = given.is_none() || common.include_system_ca_certs_pool;
    let mut roots = given.unwrap_or_else(RootCertStore::empty);
    if wants_system {
        // A system without roots is no error: verification says what is missing.
        let (added, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        tracing::debug!(added, "loaded the system's root certificates");
    }
    Ok(roots)
}

/// The roots of the given CA; `None` where none is given.
pub(super) fn given_roots(common: &Common) -> Result<Option<RootCertStore>, TlsError> {
    let given = read("ca_file", common.ca_file.as_deref(), "ca_pem", &common.ca_pem)?;
    given
        .map(|(key, pem)| {
            let mut roots = RootCertStore::empty();
            add(&mut roots, key, &pem)?;
            Ok(roots)
        })
        .transpose()
}

fn add(roots: &mut RootCertStore, key: &'static str, pem: &[u8]) -> Result<(), TlsError> {
    for certificate in certificates(key, pem)? {
        roots
            .add(certificate)
            .map_err(|error| TlsError::new(key, format!("holds a certificate that is no root: {error}")))?;
    }
    Ok(())
}
