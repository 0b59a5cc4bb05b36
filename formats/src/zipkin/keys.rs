//! Tags and attributes that mean something.

pub(super) const SERVICE_NAME: &[u8] = b"service.name";
pub(super) const SERVICE_NAME_SOURCE: &[u8] = b"otlp.service.name.source";
/// What stands for the service name where there is none.
pub(super) const NO_SERVICE_NAME: &[u8] = b"OTLPResourceNoServiceName";
pub(super) const START_TIME_ABSENT: &[u8] = b"otel.zipkin.absentField.startTime";
pub(super) const SPAN_KIND: &[u8] = b"span.kind";
pub(super) const TRACE_STATE: &[u8] = b"w3c.tracestate";
pub(super) const STATUS_CODE: &[u8] = b"otel.status_code";
pub(super) const STATUS_DESCRIPTION: &[u8] = b"otel.status_description";
pub(super) const ERROR: &[u8] = b"error";
pub(super) const LINK: &[u8] = b"otlp.link.";
pub(super) const SCOPE_NAME: &[u8] = b"otel.scope.name";
pub(super) const SCOPE_VERSION: &[u8] = b"otel.scope.version";
pub(super) const LIBRARY_NAME: &[u8] = b"otel.library.name";
pub(super) const LIBRARY_VERSION: &[u8] = b"otel.library.version";

/// Addresses, peers and ports: current name, name before.
pub(super) mod endpoint {
    pub(crate) const LOCAL_ADDRESS: &[u8] = b"network.local.address";
    pub(crate) const PEER_ADDRESS: &[u8] = b"network.peer.address";
    pub(crate) const PEER_SERVICE: &[u8] = b"service.peer.name";
    pub(crate) const LEGACY_LOCAL_ADDRESS: &[u8] = b"net.host.ip";
    pub(crate) const LEGACY_PEER_ADDRESS: &[u8] = b"net.peer.ip";
    pub(crate) const LEGACY_PEER_SERVICE: &[u8] = b"peer.service";
    /// Otelcol has kept the old names of the ports.
    pub(crate) const LOCAL_PORT: &[u8] = b"net.host.port";
    pub(crate) const PEER_PORT: &[u8] = b"net.peer.port";
}

/// Links that are read from tags.
pub(super) const MAX_LINKS: u8 = 128;

/// What a tag of an incoming span is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Attribute,
    Resource,
    ServiceNameSource,
    ScopeName,
    ScopeVersion,
    StatusCode,
    StatusDescription,
    Error,
    TraceState,
    SpanKind,
    StartTimeAbsent,
    /// With its number, below [`MAX_LINKS`].
    Link(u8),
    /// What an endpoint says, too, as a bit.
    Endpoint(u8),
}

/// The bits of [`Role::Endpoint`].
pub(super) fn endpoint_bit(key: &[u8]) -> u8 {
    match key {
        b"net.host.ip" => 1,
        b"net.host.port" => 2,
        b"network.local.address" => 4,
        b"peer.service" => 8,
        b"service.peer.name" => 16,
        b"net.peer.ip" => 32,
        b"net.peer.port" => 64,
        b"network.peer.address" => 128,
        _ => 0,
    }
}

pub(super) fn role(key: &[u8]) -> Role {
    match key {
        b"error" => Role::Error,
        b"span.kind" => Role::SpanKind,
        b"w3c.tracestate" => Role::TraceState,
        _ => match key.split_at_checked(4) {
            Some((b"otel" | b"otlp", rest)) => otel_role(key, rest),
            Some((b"net." | b"netw" | b"peer" | b"serv", _)) if endpoint_bit(key) != 0 => {
                Role::Endpoint(endpoint_bit(key))
            }
            Some((start, _)) if describes_resource(start, key) => Role::Resource,
            _ => Role::Attribute,
        },
    }
}

fn otel_role(key: &[u8], rest: &[u8]) -> Role {
    match rest {
        b".status_code" => Role::StatusCode,
        b".status_description" => Role::StatusDescription,
        b".library.name" | b".scope.name" => Role::ScopeName,
        b".library.version" | b".scope.version" => Role::ScopeVersion,
        b".service.name.source" => Role::ServiceNameSource,
        b".zipkin.absentField.startTime" => Role::StartTimeAbsent,
        _ => key.strip_prefix(LINK).and_then(link_number).map_or(Role::Attribute, Role::Link),
    }
}

