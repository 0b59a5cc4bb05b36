//! What `--config` and `${...}` refer to, and how it is retrieved.

use std::io;
use std::sync::Arc;

use super::{Environment, Fetch};
use crate::parse::MAX_TEXT;
use crate::source::Source;

/// Reaches files, variables and URLs.
pub(super) struct Retriever<'a> {
    pub(super) environment: &'a (dyn Environment + Send + Sync + 'a),
    pub(super) fetch: Option<&'a Fetch<'a>>,
}

impl Retriever<'_> {
    /// Opens what `--config` takes.
    pub(super) fn open(&self, location: &str) -> Result<Arc<Source>, String> {
        match split_scheme(location) {
            None => self.file(location, location),
            Some(("file", path)) => self.file(location, path),
            Some(("yaml", text)) => Ok(Source::new("yaml:", text)),
            Some(("env", name)) => {
                check_name(name)?;
                let text = self.environment.variable(name);
                let text = text.ok_or_else(|| format!("environment variable `{name}` is not set"))?;
                Ok(Source::new(format!("env:{name}"), text))
            }
            Some(("http" | "https", _)) => self.url(location),
            Some(_) => Err(format!("unsupported scheme on URI {location:?}")),
        }
    }

    /// Reads a text file. `uri` is how the user named it.
    pub(super) fn file(&self, uri: &str, path: &str) -> Result<Arc<Source>, String> {
        let uri = if uri.starts_with("file:") { uri.to_owned() } else { format!("file:{uri}") };
        let bytes = self
            .environment
            .file(path, MAX_TEXT as u64 + 1)
            .map_err(|error| format!("unable to read the file {uri}: open {path}: {}", reason(&error)))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let good = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
            let line = 1 + good.iter().filter(|b| **b == b'\n').count();
            format!("unable to read the file {uri}: {path}:{line}: not UTF-8 text")
        })?;
        Ok(Source::new(path, text))
    }

    /// Fetches a URL.
    pub(super) fn url(&self, url: &str) -> Result<Arc<Source>, String> {
        let name = without_secrets(url);
        let fetch = self.fetch.ok_or_else(|| format!("unsupported scheme on URI {name:?}"))?;
        let text = fetch(url).map_err(|error| format!("unable to fetch {name}: {error}"))?;
        Ok(Source::new(name, text))
    }
}

/// `scheme:rest`; `None` for a plain path, which a Windows drive letter is as well.
pub(super) fn split_scheme(text: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let named = scheme.len() >= 2
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'.' | b'-'));
    named.then_some((scheme, rest))
}

/// Refuses what cannot be the name of a variable.
pub(super) fn check_name(name: &str) -> Result<(), String> {
    let good = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if good {
        return Ok(());
    }
    Err(format!("environment variable {name:?} has invalid name: must match regex ^[a-zA-Z_][a-zA-Z0-9_]*$"))
}

/// The URL without user, password and query.
fn without_secrets(url: &str) -> String {
    let url = url.split(['?', '#']).next().unwrap_or(url);
    match url.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let host = host.rsplit('@').next().unwrap_or(host);
            format!("{scheme}://{host}{path}")
        }
        None => url.to_owned(),
    }
}

/// The system's words as Go prints them.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "is a directory".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::without_secrets;

    #[test]
    fn a_url_is_named_without_its_secrets() {
        assert_eq!(without_secrets("https://u:p@host/a?token=x#y"), "https://host/a");
        assert_eq!(without_secrets("http://host"), "http://host");
        assert_eq!(without_secrets("http://u:p@host"), "http://host");
    }
}
