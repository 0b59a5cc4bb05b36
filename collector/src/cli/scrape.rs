//! `scrape`: one scrape of a target by hand.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    process::ExitCode,
};

use sluice_component::Budget;
use sluice_pdata::Pdata;
use sluice_receivers::prometheus::{Outcome, ScrapeConfig, ScrapeProtocol, Trial};
use tokio::runtime::Builder;

use super::{
    args::{Scrape, ScrapeFormat},
    failure::Failure,
    print,
};

/// What an answer may occupy.
const BUDGET: usize = 1 << 30;

pub(super) fn run(options: &Scrape) -> Result<ExitCode, Failure> {
    let trial = trial(options)?;
    let failed = |error: String| Failure::new(format!("cannot scrape {}: {error}", options.url));
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| failed(error.to_string()))?;
    let outcome = runtime.block_on(trial.run(&Budget::new(BUDGET)));
    runtime.shutdown_background();
    let outcome = outcome.map_err(failed)?;
    show(&outcome, options.format)?;
    match outcome.error {
        None => Ok(ExitCode::SUCCESS),
        Some(error) => Err(failed(error)),
    }
}

fn trial(options: &Scrape) -> Result<Trial, Failure> {
    let mut job = ScrapeConfig { job_name: options.job.as_str().into(), ..ScrapeConfig::default() };
    job.common.scrape_native_histograms = Some(options.native_histograms);
    job.client.tls_config.insecure_skip_verify = options.insecure_skip_verify;
    if let Some(word) = &options.fallback {
        let protocol = ScrapeProtocol::from_word(word);
        let known = || ScrapeProtocol::words().join(", ");
        let protocol = protocol.ok_or_else(|| {
            Failure::new(format!("--fallback: `{word}` is no protocol; known: {}", known()))
        })?;
        job.fallback_scrape_protocol = Some(protocol);
    }
    let headers = options.header.iter().map(|header| {
        let parts =
            header.split_once(':').map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()));
        parts.ok_or_else(|| Failure::new(format!("--header: `{header}` is no `Name: value`")))
    });
    Ok(Trial {
        url: options.url.clone(),
        job,
        user_agent: concat!("sluice/", env!("CARGO_PKG_VERSION")).to_owned(),
        headers: headers.collect::<Result<_, _>>()?,
        timeout: options.timeout.get(),
    })
}

/// What came of it on standard error, and the OTLP on standard output.
fn show(outcome: &Outcome, format: ScrapeFormat) -> Result<(), Failure> {
    // When standard error is gone, standard output still tells.
    io::stderr().lock().write_all(summary(outcome).as_bytes()).unwrap_or_default();
    match (&outcome.data, format) {
        (None, _) | (_, ScrapeFormat::None) => Ok(()),
        (Some(data), ScrapeFormat::Json) => print(&json(data)),
        (Some(data), ScrapeFormat::Text) => print(&text(data)),
    }
}

fn summary(outcome: &Outcome) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        // Writing to a string cannot fail.
        writeln!(text, "{name:<14}{value}").unwrap_or_default();
    };
    if !outcome.status.is_empty() {
        line("status", outcome.status.clone());
        line("content type", outcome.content_type.clone());
        line("bytes", outcome.bytes.to_string());
    }
    if let Some(format) = outcome.format {
        line("format", format.to_owned());
        let kinds = outcome.families.iter().map(|(kind, count)| format!("{count} {kind}"));
        let kinds: Vec<String> = kinds.collect();
        let families: usize = outcome.families.values().sum();
        let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
        line("families", format!("{families}{kinds}"));
        line("samples", outcome.samples.to_string());
    }
    for (metric, reason, samples) in &outcome.dropped {
        let of = if metric.is_empty() { String::new() } else { format!(" of {metric}") };
        line("dropped", format!("{samples}{of}: {reason}"));
    }
    text
}

#[cfg(feature = "debug-exporter")]
fn text(data: &Pdata) -> String {
    use sluice_exporters::debug::{Verbosity, dump_of};
    dump_of(data, Verbosity::Detailed)
}

/// This build has nothing that prints for people.
#[cfg(not(feature = "debug-exporter"))]
fn text(data: &Pdata) -> String {
    json(data)
}

fn json(data: &Pdata) -> String {
    let mut json = Vec::new();
    sluice_pdata::json::encode_request(data, &mut json);
    json.push(b'\n');
    String::from_utf8_lossy(&json).into_owned()
}
