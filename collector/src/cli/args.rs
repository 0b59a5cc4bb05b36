//! What can be typed.

#[cfg(feature = "generate")]
mod generate;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
#[cfg(feature = "generate")]
pub(super) use generate::{Generate, Protocol};
use sluice_config::GoDuration;

/// Receives, processes and exports telemetry: a drop-in for the OpenTelemetry Collector.
#[derive(Debug, Parser)]
#[command(name = "sluice", version = concat!("version ", env!("CARGO_PKG_VERSION")))]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

/// Flags of every command.
#[derive(Debug, Default, ClapArgs)]
pub(super) struct Common {
    /// Where the configuration is: a path, or file:, env:, yaml:, http: and https: URIs. May be repeated; later
    /// ones are merged over earlier ones. Without it: $SLUICE_CONFIG, /etc/sluice/config.yaml,
    /// /etc/otelcol-contrib/config.yaml, /etc/otelcol/config.yaml, the built-in one.
    #[arg(long, global = true, value_name = "LOCATION")]
    pub(super) config: Vec<String>,
    /// Sets one value over the configuration, such as processors.batch.timeout=2s. May be repeated.
    #[arg(long, global = true, value_name = "KEY.PATH=VALUE")]
    pub(super) set: Vec<String>,
    /// Feature gates of otelcol, separated by commas; -gate disables. Known ones are taken and change nothing.
    #[arg(long, global = true, value_name = "GATES", allow_hyphen_values = true)]
    pub(super) feature_gates: Vec<String>,
    /// Makes a variable that is not set and has no default an error.
    #[arg(long, global = true)]
    pub(super) strict: bool,
    /// How long to serve on after SIGTERM while already not ready [default: 0s]
    #[arg(long, global = true, value_name = "DURATION")]
    pub(super) drain_delay: Option<String>,
    /// How long the shutdown may take [default: 20s]
    #[arg(long, global = true, value_name = "DURATION")]
    pub(super) shutdown_timeout: Option<String>,
    /// MiB that data from outside may occupy [default: 80% of the limit less 20]
    #[arg(long, global = true, value_name = "MIB")]
    pub(super) memory_budget_mib: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Runs the collector; also without any command.
    Run,
    /// Checks the configuration as far as can be told without starting it.
    Validate(Validate),
    /// Lists the component types of this binary.
    Components,
    /// Prints the configuration with all defaults filled in.
    #[command(alias = "print-initial-config")]
    PrintConfig(PrintConfig),
    /// Prints the pipelines.
    Graph(Graph),
    /// Asks a running collector whether it is well.
    Healthcheck(Healthcheck),
    /// Scrapes a target of Prometheus once and shows what it exposes, how it is read, and the OTLP that becomes of it.
    #[cfg(feature = "prometheus-receiver")]
    Scrape(Scrape),
    /// Sends made-up telemetry of a small shop, for demos and capacity tests, and tells what became of it.
    #[cfg(feature = "generate")]
    Generate(Generate),
    /// Waits, for images without a shell.
    Sleep {
        /// Such as 300ms or 1m30s.
        #[arg(value_parser = |text: &str| text.parse::<GoDuration>())]
        duration: GoDuration,
    },
    /// Prints the version.
    Version,
    /// Lists the feature gates that are taken.
    Featuregate {
        /// Only this one.
        id: Option<String>,
    },
}

#[derive(Debug, Default, ClapArgs)]
pub(super) struct Validate {
    /// How problems are printed: text on standard error, or everything as one JSON object on standard output.
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: ValidateFormat,
    /// Does not print the tier of each pipeline.
    #[arg(long, short)]
    pub(super) quiet: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ValidateFormat {
    #[default]
    Text,
    Json,
}

#[derive(Debug, ClapArgs)]
pub(super) struct PrintConfig {
    /// Whether secrets are shown.
    #[arg(long, value_enum, default_value_t)]
    pub(super) mode: Mode,
    /// The notation.
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Notation,
    /// Adds to each value where it was written, as a comment. YAML only.
    #[arg(long)]
    pub(super) origins: bool,
    /// With false, nothing is checked: with --mode unredacted prints what was read and merged as it is, else what
    /// it decodes to.
    #[arg(long, default_value_t = true, num_args = 0..=1, default_missing_value = "true", action = clap::ArgAction::Set)]
    pub(super) validate: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Mode {
    #[default]
    Redacted,
    Unredacted,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Notation {
    #[default]
    Yaml,
    Json,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Graph {
    /// The notation.
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: GraphFormat,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum GraphFormat {
    #[default]
    Text,
    Dot,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Healthcheck {
    /// The URL to ask. Without it, that of the health_check extension of --config or $SLUICE_CONFIG; without those,
    /// every sluice that runs here, and if there is none, http://localhost:13133/.
    #[arg(long, value_name = "URL")]
    pub(super) endpoint: Option<String>,
    /// Asks the sluice with this process id.
    #[arg(long, value_name = "PID", conflicts_with = "endpoint")]
    pub(super) pid: Option<u32>,
    /// How long to wait for the answer.
    #[arg(long, default_value = "5s", value_parser = |text: &str| text.parse::<GoDuration>())]
    pub(super) timeout: GoDuration,
}

#[cfg(feature = "prometheus-receiver")]
#[derive(Debug, ClapArgs)]
pub(super) struct Scrape {
    /// Where the metrics are; `host:port` is `http://host:port/metrics`.
    pub(super) url: String,
    /// How the OTLP is printed: as the debug exporter does, as OTLP's JSON, or not at all.
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: ScrapeFormat,
    /// How long to wait for the whole answer.
    #[arg(long, default_value = "10s", value_parser = |text: &str| text.parse::<GoDuration>())]
    pub(super) timeout: GoDuration,
    /// A header to send, such as "Authorization: Bearer abc". May be repeated.
    #[arg(long, value_name = "NAME: VALUE")]
    pub(super) header: Vec<String>,
    /// The label job.
    #[arg(long, default_value = "scrape")]
    pub(super) job: String,
    /// Asks for native histograms, and so for protobuf first.
    #[arg(long)]
    pub(super) native_histograms: bool,
    /// How an answer is read that does not say its format, such as PrometheusText0.0.4.
    #[arg(long, value_name = "PROTOCOL")]
    pub(super) fallback: Option<String>,
    /// Takes every certificate.
    #[arg(long)]
    pub(super) insecure_skip_verify: bool,
}

#[cfg(feature = "prometheus-receiver")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum ScrapeFormat {
    #[default]
    Text,
    Json,
    None,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn flags_may_stand_before_and_after_the_command() {
        for line in ["sluice --config a --strict validate --quiet", "sluice validate --strict -q --config a"]
        {
            let args = Args::try_parse_from(line.split(' ')).unwrap();
            assert_eq!((args.common.config, args.common.strict), (vec!["a".to_owned()], true), "{line}");
            assert!(matches!(args.command, Some(Command::Validate(Validate { quiet: true, .. }))));
        }
        let args = Args::try_parse_from(["sluice", "--feature-gates", "-a.b,+c"]).unwrap();
        assert_eq!(args.common.feature_gates, ["-a.b,+c"]);
        assert!(args.command.is_none());
    }

    #[test]
    fn otelcols_name_of_print_config_works() {
        let args = Args::try_parse_from(["sluice", "print-initial-config", "--validate=false"]).unwrap();
        assert!(matches!(args.command, Some(Command::PrintConfig(PrintConfig { validate: false, .. }))));
    }
}
