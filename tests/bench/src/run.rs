//! The rounds: every contender once in each, between a fresh sink and a fresh load generator.

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use clap::Args;

use crate::{
    Failure,
    load::{Protocol, Sent},
    process::{Running, free_address, piped},
    report::{self, Figures},
    sink::Account,
};

#[derive(Args)]
pub(crate) struct Options {
    /// Spans that each contender carries in each round.
    #[arg(long, default_value_t = 1_000_000)]
    items: u64,
    /// Rounds.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Contenders, in the order of a round. Further ones come from BENCH_CONTENDERS.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "relay-bytes,sluice,relay-decode,relay-bytes-gzip,sluice-gzip"
    )]
    contenders: Vec<String>,
    /// Level of relay-bytes-gzip. sluice-gzip has the level that OTLP over gRPC has without settings, which is 6.
    #[arg(long, default_value_t = 6)]
    gzip_level: u32,
    /// The binary of sluice; by default the one beside this program.
    #[arg(long, env = "SLUICE_BIN")]
    sluice: Option<PathBuf>,
    /// Seconds after which a contender is given up in a round.
    #[arg(long, default_value_t = 60)]
    limit: u64,
}

/// Who carries the load: a command that listens at and sends to the addresses it is given.
struct Contender {
    name: String,
    protocol: Protocol,
    start: Box<dyn Fn(Addresses) -> Result<Command, Failure>>,
}

#[derive(Clone, Copy)]
struct Addresses {
    listen: SocketAddr,
    sink: SocketAddr,
}

pub(crate) async fn run(options: &Options) -> Result<(), Failure> {
    let contenders = contenders(options)?;
    let mut figures = Vec::new();
    for round in 1..=options.rounds {
        for contender in &contenders {
            eprintln!("round {round} of {}: {}", options.rounds, contender.name);
            let measured = tokio::task::block_in_place(|| measure(contender, options));
            figures.push(measured.map_err(|failure| format!("{}: {failure}", contender.name))?);
        }
    }
    report::print(&figures, options.items);
    Ok(())
}

fn contenders(options: &Options) -> Result<Vec<Contender>, Failure> {
    let mut all = Vec::new();
    for name in &options.contenders {
        let protocol = if name.ends_with("-http") { Protocol::Http } else { Protocol::Grpc };
        let level = options.gzip_level;
        let start: Box<dyn Fn(Addresses) -> Result<Command, Failure>> = match name.as_str() {
            "relay-bytes" => Box::new(|to| relay("relay-bytes", to, &[])),
            "relay-bytes-gzip" => {
                Box::new(move |to| relay("relay-bytes", to, &["--gzip", &level.to_string()]))
            }
            "relay-decode" => Box::new(|to| relay("relay-decode", to, &[])),
            "sluice" | "sluice-gzip" | "sluice-http" | "sluice-resource" | "sluice-attributes" => {
                let binary = sluice_binary(options)?;
                let compression = if name == "sluice-gzip" { "gzip" } else { "none" };
                let edits = match name.as_str() {
                    "sluice-resource" => Some(("resource", RESOURCE)),
                    "sluice-attributes" => Some(("attributes", ATTRIBUTES)),
                    _ => None,
                };
                Box::new(move |to| Ok(sluice(&binary, to, protocol, compression, edits)))
            }
            unknown => return Err(format!("unknown contender {unknown:?}").into()),
        };
        all.push(Contender { name: name.clone(), protocol, start });
    }
    for entry in env::var("BENCH_CONTENDERS").unwrap_or_default().split(';').filter(|entry| !entry.is_empty())
    {
        let (name, command) = entry.split_once('=').ok_or("BENCH_CONTENDERS is name=command;name=command")?;
        let command = command.to_owned();
        let start = move |to| Ok(foreign(&command, to));
        all.push(Contender { name: name.to_owned(), protocol: Protocol::Grpc, start: Box::new(start) });
    }
    Ok(all)
}

fn relay(role: &str, to: Addresses, more: &[&str]) -> Result<Command, Failure> {
    let mut command = Command::new(env::current_exe()?);
    command.args([role, "--listen", &to.listen.to_string(), "--sink", &to.sink.to_string()]).args(more);
    Ok(command)
}

fn sluice_binary(options: &Options) -> Result<PathBuf, Failure> {
    let binary = match &options.sluice {
        Some(binary) => binary.clone(),
        None => env::current_exe()?.with_file_name("sluice"),
    };
    if !binary.is_file() {
        return Err(format!("no sluice at {}: build it, or name it with --sluice", binary.display()).into());
    }
    Ok(binary)
}

/// Two attributes more for each resource.
const RESOURCE: &str = "{attributes: [
    {key: k8s.cluster.name, value: eu-west-1, action: insert},
    {key: k8s.namespace.name, value: shop, action: insert}]}";
