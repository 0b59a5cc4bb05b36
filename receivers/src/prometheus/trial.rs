//! One scrape by hand: what a target exposes, how it is read, and what would be handed on.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use sluice_component::{Budget, Permit};
use sluice_formats::prometheus::{
    exposition::{Entry, Format, Parser},
    labels::Labels,
    model::MetricType,
};
use sluice_net::http::{HeaderName, HeaderValue, StatusCode, Url, header};
use sluice_pdata::{Limits, Pdata, Signal};
use tokio::time::Instant;

use super::{
    Config, HttpClient, ScrapeConfig,
    job::Job,
    reach::Reach,
    scrape::{Answer, Counts, Report},
    scraper::{fetch, process},
    target::Target,
};

/// What is tried.
#[derive(Debug, Clone, Default)]
pub struct Trial {
    /// Where the metrics are.
    pub url: String,
    /// What a scrape configuration may say, `job_name` among it.
    pub job: ScrapeConfig,
    /// `User-Agent`.
    pub user_agent: String,
    /// More headers, by name.
    pub headers: Vec<(String, String)>,
    /// How long it may take.
    pub timeout: Duration,
}

/// What came of it, as far as it came.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The status code, `200 OK`.
    pub status: String,
    /// `Content-Type`.
    pub content_type: String,
    /// The format that the body was read as.
    pub format: Option<&'static str>,
    /// Bytes of the body, decompressed.
    pub bytes: usize,
    /// Metric families, by the word of their type.
    pub families: BTreeMap<&'static str, usize>,
    /// Samples before the end, or before what is wrong.
    pub samples: usize,
    /// Why the scrape fails.
    pub error: Option<String>,
    /// Samples that would be dropped: the metric or empty, why, how many.
    pub dropped: Vec<(String, &'static str, u64)>,
    /// What would be handed on, `up` and its like included.
    pub data: Option<Pdata>,
}

impl Trial {
    /// Scrapes once.
    ///
    /// # Errors
    /// When there is nothing to scrape: no URL, a header that is none, certificates that cannot be read.
    pub async fn run(&self, budget: &Budget) -> Result<Outcome, String> {
        let url = parse(&self.url)?;
        let config = Config::default();
        let job = Job::new(&self.job, &config.global, config.pace())?;
        let reach = Reach::new(&self.client()?, &self.user_agent, budget)?;
        let target = self.target(&job, url);
        let started = Instant::now();
        let mut outcome = Outcome::default();
        let asked =
            tokio::time::timeout(self.timeout, ask(&job, &target, &reach, budget, &mut outcome)).await;
        let read = asked.unwrap_or_else(|_| Err(format!("no whole answer within {:?}", self.timeout)));
        let report = Report { duration: started.elapsed(), timeout: self.timeout, ..Report::default() };
        let permit = budget.reserve(0).map_err(|error| error.to_string())?;
        outcome.translate(&job, &target, read, report, permit);
        Ok(outcome)
    }

    fn client(&self) -> Result<HttpClient, String> {
        let mut client = self.job.client.clone();
        for (name, value) in &self.headers {
            let is_header = HeaderName::try_from(name).is_ok() && HeaderValue::try_from(value).is_ok();
            if !is_header {
                return Err(format!("`{name}: {value}` is no header"));
            }
            client.http_headers.entry(name.clone()).or_default().values.push(value.as_str().into());
        }
        Ok(client)
    }

    fn target(&self, job: &Job, url: Url) -> Target {
        let host = url.host_str().unwrap_or_default();
        let instance = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let labels: Labels = [("job", &job.name), ("instance", &instance)].into_iter().collect();
        let (interval, timeout) = (self.timeout, self.timeout);
        Target { labels, url, interval, timeout, id: 0, series_id: 0, resource: Vec::new() }
    }
}

