//! Go's names of versions, cipher suites and curves, and what rustls has of them.

use rustls::{
    CipherSuite, NamedGroup, SupportedCipherSuite, SupportedProtocolVersion,
    crypto::{CryptoProvider, SupportedKxGroup, ring},
    version::{TLS12, TLS13},
};

/// `1.2` or `1.3`. 1.0 and 1.1 mean 1.2: nothing older is built in.
pub(super) fn version(text: &str) -> Option<u8> {
    match text {
        "1.0" => Some(0),
        "1.1" => Some(1),
        "1.2" => Some(2),
        "1.3" => Some(3),
        _ => None,
    }
}

/// The versions from `min` to `max`, of those that are built in.
pub(super) fn versions(min: u8, max: u8) -> Vec<&'static SupportedProtocolVersion> {
    let (min, max) = (min.max(2), max.max(2));
    [(3, &TLS13), (2, &TLS12)].into_iter().filter(|(v, _)| (min..=max).contains(v)).map(|(_, v)| v).collect()
}

/// Go's names, and ring's suites.
const SUITES: [(&str, CipherSuite); 11] = [
    ("TLS_AES_128_GCM_SHA256", CipherSuite::TLS13_AES_128_GCM_SHA256),
    ("TLS_AES_256_GCM_SHA384", CipherSuite::TLS13_AES_256_GCM_SHA384),
    ("TLS_CHACHA20_POLY1305_SHA256", CipherSuite::TLS13_CHACHA20_POLY1305_SHA256),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
    ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
    (
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305", CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305", CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
];

/// Go's names, and ring's groups.
const CURVES: [(&str, NamedGroup); 3] =
    [("X25519", NamedGroup::X25519), ("P256", NamedGroup::secp256r1), ("P384", NamedGroup::secp384r1)];

/// The suite of a Go name, or what to write instead.
pub(super) fn suite(name: &str) -> Result<CipherSuite, String> {
    let found = SUITES.iter().find(|(known, _)| *known == name);
    found.map(|(_, suite)| *suite).ok_or_else(|| {
        let names: Vec<_> = SUITES.iter().map(|(name, _)| *name).collect();
        format!("no such cipher suite here: `{name}`; these exist: {}", names.join(", "))
    })
}

/// The group of a Go name, or what to write instead.
pub(super) fn curve(name: &str) -> Result<NamedGroup, String> {
    let found = CURVES.iter().find(|(known, _)| *known == name);
    found.map(|(_, group)| *group).ok_or_else(|| {
        let names: Vec<_> = CURVES.iter().map(|(name, _)| *name).collect();
        format!("no such curve here: `{name}`; these exist: {}", names.join(", "))
    })
}

/// ring with these suites and groups only; an empty list means all. As in Go, the suites of TLS 1.3 always stay.
pub(super) fn provider(suites: &[CipherSuite], curves: &[NamedGroup]) -> CryptoProvider {
    let mut provider = ring::default_provider();
    if !suites.is_empty() {
        let stays = |suite: &SupportedCipherSuite| suite.tls13().is_some() || suites.contains(&suite.suite());
        provider.cipher_suites.retain(stays);
    }
    if !curves.is_empty() {
        // In the order of the settings, which is the order of preference.
        let all = provider.kx_groups.clone();
        let find = |group: &NamedGroup| all.iter().copied().find(|known| known.name() == *group);
        provider.kx_groups = curves.iter().filter_map(find).collect::<Vec<&'static dyn SupportedKxGroup>>();
    }
    provider
}
