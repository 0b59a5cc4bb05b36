//! The page that is scraped: counters, gauges and histograms with labels as applications have them, whose values grow
//! from scrape to scrape.

use std::{
    fmt::Write as _,
    net::SocketAddr,
    sync::Arc,
    sync::atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use clap::Args;
use http::Response;
use http_body_util::Full;

use crate::{Failure, http as server};

#[derive(Args)]
pub(crate) struct Options {
    /// Where to listen.
    #[arg(long)]
    listen: SocketAddr,
    /// Series on the page, rounded up to whole families.
    #[arg(long)]
    series: usize,
}

/// Versions of the page that are served in turn. Values fall when the first comes again, which is a reset.
const VERSIONS: u64 = 60;
/// Bounds of a histogram's buckets; the last one is +Inf.
const BOUNDS: [&str; 14] = [
    "0.005", "0.01", "0.025", "0.05", "0.075", "0.1", "0.25", "0.5", "0.75", "1.0", "2.5", "5.0", "10.0",
    "+Inf",
];
/// Series of a histogram: buckets, sum and count.
const OF_HISTOGRAM: usize = BOUNDS.len() + 2;
/// Label sets of a family.
const SETS: usize = 20;

pub(crate) async fn run(options: &Options) -> Result<(), Failure> {
    let pages: Arc<[Bytes]> = (0..VERSIONS).map(|version| page(options.series, version).into()).collect();
    let scrapes = Arc::new(AtomicU64::new(0));
    server::serve(options.listen, move |_, _| {
        let turn = scrapes.fetch_add(1, Ordering::Relaxed) % VERSIONS;
        let page = pages.iter().cycle().nth(usize::try_from(turn).unwrap_or_default()).cloned();
        let mut response = Response::new(Full::new(page.unwrap_or_default()));
        let text = http::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
        response.headers_mut().insert("content-type", text);
        response
    })
    .await
}

/// Two fifths counters, a fifth gauges, two fifths histograms.
fn page(series: usize, version: u64) -> String {
    let mut out = String::new();
    let families = |share: usize, width: usize| (series * share).div_ceil(5 * SETS * width);
    for family in 0..families(2, 1) {
        head(&mut out, "counter", family, "total");
        for set in 0..SETS {
            let value = (family * SETS + set) as u64 * 1000 + version * (set as u64 + 1);
            line(&mut out, "counter", family, "total", set, "", &value.to_string());
        }
    }
    for family in 0..families(1, 1) {
        head(&mut out, "gauge", family, "bytes");
        for set in 0..SETS {
            let value = format!("{}.{:02}", (set as u64 + 3) * 7919 + version * 31 % 100, version % 97);
            line(&mut out, "gauge", family, "bytes", set, "", &value);
        }
    }
    for family in 0..families(2, OF_HISTOGRAM) {
        head(&mut out, "histogram", family, "seconds");
        for set in 0..SETS {
            histogram(&mut out, family, set, version);
        }
    }
    out
}

fn histogram(out: &mut String, family: usize, set: usize, version: u64) {
    let mut count = 0;
    for (index, bound) in BOUNDS.iter().enumerate() {
        count += (index as u64 + 1) * (version + set as u64 + 1);
        line(
            out,
            "histogram",
            family,
            "seconds_bucket",
            set,
            &format!(",le=\"{bound}\""),
            &count.to_string(),
        );
    }
    line(out, "histogram", family, "seconds_sum", set, "", &format!("{}.125", count * 3));
    line(out, "histogram", family, "seconds_count", set, "", &count.to_string());
}

fn head(out: &mut String, kind: &str, family: usize, suffix: &str) {
    let name = format!("http_server_{kind}_{family}_{suffix}");
    out.push_str(&format!("# HELP {name} What the server did, in short words.\n# TYPE {name} {kind}\n"));
}

fn line(out: &mut String, kind: &str, family: usize, suffix: &str, set: usize, more: &str, value: &str) {
    let method = ["GET", "POST", "PUT", "DELETE"].iter().cycle().nth(set).unwrap_or(&"");
    let written = writeln!(
        out,
        "http_server_{kind}_{family}_{suffix}{{method=\"{method}\",route=\"/api/v1/orders/{set}/items\",\
         status_code=\"{}\",zone=\"eu-central-1{}\"{more}}} {value}",
        200 + set % 5,
        ["a", "b", "c"].iter().cycle().nth(set).unwrap_or(&""),
    );
    debug_assert!(written.is_ok(), "a string takes everything");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_about_the_series_that_were_asked_for() {
        let lines = page(10_000, 3).lines().filter(|line| !line.starts_with('#')).count();
        assert!((10_000..10_400).contains(&lines), "{lines}");
    }
}
