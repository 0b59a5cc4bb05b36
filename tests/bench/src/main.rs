//! What a collector costs, side by side with others: CPU time per million items, rate, memory, loss and
//! duplicates. See `docs/performance.md` for how to run it and for figures.
//!
//! Load generator, contender and sink are processes of their own on loopback; [`run`] starts them in turn,
//! several rounds, and every contender once in each round, so that a machine that gets slower meets all.
//!
//! - [`run`]: the rounds; [`report`]: what is printed; [`process`]: children, their CPU time and memory
//! - [`load`]: sends prebuilt requests ([`payload`]) whose spans are numbered
//! - [`sink`]: takes everything and keeps account of the numbers ([`scan`] finds them)
//! - [`relay_bytes`]: the floor: moves bytes over bare hyper and batches by concatenation, nothing else
//! - [`relay_decode`]: what most collectors do: decode, merge, encode again, on tonic and prost
//! - [`udp`]: what gets lost over UDP, by rate and size of the kernel's buffer
//! - [`flood`]: what a flood of datagrams does to the latency of gRPC
//! - [`scrape`]: scraping a large target and writing its samples on, against a Prometheus in agent mode
//! - [`grpc`], [`http`]: unary gRPC and HTTP/1.1 on hyper, as little as it takes
#![expect(clippy::disallowed_methods, reason = "there is no Host here")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that prints figures")]

mod flood;
mod grpc;
mod http;
mod load;
mod payload;
mod process;
mod relay_bytes;
mod relay_decode;
mod report;
mod run;
mod scan;
mod scrape;
mod sink;
mod udp;

use std::{error::Error, net::SocketAddr};

use clap::{Parser, Subcommand};

/// All our contenders allocate with the same allocator as sluice does.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

type Failure = Box<dyn Error + Send + Sync>;

#[derive(Parser)]
#[command(name = "bench", about = "Measures what a collector costs, side by side with others.")]
struct Cli {
    #[command(subcommand)]
    role: Option<Role>,
    #[command(flatten)]
    run: run::Options,
}

#[derive(Subcommand)]
enum Role {
    /// Sends numbered spans and prints what was acknowledged.
    Load(load::Options),
    /// Takes everything; prints its account for each line on stdin, and ends with stdin.
    Sink {
        /// Where to listen.
        #[arg(long)]
        listen: SocketAddr,
    },
    /// Prints how many Jaeger packets get lost over UDP, by rate.
    Udp(udp::Options),
    /// Prints the latency of OTLP over gRPC while datagrams flood the port beside it.
    Flood(flood::Options),
    /// Scrapes a large target and writes its samples on, with each contender in turn.
    Scrape(scrape::Options),
    /// Serves a page to scrape.
    ScrapeTarget(scrape::target::Options),
    /// Takes remote write; prints its account for each line on stdin, and ends with stdin.
    ScrapeSink {
        /// Where to listen.
        #[arg(long)]
        listen: SocketAddr,
    },
    /// Moves bytes from requests to batches, and nothing else.
    RelayBytes(relay_bytes::Options),
    /// Decodes requests, merges them and encodes batches.
    RelayDecode(relay_decode::Options),
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let cli = Cli::parse();
    match cli.role {
        None => run::run(&cli.run).await,
        Some(Role::Load(options)) => load::run(&options).await,
        Some(Role::Sink { listen }) => sink::run(listen).await,
        Some(Role::Udp(options)) => udp::run(&options),
        Some(Role::Flood(options)) => flood::run(&options).await,
        Some(Role::Scrape(options)) => scrape::run(&options),
        Some(Role::ScrapeTarget(options)) => scrape::target::run(&options).await,
        Some(Role::ScrapeSink { listen }) => scrape::sink::run(listen).await,
        Some(Role::RelayBytes(options)) => relay_bytes::run(options).await,
        Some(Role::RelayDecode(options)) => relay_decode::run(options).await,
    }
}
