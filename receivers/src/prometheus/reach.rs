//! How a server is reached: a client with its credentials, which are read again for each request.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use sluice_component::{Budget, Permit};
use sluice_net::http::{
    Ask, ClientSettings, FetchSettings, Fetched, Fetcher, HeaderMap, HeaderName, HeaderValue, Proxy,
    StatusCode, Url, header,
};

use self::oauth2::Tokens;
use super::settings::{self, HeaderValues, HttpClient, files};

mod oauth2;

/// A client. Cloning shares its connections and tokens.
#[derive(Clone)]
pub(super) struct Reach(Arc<Inner>);

struct Inner {
    fetcher: Fetcher,
    auth: Auth,
    headers: BTreeMap<String, HeaderValues>,
    budget: Budget,
}

enum Auth {
    None,
    Basic { user: Source, password: Source },
    Token { scheme: String, token: Source },
    OAuth2(Tokens),
}

/// Where a part of the credentials comes from.
#[derive(Debug, Clone)]
enum Source {
    Text(String),
    File(PathBuf),
}

/// Bytes of lists and tokens that are read at most.
const LARGEST_DOCUMENT: usize = 64 << 20;

impl Reach {
    /// # Errors
    /// What is of no use, with its key.
    pub(super) fn new(settings: &HttpClient, user_agent: &str, budget: &Budget) -> Result<Self, String> {
        let fetcher = fetcher(settings, user_agent)?;
        let auth = Auth::new(settings, user_agent, budget)?;
        let headers = settings.http_headers.clone();
        Ok(Self(Arc::new(Inner { fetcher, auth, headers, budget: budget.clone() })))
    }

    /// A client with otelcol's keys instead.
    ///
    /// # Errors
    /// What is of no use, with its key.
    pub(super) fn of_client(
        settings: &ClientSettings,
        user_agent: &str,
        budget: &Budget,
    ) -> Result<Self, String> {
        let fetcher = Fetcher::new(&FetchSettings {
            tls: settings.tls.clone(),
            http2: settings.force_attempt_http2,
            follow_redirects: true,
            proxy: match settings.proxy_url.as_str() {
                "" => Proxy::FromEnvironment,
                url => Proxy::At { url: url.to_owned(), except: String::new(), headers: Vec::new() },
            },
            user_agent: user_agent.to_owned(),
        })
        .map_err(|error| format!("tls.{}: {}", error.key, error.message))?;
        let mut headers: BTreeMap<String, HeaderValues> = BTreeMap::new();
        for (name, value) in settings.headers.iter() {
            headers.entry(name.to_owned()).or_default().secrets.push(value.clone());
        }
        Ok(Self(Arc::new(Inner { fetcher, auth: Auth::None, headers, budget: budget.clone() })))
    }

    /// Asks for `url`; there is no timeout but the caller's.
    ///
    /// # Errors
    /// Why there is no answer. Statuses of 400 and more are answers.
    pub(super) async fn fetch(&self, url: &Url, headers: HeaderMap) -> Result<Fetched, String> {
        let private = self.0.private_headers().await?;
        let ask = Ask { headers, private, ..Ask::get(url.clone()) };
        self.0.fetcher.fetch(&ask).await.map_err(|error| error.to_string())
    }

    /// Asks for a document and reads it whole, if it is answered with 200.
    ///
    /// # Errors
    /// Why it was not read.
    pub(super) async fn document(&self, url: &Url, headers: HeaderMap) -> Result<Document, String> {
        let answer = self.fetch(url, headers).await?;
        if answer.status() != StatusCode::OK {
            return Err(format!("server returned HTTP status {}", answer.status()));
        }
        let content_type = answer.headers().get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
        let read = answer.read(0, LARGEST_DOCUMENT, "the length of the list", &self.0.budget).await;
        let (body, permit) = read.map_err(|error| error.to_string())?;
        let text = String::from_utf8(body.to_vec()).map_err(|_| "the answer is not UTF-8".to_owned())?;
        Ok(Document { content_type, text, _permit: permit })
    }
}

/// What a server answered.
pub(super) struct Document {
    pub(super) content_type: String,
    pub(super) text: String,
    _permit: Permit,
}

