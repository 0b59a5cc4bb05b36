//! From what discovery finds to what is scraped.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use sluice_formats::prometheus::labels::{Labels, LabelsBuilder};
use sluice_net::http::Url;

use super::{
    job::Job,
    settings::{PromDuration, TargetGroup, check_address},
};

/// A target, as relabelling left it.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// What its samples get: `job`, `instance` and the like.
    pub(super) labels: Labels,
    pub(super) url: Url,
    pub(super) interval: Duration,
    pub(super) timeout: Duration,
    /// Of all labels, the URL and the resource: what is equal is one target.
    pub(super) id: u64,
    /// Of what its series have of it: where that is equal, series of one target are those of the other.
    pub(super) series_id: u64,
    /// Attributes of the resource that discovery knows.
    pub(super) resource: Vec<(String, String)>,
}

/// What discovery of Kubernetes, the target allocator's for one, says of a target, and what OpenTelemetry calls it. The
/// first label that is there counts.
const KUBERNETES: [(&str, &[&str]); 5] = [
    ("k8s.pod.name", &["__meta_kubernetes_pod_name"]),
    ("k8s.pod.uid", &["__meta_kubernetes_pod_uid"]),
    ("k8s.container.name", &["__meta_kubernetes_pod_container_name"]),
    ("k8s.namespace.name", &["__meta_kubernetes_namespace"]),
    (
        "k8s.node.name",
        &[
            "__meta_kubernetes_pod_node_name",
            "__meta_kubernetes_node_name",
            "__meta_kubernetes_endpoint_node_name",
        ],
    ),
];

const ADDRESS: &str = "__address__";
const INTERVAL: &str = "__scrape_interval__";
const TIMEOUT: &str = "__scrape_timeout__";
const SCHEME: &str = "__scheme__";
const PATH: &str = "__metrics_path__";
const PARAM: &str = "__param_";
const META: &str = "__meta_";
const INSTANCE: &str = "instance";

/// The targets of a group, without those that relabelling drops; or why one of them is none.
pub(super) fn targets<'a>(
    job: &'a Job,
    group: &'a TargetGroup,
) -> impl Iterator<Item = Result<Target, String>> + 'a {
    group.targets.iter().filter_map(|address| Target::new(job, group, address).transpose())
}

impl Target {
    fn new(job: &Job, group: &TargetGroup, address: &str) -> Result<Option<Self>, String> {
        let mut labels = discovered(job, group, address);
        let resource = kubernetes(&labels);
        if !job.relabel.apply(&mut labels) {
            return Ok(None);
        }
        let address = labels.get(ADDRESS).ok_or_else(|| "no address".to_owned())?.to_owned();
        check_address(&address)?;
        let interval = duration(&labels, INTERVAL)?;
        let timeout = duration(&labels, TIMEOUT)?;
        if timeout > interval {
            return Err("the scrape timeout cannot be greater than the scrape interval".to_owned());
        }
        labels.retain(|name, _| !name.starts_with(META));
        if labels.get(INSTANCE).is_none() {
            labels.set(INSTANCE, &address);
        }
        let url = url(job, &labels, &address)?;
        let id = hash(&(&labels.build(), url.as_str(), &resource));
        labels.retain(|name, _| !name.starts_with("__"));
        let labels = labels.build();
        let series_id = hash(&(&labels, url.scheme(), &resource));
        Ok(Some(Self { labels, url, interval, timeout, id, series_id, resource }))
    }

    /// The URL for messages: without its query, user and password, which can be secrets.
    pub(super) fn shown(&self) -> String {
        shown(&self.url)
    }

    /// The time until the next scrape that keeps to this target's own place within the interval, so that targets are
    /// spread over it and stay where they are when the process starts again. `now` is the time since the Unix epoch.
    pub(super) fn offset(&self, now: Duration, seed: u64) -> Duration {
        let interval = self.interval.as_nanos().max(1);
        let place = u128::from(self.id ^ seed) % interval;
        let wait = (interval - now.as_nanos() % interval + place) % interval;
        Duration::from_nanos(u64::try_from(wait).unwrap_or_default())
    }
}

fn hash(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// A URL for messages.
pub(super) fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{host}{port}{}", url.scheme(), url.path())
}

/// The labels with which relabelling begins.
fn discovered(job: &Job, group: &TargetGroup, address: &str) -> LabelsBuilder {
    let mut labels = LabelsBuilder::default();
    labels.set(ADDRESS, address);
    for (name, value) in &group.labels {
        if name != ADDRESS {
            labels.set(name, value);
        }
    }
    let (interval, timeout) = (PromDuration::from(job.pace.interval), PromDuration::from(job.pace.timeout));
    for (name, value) in [
        ("job", &*job.name),
        (INTERVAL, &*interval.to_string()),
        (TIMEOUT, &*timeout.to_string()),
        (PATH, &*job.metrics_path),
        (SCHEME, job.scheme),
    ] {
        if labels.get(name).is_none() {
            labels.set(name, value);
        }
    }
    for (name, values) in &job.params {
        let name = format!("{PARAM}{name}");
        if let (None, Some(first)) = (labels.get(&name), values.first()) {
            labels.set(&name, first);
        }
    }
    labels
}

fn kubernetes(labels: &LabelsBuilder) -> Vec<(String, String)> {
    let found = KUBERNETES.into_iter().filter_map(|(attribute, names)| {
        let value = names.iter().find_map(|name| labels.get(name))?;
        Some((attribute.to_owned(), value.to_owned()))
    });
    found.collect()
}

fn duration(labels: &LabelsBuilder, name: &str) -> Result<Duration, String> {
    let text = labels.get(name).unwrap_or_default();
    let duration = text.parse::<PromDuration>().map_err(|error| format!("{name}: {error}"))?.get();
    if duration.is_zero() { Err(format!("{name} cannot be 0")) } else { Ok(duration) }
}

fn url(job: &Job, labels: &LabelsBuilder, address: &str) -> Result<Url, String> {
    let scheme = labels.get(SCHEME).unwrap_or_default();
    if !matches!(scheme, "http" | "https") {
        return Err(format!("`{scheme}` is no scheme: http and https are"));
    }
    let mut url = Url::parse(&format!("{scheme}://{address}"))
        .map_err(|error| format!("`{address}` is no address: {error}"))?;
    url.set_path(labels.get(PATH).unwrap_or_default());
    let mut params = job.params.clone();
    for (name, value) in labels.iter() {
        if let Some(name) = name.strip_prefix(PARAM) {
            let values = params.entry(name.to_owned()).or_default();
            match values.first_mut() {
                Some(first) => value.clone_into(first),
                None => values.push(value.to_owned()),
            }
        }
    }
    let pairs = params.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
    let mut pairs = pairs.peekable();
    if pairs.peek().is_some() {
        url.query_pairs_mut().extend_pairs(pairs);
    }
    Ok(url)
}

#[cfg(test)]
mod tests;
