//! The load generator: keeps a fixed number of requests in flight until all items are acknowledged.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use clap::{Args, ValueEnum};
use http::Request;
use http_body_util::BodyExt as _;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::{net::TcpStream, task::JoinSet};

use crate::{
    Failure,
    grpc::{Chunks, Client},
    payload::{ITEMS, Template},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Protocol {
    Grpc,
    Http,
}

impl Protocol {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Grpc => "grpc",
            Self::Http => "http",
        }
    }
}

#[derive(Args)]
pub(crate) struct Options {
    /// Where to send.
    #[arg(long)]
    target: SocketAddr,
    /// OTLP over gRPC or over HTTP/1.1.
    #[arg(long, default_value = "grpc")]
    protocol: Protocol,
    /// Spans to send, in requests of 100.
    #[arg(long, default_value_t = 1_000_000)]
    items: u64,
    /// Connections.
    #[arg(long, default_value_t = 4)]
    connections: u64,
    /// Requests in flight on each connection; HTTP/1.1 has one.
    #[arg(long, default_value_t = 8)]
    streams: u64,
}

/// What was acknowledged.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Sent {
    /// Spans acknowledged.
    pub(crate) items: u64,
    /// Requests that were refused and sent again.
    pub(crate) refused: u64,
    /// From the first request to the last answer.
    pub(crate) seconds: f64,
}

/// Hands out request numbers until all are taken.
struct Work {
    next: AtomicU64,
    requests: u64,
    refused: AtomicU64,
    template: Template,
}

impl Work {
    fn next(&self) -> Option<Bytes> {
        let request = self.next.fetch_add(1, Ordering::Relaxed);
        (request < self.requests).then(|| self.template.request(request * ITEMS as u64))
    }
}

pub(crate) async fn run(options: &Options) -> Result<(), Failure> {
    let requests = options.items.div_ceil(ITEMS as u64);
    let work = Arc::new(Work {
        next: AtomicU64::new(0),
        requests,
        refused: AtomicU64::new(0),
        template: Template::new(),
    });
    let mut senders = JoinSet::new();
    let began = Instant::now();
    for _ in 0..options.connections {
        match options.protocol {
            Protocol::Http => {
                senders.spawn(send_http(options.target, work.clone()));
            }
            Protocol::Grpc => {
                let client = Client::connect(options.target).await?;
                for _ in 0..options.streams {
                    senders.spawn(send_grpc(client.clone(), work.clone()));
                }
            }
        }
    }
    while let Some(ended) = senders.join_next().await {
        ended??;
    }
    let sent = Sent {
        items: requests * ITEMS as u64,
        refused: work.refused.load(Ordering::Relaxed),
        seconds: began.elapsed().as_secs_f64(),
    };
    println!("{}", serde_json::to_string(&sent)?);
    Ok(())
}

async fn send_grpc(mut client: Client, work: Arc<Work>) -> Result<(), Failure> {
    const OK: u32 = 0;
    const UNAVAILABLE: u32 = 14;
    while let Some(request) = work.next() {
        loop {
            match client.export(Chunks::message(false, [request.clone()]), false).await? {
                OK => break,
                UNAVAILABLE => pause(&work).await,
                status => return Err(format!("refused for good with gRPC status {status}").into()),
            }
        }
    }
    Ok(())
}

async fn send_http(target: SocketAddr, work: Arc<Work>) -> Result<(), Failure> {
    let stream = TcpStream::connect(target).await?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    while let Some(body) = work.next() {
        loop {
            let request = Request::post("/v1/traces")
                .header("host", target.to_string())
                .header("content-type", "application/x-protobuf")
                .body(Chunks::plain(body.clone()))?;
            sender.ready().await?;
            let response = sender.send_request(request).await?;
            let status = response.status().as_u16();
            response.into_body().collect().await?;
            match status {
                200 => break,
                503 => pause(&work).await,
                status => return Err(format!("refused for good with HTTP status {status}").into()),
            }
        }
    }
    Ok(())
}

async fn pause(work: &Work) {
    work.refused.fetch_add(1, Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(20)).await;
}
