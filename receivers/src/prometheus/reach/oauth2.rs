//! Tokens by the client credentials grant of OAuth 2.0 (RFC 6749, 4.4).

use std::time::Duration;

use serde::Deserialize;
use sluice_component::Budget;
use sluice_net::http::{Ask, Fetcher, HeaderMap, StatusCode, Url, header};
use tokio::{sync::Mutex, time::Instant};

use super::{Source, basic, fetcher, secret};
use crate::prometheus::settings::{HttpClient, OAuth2};

/// Bytes of an answer that are read at most.
const LARGEST_ANSWER: usize = 1 << 20;
/// A token is not used for its last 10 s, as with Prometheus's library.
const EARLY: Duration = Duration::from_secs(10);

/// The current token, and how to get the next one.
pub(super) struct Tokens {
    fetcher: Fetcher,
    url: Url,
    client_id: String,
    client_secret: Source,
    params: Vec<(String, String)>,
    budget: Budget,
    current: Mutex<Option<Token>>,
}

struct Token {
    value: String,
    expires: Option<Instant>,
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    #[serde(default)]
    token_type: String,
    #[serde(default)]
    expires_in: Option<f64>,
}

impl Tokens {
    pub(super) fn new(settings: &OAuth2, user_agent: &str, budget: &Budget) -> Result<Self, String> {
        let way = HttpClient {
            tls_config: settings.tls_config.clone(),
            proxy: settings.proxy.clone(),
            ..HttpClient::default()
        };
        let mut params = vec![("grant_type".to_owned(), "client_credentials".to_owned())];
        if !settings.scopes.is_empty() {
            let scopes: Vec<&str> = settings.scopes.iter().map(|scope| &**scope).collect();
            params.push(("scope".to_owned(), scopes.join(" ")));
        }
        params.extend(settings.endpoint_params.iter().map(|(name, value)| (name.clone(), value.to_string())));
        Ok(Self {
            fetcher: fetcher(&way, user_agent)?,
            url: Url::parse(&settings.token_url).map_err(|error| format!("token_url: {error}"))?,
            client_id: settings.client_id.to_string(),
            client_secret: Source::new(settings.client_secret.expose(), settings.client_secret_file.as_ref()),
            params,
            budget: budget.clone(),
            current: Mutex::default(),
        })
    }

    /// The value of `Authorization`. Whoever comes while a token is fetched waits for it.
    pub(super) async fn value(&self) -> Result<String, String> {
        let mut current = self.current.lock().await;
        if let Some(token) = &*current
            && token.expires.is_none_or(|expires| Instant::now() + EARLY < expires)
        {
            return Ok(token.value.clone());
        }
        let token = self.fetch().await.map_err(|error| format!("oauth2: {error}"))?;
        Ok(current.insert(token).value.clone())
    }

    async fn fetch(&self) -> Result<Token, String> {
        let secret_text = self.client_secret.read().await?;
        // In the header, where servers must take it, form-encoded (RFC 6749, 2.3.1).
        let encoded = |text: &str| form(&[(text.to_owned(), String::new())]).trim_end_matches('=').to_owned();
        let value = secret(&basic(&encoded(&self.client_id), &encoded(&secret_text)))?;
        let ask = Ask {
            private: HeaderMap::from_iter([(header::AUTHORIZATION, value)]),
            form: Some(form(&self.params)),
            ..Ask::get(self.url.clone())
        };
        let answer = self.fetcher.fetch(&ask).await.map_err(|error| error.to_string())?;
        let status = answer.status();
        if status != StatusCode::OK {
            return Err(format!("the token's server returned HTTP status {status}"));
        }
        let read = answer.read(0, LARGEST_ANSWER, "the length of the token", &self.budget).await;
        let (body, _permit) = read.map_err(|error| error.to_string())?;
        let answer: Answer = serde_json::from_slice(&body)
            .map_err(|error| format!("the token's server answered no token: {error}"))?;
        let scheme = match answer.token_type.to_ascii_lowercase().as_str() {
            "" | "bearer" => "Bearer",
            _ => &answer.token_type,
        };
        let lifetime = answer.expires_in.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let expires =
            lifetime.filter(|time| !time.is_zero()).and_then(|time| Instant::now().checked_add(time));
        Ok(Token { value: format!("{scheme} {}", answer.access_token), expires })
    }
}

fn form(params: &[(String, String)]) -> String {
    // Any URL will do: what is wanted is the encoding of its query.
    let Ok(mut url) = Url::parse("http://localhost") else { return String::new() };
    url.query_pairs_mut().extend_pairs(params);
    url.query().unwrap_or_default().to_owned()
}
