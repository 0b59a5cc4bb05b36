//! URLs in parts.

use http::Uri;
use sluice_component::telemetry::Destination;

/// The URL in parts, for metric labels.
pub(crate) fn destination(url: &str) -> Destination {
    let Ok(uri) = url.parse::<Uri>() else { return Destination::default() };
    let host = uri.host().unwrap_or_default();
    let port = match (uri.port(), uri.scheme_str()) {
        (Some(port), _) => port.as_str().to_owned(),
        (None, Some("https")) => "443".to_owned(),
        (None, _) => "80".to_owned(),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    Destination { address: host.to_owned(), port, path: uri.path().to_owned() }
}

/// The URL for messages: no user, no password, no query.
pub(super) fn redacted(url: &str) -> String {
    let Ok(uri) = url.parse::<Uri>() else { return "the URL".to_owned() };
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{}://{host}{}", uri.scheme_str().unwrap_or_default(), uri.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_host_port_and_path() {
        let labels = |url: &str| {
            let Destination { address, port, path } = destination(url);
            [address, port, path].join(" ")
        };
        assert_eq!(labels("http://h:4318/v1/logs"), "h 4318 /v1/logs");
        assert_eq!(labels("https://u:p@h/v1/logs?k=v"), "h 443 /v1/logs");
        assert_eq!(labels("http://[::1]:1"), "::1 1 /");
    }

    #[test]
    fn a_url_in_a_message_has_no_password() {
        assert_eq!(redacted("https://user:pa@ss@h:1/v1/logs?token=x"), "https://h:1/v1/logs");
    }
}
