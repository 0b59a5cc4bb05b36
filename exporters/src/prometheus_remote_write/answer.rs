//! What a server's answer means.

use std::{fmt::Write, sync::Arc};

use http::{HeaderMap, StatusCode};
use sluice_component::Reason;
use sluice_formats::prometheus::remote_write::{Holds, Version};
use sluice_net::http::{Answer, retry_after};

use crate::{call::Http, sending::Outcome};

/// The verdict on a request that holds `holds`, by remote write's rules: 5xx and 429 may work later, nothing else will.
pub(super) fn outcome(post: &Http, answer: &Answer, version: Version, holds: Holds) -> Outcome {
    let written = Written::read(&answer.headers);
    let status = answer.status;
    if status.is_success() {
        return match version {
            Version::V1 => Outcome::accepted(),
            Version::V2 => written.unwrap_or_default().verdict(holds, "").unwrap_or_else(Outcome::accepted),
        };
    }
    let hint = retry_after(&answer.headers).filter(|hint| !hint.is_zero());
    let cause = post.error(answer);
    let reason = match status {
        StatusCode::TOO_MANY_REQUESTS => Reason::Throttled,
        StatusCode::SERVICE_UNAVAILABLE if hint.is_some() => Reason::Throttled,
        _ if status.is_server_error() => Reason::Unavailable,
        _ => {
            // It kept the good part: what it refused is rejected, and the rest was sent.
            if let Some(written) = written.filter(|written| written.anything() && version == Version::V2)
                && let Some(verdict) = written.verdict(holds, &cause.to_string())
            {
                return verdict;
            }
            let reason = match status {
                StatusCode::UNAUTHORIZED => Reason::Unauthenticated,
                StatusCode::FORBIDDEN => Reason::PermissionDenied,
                StatusCode::PAYLOAD_TOO_LARGE => Reason::TooLarge,
                _ => Reason::Permanent,
            };
            return Outcome::fatal(reason, cause);
        }
    };
    Outcome::Retry { after: hint, reason, cause: Arc::new(cause) }
}

/// What a server of version 2.0 says that it has written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Written {
    /// Whether it said anything.
    said: bool,
    samples: usize,
    histograms: usize,
    exemplars: usize,
}

impl Written {
    fn read(headers: &HeaderMap) -> Option<Self> {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse().ok();
        let samples = number("x-prometheus-remote-write-samples-written");
        let histograms = number("x-prometheus-remote-write-histograms-written");
        let exemplars = number("x-prometheus-remote-write-exemplars-written");
        samples.or(histograms).or(exemplars)?;
        Some(Self {
            said: true,
            samples: samples.unwrap_or(0),
            histograms: histograms.unwrap_or(0),
            exemplars: exemplars.unwrap_or(0),
        })
    }

    fn anything(self) -> bool {
        self.samples + self.histograms + self.exemplars > 0
    }

    /// `None` if everything was written. A data point of which one sample is missing is rejected: of a histogram with
    /// many series, nobody can say which.
    fn verdict(self, holds: Holds, said: &str) -> Option<Outcome> {
        let samples = holds.samples.saturating_sub(self.samples);
        let histograms = holds.histograms.saturating_sub(self.histograms);
        let exemplars = holds.exemplars.saturating_sub(self.exemplars);
        let missing = samples + histograms;
        if missing == 0 && exemplars == 0 {
            return None;
        }
        let all = missing == holds.samples + holds.histograms;
        let rejected = if all { holds.points } else { missing.min(holds.points) };
        let mut message = match self.said {
            true => String::new(),
            false => "the server does not say what it wrote, so it does not know remote write 2.0; try `protobuf_message: prometheus.WriteRequest`: ".to_owned(),
        };
        // Writing to a string cannot fail.
        write!(
            message,
            "{samples} of {} samples, {histograms} of {} histograms and {exemplars} of {} exemplars were not written",
            holds.samples, holds.histograms, holds.exemplars
        )
        .unwrap_or_default();
        if !said.is_empty() {
            write!(message, ": {said}").unwrap_or_default();
        }
        Some(Outcome::Accepted { rejected, message: Some(message) })
    }
}
