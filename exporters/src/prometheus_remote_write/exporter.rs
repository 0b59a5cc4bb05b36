//! The requests.

use std::{
    fmt::Write,
    ops::Range,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Instant,
};

use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use sluice_component::{BuildCx, ComponentRef, Context, Host, StartError, telemetry::UnconvertedMetrics};
use sluice_config::ByteSize;
use sluice_formats::prometheus::{
    from_otlp::{self, Deltas, SeriesSet, translate},
    names::Namer,
    remote_write::{self, Holds, Limits, Version, encode, metadata},
};
use sluice_pdata::Pdata;

use super::{
    answer::outcome,
    block::{self, Blocks},
    settings::{ProtobufMessage, Settings},
};
use crate::{
    call::{Http, Payload},
    sending::{Encoded, Outcome, Unconvertible, Wire},
};

/// Most series of a request, as many as servers and proxies expect.
const MAX_SERIES: usize = 10_000;
/// A batch of no more series is not parted: one request is cheaper than one for each lane, and takes all of them.
const SMALL_BATCH: usize = 2000;
/// Metrics of one batch that are named in the log, each with the reason why its points are lost.
const MOST_NAMED: usize = 10;

const VERSION: HeaderName = HeaderName::from_static("x-prometheus-remote-write-version");
const RETRY_ATTEMPT: HeaderName = HeaderName::from_static("retry-attempt");

/// Remote write to one endpoint.
pub(super) struct RemoteWrite {
    component: ComponentRef,
    v1: Http,
    v2: Http,
    options: from_otlp::Options,
    options_of_v1: from_otlp::Options,
    lanes: usize,
    limits: Limits,
    version: Version,
    send_metadata: bool,
    /// The server knows version 1.0 only.
    fell_back: AtomicBool,
    work: Mutex<Work>,
    unconverted: UnconvertedMetrics,
}

/// What is kept from batch to batch.
struct Work {
    set: SeriesSet,
    deltas: Option<Deltas>,
    /// Bytes of the largest body of the last batch.
    usual: usize,
}

/// One request. Its body is kept compressed alone, a fifth or less of what it was.
pub(super) struct Request {
    version: Version,
    payload: Payload,
    /// Of the body before it was compressed.
    size: usize,
    /// The same in version 1.0, made when the server knows no other.
    downgraded: OnceLock<Downgraded>,
    lanes: Range<usize>,
    holds: Holds,
    attempts: AtomicU32,
}

/// A request in version 1.0.
struct Downgraded {
    payload: Payload,
    /// Data points that have no form there.
    lost: usize,
}

impl RemoteWrite {
    pub(super) fn new(settings: &Settings, cx: &BuildCx) -> Self {
        let client = settings.client_to_use();
        let url = client.endpoint.clone();
        let version = match settings.protobuf_message {
            ProtobufMessage::V1 => Version::V1,
            ProtobufMessage::V2 => Version::V2,
        };
        let external_labels = settings.external_labels.iter();
        let options = from_otlp::Options {
            namer: Namer::new(settings.strategy(), &settings.namespace),
            external_labels: external_labels.map(|(name, value)| (name.clone(), value.clone())).collect(),
            resource_attributes: settings.resource_labels.attributes(),
            scope_labels: !settings.disable_scope_info,
            target_info: settings.target_info.enabled,
            custom_buckets: settings.convert_histograms_to_nhcb,
        };
        let deltas = settings.accumulate_deltas.as_option().map(|deltas| {
            let max_streams = usize::try_from(deltas.max_streams).unwrap_or(usize::MAX);
            Deltas::new(max_streams, deltas.max_stale.get())
        });
        Self {
            component: cx.component.clone(),
            v1: Http::new(client.clone(), url.clone(), Version::V1.content_type()),
            v2: Http::new(client, url, Version::V2.content_type()),
            options_of_v1: options.clone().for_version_1(),
            options,
            lanes: settings.lanes(),
            limits: Limits { max_bytes: settings.max_request_bytes(), max_series: MAX_SERIES },
            version,
            send_metadata: settings.send_metadata,
            fell_back: AtomicBool::new(false),
            work: Mutex::new(Work { set: SeriesSet::default(), deltas, usual: 0 }),
            unconverted: cx.telemetry.unconverted(&cx.component),
        }
    }

    /// The version that the server knows.
    fn version(&self) -> Version {
        if self.fell_back.load(Ordering::Relaxed) { Version::V1 } else { self.version }
    }

    fn options(&self, version: Version) -> &from_otlp::Options {
        match version {
            Version::V1 => &self.options_of_v1,
            Version::V2 => &self.options,
        }
    }

    fn http(&self, version: Version) -> &Http {
        match version {
            Version::V1 => &self.v1,
            Version::V2 => &self.v2,
        }
    }

    fn requests(&self, set: &SeriesSet, version: Version, usual: &mut usize) -> Vec<Request> {
        let all = 0..self.lanes;
        let parted = if set.len() > SMALL_BATCH { self.lanes } else { 1 };
        let mut blocks = Blocks::new();
        let mut request = |body: &[u8], lanes, holds: Holds| Request {
            version,
            payload: Payload::of(blocks.block(body), holds.points),
            size: body.len(),
            downgraded: OnceLock::new(),
            lanes,
            holds,
            attempts: AtomicU32::new(0),
        };
        let mut requests = Vec::new();
        if version == Version::V1
            && self.send_metadata
            && let Some(body) = metadata(set)
        {
            requests.push(request(&body, all.clone(), Holds::default()));
        }
        let room = std::mem::take(usual).saturating_mul(9) / 8;
        encode(set, version, parted, self.limits, room, |made| {
            *usual = made.body.len().max(*usual);
            let lanes = if parted == 1 { all.clone() } else { made.lane..made.lane + 1 };
            requests.push(request(made.body, lanes, made.holds));
        });
        requests
    }

