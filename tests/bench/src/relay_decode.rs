//! What most collectors do: tonic decodes every request to prost structs, they are merged and encoded again.

use std::{net::SocketAddr, sync::Arc};

use clap::Args;
use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_client::TraceServiceClient,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    trace::v1::ResourceSpans,
};
use tokio::{
    sync::{Semaphore, mpsc},
    time::{Instant, sleep_until},
};
use tonic::{
    Request, Response, Status,
    transport::{Channel, Server},
};

use crate::{
    Failure,
    relay_bytes::{BATCH_ITEMS, BATCH_TIMEOUT, CONSUMERS, WAITING},
};

#[derive(Args)]
pub(crate) struct Options {
    /// Where to listen.
    #[arg(long)]
    listen: SocketAddr,
    /// Where to send.
    #[arg(long)]
    sink: SocketAddr,
}

const MAX_MESSAGE: usize = 64 << 20;
const WINDOW: u32 = 8 << 20;

struct Relay(mpsc::Sender<Vec<ResourceSpans>>);

#[tonic::async_trait]
impl TraceService for Relay {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let spans = request.into_inner().resource_spans;
        self.0.send(spans).await.map_err(|_| Status::unavailable("stopping"))?;
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

pub(crate) async fn run(options: Options) -> Result<(), Failure> {
    let channel = Channel::from_shared(format!("http://{}", options.sink))?
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .tcp_nodelay(true)
        .connect()
        .await?;
    let client = TraceServiceClient::new(channel).max_encoding_message_size(MAX_MESSAGE);
    let (batcher, requests) = mpsc::channel(WAITING);
    tokio::spawn(batch(requests, client));
    Server::builder()
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .tcp_nodelay(true)
        .add_service(TraceServiceServer::new(Relay(batcher)).max_decoding_message_size(MAX_MESSAGE))
        .serve(options.listen)
        .await?;
    Ok(())
}

async fn batch(mut requests: mpsc::Receiver<Vec<ResourceSpans>>, client: TraceServiceClient<Channel>) {
    let consumers = Arc::new(Semaphore::new(CONSUMERS));
    loop {
        let Some(mut spans) = requests.recv().await else { return };
        let mut items = count(&spans);
        let flush = Instant::now() + BATCH_TIMEOUT;
        while items < BATCH_ITEMS {
            tokio::select! {
                () = sleep_until(flush) => break,
                more = requests.recv() => match more {
                    None => break,
                    Some(more) => {
                        items += count(&more);
                        spans.extend(more);
                    }
                },
            }
        }
        let Ok(permit) = consumers.clone().acquire_owned().await else { return };
        let mut client = client.clone();
        tokio::spawn(async move {
            if let Err(status) = client.export(ExportTraceServiceRequest { resource_spans: spans }).await {
                eprintln!("relay-decode: {status}");
                std::process::exit(1);
            }
            drop(permit);
        });
    }
}

fn count(spans: &[ResourceSpans]) -> usize {
    spans.iter().flat_map(|resource| &resource.scope_spans).map(|scope| scope.spans.len()).sum()
}