impl Outcome {
    /// Counts what is in the body, up to its end or to what is wrong.
    fn count(&mut self, job: &Job, format: Format, body: &[u8]) {
        let mut families: BTreeMap<String, MetricType> = BTreeMap::new();
        let mut parser = Parser::new(format, body, job.parse);
        while let Ok(Some(entry)) = parser.next() {
            match entry {
                Entry::Type { family, kind } => drop(families.insert(family.into_owned(), kind)),
                Entry::Help { family, .. } | Entry::Unit { family, .. } => {
                    families.entry(family.into_owned()).or_default();
                }
                Entry::Sample(_) => self.samples += 1,
            }
        }
        for kind in families.into_values() {
            *self.families.entry(kind.word()).or_default() += 1;
        }
    }

    /// Makes OTLP of the answer, or of the failure.
    fn translate(
        &mut self,
        job: &Job,
        target: &Target,
        read: Result<(Format, bytes::Bytes), String>,
        mut report: Report,
        permit: Permit,
    ) {
        let limits = Limits::default();
        let (mut memory, mut transaction) = process::translation(job, target, false, &limits, permit);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at_ms = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        let mut counts = Counts::default();
        report.body_size = Some(self.bytes);
        let scraped = read.and_then(|(format, body)| {
            self.count(job, format, &body);
            memory.scraped(job, Answer { format, body: &body }, at_ms, &mut counts, &mut transaction)
        });
        (report.is_up, report.counts, self.error) = (scraped.is_ok(), counts, scraped.err());
        memory.report(job, &report, at_ms, &mut transaction);
        let request = transaction.finish();
        let (wire, rejected) = match request {
            Ok(request) => (request.wire, request.rejected),
            Err(error) => {
                self.error.get_or_insert(error.to_string());
                return;
            }
        };
        let dropped = rejected.iter();
        self.dropped =
            dropped.map(|(metric, reason, samples)| (metric.to_owned(), reason, samples as u64)).collect();
        self.data = Pdata::from_wire(Signal::Metrics, wire, &limits).ok().map(|(data, _)| data);
    }
}

async fn ask(
    job: &Job,
    target: &Target,
    reach: &Reach,
    budget: &Budget,
    outcome: &mut Outcome,
) -> Result<(Format, bytes::Bytes), String> {
    let answer = reach.fetch(&target.url, fetch::headers(job, target)).await?;
    outcome.status = answer.status().to_string();
    let content_type = answer.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    outcome.content_type = String::from_utf8_lossy(content_type.unwrap_or_default()).into_owned();
    let is_ok = answer.status() == StatusCode::OK;
    let limit = job.limits.body_size.unwrap_or(budget.limit());
    let (body, _permit) =
        answer.read(0, limit, fetch::LIMIT_KEY, budget).await.map_err(|error| error.to_string())?;
    outcome.bytes = body.len();
    if !is_ok {
        return Err(format!("server returned HTTP status {}", outcome.status));
    }
    let format = fetch::format(&outcome.content_type, job.fallback)?;
    outcome.format = Some(match format {
        Format::Text => "Prometheus text",
        Format::OpenMetrics => "OpenMetrics",
        Format::Protobuf => "protobuf",
    });
    Ok((format, body))
}

/// The URL of the metrics: `host:port` is `http://host:port/metrics`.
fn parse(text: &str) -> Result<Url, String> {
    let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let has_path = text.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
    let mut url = Url::parse(&text).map_err(|error| format!("`{text}` is no URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("`{text}` must start with http:// or https://"));
    }
    if !has_path {
        url.set_path("/metrics");
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_of_a_url_is_added() {
        for (text, url) in [
            ("localhost:9100", "http://localhost:9100/metrics"),
            ("http://localhost:9100", "http://localhost:9100/metrics"),
            ("https://h/", "https://h/"),
            ("h:1/probe?target=x", "http://h:1/probe?target=x"),
            ("h:1?x=y", "http://h:1/metrics?x=y"),
        ] {
            assert_eq!(parse(text).unwrap().as_str(), url);
        }
        for text in ["ftp://h", "", "http://", "h:port"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
