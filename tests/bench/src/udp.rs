//! What gets lost over UDP, by rate: whole Jaeger packets at an even pace to a sluice that throws them away, and each
//! packet found again in its counters or in the kernel's.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket},
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use clap::Args;

use crate::{
    Failure,
    process::{Running, free_address},
};

/// Spans in a packet.
const SPANS: u64 = 20;
/// How often the pace is kept: what is due in it goes out at once.
const TICK: Duration = Duration::from_millis(1);

#[derive(Args)]
pub(crate) struct Options {
    /// Spans per second.
    #[arg(long, value_delimiter = ',', default_value = "20000,50000,100000,200000,400000,800000")]
    rates: Vec<u64>,
    /// `socket_buffer_size` in bytes; 0 is the system's default.
    #[arg(long, value_delimiter = ',', default_value = "0,4194304")]
    buffers: Vec<u64>,
    /// Runs of each, of which the median counts.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Seconds of sending.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// The binary of sluice; by default the one beside this program.
    #[arg(long, env = "SLUICE_BIN")]
    sluice: Option<PathBuf>,
}

/// What became of the packets of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Loss {
    dropped: u64,
    kernel: u64,
    queue: u64,
    sent: u64,
}

/// Prints a table, one line for each buffer and rate.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let packet = packet();
    println!(
        "{SPANS} spans in {} bytes, {} s, median of {} runs",
        packet.len(),
        options.seconds,
        options.runs
    );
    println!(
        "{:>10} {:>12} {:>10} {:>10} {:>10} {:>10}",
        "buffer", "spans/s", "packets", "dropped", "kernel", "queue"
    );
    for &buffer in &options.buffers {
        for &rate in &options.rates {
            let runs = (0..options.runs).map(|_| once(options, &packet, buffer, rate));
            let mut runs = runs.collect::<Result<Vec<_>, _>>()?;
            runs.sort_unstable();
            let Some(Loss { dropped, kernel, queue, sent }) = runs.get(runs.len() / 2).copied() else {
                return Err("no runs".into());
            };
            println!("{buffer:>10} {rate:>12} {sent:>10} {dropped:>10} {kernel:>10} {queue:>10}");
        }
    }
    Ok(())
}

/// One run against a fresh process.
fn once(options: &Options, packet: &[u8], buffer: u64, rate: u64) -> Result<Loss, Failure> {
    let beside = std::env::current_exe()?.with_file_name("sluice");
    let program = options.sluice.clone().unwrap_or(beside);
    let (to, own) = (free_address()?, free_address()?);
    let directory = tempfile::tempdir()?;
    let config = directory.path().join("config.yaml");
    fs::write(&config, settings(to, own, buffer))?;
    let mut command = Command::new(program);
    command.arg("--config").arg(&config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut sluice = Running::start(&mut command)?;
    sluice.wait_ready(own, Duration::from_secs(20))?;
    let began = Instant::now();
    while drops_of_the_kernel(to).is_err() {
        if began.elapsed() > Duration::from_secs(20) {
            return Err(format!("nobody listens on {to}").into());
        }
        thread::sleep(TICK);
    }
    let sent = send(packet, to, rate.div_ceil(SPANS), Duration::from_secs(options.seconds))?;
    settle(to, own, sent)
}

fn settings(to: SocketAddr, own: SocketAddr, buffer: u64) -> String {
    format!(
        "receivers: {{jaeger: {{protocols: {{thrift_compact: {{endpoint: '{to}', socket_buffer_size: {buffer}}}}}}}}}\n\
         exporters: {{nop: }}\n\
         service:\n  pipelines: {{traces: {{receivers: [jaeger], exporters: [nop]}}}}\n\
         \x20 telemetry: {{metrics: {{readers: [{{pull: {{exporter: {{prometheus: {{host: '{}', port: {}}}}}}}}}]}}}}\n",
        own.ip(),
        own.port()
    )
}

/// Sends at an even pace and says how many packets that were.
fn send(packet: &[u8], to: SocketAddr, packets_per_second: u64, time: Duration) -> Result<u64, Failure> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    let began = Instant::now();
    let mut sent = 0;
    while began.elapsed() < time {
        let due = u64::try_from(began.elapsed().as_micros())? * packets_per_second / 1_000_000;
        while sent < due {
            socket.send_to(packet, to)?;
            sent += 1;
        }
        thread::sleep(TICK);
    }
    Ok(sent)
}

