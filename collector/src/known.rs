//! The component types of `otelcol-contrib`, so that a configuration that names one which does not exist
//! here is told apart from a typing error. Facts of its v0.159 manifest; old spellings included.

mod instead;

pub use instead::instead_of;
use sluice_component::Kind;

/// Whether `otelcol-contrib` has a component of `kind` called `type_`.
#[must_use]
pub fn in_contrib(kind: Kind, type_: &str) -> bool {
    names(kind).split_ascii_whitespace().any(|name| name == type_)
}

fn names(kind: Kind) -> &'static str {
    match kind {
        Kind::Receiver => RECEIVERS,
        Kind::Processor => PROCESSORS,
        Kind::Exporter => EXPORTERS,
        Kind::Connector => CONNECTORS,
        Kind::Extension => EXTENSIONS,
    }
}

const RECEIVERS: &str = "
    nop otlp active_directory_ds aerospike apache apachespark awscloudwatch awscontainerinsightreceiver
    awsecscontainermetrics awsfirehose awss3 awsxray azure_blob azure_event_hub azureblob azureeventhub
    azuremonitor bigip carbon chrony ciscoos cloudflare cloudfoundry collectd couchdb datadog docker_stats
    elasticsearch envoyals expvar faro file_log filelog file_stats filestats flinkmetrics fluent_forward
    fluentforward github gitlab gitproviderreceiver googlecloudmonitoring googlecloudpubsub
    googlecloudpubsub_push googlecloudspanner haproxy host_metrics hostmetrics httpcheck huaweicloudces
    icmpcheck iis influxdb jaeger jmx journald k8s_cluster k8s_events k8s_objects k8sobjects kafka
    kafkametrics kubelet_stats kubeletstats libhoney loki memcached mongodb mongodbatlas mysql namedpipe
    netflow nginx nsxt ntp opencensus oracledb osquery otelarrow otlp_json_file otlpjsonfile podman_stats
    postgresql pprof prometheus prometheus_remote_write prometheusremotewrite prometheus_simple pulsar
    purefa purefb rabbitmq receiver_creator redfish redis riak saphana sapm signalfx simpleprometheus
    skywalking snmp snowflake solace splunk_hec splunkenterprise sqlquery sqlserver sshcheck statsd stef
    syslog systemd tcp_log tcplog tcpcheck tlscheck udp_log udplog vcenter vcr_receiver wavefront
    webhookevent windows_event_log windowseventlog windowsperfcounters windowsservice yang_grpc zipkin
    zookeeper";
const PROCESSORS: &str = "
    nop batch memory_limiter queuebatch attributes coralogix cumulative_to_delta cumulativetodelta
    datadogsemantics delta_to_cumulative deltatocumulative deltatorate dns_lookup dnslookup
    experimental_metricsgeneration metricsgeneration filter gen_ai_normalizer geoip groupbyattrs
    groupbytrace interval isolationforest k8s_attributes k8sattributes log_dedup logdedup logstransform
    lookup metric_start_time metricstarttime metrics_transform metricstransform probabilistic_sampler
    redaction remotetap resource resource_detection resourcedetection routing schema span spanmetrics
    spanpruning sumologic tail_sampling transform unroll";
const EXPORTERS: &str = "
    nop debug otlp otlp_grpc otlphttp otlp_http alertmanager alibabacloud_logservice awscloudwatchlogs
    awsemf awskinesis awss3 awsxray azureblob azure_blob azuredataexplorer azuremonitor bmchelix carbon
    cassandra clickhouse coralogix datadog dataset doris elasticsearch faro file googlecloud
    googlecloudpubsub googlecloudstorage googlemanagedprometheus honeycombmarker influxdb jaeger
    jaeger_thrift kafka kinetica load_balancing loadbalancing logicmonitor logzio loki mezmo opencensus
    opensearch otelarrow otlpjsonfile prometheus prometheus_remote_write prometheusremotewrite pulsar
    rabbitmq sapm sematext sentry signalfx splunk_hec stef sumologic syslog tencentcloud_logservice tinybird
    xray zipkin";
const CONNECTORS: &str = "
    nop forward count datadog exceptions failover grafanacloud metricsaslogs otlpjson roundrobin routing
    service_graph servicegraph signal_to_metrics signaltometrics slowsql span_metrics spanmetrics sum";
const EXTENSIONS: &str = "
    nop ack asapauth avro_log_encoding aws_logs_encoding awscloudwatchmetricstreams_encoding awsproxy
    azure_auth azureauth azure_encoding basicauth bearertokenauth cfgardenobserver cgroup_runtime
    cgroupruntime datadog db_storage docker_observer ecs_observer ecs_task_observer file_storage
    googleclientauth googlecloudlogentry_encoding headers_setter health_check healthcheckv2 host_observer
    http_forwarder jaeger_encoding jaegerremotesampling json_log_encoding k8s_leader_elector k8s_observer
    kafkatopics_observer memory_limiter oauth2client oidc opamp otlp_encoding pprof
    ratelimiter redis_storage remotetap sigv4auth skywalking_encoding solarwindsapmsettings
    sumologic text_encoding xds zipkin_encoding zpages";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_and_new_spellings_are_known() {
        assert!(in_contrib(Kind::Receiver, "filelog"));
        assert!(in_contrib(Kind::Receiver, "file_log"));
        assert!(!in_contrib(Kind::Receiver, "filelogs"));
        assert!(!in_contrib(Kind::Processor, ""));
    }

    #[test]
    fn for_each_component_that_is_lacking_there_is_something_to_do_instead() {
        let registry = crate::components::full();
        for kind in Kind::ALL {
            let ours: Vec<&str> = registry.describe(kind).iter().map(|factory| factory.type_()).collect();
            for type_ in names(kind).split_ascii_whitespace().filter(|type_| !ours.contains(type_)) {
                let (nearest, how) = instead_of(kind, type_);
                assert!(!how.is_empty(), "{kind} {type_}");
                for near in nearest {
                    assert!(in_contrib(kind, near), "{kind} {type_}: there never was a {near}");
                }
                let exists = nearest.is_empty() || nearest.iter().any(|near| ours.contains(near));
                assert!(exists || !cfg!(feature = "full"), "{kind} {type_}: none of {nearest:?} exists");
            }
        }
    }
}
