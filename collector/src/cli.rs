//! The command line: otelcol's commands and flags, and some of our own.
//!
//! [`run`] is the whole program. `args` says what can be typed; each command has a file of its own; `sources` finds
//! and reads the configuration, `failure` says what went wrong.
mod args;
mod components;
mod container;
mod default_config;
mod failure;
mod fetch;
mod gates;
#[cfg(feature = "generate")]
mod generate;
mod healthcheck;
mod print_config;
mod readiness;
#[cfg(feature = "prometheus-receiver")]
mod scrape;
mod serve;
mod signals;
mod sources;
mod validate;

use std::{
    io::{self, Write},
    process::ExitCode,
};

use args::{Args, Command, GraphFormat};
use clap::Parser;
use failure::Failure;
use sluice_component::Registry;
use sluice_config::Reach;

/// Runs the command of this process's arguments with the component types of `registry`.
///
/// Ends with 0 when all is well, also after a stop by a signal; with 1 on any error, which is then printed on
/// standard error after otelcol's prefixes.
#[must_use]
pub fn run(registry: &Registry) -> ExitCode {
    // One provider for every crate that uses TLS. A second call, in tests, changes nothing.
    let _already = rustls::crypto::ring::default_provider().install_default();
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(usage) => {
            let _lost = usage.print();
            return if usage.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    match dispatch(&args, registry) {
        Ok(code) => code,
        Err(failure) => {
            // When standard error is gone as well, the exit code still tells.
            let _lost = io::stderr().lock().write_all(failure.to_string().as_bytes());
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: &Args, registry: &Registry) -> Result<ExitCode, Failure> {
    let gates = gates::parse(&args.common.feature_gates)?;
    let done = |()| ExitCode::SUCCESS;
    match args.command.as_ref().unwrap_or(&Command::Run) {
        Command::Run => serve::run(&args.common, &gates, registry),
        Command::Validate(options) => validate::run(&args.common, options, registry),
        Command::Components => print(&components::list(registry)).map(done),
        Command::PrintConfig(options) => {
            print(&print_config::run(&args.common, options, registry)?).map(done)
        }
        Command::Graph(options) => {
            let plan = sources::read(&args.common, registry, Reach::Settings)?.plan;
            let text = match options.format {
                GraphFormat::Text => plan.to_text(),
                GraphFormat::Dot => plan.to_dot(),
            };
            print(&text).map(done)
        }
        Command::Healthcheck(options) => healthcheck::run(&args.common, options, registry).map(done),
        #[cfg(feature = "prometheus-receiver")]
        Command::Scrape(options) => scrape::run(options),
        #[cfg(feature = "generate")]
        Command::Generate(options) => generate::run(options, registry),
        Command::Sleep { duration } => {
            std::thread::sleep(duration.get());
            Ok(ExitCode::SUCCESS)
        }
        Command::Version => print(&format!("sluice version {}\n", env!("CARGO_PKG_VERSION"))).map(done),
        Command::Featuregate { id } => print(&gates::table(id.as_deref())?).map(done),
    }
}

/// Prints to standard output. A reader that went away, as `head` does, is no error.
fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new(format!("cannot write to standard output: {error}")))
        }
        _ => Ok(()),
    }
}
