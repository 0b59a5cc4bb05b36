//! `processors: resource_detection:`

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sluice_config::{Check, Checker, GoDuration, StringList, closest};

/// The detectors that there are.
pub(super) const DETECTORS: [&str; 3] = ["env", "system", "k8s_downward"];
/// Those of otelcol that ask the Kubernetes API about the node.
const NODE: &[&str] = &["k8s_api", "k8snode", "kubernetes_node"];
/// Its others.
const OTHERS: &[&str] = &[
    "akamai",
    "aks",
    "alibaba_ecs",
    "azure",
    "azurecontainerapps",
    "consul",
    "digitalocean",
    "docker",
    "dynatrace",
    "ec2",
    "ecs",
    "eks",
    "elastic_beanstalk",
    "elasticbeanstalk",
    "gce",
    "gcp",
    "gke",
    "heroku",
    "hetzner",
    "ibmcloud_classic",
    "ibmcloud_vpc",
    "kubeadm",
    "lambda",
    "nova",
    "openshift",
    "oraclecloud",
    "scaleway",
    "tencent_cvm",
    "upcloud",
    "vultr",
];
const HOSTNAME_SOURCES: [&str; 4] = ["dns", "os", "cname", "lookup"];

/// `processors: resource_detection:` - the keys and defaults of otelcol, of the detectors that there are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Which are asked, in this order: of an attribute that several find, the first one's value counts.
    pub detectors: StringList,
    /// Whether what is found takes the place of attributes that a resource has.
    #[serde(rename = "override")]
    pub overrides: bool,
    /// How long each detector may take.
    pub timeout: GoDuration,
    /// Time between two detections; 0 detects once, at the start.
    pub refresh_interval: GoDuration,
    /// Whether `k8s_downward` fails where it finds nothing at all.
    pub fail_on_missing_metadata: bool,
    /// Of the detector `env`.
    pub env: Env,
    /// Of the detector `system`.
    pub system: System,
    /// Of the detector `k8s_downward`.
    pub k8s_downward: K8sDownward,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            detectors: ["env"].into_iter().collect(),
            overrides: true,
            timeout: GoDuration::from_secs(5),
            refresh_interval: GoDuration::ZERO,
            fail_on_missing_metadata: false,
            env: Env::default(),
            system: System::default(),
            k8s_downward: K8sDownward::default(),
        }
    }
}

impl Check for Settings {
    fn check(&self, at: &mut Checker<'_>) {
        if self.detectors.is_empty() {
            at.key("detectors").error(format!("must name at least one of {}", DETECTORS.join(", ")));
        }
        for (index, name) in self.detectors.iter().enumerate() {
            if let Some(text) = why_not(name) {
                at.section("detectors").index(index).error(text);
            }
        }
        if self.timeout.is_zero() {
            at.key("timeout").must("be more than 0");
        }
        let mut system = at.section("system");
        if self.system.hostname_sources.is_empty() {
            let known = HOSTNAME_SOURCES.join(", ");
            system.key("hostname_sources").error(format!("must name at least one of {known}"));
        }
        for (index, source) in self.system.hostname_sources.iter().enumerate() {
            if !HOSTNAME_SOURCES.contains(&&**source) {
                let text = format!("unknown source \"{source}\"; known: {}", HOSTNAME_SOURCES.join(", "));
                system.section("hostname_sources").index(index).error(text);
            }
        }
    }
}

/// What to say of the name of a detector that there is not.
fn why_not(name: &str) -> Option<String> {
    match name {
        name if DETECTORS.contains(&name) => None,
        name if NODE.contains(&name) => Some(format!(
            "the detector \"{name}\" asks the Kubernetes API, which nothing here does; \"k8s_downward\" takes the \
             names of pod, namespace and node, and the pod's UID, from the downward API"
        )),
        name if OTHERS.contains(&name) => Some(format!(
            "the detector \"{name}\" is not built yet; \"env\" takes what it would find from \
             OTEL_RESOURCE_ATTRIBUTES, and the processor `resource` adds what is written in its settings"
        )),
        name => {
            let near = closest(name, DETECTORS).map(|near| format!("did you mean \"{near}\"? "));
            let known = DETECTORS.join(", ");
            Some(format!("invalid detector key: \"{name}\"; {}known: {known}", near.unwrap_or_default()))
        }
    }
}

/// `env:`
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Env {
    /// The only attributes that are taken; without it, all.
    pub allowlist: Option<StringList>,
}

/// `system:`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct System {
    /// Where `host.name` is asked for, until one knows it: `dns`, `os`, `cname`, `lookup`.
    pub hostname_sources: StringList,
    /// What is added.
    pub resource_attributes: SystemAttributes,
}

impl Default for System {
    fn default() -> Self {
        Self {
            hostname_sources: ["dns", "os"].into_iter().collect(),
            resource_attributes: SystemAttributes::default(),
        }
    }
}

/// `k8s_downward:`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct K8sDownward {
    /// Where a volume of the downward API is mounted.
    pub directory: PathBuf,
    /// What is added.
    pub resource_attributes: K8sDownwardAttributes,
}

impl Default for K8sDownward {
    fn default() -> Self {
        Self {
            directory: PathBuf::from("/etc/podinfo"),
            resource_attributes: K8sDownwardAttributes::default(),
        }
    }
}

/// One of `resource_attributes:`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Toggle {
    /// Whether the attribute is added.
    pub enabled: bool,
}

/// A `resource_attributes:`, and which of its attributes are added without it being written.
macro_rules! resource_attributes {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $key:literal = $default:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct $name {
            $(#[doc = concat!("`", $key, "`")] #[serde(rename = $key)] pub $field: Toggle,)+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: Toggle { enabled: $default },)+ }
            }
        }

        impl $name {
            /// Whether the attribute is added.
            pub(super) fn has(&self, key: &str) -> bool {
                match key {
                    $($key => self.$field.enabled,)+
                    _ => false,
                }
            }
        }
    };
}

resource_attributes! {
    /// `system: resource_attributes:`
    SystemAttributes {
        host_name: "host.name" = true,
        os_type: "os.type" = true,
        host_id: "host.id" = false,
        host_arch: "host.arch" = false,
        host_ip: "host.ip" = false,
        host_mac: "host.mac" = false,
        host_interface: "host.interface" = false,
        host_cpu_vendor_id: "host.cpu.vendor.id" = false,
        host_cpu_family: "host.cpu.family" = false,
        host_cpu_model_id: "host.cpu.model.id" = false,
        host_cpu_model_name: "host.cpu.model.name" = false,
        host_cpu_stepping: "host.cpu.stepping" = false,
        host_cpu_cache_l2_size: "host.cpu.cache.l2.size" = false,
        os_description: "os.description" = false,
        os_name: "os.name" = false,
        os_version: "os.version" = false,
        os_build_id: "os.build.id" = false,
    }
}

resource_attributes! {
    /// `k8s_downward: resource_attributes:`
    K8sDownwardAttributes {
        pod_name: "k8s.pod.name" = true,
        namespace_name: "k8s.namespace.name" = true,
        pod_uid: "k8s.pod.uid" = true,
        node_name: "k8s.node.name" = true,
        container_name: "k8s.container.name" = true,
        pod_ip: "k8s.pod.ip" = false,
    }
}
