//! `healthcheck`: whether a running collector says that it is well, for images without a shell.

use std::time::Duration;

use sluice_component::{Kind, Registry, factory::Secrets};
use sluice_config::{Node, Reach};

use super::{
    args::{Common, Healthcheck},
    failure::Failure,
    fetch, readiness, sources,
};

/// Where the `health_check` extension listens by default.
const DEFAULT: &str = "http://localhost:13133/";

pub(super) fn run(common: &Common, options: &Healthcheck, registry: &Registry) -> Result<(), Failure> {
    let limit = options.timeout.get();
    if let Some(pid) = options.pid {
        return are_ready(&[pid], limit);
    }
    let url = match &options.endpoint {
        Some(url) => Some(url.clone()),
        None if sources::is_named(common) => configured(common, registry)?,
        None => None,
    };
    match (url, readiness::running().as_slice()) {
        (Some(url), _) => is_well(&url, limit),
        (None, []) => is_well(DEFAULT, limit),
        (None, pids) => are_ready(pids, limit),
    }
}

/// Asks a health extension.
fn is_well(url: &str, limit: Duration) -> Result<(), Failure> {
    let url = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
    match fetch::get(&url, limit, fetch::Proxies::None) {
        Ok(answer) if answer.status == 200 => Ok(()),
        Ok(answer) => Err(Failure::new(format!("not well: answered with status {}", answer.status))),
        Err(error) => Err(Failure::new(format!("no answer: {error}"))),
    }
}

/// Asks the processes themselves.
fn are_ready(pids: &[u32], limit: Duration) -> Result<(), Failure> {
    pids.iter().try_for_each(|&pid| match readiness::ask(pid, limit) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::new(format!("not well: process {pid} is not ready"))),
        Err(error) => Err(Failure::new(format!("no answer from process {pid}: {error}"))),
    })
}

/// The URL of the first health extension that the configuration uses.
fn configured(common: &Common, registry: &Registry) -> Result<Option<String>, Failure> {
    let plan = sources::read(common, registry, Reach::Settings)?.plan;
    let is_health = |id: &str| matches!(id, "health_check" | "healthcheck" | "healthcheckv2");
    let used = plan.extensions.iter().filter(|c| c.kind() == Kind::Extension && is_health(c.id().type_()));
    let mut settings =
        used.filter_map(|c| plan.components.get(c)).map(|parsed| parsed.effective(Secrets::Redacted));
    Ok(settings.find_map(|node| url(&node)))
}

fn url(settings: &Node) -> Option<String> {
    let is_v2 = settings.get("use_v2").is_some_and(|on| *on == Node::new(sluice_config::Value::Bool(true)));
    let (endpoint, path) =
        if is_v2 { ("http::endpoint", "http::status::path") } else { ("endpoint", "path") };
    let endpoint = settings.at(endpoint)?.as_str()?;
    let path = settings.at(path).and_then(Node::as_str).unwrap_or("/");
    let (host, port) = endpoint.rsplit_once(':')?;
    // An address to listen on need not be one to connect to.
    let host = match host {
        "" | "0.0.0.0" => "127.0.0.1",
        "[::]" => "[::1]",
        host => host,
    };
    Some(format!("http://{host}:{port}/{}", path.trim_start_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_is_that_of_the_extension() {
        let of = |yaml: &str| url(&Node::from_yaml("x", yaml).unwrap());
        assert_eq!(of("{endpoint: 'localhost:13133', path: /}").as_deref(), Some(DEFAULT));
        assert_eq!(of("{endpoint: '0.0.0.0:1', path: live}").as_deref(), Some("http://127.0.0.1:1/live"));
        assert_eq!(of("{endpoint: '[::]:1'}").as_deref(), Some("http://[::1]:1/"));
        let v2 = "{endpoint: 'a:1', use_v2: true, http: {endpoint: 'b:2', status: {path: /status}}}";
        assert_eq!(of(v2).as_deref(), Some("http://b:2/status"));
    }
}