    /// Counts what was lost of a batch, and says so.
    fn lost(&self, set: &SeriesSet) -> Option<Unconvertible> {
        let (mut why, mut items, mut named) = (String::new(), 0, 0);
        for (metric, reason, points) in set.lost() {
            self.unconverted.add(metric, reason.as_str(), points);
            items += points;
            if named < MOST_NAMED {
                let comma = if named > 0 { ", " } else { "" };
                // Writing to a string cannot fail.
                write!(why, "{comma}{points} of {metric:?} ({})", reason.as_str()).unwrap_or_default();
            }
            named += 1;
        }
        if named > MOST_NAMED {
            write!(why, " and {} more", named - MOST_NAMED).unwrap_or_default();
        }
        (items > 0).then_some(Unconvertible { items, why })
    }

    /// The request in version 1.0. What has no form there is counted, once.
    fn downgraded<'r>(&self, request: &'r Request) -> &'r Downgraded {
        request.downgraded.get_or_init(|| {
            let block = request.payload.chunks.first().map_or(&[][..], Bytes::as_ref);
            let remote_write::Downgraded { body, lost } =
                remote_write::downgrade(&block::plain(block)).unwrap_or_default();
            for ((metric, reason), points) in &lost {
                self.unconverted.add(metric, reason.as_str(), *points);
            }
            let lost = lost.values().sum::<usize>().min(request.holds.points);
            // Nothing is left: its series have no sample.
            let lost = if body.is_empty() { request.holds.points } else { lost };
            Downgraded { payload: Payload::of(Blocks::new().block(&body), request.holds.points - lost), lost }
        })
    }

    /// Posts once; any status is an answer.
    async fn post(&self, request: &Request, version: Version) -> Result<sluice_net::http::Answer, Outcome> {
        let payload = match (request.version, version) {
            (Version::V2, Version::V1) => &self.downgraded(request).payload,
            _ => &request.payload,
        };
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("snappy"));
        headers.insert(VERSION, HeaderValue::from_static(version.header()));
        let attempts = request.attempts.fetch_add(1, Ordering::Relaxed);
        if attempts > 0 {
            headers.insert(RETRY_ATTEMPT, HeaderValue::from(attempts));
        }
        self.http(version).ask(payload, &headers).await
    }

    fn fall_back(&self) {
        if !self.fell_back.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                component = %self.component,
                "the server does not know remote write 2.0, going on with 1.0: no start times, no metadata with the series, escaped names, classic histograms"
            );
        }
    }
}

#[async_trait]
impl Wire for RemoteWrite {
    type Request = Request;
    const ORDERED: bool = true;

    async fn start(&self, host: &Host) -> Result<(), StartError> {
        self.v1.start(host)?;
        self.v2.start(host)
    }

    fn encode(&self, data: Pdata) -> Encoded<Request> {
        let mut work = self.work.lock().unwrap_or_else(PoisonError::into_inner);
        let Work { set, deltas, usual } = &mut *work;
        let deltas = deltas.as_mut().map(|deltas| deltas.at(Instant::now()));
        // Read once: another lane may learn meanwhile that the server knows 1.0 only.
        let version = self.version();
        translate(&data, self.options(version), deltas, set);
        // Requests are cut when they are made: nobody asks for it again.
        drop(data);
        let requests = self.requests(set, version, usual);
        let encoded = Encoded { requests, unconvertible: self.lost(set).into_iter().collect() };
        // A batch is there for milliseconds; the next one may be an interval away.
        set.release();
        encoded
    }

    fn items(request: &Request) -> usize {
        request.payload.items
    }

    fn size(request: &Request) -> ByteSize {
        ByteSize::new(request.size as u64)
    }

    fn lanes(request: &Request) -> Range<usize> {
        request.lanes.clone()
    }

    async fn send(&self, request: &Request, _cx: &Context) -> Outcome {
        let mut version = match request.version {
            Version::V1 => Version::V1,
            Version::V2 => self.version(),
        };
        loop {
            let lost = match (request.version, version) {
                (Version::V2, Version::V1) => self.downgraded(request).lost,
                _ => 0,
            };
            let left_out = || format!("{lost} data points have no form in remote write 1.0");
            if lost > 0 && lost == request.holds.points {
                return Outcome::Accepted { rejected: lost, message: Some(left_out()) };
            }
            match self.post(request, version).await {
                Ok(answer)
                    if answer.status == StatusCode::UNSUPPORTED_MEDIA_TYPE && version == Version::V2 =>
                {
                    self.fall_back();
                    version = Version::V1;
                }
                Ok(answer) => {
                    return match outcome(self.http(version), &answer, version, request.holds) {
                        Outcome::Accepted { rejected, message } if lost > 0 => Outcome::Accepted {
                            rejected: rejected + lost,
                            message: Some(message.unwrap_or_else(left_out)),
                        },
                        outcome => outcome,
                    };
                }
                Err(outcome) => return outcome,
            }
        }
    }
}
