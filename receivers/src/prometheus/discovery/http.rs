//! `http_sd_configs`: a server answers the list of target groups.

use sluice_component::quiet::Quiet;
use sluice_net::http::{HeaderMap, HeaderName, HeaderValue, Url, header};

use super::{Board, every, failed, groups};
use crate::prometheus::{
    reach::Reach,
    settings::{HttpDiscovery, TargetGroup},
    target::shown,
};

const URL: &str = "__meta_url";
const REFRESH: HeaderName = HeaderName::from_static("x-prometheus-refresh-interval-seconds");

pub(super) async fn run(settings: HttpDiscovery, reach: Reach, board: Board) {
    let interval = settings.refresh_interval.get();
    let (mut ticks, mut quiet) = (every(interval), Quiet::default());
    loop {
        ticks.tick().await;
        let asked = tokio::time::timeout(interval, ask(&settings, &reach)).await;
        match asked.unwrap_or_else(|_| Err(format!("no answer within {}", settings.refresh_interval))) {
            Ok(groups) => board.post(groups),
            Err(error) => {
                let url = Url::parse(&settings.url).map(|url| shown(&url)).unwrap_or_default();
                failed(&mut quiet, "http", &url, &error);
            }
        }
    }
}

async fn ask(settings: &HttpDiscovery, reach: &Reach) -> Result<Vec<TargetGroup>, String> {
    let url = Url::parse(&settings.url).map_err(|error| error.to_string())?;
    let seconds = settings.refresh_interval.get().as_secs_f64().to_string();
    let mut headers = HeaderMap::new();
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    headers.extend(HeaderValue::try_from(seconds).ok().map(|seconds| (REFRESH, seconds)));
    let document = reach.document(&url, headers).await?;
    let media_type = document.content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        return Err(format!("unsupported content type `{}`", document.content_type));
    }
    let mut groups = groups(&shown(&url), &document.text, true)?;
    for group in &mut groups {
        group.labels.insert(URL.to_owned(), settings.url.as_str().into());
    }
    Ok(groups)
}
