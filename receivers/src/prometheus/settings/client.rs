//! How Prometheus's clients reach a server: credentials, TLS, proxies, headers.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};
use sluice_config::{Check, Checker, Secret};
use sluice_net::{http::settings::check_url, tls};

use super::Text;

/// The HTTP client's keys of a scrape configuration, of HTTP discovery, and of the target allocator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HttpClient {
    /// A user and a password.
    pub basic_auth: Option<BasicAuth>,
    /// Any other value of `Authorization`.
    pub authorization: Option<Authorization>,
    /// A token from an OAuth 2.0 server.
    #[serde(rename = "oauth2")]
    pub oauth2: Option<OAuth2>,
    /// The older way to write `authorization`.
    pub bearer_token: Secret,
    /// The older way to write `authorization`.
    pub bearer_token_file: Option<PathBuf>,
    /// Certificates.
    pub tls_config: TlsConfig,
    /// The way through a proxy.
    #[serde(rename = "..proxy")]
    pub proxy: Proxy,
    /// Whether up to 10 redirects are followed. Credentials are not shown to another host.
    pub follow_redirects: bool,
    /// HTTP/2 where the server has it, which takes TLS.
    pub enable_http2: bool,
    /// More headers.
    pub http_headers: BTreeMap<String, HeaderValues>,
}

/// `basic_auth:`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BasicAuth {
    /// The user.
    pub username: Text,
    /// A file with the user, read at each request.
    pub username_file: Option<PathBuf>,
    /// The password.
    pub password: Secret,
    /// A file with the password, read at each request.
    pub password_file: Option<PathBuf>,
}

/// `authorization:`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Authorization {
    /// The first word, `Bearer`.
    #[serde(rename = "type")]
    pub type_: Text,
    /// What follows it.
    pub credentials: Secret,
    /// A file with what follows it, read at each request.
    pub credentials_file: Option<PathBuf>,
}

/// `oauth2:`, the client credentials grant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OAuth2 {
    /// Who asks.
    pub client_id: Text,
    /// Its secret.
    pub client_secret: Secret,
    /// A file with its secret, read for each token.
    pub client_secret_file: Option<PathBuf>,
    /// What is asked for.
    pub scopes: Vec<Text>,
    /// Who is asked.
    pub token_url: String,
    /// More parameters of the request.
    pub endpoint_params: BTreeMap<String, Text>,
    /// Certificates for the token's server.
    pub tls_config: TlsConfig,
    /// The way to the token's server.
    #[serde(rename = "..proxy")]
    pub proxy: Proxy,
}

/// `tls_config:`
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TlsConfig {
    /// Trusted roots, PEM text.
    pub ca: Secret,
    /// The certificate chain, PEM text.
    pub cert: Secret,
    /// The certificate's key, PEM text.
    pub key: Secret,
    /// Trusted roots, a PEM file; the system's without one.
    pub ca_file: Option<PathBuf>,
    /// The certificate chain, a PEM file.
    pub cert_file: Option<PathBuf>,
    /// The certificate's key, a PEM file.
    pub key_file: Option<PathBuf>,
    /// The name that is verified, in place of the URL's host.
    pub server_name: String,
    /// Takes every certificate.
    pub insecure_skip_verify: bool,
    /// The oldest version, 1.2 without one.
    pub min_version: TlsVersion,
    /// The newest version.
    pub max_version: TlsVersion,
}

/// Prometheus's names of TLS versions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TlsVersion {
    /// Not said.
    #[default]
    #[serde(rename = "")]
    Unset,
    /// 1.0, which means 1.2 here.
    #[serde(rename = "TLS10")]
    Tls10,
    /// 1.1, which means 1.2 here.
    #[serde(rename = "TLS11")]
    Tls11,
    /// 1.2.
    #[serde(rename = "TLS12")]
    Tls12,
    /// 1.3.
    #[serde(rename = "TLS13")]
    Tls13,
}

/// The way through a proxy.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Proxy {
    /// The proxy of every request.
    pub proxy_url: String,
    /// Hosts, domains and networks that are reached without it, by commas.
    pub no_proxy: String,
    /// Takes both from `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`.
    pub proxy_from_environment: bool,
    /// Headers for the proxy.
    pub proxy_connect_header: BTreeMap<String, Vec<Secret>>,
}

