//! What to use in place of a component of `otelcol-contrib` that does not exist here, by what it is for.

use sluice_component::Kind;

/// Components of `otelcol-contrib` with one purpose, separated by blanks; types of the same kind that come nearest, best
/// first, not all of which need to be in a build; and how those, or something else, can take their place. The last group
/// of a kind names no components: it is for all others.
struct Group(&'static str, &'static [&'static str], &'static str);

/// What is nearest to a type of `otelcol-contrib`: types of the same kind, best first, and what to do.
#[must_use]
pub fn instead_of(kind: Kind, type_: &str) -> (&'static [&'static str], &'static str) {
    let has = |Group(types, ..): &&Group| {
        types.is_empty() || types.split_ascii_whitespace().any(|name| name == type_)
    };
    groups(kind).iter().find(has).map_or((&[], ""), |Group(_, nearest, how)| (nearest, how))
}

fn groups(kind: Kind) -> &'static [Group] {
    match kind {
        Kind::Receiver => RECEIVERS,
        Kind::Processor => PROCESSORS,
        Kind::Exporter => EXPORTERS,
        Kind::Connector => CONNECTORS,
        Kind::Extension => EXTENSIONS,
    }
}

const RECEIVERS: &[Group] = &[
    Group(
        "file_log filelog journald syslog tcp_log tcplog udp_log udplog fluent_forward fluentforward loki splunk_hec
         namedpipe webhookevent windows_event_log windowseventlog otlp_json_file otlpjsonfile k8s_events
         k8s_objects k8sobjects",
        &["otlp"],
        "logs come in over OTLP; an agent that reads them, such as Fluent Bit, can send it",
    ),
    Group(
        "kafka pulsar rabbitmq solace azure_event_hub azureeventhub googlecloudpubsub googlecloudpubsub_push
         awsfirehose awss3 azure_blob azureblob",
        &["otlp"],
        "nothing here reads from a message broker or an object store; a collector that does can send OTLP",
    ),
    Group(
        "prometheus prometheus_simple simpleprometheus prometheus_remote_write prometheusremotewrite",
        &["prometheus", "prometheus_remote_write", "otlp"],
        "metrics of what speaks OTLP need no scraping",
    ),
    Group(
        "opencensus otelarrow stef sapm skywalking signalfx awsxray datadog libhoney faro influxdb statsd carbon collectd
         wavefront",
        &["otlp"],
        "the senders' SDKs and agents can send OTLP",
    ),
    Group(
        "",
        &["prometheus", "otlp"],
        "nothing here asks a server or a machine itself: an exporter of Prometheus beside it can be scraped, an agent can \
         send OTLP",
    ),
];

const PROCESSORS: &[Group] = &[
    Group("queuebatch", &["batch"], "exporters also batch in their queue: `sending_queue: {batch: }`"),
    Group(
        "probabilistic_sampler tail_sampling",
        &[],
        "nothing here samples; SDKs can, by a strategy that the extension `jaegerremotesampling` serves",
    ),
    Group(
        "resource resource_detection resourcedetection k8s_attributes k8sattributes",
        &["resource_detection", "resource"],
        "beside the application, `resource_detection` knows the pod and its node from the downward API; `resource` adds \
         what the configuration and its environment variables say",
    ),
    Group(
        "",
        &[],
        "`attributes` and `resource` edit attributes, nothing here changes names or bodies: remove it, or write it yourself, \
         as examples/custom-component does",
    ),
];

const EXPORTERS: &[Group] = &[
    Group(
        "kafka pulsar rabbitmq awskinesis googlecloudpubsub",
        &["otlp_grpc"],
        "nothing here writes to a message broker; it can send to a collector that does",
    ),
    Group(
        "awss3 azureblob azure_blob googlecloudstorage otlpjsonfile",
        &["file"],
        "it writes OTLP to a file, for a program that uploads it",
    ),
    Group(
        "prometheus prometheus_remote_write prometheusremotewrite googlemanagedprometheus carbon influxdb alertmanager",
        &["prometheus_remote_write", "prometheus", "otlp_http"],
        "Prometheus takes OTLP as well, at /api/v1/otlp/v1/metrics",
    ),
    Group(
        "load_balancing loadbalancing",
        &["otlp_grpc"],
        "`endpoint: dns:///name:4317` sends to all addresses of a name in turn, but not by trace ID",
    ),
    Group("opencensus otelarrow stef sapm", &["otlp_grpc"], "their backends take OTLP"),
    Group(
        "loki elasticsearch opensearch",
        &["otlp_http"],
        "Loki and Elastic take OTLP at a path of their own",
    ),
    Group("", &["otlp_http", "otlp_grpc"], "most backends take OTLP; look for its endpoint there"),
];

const CONNECTORS: &[Group] = &[
    Group(
        "routing roundrobin failover",
        &["forward"],
        "it hands everything on to all its pipelines; nothing here chooses between them",
    ),
    Group("", &["forward"], "it hands everything on as it is; nothing here makes one signal of another"),
];

const EXTENSIONS: &[Group] = &[
    Group(
        "file_storage db_storage redis_storage",
        &[],
        "queues are in memory: leave out `storage`, and see `wait_for_result` for what is not to be lost",
    ),
    Group(
        "headers_setter asapauth awsproxy azure_auth azureauth basicauth bearertokenauth googleclientauth oauth2client
         oidc sigv4auth",
        &[],
        "there are no authenticators yet; an exporter's `headers` can carry fixed credentials, as in \
         `headers: {authorization: \"Bearer ${env:TOKEN}\"}`",
    ),
    Group(
        "cgroup_runtime cgroupruntime memory_limiter",
        &[],
        "limits of cgroups are honoured without it; the processor `memory_limiter` sets tighter ones",
    ),
    Group("", &[], "pipelines do not need it: remove it, and from `service.extensions`"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known::in_contrib;

    #[test]
    fn groups_name_what_there_is() {
        for kind in Kind::ALL {
            for type_ in groups(kind).iter().flat_map(|Group(types, ..)| types.split_ascii_whitespace()) {
                assert!(in_contrib(kind, type_), "{kind} {type_}");
            }
        }
    }
}
