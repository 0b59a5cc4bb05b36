//! The one list of the component types that this build has.

use sluice_component::Registry;

/// Every component type whose cargo feature is on.
#[must_use]
pub fn full() -> Registry {
    let registry = Registry::empty();

    #[cfg(feature = "jaeger-receiver")]
    let registry = registry.receiver::<sluice_receivers::jaeger::Factory>();
    #[cfg(feature = "nop-receiver")]
    let registry = registry.receiver::<sluice_receivers::nop::Factory>();
    #[cfg(feature = "otlp-receiver")]
    let registry = registry.receiver::<sluice_receivers::otlp::Factory>();
    #[cfg(feature = "prometheus-receiver")]
    let registry = registry.receiver::<sluice_receivers::prometheus::Factory>();
    #[cfg(feature = "prometheus-remote-write-receiver")]
    let registry = registry.receiver::<sluice_receivers::prometheus_remote_write::Factory>();
    #[cfg(feature = "zipkin-receiver")]
    let registry = registry.receiver::<sluice_receivers::zipkin::Factory>();

    #[cfg(feature = "attributes-processor")]
    let registry = registry.processor::<sluice_processors::attributes::Factory>();
    #[cfg(feature = "batch-processor")]
    let registry = registry.processor::<sluice_processors::batch::Factory>();
    #[cfg(feature = "cumulative-to-delta-processor")]
    let registry = registry.processor::<sluice_processors::cumulative_to_delta::Factory>();
    #[cfg(feature = "delta-to-cumulative-processor")]
    let registry = registry.processor::<sluice_processors::delta_to_cumulative::Factory>();
    #[cfg(feature = "memory-limiter-processor")]
    let registry = registry.processor::<sluice_processors::memory_limiter::Factory>();
    #[cfg(feature = "metric-start-time-processor")]
    let registry = registry.processor::<sluice_processors::metric_start_time::Factory>();
    #[cfg(feature = "resource-detection-processor")]
    let registry = registry.processor::<sluice_processors::resource_detection::Factory>();
    #[cfg(feature = "resource-processor")]
    let registry = registry.processor::<sluice_processors::resource::Factory>();

    #[cfg(feature = "debug-exporter")]
    let registry = registry.exporter::<sluice_exporters::debug::Factory>();
    #[cfg(feature = "file-exporter")]
    let registry = registry.exporter::<sluice_exporters::file::Factory>();
    #[cfg(feature = "jaeger-exporter")]
    let registry = registry.exporter::<sluice_exporters::jaeger::Factory>();
    #[cfg(feature = "jaeger-thrift-exporter")]
    let registry = registry.exporter::<sluice_exporters::jaeger_thrift::Factory>();
    #[cfg(feature = "nop-exporter")]
    let registry = registry.exporter::<sluice_exporters::nop::Factory>();
    #[cfg(feature = "otlp-exporter")]
    let registry = registry.exporter::<sluice_exporters::otlp::Factory>();
    #[cfg(feature = "otlphttp-exporter")]
    let registry = registry.exporter::<sluice_exporters::otlphttp::Factory>();
    #[cfg(feature = "prometheus-exporter")]
    let registry = registry.exporter::<sluice_exporters::prometheus::Factory>();
    #[cfg(feature = "prometheus-remote-write-exporter")]
    let registry = registry.exporter::<sluice_exporters::prometheus_remote_write::Factory>();
    #[cfg(feature = "zipkin-exporter")]
    let registry = registry.exporter::<sluice_exporters::zipkin::Factory>();

    #[cfg(feature = "forward-connector")]
    let registry = registry.connector::<sluice_connectors::forward::Factory>();

    #[cfg(feature = "health-check-extension")]
    let registry = registry.extension::<sluice_extensions::health_check::Factory>();
    #[cfg(feature = "healthcheckv2-extension")]
    let registry = registry.extension::<sluice_extensions::healthcheckv2::Factory>();
    #[cfg(feature = "jaegerremotesampling-extension")]
    let registry = registry.extension::<sluice_extensions::jaegerremotesampling::Factory>();
    #[cfg(feature = "pprof-extension")]
    let registry = registry.extension::<sluice_extensions::pprof::Factory>();
    #[cfg(feature = "zpages-extension")]
    let registry = registry.extension::<sluice_extensions::zpages::Factory>();

    registry
}