/// Two attributes more for each span, and another name for one that all of them have.
const ATTRIBUTES: &str = "{actions: [
    {key: k8s.cluster.name, value: eu-west-1, action: insert},
    {key: k8s.namespace.name, value: shop, action: insert},
    {key: http.method, from_attribute: http.request.method, action: upsert},
    {key: http.request.method, action: delete}]}";

/// As a user would write it: the limiter first, `batch` with its defaults, one exporter with its queue. `edits` is a
/// processor between the two, with its settings.
fn sluice(
    binary: &Path,
    to: Addresses,
    protocol: Protocol,
    compression: &str,
    edits: Option<(&str, &str)>,
) -> Command {
    let Addresses { listen, sink } = to;
    let (settings, name) = match edits {
        Some((name, settings)) => (format!("{name}: {settings}"), format!("{name}, ")),
        None => Default::default(),
    };
    let protocol = protocol.as_str();
    let config = format!(
        "
receivers: {{otlp: {{protocols: {{{protocol}: {{endpoint: '{listen}'}}}}}}}}
processors:
  memory_limiter: {{check_interval: 1s, limit_mib: 1024}}
  batch: {{}}
  {settings}
exporters:
  otlp_grpc: {{endpoint: '{sink}', tls: {{insecure: true}}, compression: {compression}}}
service:
  telemetry: {{logs: {{level: warn}}, metrics: {{level: none}}}}
  pipelines:
    traces: {{receivers: [otlp], processors: [memory_limiter, {name}batch], exporters: [otlp_grpc]}}
"
    );
    let mut command = Command::new(binary);
    command.arg("--config").arg(format!("yaml:{config}"));
    command
}

/// Somebody else's collector: its config reads the addresses from the environment.
fn foreign(command: &str, to: Addresses) -> Command {
    let mut words = command.split_whitespace();
    let mut child = Command::new(words.next().unwrap_or_default());
    child.args(words).env("BENCH_LISTEN", to.listen.to_string()).env("BENCH_SINK", to.sink.to_string());
    child
}

fn measure(contender: &Contender, options: &Options) -> Result<Figures, Failure> {
    const READY: Duration = Duration::from_secs(10);
    const SETTLE: Duration = Duration::from_millis(300);
    let limit = Instant::now() + Duration::from_secs(options.limit);
    let bench = env::current_exe()?;
    let to = Addresses { listen: free_address()?, sink: free_address()? };

    let mut sink = Running::start(piped(&bench).args(["sink", "--listen", &to.sink.to_string()]))?;
    sink.wait_ready(to.sink, READY)?;
    let mut ledger = Ledger::of(&mut sink)?;

    let mut carrier = Running::start((contender.start)(to)?.stdin(Stdio::null()).stdout(Stdio::null()))?;
    let ready = carrier.wait_ready(to.listen, READY)?;
    thread::sleep(SETTLE);
    let idle = carrier.memory("VmRSS")?;

    let before = carrier.cpu()?;
    let mut load = Running::start(piped(&bench).args([
        "load",
        "--target",
        &to.listen.to_string(),
        "--protocol",
        contender.protocol.as_str(),
        "--items",
        &options.items.to_string(),
    ]))?;
    let sent = wait_sent(&mut load, limit)?;
    let account = ledger.wait_settled(sent.items, limit)?;
    Ok(Figures {
        contender: contender.name.clone(),
        cpu: carrier.cpu()?.saturating_sub(before),
        sent,
        account,
        ready,
        idle_memory: idle,
        peak_memory: carrier.memory("VmHWM")?,
    })
}

fn wait_sent(load: &mut Running, limit: Instant) -> Result<Sent, Failure> {
    let status = loop {
        if let Some(status) = load.child().try_wait()? {
            break status;
        }
        if Instant::now() > limit {
            return Err("the load was not carried in time".into());
        }
        thread::sleep(Duration::from_millis(5));
    };
    if !status.success() {
        return Err("the load generator failed".into());
    }
    let output = load.child().stdout.take().ok_or("no stdout")?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
}

/// The sink's account, asked for over its pipes.
struct Ledger {
    ask: std::process::ChildStdin,
    answer: BufReader<std::process::ChildStdout>,
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

    /// Waits until `items` have arrived, or until nothing more does: what is missing then is lost.
    fn wait_settled(&mut self, items: u64, limit: Instant) -> Result<Account, Failure> {
        const QUIET: Duration = Duration::from_secs(3);
        let mut last = self.read()?;
        let mut moved = Instant::now();
        while last.items < items && moved.elapsed() < QUIET && Instant::now() < limit {
            thread::sleep(Duration::from_millis(10));
            let now = self.read()?;
            if now != last {
                moved = Instant::now();
            }
            last = now;
        }
        Ok(last)
    }
}
