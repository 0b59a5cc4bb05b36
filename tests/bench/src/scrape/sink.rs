//! The end of the line: takes remote write 1.0 and 2.0 and counts what is in it.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use http::{Response, StatusCode, request::Parts};
use http_body_util::Full;
use prost::Message;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::{Failure, http as server};

/// What has arrived so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) samples: u64,
    pub(crate) requests: u64,
    /// Bytes as they came, compressed.
    pub(crate) bytes: u64,
    pub(crate) malformed: u64,
}

/// `prometheus.WriteRequest` and `io.prometheus.write.v2.Request` at once: their series have different numbers, and
/// within those the samples the same one.
#[derive(Message)]
struct Request {
    #[prost(message, repeated, tag = "1")]
    of_1: Vec<Series>,
    #[prost(message, repeated, tag = "5")]
    of_2: Vec<Series>,
}

#[derive(Message)]
struct Series {
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
}

#[derive(Message)]
struct Sample {
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

/// Serves until stdin ends. Each line on stdin is answered with the account as JSON on stdout.
pub(crate) async fn run(listen: SocketAddr) -> Result<(), Failure> {
    let account = Arc::new(Mutex::new(Account::default()));
    let at_server = account.clone();
    let server = server::serve(listen, move |head, body| take(&at_server, head, &body));
    tokio::select! {
        ended = server => ended,
        ended = answer_stdin(&account) => ended,
    }
}

fn take(account: &Mutex<Account>, _: &Parts, body: &Bytes) -> Response<Full<Bytes>> {
    let samples = count(body);
    let mut account = account.lock().unwrap_or_else(PoisonError::into_inner);
    account.requests += 1;
    account.bytes += body.len() as u64;
    let mut response = Response::new(Full::default());
    match samples {
        Some(samples) => {
            account.samples += samples;
            *response.status_mut() = StatusCode::NO_CONTENT;
            response.headers_mut().insert("x-prometheus-remote-write-samples-written", samples.into());
            response.headers_mut().insert("x-prometheus-remote-write-histograms-written", 0.into());
            response.headers_mut().insert("x-prometheus-remote-write-exemplars-written", 0.into());
        }
        None => {
            account.malformed += 1;
            *response.status_mut() = StatusCode::BAD_REQUEST;
        }
    }
    response
}

fn count(body: &[u8]) -> Option<u64> {
    let plain = snap::raw::Decoder::new().decompress_vec(body).ok()?;
    let request = Request::decode(plain.as_slice()).ok()?;
    Some(request.of_1.iter().chain(&request.of_2).map(|series| series.samples.len() as u64).sum())
}

async fn answer_stdin(account: &Mutex<Account>) -> Result<(), Failure> {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while lines.next_line().await?.is_some() {
        let account = *account.lock().unwrap_or_else(PoisonError::into_inner);
        println!("{}", serde_json::to_string(&account)?);
    }
    Ok(())
}