impl Inner {
    /// The headers that are for the server alone.
    async fn private_headers(&self) -> Result<HeaderMap, String> {
        let mut headers = HeaderMap::new();
        if let Some(value) = self.auth.value().await? {
            headers.insert(header::AUTHORIZATION, secret(&value)?);
        }
        for (name, values) in &self.headers {
            let name = HeaderName::try_from(name).map_err(|_| format!("`{name}` is no header name"))?;
            for value in &values.values {
                headers.append(name.clone(), secret(value)?);
            }
            for value in &values.secrets {
                headers.append(name.clone(), secret(value.expose())?);
            }
            for file in &values.files {
                headers.append(name.clone(), secret(&Source::File(file.clone()).read().await?)?);
            }
        }
        Ok(headers)
    }
}

impl Auth {
    fn new(settings: &HttpClient, user_agent: &str, budget: &Budget) -> Result<Self, String> {
        if let Some(basic) = &settings.basic_auth {
            return Ok(Self::Basic {
                user: Source::new(&basic.username, basic.username_file.as_ref()),
                password: Source::new(basic.password.expose(), basic.password_file.as_ref()),
            });
        }
        if let Some(settings) = &settings.authorization {
            let token = Source::new(settings.credentials.expose(), settings.credentials_file.as_ref());
            return Ok(Self::Token { scheme: settings.type_.to_string(), token });
        }
        if let Some(oauth2) = &settings.oauth2 {
            return Ok(Self::OAuth2(Tokens::new(oauth2, user_agent, budget)?));
        }
        if settings.bearer_token.is_empty() && settings.bearer_token_file.is_none() {
            return Ok(Self::None);
        }
        let token = Source::new(settings.bearer_token.expose(), settings.bearer_token_file.as_ref());
        Ok(Self::Token { scheme: "Bearer".to_owned(), token })
    }

    /// The value of `Authorization`.
    async fn value(&self) -> Result<Option<String>, String> {
        Ok(match self {
            Self::None => None,
            Self::Basic { user, password } => Some(basic(&user.read().await?, &password.read().await?)),
            Self::Token { scheme, token } => Some(format!("{scheme} {}", token.read().await?)),
            Self::OAuth2(tokens) => Some(tokens.value().await?),
        })
    }
}

impl Source {
    fn new(text: &str, file: Option<&PathBuf>) -> Self {
        file.map_or_else(|| Self::Text(text.to_owned()), |file| Self::File(file.clone()))
    }

    /// The text, without the blanks around it where it is a file's.
    async fn read(&self) -> Result<String, String> {
        match self {
            Self::Text(text) => Ok(text.clone()),
            Self::File(path) => {
                let (path, name) = (path.clone(), path.display().to_string());
                let read = tokio::task::spawn_blocking(move || files::read(&path)).await;
                let text = read.map_err(|error| error.to_string())?;
                text.map(|text| text.trim().to_owned())
                    .map_err(|error| format!("cannot read {name}: {error}"))
            }
        }
    }
}

fn fetcher(settings: &HttpClient, user_agent: &str) -> Result<Fetcher, String> {
    let built = Fetcher::new(&FetchSettings {
        tls: settings.tls_config.to_client_settings(),
        http2: settings.enable_http2,
        follow_redirects: settings.follow_redirects,
        proxy: proxy(&settings.proxy),
        user_agent: user_agent.to_owned(),
    });
    built.map_err(|error| format!("tls_config.{}: {}", error.key, error.message))
}

fn proxy(settings: &settings::Proxy) -> Proxy {
    if settings.proxy_from_environment {
        return Proxy::FromEnvironment;
    }
    if settings.proxy_url.is_empty() {
        return Proxy::Never;
    }
    let headers = settings.proxy_connect_header.iter();
    let headers = headers.flat_map(|(name, values)| values.iter().map(|value| (name.clone(), value.clone())));
    Proxy::At {
        url: settings.proxy_url.clone(),
        except: settings.no_proxy.clone(),
        headers: headers.collect(),
    }
}

fn basic(user: &str, password: &str) -> String {
    use base64::Engine;
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
}

fn secret(text: &str) -> Result<HeaderValue, String> {
    let value = HeaderValue::try_from(text);
    let mut value = value.map_err(|_| "credentials hold characters that no header may have".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}