fn link_number(digits: &[u8]) -> Option<u8> {
    let number = match *digits {
        [only] if only.is_ascii_digit() => only - b'0',
        [first @ b'1'..=b'9', ref rest @ ..] if rest.len() < 3 && rest.iter().all(u8::is_ascii_digit) => {
            let number =
                rest.iter().fold(u16::from(first - b'0'), |n, digit| n * 10 + u16::from(digit - b'0'));
            u8::try_from(number).ok()?
        }
        _ => return None,
    };
    (number < MAX_LINKS).then_some(number)
}

/// The resource attributes of semantic conventions 1.6.1, and those that OpenCensus bridges send.
fn describes_resource(start: &[u8], key: &[u8]) -> bool {
    match start {
        b"aws." => matches!(
            key,
            b"aws.ecs.container.arn"
                | b"aws.ecs.cluster.arn"
                | b"aws.ecs.launchtype"
                | b"aws.ecs.task.arn"
                | b"aws.ecs.task.family"
                | b"aws.ecs.task.revision"
                | b"aws.eks.cluster.arn"
                | b"aws.log.group.names"
                | b"aws.log.group.arns"
                | b"aws.log.stream.names"
                | b"aws.log.stream.arns"
        ),
        b"clou" => matches!(
            key,
            b"cloud.provider"
                | b"cloud.account.id"
                | b"cloud.region"
                | b"cloud.availability_zone"
                | b"cloud.platform"
        ),
        b"cont" => matches!(
            key,
            b"container.name"
                | b"container.id"
                | b"container.runtime"
                | b"container.image.name"
                | b"container.image.tag"
        ),
        b"depl" => key == b"deployment.environment",
        b"devi" => matches!(key, b"device.id" | b"device.model.identifier" | b"device.model.name"),
        b"faas" => {
            matches!(key, b"faas.name" | b"faas.id" | b"faas.version" | b"faas.instance" | b"faas.max_memory")
        }
        b"host" => matches!(
            key,
            b"host.id"
                | b"host.name"
                | b"host.type"
                | b"host.arch"
                | b"host.image.name"
                | b"host.image.id"
                | b"host.image.version"
        ),
        b"k8s." => matches!(
            key,
            b"k8s.cluster.name"
                | b"k8s.node.name"
                | b"k8s.node.uid"
                | b"k8s.namespace.name"
                | b"k8s.pod.uid"
                | b"k8s.pod.name"
                | b"k8s.container.name"
                | b"k8s.replicaset.uid"
                | b"k8s.replicaset.name"
                | b"k8s.deployment.uid"
                | b"k8s.deployment.name"
                | b"k8s.statefulset.uid"
                | b"k8s.statefulset.name"
                | b"k8s.daemonset.uid"
                | b"k8s.daemonset.name"
                | b"k8s.job.uid"
                | b"k8s.job.name"
                | b"k8s.cronjob.uid"
                | b"k8s.cronjob.name"
        ),
        b"open" => matches!(
            key,
            b"opencensus.starttime" | b"opencensus.exporterversion" | b"opencensus.resourcetype"
        ),
        b"os.t" | b"os.d" | b"os.n" | b"os.v" => {
            matches!(key, b"os.type" | b"os.description" | b"os.name" | b"os.version")
        }
        b"proc" => matches!(
            key,
            b"process.pid"
                | b"process.executable.name"
                | b"process.executable.path"
                | b"process.command"
                | b"process.command_line"
                | b"process.command_args"
                | b"process.owner"
                | b"process.runtime.name"
                | b"process.runtime.version"
                | b"process.runtime.description"
        ),
        b"serv" => matches!(
            key,
            b"service.name" | b"service.namespace" | b"service.instance.id" | b"service.version"
        ),
        b"tele" => matches!(
            key,
            b"telemetry.sdk.name"
                | b"telemetry.sdk.language"
                | b"telemetry.sdk.version"
                | b"telemetry.auto.version"
        ),
        b"webe" => matches!(key, b"webengine.name" | b"webengine.version" | b"webengine.description"),
        _ => false,
    }
}
