//! Receives nothing: keeps a pipeline whole that has no source yet.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sluice_component::{
    BuildCx, BuildError, Component, Outputs, Receiver, ReceiverFactory, Stability, async_trait,
};
use sluice_config::{Check, Checker};

/// `receivers: nop:` has no keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {}

impl Check for Settings {
    fn check(&self, _at: &mut Checker<'_>) {}
}

/// Makes `nop` receivers.
#[derive(Debug)]
pub struct Factory;

impl ReceiverFactory for Factory {
    const TYPE: &'static str = "nop";
    const STABILITY: Stability = Stability::Beta;
    type Settings = Settings;

    fn build(_: &Settings, _: BuildCx, _: Outputs) -> Result<Arc<dyn Receiver>, BuildError> {
        Ok(Arc::new(Nop))
    }
}

struct Nop;

#[async_trait]
impl Component for Nop {}

impl Receiver for Nop {}

#[cfg(test)]
mod tests {
    use sluice_component::{
        Kind, Registry,
        testkit::{build_cx, host, load_examples, problems, process},
    };
    use sluice_pdata::Signal;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test]
    async fn it_starts_and_stops_as_often_as_asked() {
        let process = process();
        let cx = build_cx(&process, Kind::Receiver, "nop", Signal::Logs);
        let nop = Factory::build(&Settings {}, cx, Outputs::default()).unwrap();
        nop.shutdown(Instant::now()).await.unwrap();
        for _ in 0..2 {
            nop.start(&host(&process, Kind::Receiver, "nop")).await.unwrap();
            nop.shutdown(Instant::now()).await.unwrap();
        }
    }

    #[test]
    fn the_example_of_the_page_loads_and_unknown_keys_are_refused() {
        let registry = Registry::empty().receiver::<Factory>();
        let page = include_str!("../../docs/components/receivers/nop.md");
        assert_eq!(load_examples(&registry, page), 1);
        assert!(problems(registry.describe(Kind::Receiver)[0], "{key: 1}").has_errors());
    }
}
