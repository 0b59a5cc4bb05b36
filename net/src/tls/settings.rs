//! The `tls` blocks of servers and clients.

use std::path::PathBuf;

use rustls::{CipherSuite, NamedGroup, SupportedProtocolVersion};
use rustls_pki_types::ServerName;
use serde::{Deserialize, Serialize};
use sluice_config::{Check, Checker, GoDuration, Secret, StringList};

use super::{client, names, server};
use crate::later::Later;

/// What servers and clients have in common.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Common {
    /// Trusted roots, a PEM file.
    pub ca_file: Option<PathBuf>,
    /// Trusted roots, PEM text.
    pub ca_pem: Secret,
    /// The certificate chain, a PEM file.
    pub cert_file: Option<PathBuf>,
    /// The certificate chain, PEM text.
    pub cert_pem: Secret,
    /// The certificate's key, a PEM file.
    pub key_file: Option<PathBuf>,
    /// The certificate's key, PEM text.
    pub key_pem: Secret,
    /// `1.2` or `1.3`; 1.0 and 1.1 warn and mean 1.2. Empty is 1.2.
    pub min_version: String,
    /// Empty is the newest.
    pub max_version: String,
    /// Go's names; empty is all. The suites of TLS 1.3 always stay.
    pub cipher_suites: StringList,
    /// Accepted; there are no insecure suites here to include.
    pub include_insecure_cipher_suites: bool,
    /// Go's names in the order of preference; empty is all.
    pub curve_preferences: StringList,
    /// Adds the system's roots to a given CA.
    pub include_system_ca_certs_pool: bool,
    /// Files are read again at the first handshake after this time. 0 is never.
    pub reload_interval: GoDuration,
    /// Not built yet.
    #[serde(skip_serializing_if = "Later::is_absent")]
    pub tpm: Later,
}

/// `tls` of a server. Its presence switches TLS on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerSettings {
    /// Certificates, versions, ciphers.
    #[serde(rename = "..common")]
    pub common: Common,
    /// Requires and verifies client certificates of these roots.
    pub client_ca_file: Option<PathBuf>,
    /// Reads `client_ca_file` again when it changes.
    pub client_ca_file_reload: bool,
}

/// `tls` of a client. Clients use TLS unless `insecure` is set.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientSettings {
    /// Certificates, versions, ciphers.
    #[serde(rename = "..common")]
    pub common: Common,
    /// Plain text; ignored where a CA is given.
    pub insecure: bool,
    /// Takes every certificate.
    pub insecure_skip_verify: bool,
    /// The name that is sent and verified, in place of the endpoint's host.
    pub server_name_override: String,
}

impl Common {
    /// True when a CA is given.
    #[must_use]
    pub fn has_ca(&self) -> bool {
        self.ca_file.is_some() || !self.ca_pem.is_empty()
    }

    /// True when a certificate is given.
    #[must_use]
    pub fn has_cert(&self) -> bool {
        self.cert_file.is_some() || !self.cert_pem.is_empty()
    }

    fn has_key(&self) -> bool {
        self.key_file.is_some() || !self.key_pem.is_empty()
    }

    pub(super) fn versions(&self) -> Vec<&'static SupportedProtocolVersion> {
        let read = |text: &str, default| names::version(text).unwrap_or(default);
        names::versions(read(&self.min_version, 2), read(&self.max_version, 3))
    }

    pub(super) fn suites(&self) -> Vec<CipherSuite> {
        self.cipher_suites.iter().filter_map(|name| names::suite(name).ok()).collect()
    }

    pub(super) fn curves(&self) -> Vec<NamedGroup> {
        self.curve_preferences.iter().filter_map(|name| names::curve(name).ok()).collect()
    }
}

impl ClientSettings {
    /// Whether certificates, keys and roots of the settings count: not where `insecure` switches TLS off.
    pub(super) fn uses_files(&self) -> bool {
        !self.insecure || self.common.has_ca()
    }
}

impl Check for Common {
    fn check(&self, at: &mut Checker<'_>) {
        for (file, pem, file_key, pem_key) in [
            (&self.ca_file, &self.ca_pem, "ca_file", "ca_pem"),
            (&self.cert_file, &self.cert_pem, "cert_file", "cert_pem"),
            (&self.key_file, &self.key_pem, "key_file", "key_pem"),
        ] {
            if file.is_some() && !pem.is_empty() {
                at.key(pem_key).error(format!("provide either {file_key} or {pem_key}, not both"));
            }
        }
        let mut versions = [("min_version", &self.min_version, 2), ("max_version", &self.max_version, 3)]
            .map(|(key, text, default)| {
                match names::version(text) {
                    None if !text.is_empty() => at.key(key).must("be one of 1.0, 1.1, 1.2, 1.3"),
                    Some(0 | 1) => at.key(key).warn(format!("TLS {text} is not built in; 1.2 is used")),
                    _ => {}
                }
                names::version(text).unwrap_or(default)
            })
            .into_iter();
        if versions.next() > versions.next() {
            at.key("min_version").error("min_version cannot be greater than max_version");
        }
        for (index, name) in self.cipher_suites.iter().enumerate() {
            if let Err(text) = names::suite(name) {
                at.section("cipher_suites").index(index).error(text);
            }
        }
        for (index, name) in self.curve_preferences.iter().enumerate() {
            if let Err(text) = names::curve(name) {
                at.section("curve_preferences").index(index).error(text);
            }
        }
        self.tpm.check("tpm", at);
    }
}

impl Check for ServerSettings {
    fn check(&self, at: &mut Checker<'_>) {
        self.common.check(at);
        if !self.common.has_cert() || !self.common.has_key() {
            at.error("TLS configuration must include both certificate and key for server connections");
        }
        if self.client_ca_file_reload && self.client_ca_file.is_none() {
            at.key("client_ca_file_reload").error("needs client_ca_file");
        }
        if self.common.has_ca() && self.client_ca_file.is_none() {
            let key = if self.common.ca_file.is_some() { "ca_file" } else { "ca_pem" };
            at.key(key)
                .warn("has no effect on a server: client certificates are verified with client_ca_file");
        }
        if at.sees_machine() {
            server::problems(self).into_iter().for_each(|error| at.key(error.key).error(error.message));
        }
    }
}

impl Check for ClientSettings {
    fn check(&self, at: &mut Checker<'_>) {
        self.common.check(at);
        if self.common.has_cert() != self.common.has_key() {
            at.error("provide both certificate and key, or neither");
        }
        if !self.server_name_override.is_empty()
            && ServerName::try_from(self.server_name_override.as_str()).is_err()
        {
            at.key("server_name_override").must("be a host name or an IP address, without a port");
        }
        if at.sees_machine() {
            client::problems(self).into_iter().for_each(|error| at.key(error.key).error(error.message));
        }
    }
}
