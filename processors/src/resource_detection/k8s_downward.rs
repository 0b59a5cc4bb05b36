//! The detector `k8s_downward`: what the downward API tells a pod of itself, in variables or in files.

use super::{machine::Machine, settings::K8sDownward, value::Attributes};

/// An attribute, the variables that may hold it, and the file of the volume. What a manifest calls the variables is its
/// author's choice: these are the names in use.
const SOURCES: [(&str, &[&str], Option<&str>); 6] = [
    ("k8s.pod.name", &["K8S_POD_NAME", "POD_NAME", "OTEL_K8S_POD_NAME", "MY_POD_NAME"], Some("name")),
    (
        "k8s.namespace.name",
        &["K8S_NAMESPACE_NAME", "K8S_NAMESPACE", "POD_NAMESPACE", "OTEL_K8S_NAMESPACE", "MY_POD_NAMESPACE"],
        Some("namespace"),
    ),
    ("k8s.pod.uid", &["K8S_POD_UID", "POD_UID", "OTEL_K8S_POD_UID", "MY_POD_UID"], Some("uid")),
    ("k8s.node.name", &["K8S_NODE_NAME", "NODE_NAME", "OTEL_K8S_NODE_NAME", "MY_NODE_NAME"], None),
    ("k8s.container.name", &["K8S_CONTAINER_NAME", "CONTAINER_NAME"], None),
    ("k8s.pod.ip", &["K8S_POD_IP", "POD_IP", "OTEL_K8S_POD_IP", "MY_POD_IP"], None),
];

/// Kubernetes tells each pod with a service account its namespace here, asked or not.
const NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// What is found of the pod; variables win over files.
pub(super) fn detect(
    settings: &K8sDownward,
    must_find: bool,
    machine: &Machine,
) -> Result<Attributes, String> {
    let mut found = Attributes::default();
    for (key, variables, file) in SOURCES {
        let variable = || variables.iter().find_map(|name| machine.variable(name));
        let mounted = || machine.line(settings.directory.join(file?));
        let given = || if key == "k8s.namespace.name" { machine.line(NAMESPACE) } else { None };
        found.add_if(key, variable().or_else(mounted).or_else(given));
    }
    if found.is_empty() && must_find {
        return Err(format!(
            "nothing of the pod is known: set K8S_POD_NAME and its like with `fieldRef`, or mount a `downwardAPI` \
             volume at {}",
            settings.directory.display()
        ));
    }
    found.keep(|key| settings.resource_attributes.has(key));
    Ok(found)
}
