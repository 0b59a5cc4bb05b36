//! Which attributes of a resource become labels of its series: the keys that both Prometheus exporters have.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sluice_config::{Check, Checker, Included};
use sluice_formats::prometheus::from_otlp::ResourceAttributes;

/// `resource_to_telemetry_conversion:` and `resource_constant_labels:`, beside each other.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResourceLabels {
    /// All of them.
    pub resource_to_telemetry_conversion: ResourceToTelemetry,
    /// Some of them, by name; if anything is written here, it decides alone.
    #[serde(skip_serializing_if = "Included::is_none")]
    pub resource_constant_labels: Included,
}

/// `resource_to_telemetry_conversion:`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ResourceToTelemetry {
    /// All resource attributes become labels.
    pub enabled: bool,
    /// But not `service.name`, `service.namespace` and `service.instance.id`, which `job` and `instance` tell.
    pub exclude_service_attributes: bool,
}

impl ResourceLabels {
    pub(crate) fn attributes(&self) -> ResourceAttributes {
        let ResourceToTelemetry { enabled, exclude_service_attributes } =
            self.resource_to_telemetry_conversion;
        match (self.resource_constant_labels.is_none(), enabled, exclude_service_attributes) {
            (false, ..) => {
                let names = self.resource_constant_labels.clone();
                ResourceAttributes::Named(Arc::new(move |key| names.has(key)))
            }
            (true, false, _) => ResourceAttributes::None,
            (true, true, true) => ResourceAttributes::AllButService,
            (true, true, false) => ResourceAttributes::All,
        }
    }
}

impl Check for ResourceLabels {
    fn check(&self, at: &mut Checker<'_>) {
        let names = &self.resource_constant_labels;
        if self.resource_to_telemetry_conversion.enabled && !names.is_none() {
            at.key("resource_to_telemetry_conversion").warn("has no effect beside resource_constant_labels");
        }
        if names.included.is_empty() && !names.excluded.is_empty() {
            at.key("resource_constant_labels")
                .warn("excludes from nothing: write what becomes labels under `included`, such as \"*\"");
        }
    }
}
