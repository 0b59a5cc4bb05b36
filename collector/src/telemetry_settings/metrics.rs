//! `service.telemetry.metrics`.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sluice_component::{Claim, Level};
use sluice_config::{Check, Checker, Included, Node};
use sluice_net::{Endpoint, EndpointError, Transport};

/// The collector's own metrics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Metrics {
    /// How much is told.
    #[serde(with = "level")]
    pub level: Level,
    /// The classic spelling of the one listener, `host:port`; taken with a warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// How metrics are read.
    pub readers: Vec<Reader>,
    /// Changes to metrics before they are read: not built yet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub views: Vec<Node>,
}

impl Default for Metrics {
    fn default() -> Self {
        let pull = Pull { exporter: PullExporter { prometheus: Some(Prometheus::default()) } };
        Self {
            level: Level::default(),
            address: None,
            readers: vec![Reader { pull: Some(pull), periodic: None }],
            views: Vec::new(),
        }
    }
}

impl Metrics {
    /// The listeners to serve: none at level `none`.
    #[must_use]
    pub fn listeners(&self) -> Vec<Prometheus> {
        if self.level == Level::None {
            return Vec::new();
        }
        let mut listeners: Vec<Prometheus> =
            self.readers.iter().filter_map(|r| r.pull.as_ref()?.exporter.prometheus.clone()).collect();
        if let (Some(address), [first, ..]) = (&self.address, listeners.as_mut_slice())
            && let Some((host, port)) = host_and_port(address)
        {
            host.clone_into(&mut first.host);
            first.port = port;
        }
        listeners
    }

    /// The ports that [`Metrics::listeners`] will take, where they can be told without asking a resolver.
    #[must_use]
    pub fn claims(&self) -> Vec<Claim> {
        self.listeners().iter().filter_map(|p| p.endpoint().ok()).flat_map(|e| e.claims()).collect()
    }
}

impl Check for Metrics {
    fn check(&self, at: &mut Checker<'_>) {
        if self.level != Level::None {
            if self.readers.is_empty() {
                at.key("readers").error(
                    "collector telemetry metrics reader should exist when metric level is not none: write a pull \
                     reader or `level: none`",
                );
            }
            at.inside("readers", &self.readers);
        }
        if let Some(address) = &self.address {
            match (host_and_port(address), at.is_written("readers")) {
                (None, _) => match address.rsplit_once(':') {
                    Some((_, port)) => at.key("address").error(format!("invalid port \"{port}\"")),
                    None => at.key("address").must("be host:port"),
                },
                (Some(_), true) => {
                    at.key("address").error("is the classic spelling of `readers`: write one of them")
                }
                (Some((host, port)), false) => {
                    at.key("address").warn(
                        "is the classic spelling and otelcol refuses it now: write readers, pull, exporter, prometheus",
                    );
                    let listener = Prometheus { host: host.to_owned(), port, ..Prometheus::default() };
                    if let Some(why) = listener.why_not_here(at).filter(|_| self.level != Level::None) {
                        at.key("address").error(why);
                    }
                }
            }
        }
        if !self.views.is_empty() {
            if self.level == Level::Detailed {
                at.key("views")
                    .warn("views are not built yet: all metrics of the level are exposed as they are");
            } else {
                at.key("views").error("are only allowed with `level: detailed`");
            }
        }
    }
}

fn host_and_port(address: &str) -> Option<(&str, u16)> {
    let (host, port) = address.rsplit_once(':')?;
    Some((host, port.parse().ok()?))
}

/// One way in which metrics are read: exactly one of its keys.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Reader {
    /// Somebody asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pull: Option<Pull>,
    /// The collector sends: refused until it is built.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub periodic: Option<Node>,
}

impl Check for Reader {
    fn check(&self, at: &mut Checker<'_>) {
        match (&self.pull, &self.periodic) {
            (Some(pull), None) => {
                let mut at = at.section("pull");
                match &pull.exporter.prometheus {
                    Some(prometheus) => at.section("exporter").inside("prometheus", prometheus),
                    None => at.key("exporter").must("name `prometheus`"),
                }
            }
            (_, Some(_)) => at.key("periodic").error(
                "sending the collector's own metrics is not built yet: use a pull reader and scrape it",
            ),
            (None, None) => at.error("must have `pull`"),
        }
    }
}

/// `pull`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Pull {
    /// In which format.
    pub exporter: PullExporter,
}

/// `pull.exporter`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PullExporter {
    /// Prometheus text and OpenMetrics, on `/metrics`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prometheus: Option<Prometheus>,
}

/// `pull.exporter.prometheus`. The three `without_*` are true unless written otherwise, so that names are the
/// ones that otelcol's documentation lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Prometheus {
    /// Where to listen: a name or an address; `localhost` is 127.0.0.1 and ::1.
    pub host: String,
    /// The port; 0 takes a free one.
    pub port: u16,
    /// Leaves out the labels `otel_scope_*`.
    pub without_scope_info: bool,
    /// Leaves out `_total`.
    pub without_type_suffix: bool,
    /// Leaves out units such as `_seconds`.
    pub without_units: bool,
    /// Resource attributes that become labels of every series.
    #[serde(skip_serializing_if = "Included::is_none")]
    pub with_resource_constant_labels: Included,
}

impl Default for Prometheus {
    fn default() -> Self {
        Self {
            host: "localhost".to_owned(),
            port: 8888,
            without_scope_info: true,
            without_type_suffix: true,
            without_units: true,
            with_resource_constant_labels: Included::default(),
        }
    }
}

impl Prometheus {
    /// Where to listen, as the settings of servers write it.
    pub(crate) fn address(&self) -> String {
        match self.host.as_str() {
            ip if ip.contains(':') && !ip.starts_with('[') => format!("[{ip}]:{}", self.port),
            name => format!("{name}:{}", self.port),
        }
    }

    fn endpoint(&self) -> Result<Endpoint, EndpointError> {
        Endpoint::parse(&self.address(), Transport::Tcp)
    }

    fn why_not_here(&self, at: &Checker<'_>) -> Option<String> {
        let endpoint = self.endpoint().map_err(|error| error.to_string());
        endpoint.and_then(|endpoint| endpoint.check_here(at)).err()
    }
}

impl Check for Prometheus {
    fn check(&self, at: &mut Checker<'_>) {
        if let Some(why) = self.why_not_here(at) {
            at.key("host").error(why);
        }
    }
}

/// The value that a table has under `text`, in either case.
pub(super) fn named<T: Copy>(names: &[(&str, T)], text: &str) -> Result<T, String> {
    let found = names.iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    found.map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<_> = names.iter().map(|(name, _)| *name).collect();
        format!("unknown level `{text}` (known: {})", known.join(", "))
    })
}

/// Serializes a value by its name in a table.
pub(super) fn name_of<T: PartialEq, S: Serializer>(
    names: &[(&str, T)],
    value: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(names.iter().find(|(_, v)| v == value).map_or("", |(name, _)| name))
}

/// [`Level`] as text.
pub(super) mod level {
    use super::{Deserialize, Deserializer, Level, Serializer, de, name_of, named};

    const NAMES: [(&str, Level); 4] = [
        ("none", Level::None),
        ("basic", Level::Basic),
        ("normal", Level::Normal),
        ("detailed", Level::Detailed),
    ];

    pub(in crate::telemetry_settings) fn serialize<S: Serializer>(
        level: &Level,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        name_of(&NAMES, level, serializer)
    }

    pub(in crate::telemetry_settings) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Level, D::Error> {
        let text = String::deserialize(deserializer)?;
        named(&NAMES, &text).map_err(de::Error::custom)
    }
}
