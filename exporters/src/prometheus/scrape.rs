//! Answers scrapers, piece by piece.

use std::sync::Arc;

use bytes::Bytes;
use sluice_component::async_trait;
use sluice_formats::prometheus::{
    escaping::{Escaping, is_legacy_metric_name},
    expose::{Data, Family as Head, Negotiated, Point, Writer},
    model::MetricType,
    names::Strategy,
};
use sluice_net::http::{
    Body, Handler, HeaderMap, HeaderValue, Incoming, Method, Response, StatusCode, header, text_response,
};

use super::{
    settings::Settings,
    store::{Family, OVERFLOW, Store, View},
};

mod gzip;

/// A piece is finished by the series that makes it this long.
const PIECE: usize = 32 << 10;

/// The one path.
#[derive(Debug)]
pub(super) struct Scrape {
    store: Arc<Store>,
    path: String,
    open_metrics: bool,
    timestamps: bool,
    /// Names have no characters that would have to be escaped.
    legacy_names: bool,
}

#[async_trait]
impl Handler for Scrape {
    async fn handle(&self, request: Incoming) -> Response {
        if request.path() != self.path {
            let text = format!("404 page not found; series are at {}", self.path);
            return text_response(StatusCode::NOT_FOUND, &text, None);
        }
        if !matches!(request.method, Method::GET | Method::HEAD) {
            let mut response = text_response(StatusCode::METHOD_NOT_ALLOWED, "405 only GET and HEAD", None);
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        self.answer(&request.headers)
    }
}

impl Scrape {
    pub(super) fn new(settings: &Settings, store: Arc<Store>) -> Self {
        let namespace = &settings.namespace;
        let escapes = settings.strategy().is_some_and(Strategy::escapes);
        Self {
            store,
            path: settings.path.clone(),
            open_metrics: settings.enable_open_metrics,
            timestamps: settings.send_timestamps,
            legacy_names: escapes && (namespace.is_empty() || is_legacy_metric_name(namespace)),
        }
    }

    fn answer(&self, headers: &HeaderMap) -> Response {
        let negotiated = Negotiated::of(&joined(headers, header::ACCEPT), self.open_metrics);
        let pieces = self.pieces(negotiated);
        let gzip = gzip::is_accepted(&joined(headers, header::ACCEPT_ENCODING));
        let body = if gzip { Body::pieces(gzip::Gzip::new(pieces)) } else { Body::pieces(pieces) };
        let mut response = Response::new(body);
        let headers = response.headers_mut();
        if let Ok(value) = HeaderValue::try_from(negotiated.content_type()) {
            headers.insert(header::CONTENT_TYPE, value);
        }
        headers.insert(header::VARY, HeaderValue::from_static("accept, accept-encoding"));
        if gzip {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        response
    }

    /// The exposition as it is read: nothing is locked and nothing is written ahead between two pieces.
    pub(super) fn pieces(&self, negotiated: Negotiated) -> Pieces {
        // `dots` changes underscores, too.
        let unchanged = self.legacy_names && negotiated.escaping != Escaping::Dots;
        let escaping = if unchanged { Escaping::AllowUtf8 } else { negotiated.escaping };
        Pieces {
            view: View { timestamps: self.timestamps, since: self.store.since() },
            store: self.store.clone(),
            writer: Writer::new(Negotiated { escaping, ..negotiated }),
            at: At::Start,
        }
    }
}

/// All values of a header, as one list.
fn joined(headers: &HeaderMap, name: header::HeaderName) -> String {
    let values: Vec<_> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    values.join(",")
}

/// An exposition in pieces.
#[derive(Debug)]
pub(super) struct Pieces {
    store: Arc<Store>,
    view: View,
    writer: Writer,
    at: At,
}

/// How far an exposition was written.
#[derive(Debug)]
enum At {
    Start,
    /// Within a family, before a series.
    Series(Arc<Family>, u32),
    End,
}

impl Iterator for Pieces {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        while self.writer.len() < PIECE && !matches!(self.at, At::End) {
            self.advance();
        }
        let piece = self.writer.take();
        (!piece.is_empty()).then(|| piece.into())
    }
}

impl Pieces {
    fn advance(&mut self) {
        let before = match &self.at {
            At::Series(family, next) => match family.write(&mut self.writer, *next, self.view, PIECE) {
                Some(next) => {
                    self.at = At::Series(family.clone(), next);
                    return;
                }
                None => Some(family.clone()),
            },
            At::Start | At::End => None,
        };
        let mut last = before;
        // A family that would have the name of another one is left out.
        self.at = loop {
            last = self.store.after(last.as_deref());
            match &last {
                None => break At::End,
                Some(family) if self.writer.family(family.head()) => break At::Series(family.clone(), 0),
                Some(_) => {}
            }
        };
        if matches!(self.at, At::End) {
            self.finish();
        }
    }

    fn finish(&mut self) {
        let points = self.store.overflow();
        if points > 0 {
            self.writer.family(Head {
                name: OVERFLOW,
                kind: MetricType::Counter,
                help: "Data points of series that are not here because of max_series or the memory limit.",
                unit: "",
            });
            #[expect(clippy::cast_precision_loss, reason = "Prometheus has doubles alone")]
            let value = points as f64;
            let data = Data::Number { value, exemplar: None };
            self.writer.series(Point { labels: ["", ""], timestamp_ms: None, start_ms: None, data });
        }
        self.writer.finish();
    }
}
