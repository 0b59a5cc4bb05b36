//! Small batches and toy components for unit tests.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, LazyLock, Mutex},
};

use serde::{Deserialize, Serialize};
use sluice_component::{
    BuildCx, BuildError, Claim, Component, Consume, Context, Delivery, Exporter, ExporterFactory, Outputs,
    Processor, ProcessorFactory, Receiver, ReceiverFactory, Refusal, Registry, Stability, Transform, Verdict,
    async_trait,
};
use sluice_config::Check;
use sluice_pdata::{Limits, Pdata, Signal};

/// A request with `n` empty spans.
pub(crate) fn spans(n: usize) -> Pdata {
    // ExportTraceServiceRequest { resource_spans: [{ scope_spans: [{ spans: [{}; n] }] }] }, n < 60.
    let spans: Vec<u8> = [0x12, 0x00].repeat(n);
    let scope: Vec<u8> = [0x12, u8::try_from(spans.len()).unwrap()].into_iter().chain(spans).collect();
    let resource: Vec<u8> = [0x0a, u8::try_from(scope.len()).unwrap()].into_iter().chain(scope).collect();
    Pdata::from_wire(Signal::Traces, resource.into(), &Limits::default()).unwrap().0
}

/// The settings of every toy.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    port: u16,
    waits: bool,
    drops: bool,
}

impl Check for Settings {}

/// The outputs of the toy receivers built so far, by `test`-unique ID.
pub(crate) static OUTPUTS: LazyLock<Mutex<HashMap<String, Outputs>>> = LazyLock::new(Mutex::default);

pub(crate) struct Toy;

impl ReceiverFactory for Toy {
    const TYPE: &'static str = "toy";
    const STABILITY: Stability = Stability::Development;
    type Settings = Settings;

    fn build(_: &Settings, cx: BuildCx, outputs: Outputs) -> Result<Arc<dyn Receiver>, BuildError> {
        OUTPUTS.lock().unwrap().insert(cx.component.id().to_string(), outputs);
        Ok(Arc::new(Idle))
    }

    fn claims(settings: &Settings) -> Vec<Claim> {
        vec![Claim::Tcp(SocketAddr::from(([127, 0, 0, 1], settings.port)))]
    }
}

impl ProcessorFactory for Toy {
    const TYPE: &'static str = "toy";
    const STABILITY: Stability = Stability::Development;
    type Settings = Settings;

    fn build(settings: &Settings, _: BuildCx, _: Arc<dyn Consume>) -> Result<Processor, BuildError> {
        Ok(Processor::Transform(Arc::new(Sieve { drops: settings.drops })))
    }
}

impl ExporterFactory for Toy {
    const TYPE: &'static str = "toy";
    const STABILITY: Stability = Stability::Development;
    type Settings = Settings;

    fn build(_: &Settings, _: BuildCx) -> Result<Arc<dyn Exporter>, BuildError> {
        Ok(Arc::new(Idle))
    }

    fn delivery(settings: &Settings) -> Delivery {
        if settings.waits { Delivery::WaitsForResult } else { Delivery::MemoryQueue }
    }
}

struct Idle;

#[async_trait]
impl Component for Idle {}
impl Receiver for Idle {}
impl Exporter for Idle {}

#[async_trait]
impl Consume for Idle {
    async fn consume(&self, _: Context, _: Pdata) -> Result<(), Refusal> {
        Ok(())
    }
}

struct Sieve {
    drops: bool,
}

impl Transform for Sieve {
    fn apply(&self, _: &Context, _: &mut Pdata) -> Result<Verdict, Refusal> {
        Ok(if self.drops { Verdict::Drop } else { Verdict::Forward })
    }
}

/// A receiver, a processor and an exporter called `toy`, and the real `forward` connector.
pub(crate) fn toys() -> Registry {
    Registry::empty()
        .receiver::<Toy>()
        .processor::<Toy>()
        .exporter::<Toy>()
        .connector::<sluice_connectors::forward::Factory>()
}
