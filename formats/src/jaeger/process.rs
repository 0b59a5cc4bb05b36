//! A Jaeger process as an OTLP `Resource`.

use super::NO_SERVICE_NAME;
use super::tags::{Tags, Value, put_attribute};

/// `Resource.attributes`.
const ATTRIBUTES: u32 = 1;
/// What otelcol calls the version of a Jaeger client.
const EXPORTER_VERSION: &[u8] = b"opencensus.exporterversion";

/// The body of the `Resource`: `tags` behind the service's name.
pub(super) fn resource<'a>(service: &'a [u8], tags: &mut Tags<'a>) -> Vec<u8> {
    let mut out = Vec::new();
    tags.unify();
    if !service.is_empty() && service != NO_SERVICE_NAME {
        // A tag of this name overwrites it.
        let name = tags.take(b"service.name").unwrap_or(Value::String(service));
        put_attribute(&mut out, ATTRIBUTES, b"service.name", name);
    }
    let host = if tags.has(b"host.name") { None } else { tags.take(b"hostname") };
    let version = if tags.has(EXPORTER_VERSION) { None } else { tags.take(b"jaeger.version") };
    tags.write(ATTRIBUTES, &mut out);
    if let Some(host) = host {
        put_attribute(&mut out, ATTRIBUTES, b"host.name", host);
    }
    if let Some(version) = version {
        let version = [b"Jaeger-", version.text()].concat();
        put_attribute(&mut out, ATTRIBUTES, EXPORTER_VERSION, Value::String(&version));
    }
    out
}