/// Waits until each packet is accounted for, and the kernel's drops are those that the process tells.
fn settle(to: SocketAddr, own: SocketAddr, sent: u64) -> Result<Loss, Failure> {
    let began = Instant::now();
    loop {
        let metrics = scrape(own)?;
        let dropped = |reason: &str| value(&metrics, "sluice_receiver_dropped_packets", reason);
        let (kernel, queue) = (dropped("reason=\"kernel\""), dropped("reason=\"queue_full\""));
        let received = value(&metrics, "sluice_receiver_packets", "");
        let spans = value(&metrics, "otelcol_receiver_accepted_spans", "");
        let lost = value(&metrics, "sluice_receiver_dropped_packets", "");
        let of_the_kernel = drops_of_the_kernel(to)?;
        if received + kernel == sent && spans / SPANS + lost == sent && kernel == of_the_kernel {
            return Ok(Loss { dropped: lost, kernel, queue, sent });
        }
        if began.elapsed() > Duration::from_secs(10) {
            let text = format!(
                "{sent} packets sent: {received} received, {} handed on, {lost} dropped, of which the kernel \
                 {kernel}, which itself says {of_the_kernel}",
                spans / SPANS
            );
            return Err(text.into());
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn scrape(own: SocketAddr) -> Result<String, Failure> {
    let mut stream = TcpStream::connect(own)?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

/// The sum of the series of `name` that have `label`.
fn value(metrics: &str, name: &str, label: &str) -> u64 {
    let series =
        metrics.lines().filter_map(|line| line.strip_prefix(name)).filter(|rest| rest.contains(label));
    series.filter_map(|rest| rest.rsplit(' ').next()?.parse::<u64>().ok()).sum()
}

/// The last column of the socket's line in `/proc/net/udp`.
fn drops_of_the_kernel(at: SocketAddr) -> Result<u64, Failure> {
    let port = format!(":{:04X}", at.port());
    let table = fs::read_to_string("/proc/net/udp")?;
    let line =
        table.lines().find(|line| line.split_whitespace().nth(1).is_some_and(|local| local.ends_with(&port)));
    let drops = line.and_then(|line| line.split_whitespace().last()).ok_or("nobody listens there")?;
    Ok(drops.parse()?)
}

/// `emitBatch` in compact Thrift, with spans as an instrumented HTTP service sends them.
pub(crate) fn packet() -> Vec<u8> {
    let mut out = b"\x82\x81\x01\x09emitBatch\x1c\x1c".to_vec();
    text(&mut out, 0x18, "checkout");
    let process =
        [("hostname", "checkout-7c9d8b6f5-x2x4z"), ("ip", "10.1.2.3"), ("jaeger.version", "Go-2.30.0")];
    out.extend([0x19, 0x3c]);
    for (key, value) in process {
        tag(&mut out, key, value);
    }
    out.extend([0, 0x19, 0xfc]);
    varint(&mut out, SPANS);
    for n in 1..=SPANS {
        for id in
            [0x5af7_183f_b1d4_cf5f, 0x6b22_1d5b_c9e6_496c, 0x0e5d_0f58_17a0_8000 + n, 0x0e5d_0f58_17a0_8000]
        {
            out.push(0x16);
            varint(&mut out, id << 1);
        }
        text(&mut out, 0x18, "HTTP GET /api/v1/orders/{id}");
        // Field 7 after field 5.
        out.extend([0x25, 0x02, 0x16]);
        varint(&mut out, (1_700_000_000_000_000 + n) << 1);
        out.push(0x16);
        varint(&mut out, (1_500 + n) << 1);
        let tags = [
            ("span.kind", "server"),
            ("http.method", "GET"),
            ("http.url", "http://checkout/api/v1/orders/8f14e45f"),
            ("http.status_code", "200"),
            ("component", "net/http"),
            ("peer.address", "10.1.7.9:43512"),
        ];
        out.extend([0x19, 0x6c]);
        for (key, value) in tags {
            tag(&mut out, key, value);
        }
        out.push(0);
    }
    out.extend([0, 0]);
    out
}

fn tag(out: &mut Vec<u8>, key: &str, value: &str) {
    text(out, 0x18, key);
    out.extend([0x15, 0x00]);
    text(out, 0x18, value);
    out.push(0);
}

fn text(out: &mut Vec<u8>, field: u8, text: &str) {
    out.push(field);
    varint(out, text.len() as u64);
    out.extend(text.as_bytes());
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        let [low, ..] = value.to_le_bytes();
        out.push(low | 0x80);
        value >>= 7;
    }
    out.extend(value.to_le_bytes().first());
}
