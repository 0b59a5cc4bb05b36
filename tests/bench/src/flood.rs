//! What a flood of datagrams does to those who wait for an answer: the latency of OTLP over gRPC while packets come in
//! at Jaeger's port, beside the latency while the same packets go to a socket of which nobody reads. The second is what
//! the flood's sender costs the machine, which is none of sluice's doing.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    path::PathBuf,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use clap::Args;
use tokio::{task::JoinSet, time::MissedTickBehavior};

use crate::{
    Failure,
    grpc::{Chunks, Client},
    payload::{ITEMS, Template},
    process::{Running, free_address},
    udp,
};

#[derive(Args)]
pub(crate) struct Options {
    /// Packets per second.
    #[arg(long, default_value_t = 200_000)]
    rate: u64,
    /// Requests per second over gRPC, each of 100 spans.
    #[arg(long, default_value_t = 200)]
    requests: u64,
    /// Seconds of each run.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Runs of each, of which the median counts.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// The binary of sluice; by default the one beside this program.
    #[arg(long, env = "SLUICE_BIN")]
    sluice: Option<PathBuf>,
}

/// One run: packets that were sent per second, and the latencies in ascending order.
struct Measured {
    packets: u64,
    latencies: Vec<Duration>,
}

impl Measured {
    fn percentile(&self, percent: usize) -> Duration {
        self.latencies.get(self.latencies.len() * percent / 100).copied().unwrap_or_default()
    }
}

