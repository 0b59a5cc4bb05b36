//! Takes everything and keeps nothing: the end of a pipeline whose cost or behaviour is to be looked at alone.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sluice_component::{
    BuildCx, BuildError, Component, Consume, Context, Delivery, Exporter, ExporterFactory, Refusal,
    Stability, async_trait,
};
use sluice_config::Check;
use sluice_pdata::Pdata;

/// `exporters: nop:` has no keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {}

impl Check for Settings {}

/// Makes `nop` exporters.
#[derive(Debug)]
pub struct Factory;

impl ExporterFactory for Factory {
    const TYPE: &'static str = "nop";
    const STABILITY: Stability = Stability::Beta;
    type Settings = Settings;

    fn build(_: &Settings, _: BuildCx) -> Result<Arc<dyn Exporter>, BuildError> {
        Ok(Arc::new(Nop))
    }

    fn delivery(_: &Settings) -> Delivery {
        Delivery::CannotRefuse
    }
}

struct Nop;

#[async_trait]
impl Component for Nop {}

#[async_trait]
impl Consume for Nop {
    async fn consume(&self, _: Context, _: Pdata) -> Result<(), Refusal> {
        Ok(())
    }
}

/// The graph books what it takes as sent.
impl Exporter for Nop {}

#[cfg(test)]
mod tests {
    use sluice_component::{
        Kind, Registry,
        testkit::{build_cx, load_examples, process},
    };
    use sluice_pdata::{Signal, otlp::ExportLogsServiceRequest};

    use super::*;

    #[tokio::test]
    async fn everything_is_taken() {
        let cx = build_cx(&process(), Kind::Exporter, "nop", Signal::Logs);
        let nop = Factory::build(&Settings {}, cx).unwrap();
        let batch = Pdata::from_logs(ExportLogsServiceRequest::default());
        nop.consume(Context::default(), batch).await.unwrap();
        assert!(!nop.keeps_accounts());
    }

    #[test]
    fn the_example_of_the_page_loads() {
        let registry = Registry::default().exporter::<Factory>();
        let page = include_str!("../../docs/components/exporters/nop.md");
        assert_eq!(load_examples(&registry, page), 1);
    }
}
