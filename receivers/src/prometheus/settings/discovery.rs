//! Where targets come from.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sluice_config::{Check, Checker};
use sluice_net::{http::settings::check_url, later::Later};

use super::{HttpClient, PromDuration, Text};

/// One of `static_configs`, and one of what a file or a server lists: targets that share labels.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TargetGroup {
    /// `host:port` each.
    pub targets: Vec<Text>,
    /// Labels of all of them.
    pub labels: BTreeMap<String, Text>,
}

/// `file_sd_configs:`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FileDiscovery {
    /// Paths that end in `.json`, `.yml` or `.yaml`; the last part may be a pattern.
    pub files: Vec<Text>,
    /// How often everything is read again; changes are noticed within a second in any case.
    pub refresh_interval: PromDuration,
}

/// `http_sd_configs:`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HttpDiscovery {
    /// Where the list of target groups is.
    pub url: String,
    /// How often it is asked for.
    pub refresh_interval: PromDuration,
    /// How it is reached.
    #[serde(rename = "..client")]
    pub client: HttpClient,
}

/// `dns_sd_configs:`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DnsDiscovery {
    /// Names that are asked for.
    pub names: Vec<Text>,
    /// What is asked for.
    #[serde(rename = "type")]
    pub type_: RecordType,
    /// The port of targets, for all types but SRV.
    pub port: u16,
    /// How often they are asked for.
    pub refresh_interval: PromDuration,
}

/// The records that name targets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RecordType {
    /// Host and port.
    #[default]
    Srv,
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// Mail servers.
    Mx,
    /// Name servers.
    Ns,
}

impl Default for FileDiscovery {
    fn default() -> Self {
        Self { files: Vec::new(), refresh_interval: PromDuration::from_secs(300) }
    }
}

impl Default for HttpDiscovery {
    fn default() -> Self {
        Self {
            url: String::new(),
            refresh_interval: PromDuration::from_secs(60),
            client: HttpClient::default(),
        }
    }
}

impl Default for DnsDiscovery {
    fn default() -> Self {
        Self {
            names: Vec::new(),
            type_: RecordType::default(),
            port: 0,
            refresh_interval: PromDuration::from_secs(30),
        }
    }
}

impl Check for TargetGroup {
    fn check(&self, at: &mut Checker<'_>) {
        for (index, target) in self.targets.iter().enumerate() {
            if let Err(text) = check_address(target) {
                at.section("targets").index(index).error(text);
            }
        }
    }
}

/// What Prometheus asks of a target's address.
pub(in super::super) fn check_address(address: &str) -> Result<(), String> {
    if address.contains('/') {
        return Err(format!(
            "`{address}` must be a host and a port; scheme and path have keys of their own, `scheme` and `metrics_path`"
        ));
    }
    if address.is_empty() {
        return Err("is empty where a host and a port must be".to_owned());
    }
    Ok(())
}

impl Check for FileDiscovery {
    fn check(&self, at: &mut Checker<'_>) {
        if self.files.is_empty() {
            at.key("files").error("file service discovery config must contain at least one path name");
        }
        for (index, path) in self.files.iter().enumerate() {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
            let ends = [".json", ".yml", ".yaml"].into_iter().any(|ending| name.ends_with(ending));
            if !ends || folder.contains('*') {
                at.section("files").index(index).error(format!(
                    "path name `{path}` is not valid for file discovery: it must end in .json, .yml or .yaml, with `*` in its last part alone"
                ));
            }
        }
        check_interval(self.refresh_interval, at);
    }
}

impl Check for HttpDiscovery {
    fn check(&self, at: &mut Checker<'_>) {
        if self.url.is_empty() {
            at.key("url").must("be given");
        } else if let Err(text) = check_url(&self.url) {
            at.key("url").error(text);
        }
        check_interval(self.refresh_interval, at);
        self.client.check(at);
    }
}

impl Check for DnsDiscovery {
    fn check(&self, at: &mut Checker<'_>) {
        if self.names.is_empty() {
            at.key("names").error("DNS-SD config must contain at least one SRV record name");
        }
        if self.type_ != RecordType::Srv && self.port == 0 {
            at.key("port").error("a port is required in DNS-SD configs for all record types except SRV");
        }
        check_interval(self.refresh_interval, at);
    }
}

fn check_interval(interval: PromDuration, at: &mut Checker<'_>) {
    if interval == PromDuration::default() {
        at.key("refresh_interval").must("be longer than 0");
    }
}

macro_rules! unbuilt {
    ($($field:ident)*) => {
        /// Service discovery that is not built: refused by name.
        #[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Unbuilt {
            $(
                #[doc = concat!("`", stringify!($field), "`")]
                #[serde(skip_serializing_if = "Later::is_absent")]
                pub $field: Later,
            )*
        }

        impl Check for Unbuilt {
            fn check(&self, at: &mut Checker<'_>) {
                $(if self.$field.is_written() {
                    at.key(stringify!($field)).error(unbuilt_text(stringify!($field)));
                })*
            }
        }
    };
}

unbuilt! {
    kubernetes_sd_configs
    azure_sd_configs consul_sd_configs digitalocean_sd_configs docker_sd_configs dockerswarm_sd_configs
    ec2_sd_configs eureka_sd_configs gce_sd_configs hetzner_sd_configs ionos_sd_configs kuma_sd_configs
    lightsail_sd_configs linode_sd_configs marathon_sd_configs nerve_sd_configs nomad_sd_configs
    openstack_sd_configs outscale_sd_configs ovhcloud_sd_configs puppetdb_sd_configs scaleway_sd_configs
    serverset_sd_configs stackit_sd_configs triton_sd_configs uyuni_sd_configs vultr_sd_configs xds_sd_configs
    zookeeper_sd_configs
}

fn unbuilt_text(key: &str) -> String {
    let instead = "static_configs, file_sd_configs, http_sd_configs, dns_sd_configs or the target_allocator";
    match key {
        "kubernetes_sd_configs" => format!("Kubernetes discovery is not there yet: use {instead}"),
        _ => format!("this service discovery is not built: use {instead}"),
    }
}
