//! One bounded GET, for `http:` configuration and `healthcheck`.

use std::time::Duration;

use sluice_net::resolve::Resolver;
use tokio::runtime::Builder;

/// The largest answer that is read.
const LIMIT: usize = 4 << 20;

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

/// Whether `HTTP_PROXY` and its like count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proxies {
    OfTheEnvironment,
    /// For a URL of this machine.
    None,
}

/// The body of a configuration's URL, for the loader.
pub(super) fn config(url: &str) -> Result<String, String> {
    let answer = get(url, Duration::from_secs(30), Proxies::OfTheEnvironment)?;
    if answer.status == 200 {
        Ok(answer.body)
    } else {
        Err(format!("answered with status {}", answer.status))
    }
}

/// Asks `url` once, follows at most ten redirects, and gives up after `limit`. Blocks.
pub(super) fn get(url: &str, limit: Duration, proxies: Proxies) -> Result<Answer, String> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let asked = runtime.block_on(async { tokio::time::timeout(limit, ask(url, proxies)).await });
    runtime.shutdown_background();
    asked.map_err(|_| format!("no answer within {} s", limit.as_secs_f64()))?
}

async fn ask(url: &str, proxies: Proxies) -> Result<Answer, String> {
    let mut client = reqwest::Client::builder()
        .user_agent(concat!("sluice/", env!("CARGO_PKG_VERSION")))
        .dns_resolver(Resolver);
    if proxies == Proxies::None {
        client = client.no_proxy();
    }
    let request = client.build().map_err(said)?.get(url);
    let mut response = request.send().await.map_err(said)?;
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(said)? {
        if body.len() + chunk.len() > LIMIT {
            return Err(format!("the answer is larger than {} MiB", LIMIT >> 20));
        }
        body.extend_from_slice(&chunk);
    }
    let body = String::from_utf8(body).map_err(|_| "the answer is not UTF-8".to_owned())?;
    Ok(Answer { status, body })
}

/// The innermost cause: "connection refused" instead of "error sending request". URLs may hold passwords.
fn said(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpListener,
        thread,
    };

    use super::*;

    /// Answers one request with `answer` and gives the URL to ask.
    fn server(answer: Vec<u8>) -> String {
        let _already = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/c.yaml", listener.local_addr().unwrap());
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let _read = stream.read(&mut request).unwrap();
            // The client may stop reading.
            let _sent = stream.write_all(&answer);
        });
        url
    }

    #[test]
    fn a_configuration_is_fetched_with_one_get() {
        let url = server(b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\na: 1".to_vec());
        assert_eq!(config(&url), Ok("a: 1".to_owned()));
    }

    #[test]
    fn an_answer_that_is_no_success_is_an_error() {
        let url = server(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_vec());
        assert_eq!(config(&url), Err("answered with status 404".to_owned()));
    }

    #[test]
    fn an_endless_answer_is_cut() {
        let mut answer = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        answer.resize(LIMIT + 4096, b'#');
        assert_eq!(config(&server(answer)), Err("the answer is larger than 4 MiB".to_owned()));
    }

    #[test]
    fn nobody_there_is_said_without_the_url() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let _already = rustls::crypto::ring::default_provider().install_default();
        let error = config(&format!("http://user:pass@{address}/")).unwrap_err();
        assert!(error.contains("refused") && !error.contains("pass"), "{error}");
    }
}
