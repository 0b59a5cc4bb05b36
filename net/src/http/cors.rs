//! CORS: which origins' scripts may call, and the answers to their preflights.

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::{server::Response, settings::Cors};

/// Methods that need no preflight and those of our receivers.
const METHODS: [Method; 3] = [Method::GET, Method::POST, Method::HEAD];

/// `cors` as it is applied.
#[derive(Debug)]
pub(super) struct Policy {
    /// What stands before and after the `*`; an origin without one has no second part.
    origins: Vec<(String, Option<String>)>,
    any_origin: bool,
    any_header: bool,
    headers: Vec<String>,
    exposed: Option<HeaderValue>,
    max_age: Option<HeaderValue>,
}

impl Policy {
    /// `None` where no origin is allowed.
    pub(super) fn new(cors: &Cors) -> Option<Self> {
        if cors.allowed_origins.is_empty() {
            return None;
        }
        let origins = cors.allowed_origins.iter().map(|origin| {
            let origin = origin.to_ascii_lowercase();
            match origin.split_once('*') {
                Some((before, after)) => (before.to_owned(), Some(after.to_owned())),
                None => (origin, None),
            }
        });
        let mut headers: Vec<_> = cors.allowed_headers.iter().map(|name| name.to_ascii_lowercase()).collect();
        if headers.is_empty() {
            headers.push("x-requested-with".to_owned());
        }
        headers.extend(
            ["origin", "accept", "accept-language", "content-language", "content-type"].map(str::to_owned),
        );
        Some(Self {
            any_origin: cors.allowed_origins.iter().any(|origin| origin == "*"),
            any_header: headers.iter().any(|name| name == "*"),
            origins: origins.collect(),
            headers,
            exposed: HeaderValue::try_from(cors.exposed_headers.join(", ")).ok().filter(|v| !v.is_empty()),
            max_age: (cors.max_age > 0).then(|| cors.max_age.into()),
        })
    }

    /// The answer to a preflight; `None` for every other request.
    pub(super) fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<Response> {
        let wanted = headers.get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
        if method != Method::OPTIONS {
            return None;
        }
        let mut response = Response::default();
        *response.status_mut() = StatusCode::NO_CONTENT;
        let answer = response.headers_mut();
        for name in ["origin", "access-control-request-method", "access-control-request-headers"] {
            answer.append(header::VARY, HeaderValue::from_static(name));
        }
        let asked = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS);
        let method_allowed = METHODS.iter().any(|method| wanted.as_bytes() == method.as_str().as_bytes());
        if method_allowed
            && asked.is_none_or(|asked| self.allows_headers(asked))
            && let Some(origin) = self.allowed_origin(headers)
        {
            answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, wanted.clone());
            answer.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            if let Some(asked) = asked {
                answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
            }
            if let Some(age) = &self.max_age {
                answer.insert(header::ACCESS_CONTROL_MAX_AGE, age.clone());
            }
        }
        Some(response)
    }

    /// Marks the answer to a request that is no preflight.
    pub(super) fn mark(&self, request: &Requested, answer: &mut HeaderMap) {
        answer.append(header::VARY, HeaderValue::from_static("origin"));
        let Some(origin) = &request.0 else { return };
        answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        answer.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        if let Some(exposed) = &self.exposed {
            answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, exposed.clone());
        }
    }

    /// What [`Policy::mark`] needs of a request that is about to be handed over.
    pub(super) fn requested(&self, headers: &HeaderMap) -> Requested {
        Requested(self.allowed_origin(headers))
    }

    /// What goes into `Access-Control-Allow-Origin`.
    fn allowed_origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(header::ORIGIN)?;
        if self.any_origin {
            return Some(HeaderValue::from_static("*"));
        }
        let text = origin.to_str().ok()?.to_ascii_lowercase();
        let allowed = self.origins.iter().any(|(before, after)| match after {
            None => text == *before,
            Some(after) => {
                text.len() >= before.len() + after.len() && text.starts_with(before) && text.ends_with(after)
            }
        });
        allowed.then(|| origin.clone())
    }

    fn allows_headers(&self, asked: &HeaderValue) -> bool {
        let Ok(asked) = asked.to_str() else { return false };
        let mut names = asked.split(',').map(str::trim).filter(|name| !name.is_empty());
        self.any_header || names.all(|name| self.headers.iter().any(|known| name.eq_ignore_ascii_case(known)))
    }
}

/// The origin to answer with, if it is allowed.
#[derive(Debug)]
pub(super) struct Requested(Option<HeaderValue>);

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(origins: &[&str], headers: &[&str]) -> Policy {
        let cors = Cors {
            allowed_origins: origins.iter().copied().collect(),
            allowed_headers: headers.iter().copied().collect(),
            max_age: 60,
            ..Cors::default()
        };
        Policy::new(&cors).unwrap()
    }

    fn preflight(policy: &Policy, origin: &'static str, asked: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
        headers.insert(header::ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("POST"));
        headers.insert(header::ACCESS_CONTROL_REQUEST_HEADERS, HeaderValue::from_static(asked));
        policy.preflight(&Method::OPTIONS, &headers).unwrap().into_parts().0.headers
    }

    #[test]
    fn a_preflight_of_an_allowed_origin_is_granted() {
        let policy = policy(&["https://*.example.com"], &["x-key"]);
        let granted = preflight(&policy, "https://app.example.com", "content-type, X-Key");
        assert_eq!(granted["access-control-allow-origin"], "https://app.example.com");
        assert_eq!(granted["access-control-allow-methods"], "POST");
        assert_eq!(granted["access-control-allow-headers"], "content-type, X-Key");
        assert_eq!(granted["access-control-allow-credentials"], "true");
        assert_eq!(granted["access-control-max-age"], "60");
    }

    #[test]
    fn a_preflight_of_another_origin_or_header_is_not_granted() {
        let policy = policy(&["https://*.example.com"], &[]);
        for (origin, asked) in [
            ("https://example.org", "content-type"),
            ("https://.example.com.evil.org", "content-type"),
            ("https://app.example.com", "x-key"),
        ] {
            assert!(
                !preflight(&policy, origin, asked).contains_key("access-control-allow-origin"),
                "{origin}"
            );
        }
    }

    #[test]
    fn the_star_allows_every_origin() {
        let granted = preflight(&policy(&["*"], &["*"]), "https://anywhere", "x-anything");
        assert_eq!(granted["access-control-allow-origin"], "*");
    }
}
