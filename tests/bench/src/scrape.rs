//! What it costs to scrape one large target and to write its samples on: sluice against a Prometheus in agent mode.
//!
//! [`target`] serves the page, [`sink`] takes remote write. Between them each contender in turn, several rounds; what
//! is counted is the CPU time of the contender between two readings, and the samples that arrived between them.

pub(crate) mod sink;
pub(crate) mod target;

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{ChildStdin, ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use clap::Args;

use crate::{
    Failure,
    process::{Running, free_address, piped},
    report::{median, precise},
};
use sink::Account;

#[derive(Args)]
pub(crate) struct Options {
    /// Series of the target.
    #[arg(long, default_value_t = 10_000)]
    series: usize,
    /// Time between two scrapes, in milliseconds.
    #[arg(long, default_value_t = 1000)]
    interval: u64,
    /// Seconds that are measured, after `warmup`.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Seconds from the first sample until measuring begins.
    #[arg(long, default_value_t = 15)]
    warmup: u64,
    /// Rounds.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Contenders, in the order of a round: `sluice`, `prometheus`, both also with `-2` for remote write 2.0.
    #[arg(long, value_delimiter = ',', default_value = "sluice,prometheus")]
    contenders: Vec<String>,
    /// The binary of sluice; by default the one beside this program.
    #[arg(long, env = "SLUICE_BIN")]
    sluice: Option<PathBuf>,
    /// The binary of Prometheus, 3.0 or later.
    #[arg(long, env = "PROMETHEUS_BIN")]
    prometheus: Option<PathBuf>,
}

/// One contender in one round.
struct Figures {
    contender: String,
    cpu: Duration,
    samples: u64,
    requests: u64,
    bytes: u64,
    malformed: u64,
    /// Resident bytes, each second.
    memory: Vec<u64>,
    peak_memory: u64,
}

pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    let mut figures = Vec::new();
    for round in 1..=options.rounds {
        for contender in &options.contenders {
            eprintln!("round {round} of {}: {contender}", options.rounds);
            figures.push(measure(contender, options).map_err(|failure| format!("{contender}: {failure}"))?);
        }
    }
    print(options, &figures);
    Ok(())
}

fn measure(contender: &str, options: &Options) -> Result<Figures, Failure> {
    const READY: Duration = Duration::from_secs(20);
    let bench = env::current_exe()?;
    let (target, sink, own) = (free_address()?, free_address()?, free_address()?);
    let directory = tempfile::tempdir()?;

    let mut page = Running::start(Command::new(&bench).args([
        "scrape-target",
        "--listen",
        &target.to_string(),
        "--series",
        &options.series.to_string(),
    ]))?;
    page.wait_ready(target, READY)?;
    let mut taker = Running::start(piped(&bench).args(["scrape-sink", "--listen", &sink.to_string()]))?;
    taker.wait_ready(sink, READY)?;
    let mut ledger = Ledger::of(&mut taker)?;

    let addresses = Addresses { target, sink, own };
    let mut command = match contender {
        "sluice" => sluice(options, directory.path(), &addresses, RW1)?,
        "sluice-2" => sluice(options, directory.path(), &addresses, RW2)?,
        "prometheus" => prometheus(options, directory.path(), &addresses, RW1)?,
        "prometheus-2" => prometheus(options, directory.path(), &addresses, RW2)?,
        unknown => return Err(format!("unknown contender {unknown:?}").into()),
    };
    let complaints = fs::File::create(directory.path().join("log"))?;
    command.stdin(Stdio::null()).stdout(complaints.try_clone()?).stderr(complaints);
    let mut carrier = Running::start(&mut command)?;
    let log = || fs::read_to_string(directory.path().join("log")).unwrap_or_default();
    carrier.wait_ready(own, READY).map_err(|failure| format!("{failure}\n{}", log()))?;

    let patience = Instant::now() + READY;
    while ledger.read()?.samples == 0 {
        if Instant::now() > patience {
            return Err(format!("no sample arrived\n{}", log()).into());
        }
        thread::sleep(Duration::from_millis(50));
    }
    thread::sleep(Duration::from_secs(options.warmup));
    let (cpu, before) = (carrier.cpu()?, ledger.read()?);
    let mut memory = Vec::new();
    for _ in 0..options.seconds {
        thread::sleep(Duration::from_secs(1));
        memory.push(carrier.memory("VmRSS")?);
    }
    let (cpu, after) = (carrier.cpu()?.saturating_sub(cpu), ledger.read()?);
    Ok(Figures {
        contender: contender.to_owned(),
        cpu,
        samples: after.samples - before.samples,
        requests: after.requests - before.requests,
        bytes: after.bytes - before.bytes,
        malformed: after.malformed,
        memory,
        peak_memory: carrier.memory("VmHWM")?,
    })
}

const RW1: &str = "prometheus.WriteRequest";
const RW2: &str = "io.prometheus.write.v2.Request";

struct Addresses {
    target: SocketAddr,
    sink: SocketAddr,
    /// Where the contender tells of itself.
    own: SocketAddr,
}