/// The values of one header.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HeaderValues {
    /// As they are.
    pub values: Vec<Text>,
    /// As they are, and not to be printed.
    pub secrets: Vec<Secret>,
    /// Files, read at each request.
    pub files: Vec<PathBuf>,
}

impl Default for HttpClient {
    fn default() -> Self {
        Self {
            basic_auth: None,
            authorization: None,
            oauth2: None,
            bearer_token: Secret::default(),
            bearer_token_file: None,
            tls_config: TlsConfig::default(),
            proxy: Proxy::default(),
            follow_redirects: true,
            enable_http2: true,
            http_headers: BTreeMap::new(),
        }
    }
}

impl Default for Authorization {
    fn default() -> Self {
        Self { type_: "Bearer".into(), credentials: Secret::default(), credentials_file: None }
    }
}

impl TlsConfig {
    /// The same in otelcol's keys. Files are read again at the next connection, as Prometheus does.
    pub(in super::super) fn to_client_settings(&self) -> tls::ClientSettings {
        let common = tls::settings::Common {
            ca_file: self.ca_file.clone(),
            ca_pem: self.ca.clone(),
            cert_file: self.cert_file.clone(),
            cert_pem: self.cert.clone(),
            key_file: self.key_file.clone(),
            key_pem: self.key.clone(),
            min_version: self.min_version.number().to_owned(),
            max_version: self.max_version.number().to_owned(),
            reload_interval: std::time::Duration::from_secs(10).into(),
            ..tls::settings::Common::default()
        };
        tls::ClientSettings {
            common,
            insecure_skip_verify: self.insecure_skip_verify,
            server_name_override: self.server_name.clone(),
            ..tls::ClientSettings::default()
        }
    }
}

impl TlsVersion {
    fn number(self) -> &'static str {
        match self {
            Self::Unset => "",
            Self::Tls10 => "1.0",
            Self::Tls11 => "1.1",
            Self::Tls12 => "1.2",
            Self::Tls13 => "1.3",
        }
    }
}

impl Check for HttpClient {
    fn check(&self, at: &mut Checker<'_>) {
        let token = !self.bearer_token.is_empty() || self.bearer_token_file.is_some();
        if !self.bearer_token.is_empty() && self.bearer_token_file.is_some() {
            at.key("bearer_token_file")
                .error("at most one of bearer_token & bearer_token_file must be configured");
        }
        let kinds = [
            ("basic_auth", self.basic_auth.is_some()),
            ("authorization", self.authorization.is_some()),
            ("oauth2", self.oauth2.is_some()),
            (if self.bearer_token.is_empty() { "bearer_token_file" } else { "bearer_token" }, token),
        ];
        let mut written = kinds.into_iter().filter(|(_, written)| *written).map(|(key, _)| key);
        if let (Some(first), Some(second)) = (written.next(), written.next()) {
            at.key(second).error(format!(
                "at most one of basic_auth, authorization, oauth2 and bearer_token may be configured, and there is {first}"
            ));
        }
        at.inside("basic_auth", &self.basic_auth);
        at.inside("authorization", &self.authorization);
        at.inside("oauth2", &self.oauth2);
        at.inside("tls_config", &self.tls_config);
        self.proxy.check(at);
        for name in self.http_headers.keys() {
            if sluice_net::http::HeaderName::try_from(name).is_err() {
                at.section("http_headers").key(name).error("is no header name");
            } else if RESERVED.iter().any(|reserved| reserved.eq_ignore_ascii_case(name)) {
                at.section("http_headers").key(name).error("is set by the scraper itself");
            }
        }
    }
}

/// What `http_headers` may not hold, as in Prometheus.
const RESERVED: [&str; 14] = [
    "Authorization",
    "Content-Encoding",
    "Content-Length",
    "Content-Type",
    "User-Agent",
    "Connection",
    "Keep-Alive",
    "Proxy-Authenticate",
    "Proxy-Authorization",
    "Www-Authenticate",
    "Accept-Encoding",
    "X-Prometheus-Remote-Write-Version",
    "X-Prometheus-Remote-Read-Version",
    "X-Prometheus-Scrape-Timeout-Seconds",
];

