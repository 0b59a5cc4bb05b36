//! The floor: requests come in over gRPC, their bytes are batched by concatenation and go out over gRPC. No
//! validation, no metrics, no bound on memory but the channel, no retry.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use clap::Args;
use tokio::{
    sync::{Semaphore, mpsc},
    time::{Instant, sleep_until},
};

use crate::{
    Failure,
    grpc::{self, Chunks, Client, Message},
    scan,
};

#[derive(Args)]
pub(crate) struct Options {
    /// Where to listen.
    #[arg(long)]
    listen: SocketAddr,
    /// Where to send.
    #[arg(long)]
    sink: SocketAddr,
    /// Compress what goes out, at this level.
    #[arg(long)]
    gzip: Option<u32>,
}

/// As `batch` and `sending_queue` have them by default.
pub(crate) const BATCH_ITEMS: usize = 8192;
pub(crate) const BATCH_TIMEOUT: Duration = Duration::from_millis(200);
pub(crate) const CONSUMERS: usize = 10;
/// Requests that wait for the batcher.
pub(crate) const WAITING: usize = 64;

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let (batcher, requests) = mpsc::channel(WAITING);
    let client = Client::connect(options.sink).await?;
    tokio::spawn(batch(requests, client, options.gzip));
    grpc::serve(options.listen, move |message: Message| {
        let batcher = batcher.clone();
        async move {
            // A closed channel means that sending failed, which has ended the process.
            drop(batcher.send(message.chunks).await);
        }
    })
    .await
}

async fn batch(mut requests: mpsc::Receiver<Vec<Bytes>>, client: Client, gzip: Option<u32>) {
    let consumers = Arc::new(Semaphore::new(CONSUMERS));
    loop {
        let Some(mut chunks) = requests.recv().await else { return };
        let mut items = count(&chunks);
        let flush = Instant::now() + BATCH_TIMEOUT;
        while items < BATCH_ITEMS {
            tokio::select! {
                () = sleep_until(flush) => break,
                more = requests.recv() => match more {
                    None => break,
                    Some(more) => {
                        items += count(&more);
                        chunks.extend(more);
                    }
                },
            }
        }
        let Ok(permit) = consumers.clone().acquire_owned().await else { return };
        let client = client.clone();
        tokio::spawn(async move {
            if let Err(failure) = send(client, chunks, gzip).await {
                eprintln!("relay-bytes: {failure}");
                std::process::exit(1);
            }
            drop(permit);
        });
    }
}

async fn send(mut client: Client, chunks: Vec<Bytes>, gzip: Option<u32>) -> Result<(), Failure> {
    let message = match gzip {
        None => Chunks::message(false, chunks),
        Some(level) => {
            Chunks::message(true, [tokio::task::spawn_blocking(move || grpc::gzip(&chunks, level)).await??])
        }
    };
    match client.export(message, gzip.is_some()).await? {
        0 => Ok(()),
        status => Err(format!("the sink answered gRPC status {status}").into()),
    }
}

/// Spans of one request. It is joined for that only where it came in several chunks.
fn count(chunks: &[Bytes]) -> usize {
    match chunks {
        [one] => scan::count_spans(one),
        several => scan::count_spans(&several.concat()),
    }
    .unwrap_or_default()
}