/// Prints a table, one line for each kind of packet.
pub(crate) async fn run(options: &Options) -> Result<(), Failure> {
    let (grpc, to, own) = (free_address()?, free_address()?, free_address()?);
    let directory = tempfile::tempdir()?;
    let config = directory.path().join("config.yaml");
    fs::write(&config, settings(grpc, to, own))?;
    let beside = std::env::current_exe()?.with_file_name("sluice");
    let mut command = Command::new(options.sluice.clone().unwrap_or(beside));
    command.arg("--config").arg(&config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut sluice = Running::start(&mut command)?;
    sluice.wait_ready(own, Duration::from_secs(20))?;
    sluice.wait_ready(grpc, Duration::from_secs(20))?;

    let nobody = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let elsewhere = nobody.local_addr()?;
    let kinds =
        [("of 0 bytes", Vec::new()), ("of 65507 bytes", vec![0; 65_507]), ("of 20 spans", udp::packet())];
    let mut quiet = Vec::new();
    let mut floods: Vec<_> = kinds.iter().map(|_| (Vec::new(), Vec::new())).collect();
    // Once for the connections and buffers that every process pays for.
    measure(options, grpc, None).await?;
    for _ in 0..options.rounds {
        quiet.push(measure(options, grpc, None).await?);
        for ((_, packet), (beside, at)) in kinds.iter().zip(&mut floods) {
            beside.push(measure(options, grpc, Some((packet, elsewhere))).await?);
            at.push(measure(options, grpc, Some((packet, to))).await?);
        }
    }

    println!(
        "{} requests/s of {ITEMS} spans over gRPC, {} packets/s wanted, {} s, medians of {} runs, microseconds",
        options.requests, options.rate, options.seconds, options.rounds
    );
    println!("{:<28} {:>10} {:>8} {:>8}  of none, of elsewhere", "packets", "packets/s", "p50", "p99");
    let quiet = line("none", &quiet, &[]);
    for ((name, _), (beside, at)) in kinds.iter().zip(&floods) {
        let elsewhere = line(&format!("{name}, elsewhere"), beside, &[quiet]);
        line(&format!("{name}, at sluice"), at, &[quiet, elsewhere]);
    }
    Ok(())
}

/// Prints a line, with the 99th percentile in relation to others, and returns it.
fn line(name: &str, runs: &[Measured], others: &[f64]) -> f64 {
    let median = |of: &dyn Fn(&Measured) -> u128| {
        let mut all: Vec<_> = runs.iter().map(of).collect();
        all.sort_unstable();
        all.get(all.len() / 2).copied().unwrap_or_default()
    };
    let p50 = median(&|run| run.percentile(50).as_micros());
    let p99 = median(&|run| run.percentile(99).as_micros());
    let packets = median(&|run| run.packets.into());
    #[expect(clippy::cast_precision_loss, reason = "microseconds of seconds")]
    let as_float = p99 as f64;
    let ratios: String = others.iter().map(|other| format!(" {:>7.2}", as_float / other)).collect();
    println!("{name:<28} {packets:>10} {p50:>8} {p99:>8} {ratios}");
    as_float
}

/// The latencies of requests at an even pace, while packets are sent if there are any.
async fn measure(
    options: &Options,
    grpc: SocketAddr,
    flood: Option<(&Vec<u8>, SocketAddr)>,
) -> Result<Measured, Failure> {
    let over = Arc::new(AtomicBool::new(false));
    let sender = flood.map(|(packet, to)| {
        let (packet, over, rate) = (packet.clone(), over.clone(), options.rate);
        thread::spawn(move || send(&packet, to, rate, &over))
    });
    let latencies = ask(options, grpc).await;
    over.store(true, Ordering::Relaxed);
    let packets = match sender.map(thread::JoinHandle::join) {
        None => 0,
        Some(Ok(sent)) => sent? / options.seconds,
        Some(Err(_)) => return Err("the flood's sender panicked".into()),
    };
    Ok(Measured { packets, latencies: latencies? })
}

async fn ask(options: &Options, grpc: SocketAddr) -> Result<Vec<Duration>, Failure> {
    let client = Client::connect(grpc).await?;
    let template = Template::new();
    let mut pace = tokio::time::interval(Duration::from_secs(1) / u32::try_from(options.requests)?);
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut asked = JoinSet::new();
    for number in 0..options.requests * options.seconds {
        pace.tick().await;
        let (mut client, request) = (client.clone(), template.request(number * ITEMS as u64));
        asked.spawn(async move {
            let began = Instant::now();
            match client.export(Chunks::message(false, [request]), false).await? {
                0 => Ok(began.elapsed()),
                status => Err(Failure::from(format!("refused with gRPC status {status}"))),
            }
        });
    }
    let mut latencies = asked.join_all().await.into_iter().collect::<Result<Vec<_>, _>>()?;
    latencies.sort_unstable();
    Ok(latencies)
}

/// Sends at an even pace until it is over, as far as it can keep up.
fn send(packet: &[u8], to: SocketAddr, rate: u64, over: &AtomicBool) -> Result<u64, Failure> {
    /// How often the pace is kept: what is due in it goes out at once.
    const TICK: Duration = Duration::from_millis(1);
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let began = Instant::now();
    let mut sent = 0;
    while !over.load(Ordering::Relaxed) {
        let due = u64::try_from(began.elapsed().as_micros())? * rate / 1_000_000;
        while sent < due && !over.load(Ordering::Relaxed) {
            socket.send_to(packet, to)?;
            sent += 1;
        }
        thread::sleep(TICK);
    }
    Ok(sent)
}

fn settings(grpc: SocketAddr, to: SocketAddr, own: SocketAddr) -> String {
    format!(
        "receivers:\n  otlp: {{protocols: {{grpc: {{endpoint: '{grpc}'}}}}}}\n\
         \x20 jaeger: {{protocols: {{thrift_compact: {{endpoint: '{to}'}}}}}}\n\
         exporters: {{nop: }}\n\
         service:\n  pipelines: {{traces: {{receivers: [otlp, jaeger], exporters: [nop]}}}}\n\
         \x20 telemetry: {{metrics: {{readers: [{{pull: {{exporter: {{prometheus: {{host: '{}', port: {}}}}}}}}}]}}}}\n",
        own.ip(),
        own.port()
    )
}
