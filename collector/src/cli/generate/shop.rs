//! The services that the telemetry tells of.

use rand::{SeedableRng, rngs::StdRng};
use sluice_pdata::otlp::{
    common::v1::{InstrumentationScope, KeyValue},
    resource::v1::Resource,
};

use super::attributes::{set, text};
use crate::cli::args::Generate;

/// What services are called, and what they are written in.
const NAMES: [(&str, &str); 12] = [
    ("frontend", "nodejs"),
    ("cart", "dotnet"),
    ("checkout", "go"),
    ("catalog", "java"),
    ("payment", "nodejs"),
    ("shipping", "rust"),
    ("recommendation", "python"),
    ("currency", "cpp"),
    ("email", "ruby"),
    ("inventory", "java"),
    ("accounting", "go"),
    ("ads", "php"),
];

/// A shop whose first service is visited by customers and calls the others. Each worker has one of its own, with the
/// same services: their instances differ.
#[derive(Debug)]
pub(super) struct Shop {
    pub(super) services: Vec<Service>,
    seed: u64,
    worker: usize,
    extra: Vec<KeyValue>,
}

#[derive(Debug)]
pub(super) struct Service {
    pub(super) name: String,
    language: &'static str,
    /// Methods and routes that it serves.
    pub(super) routes: Vec<(&'static str, String)>,
    /// Where its data is.
    pub(super) store: Store,
    /// The services that it calls, by index.
    pub(super) callees: Vec<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Store {
    Postgresql,
    Redis,
}

/// What random numbers are for. Those of the stories do not depend on what is made of them, so that spans, log records
/// and exemplars of runs with one seed tell of the same traces.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Stories,
    Rest,
}

impl Shop {
    pub(super) fn new(options: &Generate, seed: u64, worker: usize) -> Self {
        let count = usize::from(options.services);
        let extra = options.resource_attribute.iter().map(|(key, value)| text(key, value)).collect();
        Self { services: (0..count).map(|n| service(n, count)).collect(), seed, worker, extra }
    }

    pub(super) fn rng(&self, purpose: Purpose) -> StdRng {
        let parts = [self.seed, self.worker as u64, purpose as u64];
        let mut key = [0; 32];
        for (bytes, part) in key.chunks_exact_mut(8).zip(parts) {
            bytes.copy_from_slice(&part.to_le_bytes());
        }
        StdRng::from_seed(key)
    }

    /// Instance `replica` of this worker.
    pub(super) fn resource(&self, service: &Service, replica: usize) -> Resource {
        let instance = format!("{}-{}-{replica}", service.name, self.worker);
        let mut attributes = vec![
            text("service.name", &service.name),
            text("service.namespace", "shop"),
            text("service.version", "1.4.2"),
            text("service.instance.id", &instance),
            text("deployment.environment.name", "demo"),
            text("host.name", &instance),
            text("telemetry.sdk.name", "sluice generate"),
            text("telemetry.sdk.language", service.language),
            text("telemetry.sdk.version", env!("CARGO_PKG_VERSION")),
        ];
        self.extra.iter().for_each(|extra| set(&mut attributes, extra.clone()));
        Resource { attributes, ..Resource::default() }
    }
}

/// Who says all this.
pub(super) fn scope() -> Option<InstrumentationScope> {
    Some(InstrumentationScope {
        name: "sluice generate".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    })
}

fn service(n: usize, count: usize) -> Service {
    let (known, language) = NAMES.iter().cycle().nth(n).copied().unwrap_or_default();
    let name = if n < NAMES.len() { known.to_owned() } else { format!("{known}-{}", n / NAMES.len() + 1) };
    let routes = match n {
        0 => vec![
            ("GET", "/".to_owned()),
            ("GET", "/product/{id}".to_owned()),
            ("POST", "/cart".to_owned()),
            ("POST", "/checkout".to_owned()),
        ],
        _ => vec![("GET", format!("/{name}/{{id}}")), ("POST", format!("/{name}"))],
    };
    let store = if n % 3 == 1 { Store::Redis } else { Store::Postgresql };
    let callees = [2 * n + 1, 2 * n + 2].into_iter().filter(|&callee| callee < count).collect();
    Service { name, language, routes, store, callees }
}