/// The scrape configuration that both get.
fn scrape_config(options: &Options, to: &Addresses) -> String {
    let Options { interval, .. } = options;
    format!(
        "{{global: {{scrape_interval: {interval}ms, scrape_timeout: {interval}ms}}, \
         scrape_configs: [{{job_name: bench, static_configs: [{{targets: ['{}']}}]}}]",
        to.target
    )
}

/// As a user would write it: the limiter first, `batch` with its defaults, one exporter with its queue.
fn sluice(options: &Options, folder: &Path, to: &Addresses, message: &str) -> Result<Command, Failure> {
    let program = match &options.sluice {
        Some(program) => program.clone(),
        None => env::current_exe()?.with_file_name("sluice"),
    };
    let config = folder.join("sluice.yaml");
    fs::write(
        &config,
        format!(
            "
receivers: {{prometheus: {{config: {scrape}}}}}}}
processors:
  memory_limiter: {{check_interval: 1s, limit_mib: 1024}}
  batch: {{}}
exporters:
  prometheus_remote_write: {{endpoint: 'http://{sink}/api/v1/write', protobuf_message: {message}}}
service:
  telemetry:
    logs: {{level: warn}}
    metrics: {{readers: [{{pull: {{exporter: {{prometheus: {{host: '{host}', port: {port}}}}}}}}}]}}
  pipelines:
    metrics: {{receivers: [prometheus], processors: [memory_limiter, batch], exporters: [prometheus_remote_write]}}
",
            scrape = scrape_config(options, to),
            sink = to.sink,
            host = to.own.ip(),
            port = to.own.port(),
        ),
    )?;
    let mut command = Command::new(program);
    command.arg("--config").arg(config);
    Ok(command)
}

/// A Prometheus in agent mode with its defaults.
fn prometheus(options: &Options, folder: &Path, to: &Addresses, message: &str) -> Result<Command, Failure> {
    let program =
        options.prometheus.as_ref().ok_or("name a Prometheus with --prometheus or PROMETHEUS_BIN")?;
    let config = folder.join("prometheus.yaml");
    let scrape = scrape_config(options, to);
    fs::write(
        &config,
        format!(
            "{scrape}, remote_write: [{{url: 'http://{}/api/v1/write', protobuf_message: {message}}}]}}\n",
            to.sink
        ),
    )?;
    let mut command = Command::new(program);
    command
        .arg("--agent")
        .arg(format!("--config.file={}", config.display()))
        .arg(format!("--storage.agent.path={}", folder.join("data").display()))
        .arg(format!("--web.listen-address={}", to.own))
        .arg("--log.level=warn");
    Ok(command)
}

/// The sink's account, asked for over its pipes.
struct Ledger {
    ask: ChildStdin,
    answer: BufReader<ChildStdout>,
}

impl Ledger {
    fn of(sink: &mut Running) -> Result<Self, Failure> {
        let child = sink.child();
        let ask = child.stdin.take().ok_or("no stdin")?;
        let answer = BufReader::new(child.stdout.take().ok_or("no stdout")?);
        Ok(Self { ask, answer })
    }

    fn read(&mut self) -> Result<Account, Failure> {
        writeln!(self.ask)?;
        let mut line = String::new();
        self.answer.read_line(&mut line)?;
        Ok(serde_json::from_str(&line)?)
    }
}

fn print(options: &Options, figures: &[Figures]) {
    println!(
        "medians of {} rounds of {} s; {} series every {} ms",
        options.rounds, options.seconds, options.series, options.interval
    );
    println!(
        "{:<14} {:>9} {:>15} {:>10} {:>10} {:>9} {:>9} {:>11} {:>9}",
        "contender",
        "CPU-s/M",
        "(all rounds)",
        "samples/s",
        "requests",
        "bytes/smp",
        "RSS MiB",
        "peak MiB",
        "malformed"
    );
    for contender in &options.contenders {
        let rounds: Vec<_> = figures.iter().filter(|one| one.contender == *contender).collect();
        let pick = |value: &dyn Fn(&Figures) -> f64| median(rounds.iter().map(|one| value(one)).collect());
        let costs: Vec<f64> = rounds.iter().map(|one| one.cost()).collect();
        let lowest = costs.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = costs.iter().copied().fold(0.0, f64::max);
        println!(
            "{contender:<14} {:>9.2} {:>15} {:>10.0} {:>10.0} {:>9.1} {:>9.1} {:>11.1} {:>9.0}",
            median(costs),
            format!("{lowest:.2}..{highest:.2}"),
            pick(&|one| precise(one.samples)) / precise(options.seconds),
            pick(&|one| precise(one.requests)),
            pick(&|one| precise(one.bytes) / precise(one.samples)),
            pick(&Figures::mean_memory),
            pick(&|one| precise(one.peak_memory) / 1_048_576.0),
            pick(&|one| precise(one.malformed)),
        );
    }
}

impl Figures {
    /// CPU seconds per million samples.
    fn cost(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / precise(self.samples)
    }

    /// The mean of the readings, in MiB: a garbage collector makes single ones say little.
    fn mean_memory(&self) -> f64 {
        precise(self.memory.iter().sum()) / precise(self.memory.len() as u64) / 1_048_576.0
    }
}
