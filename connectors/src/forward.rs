//! Hands data from the pipelines that list it as an exporter to those that list it as a receiver.
//!
//! It holds nothing: its verdict is the verdict of the pipelines behind it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sluice_component::{
    BuildCx, BuildError, Component, ConnectorFactory, Consume, Context, Outputs, PipelineId, Refusal,
    Stability, Stage, async_trait,
};
use sluice_config::{Check, Checker};
use sluice_pdata::{Pdata, Signal};

/// `connectors: forward:` has no keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {}

impl Check for Settings {
    fn check(&self, _at: &mut Checker<'_>) {}
}

/// Makes `forward` connectors.
#[derive(Debug)]
pub struct Factory;

impl ConnectorFactory for Factory {
    const TYPE: &'static str = "forward";
    const STABILITY: Stability = Stability::Beta;
    const ROUTES: &'static [(Signal, Signal)] =
        &[(Signal::Traces, Signal::Traces), (Signal::Metrics, Signal::Metrics), (Signal::Logs, Signal::Logs)];
    type Settings = Settings;

    fn build(
        _: &Settings,
        cx: BuildCx,
        outputs: Outputs,
        _: Vec<(PipelineId, Arc<dyn Consume>)>,
    ) -> Result<Arc<dyn Stage>, BuildError> {
        let next = cx.signal.and_then(|signal| outputs.get(signal)).cloned();
        let next =
            next.ok_or_else(|| cx.error("", "no pipeline of the same signal lists it as a receiver"))?;
        Ok(Arc::new(Forward { next }))
    }
}

struct Forward {
    next: Arc<dyn Consume>,
}

#[async_trait]
impl Component for Forward {}

#[async_trait]
impl Consume for Forward {
    async fn consume(&self, cx: Context, data: Pdata) -> Result<(), Refusal> {
        self.next.consume(cx, data).await
    }
}

impl Stage for Forward {}

#[cfg(test)]
mod tests {
    use sluice_component::{
        Kind, Reason, Registry,
        testkit::{Recorder, Refuser, build_cx, component, load_examples, problems, process},
    };

    use super::*;

    fn batch() -> Pdata {
        Pdata::from_logs(sluice_pdata::otlp::ExportLogsServiceRequest::default())
    }

    fn forward(next: Arc<dyn Consume>) -> Result<Arc<dyn Stage>, BuildError> {
        let cx = build_cx(&process(), Kind::Connector, "forward", Signal::Logs);
        Factory::build(&Settings {}, cx, Outputs::default().with(Signal::Logs, next), Vec::new())
    }

    #[tokio::test]
    async fn data_goes_on() {
        let sink = Recorder::new();
        forward(sink.clone()).unwrap().consume(Context::default(), batch()).await.unwrap();
        assert_eq!(sink.batches().len(), 1);
    }

    #[tokio::test]
    async fn the_verdict_is_that_of_the_pipelines_behind() {
        let refuser = Refuser(|data: &Pdata| {
            Refusal::permanent(component(Kind::Exporter, "x"), data.signal(), data.items(), Reason::TooLarge)
        });
        let refusal =
            forward(Arc::new(refuser)).unwrap().consume(Context::default(), batch()).await.unwrap_err();
        assert_eq!((refusal.reason, refusal.is_retryable()), (Reason::TooLarge, false));
    }

    #[test]
    fn a_connector_with_no_pipeline_behind_is_not_built() {
        let cx = build_cx(&process(), Kind::Connector, "forward", Signal::Logs);
        let error = Factory::build(&Settings {}, cx, Outputs::default(), Vec::new()).err().unwrap();
        assert!(error.to_string().contains("connectors.forward"), "{error}");
    }

    #[test]
    fn the_examples_of_the_page_load_and_unknown_keys_are_refused() {
        let registry = Registry::empty().connector::<Factory>();
        let page = include_str!("../../docs/components/connectors/forward.md");
        assert_eq!(load_examples(&registry, page), 2);
        assert!(problems(registry.describe(Kind::Connector)[0], "{key: 1}").has_errors());
    }
}