impl Check for BasicAuth {
    fn check(&self, at: &mut Checker<'_>) {
        if !self.username.is_empty() && self.username_file.is_some() {
            at.key("username_file").error("at most one of username & username_file must be configured");
        }
        if !self.password.is_empty() && self.password_file.is_some() {
            at.key("password_file").error("at most one of password & password_file must be configured");
        }
    }
}

impl Check for Authorization {
    fn check(&self, at: &mut Checker<'_>) {
        if self.type_.eq_ignore_ascii_case("basic") {
            at.key("type").error("authorization type cannot be set to \"basic\", use \"basic_auth\" instead");
        }
        if !self.credentials.is_empty() && self.credentials_file.is_some() {
            at.key("credentials_file")
                .error("at most one of credentials & credentials_file must be configured");
        }
    }
}

impl Check for OAuth2 {
    fn check(&self, at: &mut Checker<'_>) {
        if self.client_id.is_empty() {
            at.key("client_id").must("be given");
        }
        match (self.client_secret.is_empty(), &self.client_secret_file) {
            (true, None) => {
                at.key("client_secret").error("either client_secret or client_secret_file must be given")
            }
            (false, Some(_)) => at
                .key("client_secret_file")
                .error("at most one of client_secret & client_secret_file must be configured"),
            _ => {}
        }
        if self.token_url.is_empty() {
            at.key("token_url").must("be given");
        } else if let Err(text) = check_url(&self.token_url) {
            at.key("token_url").error(text);
        }
        at.inside("tls_config", &self.tls_config);
        self.proxy.check(at);
    }
}

impl Check for TlsConfig {
    fn check(&self, at: &mut Checker<'_>) {
        for (file_key, file, key, text) in [
            ("ca_file", &self.ca_file, "ca", &self.ca),
            ("cert_file", &self.cert_file, "cert", &self.cert),
            ("key_file", &self.key_file, "key", &self.key),
        ] {
            if file.is_some() && !text.is_empty() {
                at.key(file_key).error(format!("at most one of {key} & {file_key} must be configured"));
            }
            if let Some(file) = file
                && at.sees_machine()
                && let Err(error) = std::fs::File::open(file)
            {
                at.key(file_key).error(format!("cannot read {}: {error}", file.display()));
            }
        }
        let has_cert = self.cert_file.is_some() || !self.cert.is_empty();
        let has_key = self.key_file.is_some() || !self.key.is_empty();
        if has_cert && !has_key {
            at.error(
                "exactly one of key or key_file must be configured when a client certificate is configured",
            );
        }
        if has_key && !has_cert {
            at.error("exactly one of cert or cert_file must be configured when a client key is configured");
        }
        for (key, version) in [("min_version", self.min_version), ("max_version", self.max_version)] {
            if matches!(version, TlsVersion::Tls10 | TlsVersion::Tls11) {
                at.key(key).warn(format!("TLS {} is not built in; 1.2 is used", version.number()));
            }
        }
    }
}

impl Check for Proxy {
    fn check(&self, at: &mut Checker<'_>) {
        if !self.proxy_url.is_empty()
            && let Err(text) = check_url(&self.proxy_url)
        {
            at.key("proxy_url").error(text);
        }
        if self.proxy_from_environment && !self.proxy_url.is_empty() {
            at.key("proxy_url")
                .error("if proxy_from_environment is configured, proxy_url must not be configured");
        }
        if self.proxy_from_environment && !self.no_proxy.is_empty() {
            at.key("no_proxy")
                .error("if proxy_from_environment is configured, no_proxy must not be configured");
        }
        if self.proxy_url.is_empty() && !self.no_proxy.is_empty() {
            at.key("no_proxy").error("if no_proxy is configured, proxy_url must also be configured");
        }
        if !self.proxy_connect_header.is_empty() && self.proxy_url.is_empty() && !self.proxy_from_environment
        {
            at.key("proxy_connect_header").error(
                "if proxy_connect_header is configured, proxy_url or proxy_from_environment must also be configured",
            );
        }
    }
}
