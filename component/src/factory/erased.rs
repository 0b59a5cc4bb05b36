//! Factories without their settings type, so that a registry can hold them side by side.

use std::{any::Any, fmt, marker::PhantomData, sync::Arc};

use sluice_config::{Checker, Node, Problems, Reach, decode_over_and, to_node, to_unredacted_node};
use sluice_pdata::Signal;

use super::{
    BuildCx, BuildError, Claim, ConnectorFactory, Delivery, ExporterFactory, ExtensionFactory, Outputs,
    Processor, ProcessorFactory, ReceiverFactory, Settings, Stability,
};
use crate::{
    consume::{Consume, Exporter, Extension, Receiver, Stage},
    ids::PipelineId,
};

/// Whether secrets are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// As `[REDACTED]`.
    Redacted,
    /// As they are.
    Shown,
}

/// Settings that were decoded and checked, without their type.
pub struct Parsed {
    settings: Box<dyn Any + Send + Sync>,
    print: fn(&(dyn Any + Send + Sync), Secrets) -> Node,
    /// What the component will take at its start.
    pub claims: Vec<Claim>,
    /// What an `Ok` means, for exporters.
    pub delivery: Option<Delivery>,
}

impl Parsed {
    fn new<S: Settings>(settings: S, claims: Vec<Claim>, delivery: Option<Delivery>) -> Self {
        let print = |any: &(dyn Any + Send + Sync), secrets| match secrets {
            Secrets::Redacted => to_node(settings_of::<S>(any)),
            Secrets::Shown => to_unredacted_node(settings_of::<S>(any)),
        };
        Self { settings: Box::new(settings), print, claims, delivery }
    }

    /// The settings with all defaults filled in.
    #[must_use]
    pub fn effective(&self, secrets: Secrets) -> Node {
        (self.print)(self.settings.as_ref(), secrets)
    }
}

impl fmt::Debug for Parsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parsed").field("claims", &self.claims).finish_non_exhaustive()
    }
}

#[expect(clippy::expect_used, reason = "an invariant of this file: `Parsed` goes back to its own factory")]
fn settings_of<S: Settings>(any: &(dyn Any + Send + Sync)) -> &S {
    any.downcast_ref().expect("settings are only handed to the factory that parsed them")
}

/// What every factory says of itself.
pub trait Described: Send + Sync {
    /// The type name in the YAML.
    fn type_(&self) -> &'static str;
    /// Older spellings, accepted with a warning.
    fn aliases(&self) -> &'static [&'static str];
    /// How far it may be trusted.
    fn stability(&self) -> Stability;
    /// Which signal may become which; a receiver's, processor's or exporter's are the same on both sides, an
    /// extension has none.
    fn routes(&self) -> Vec<(Signal, Signal)>;
    /// Decodes and checks the section `node` at `path`; what is wrong goes into `problems`. `None` when the
    /// section is unusable.
    fn parse(&self, node: &Node, path: &str, problems: &mut Problems) -> Option<Parsed> {
        self.parse_for(Purpose::default(), node, path, problems)
    }
    /// As [`Described::parse`], with the checks that depend on what the component is for.
    fn parse_for(
        &self,
        purpose: Purpose<'_>,
        node: &Node,
        path: &str,
        problems: &mut Problems,
    ) -> Option<Parsed>;
}

/// What a component that is defined is needed for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Purpose<'a> {
    /// The signals of the pipelines that list it.
    pub signals: &'a [Signal],
    /// Whether it is about to be started on this machine.
    pub reach: Reach,
}

macro_rules! erased {
    ($(#[$doc:meta])* $erased:ident, $typed:ident: $bound:ident, $signature:item, $build:item,
     routes: $routes:expr, claims: $claims:expr, delivery: $delivery:expr, check: $check:expr) => {
        $(#[$doc])*
        pub trait $erased: Described {
            /// Builds the component from settings that this factory parsed.
            ///
            /// # Errors
            /// As the typed factory's `build`.
            $signature
        }

        pub(super) struct $typed<F>(pub(super) PhantomData<F>);

        impl<F: $bound> Described for $typed<F> {
            fn type_(&self) -> &'static str {
                F::TYPE
            }
            fn aliases(&self) -> &'static [&'static str] {
                F::ALIASES
            }
            fn stability(&self) -> Stability {
                F::STABILITY
            }
            fn routes(&self) -> Vec<(Signal, Signal)> {
                $routes
            }
            fn parse_for(
                &self,
                purpose: Purpose<'_>,
                node: &Node,
                path: &str,
                problems: &mut Problems,
            ) -> Option<Parsed> {
                let also = |settings: &F::Settings, at: &mut Checker<'_>| {
                    purpose.signals.iter().for_each(|&signal| $check(settings, signal, at));
                };
                let defaults = F::Settings::default();
                let settings = decode_over_and(&defaults, node, path, purpose.reach, also, problems)?;
                let claims = $claims(&settings);
                let delivery = $delivery(&settings);
                Some(Parsed::new(settings, claims, delivery))
            }
        }

        impl<F: $bound> $erased for $typed<F> {
            $build
        }
    };
}

fn same(signals: &[Signal]) -> Vec<(Signal, Signal)> {
    signals.iter().map(|&signal| (signal, signal)).collect()
}

erased!(
    /// A receiver factory without its settings type.
    AnyReceiver, TypedReceiver: ReceiverFactory,
    fn build(&self, parsed: &Parsed, cx: BuildCx, outputs: Outputs) -> Result<Arc<dyn Receiver>, BuildError>;,
    fn build(&self, parsed: &Parsed, cx: BuildCx, outputs: Outputs) -> Result<Arc<dyn Receiver>, BuildError> {
        F::build(settings_of(parsed.settings.as_ref()), cx, outputs)
    },
    routes: same(F::SIGNALS), claims: F::claims, delivery: |_: &F::Settings| None,
    check: |_: &F::Settings, _, _: &mut Checker<'_>| ()
);

erased!(
    /// A processor factory without its settings type.
    AnyProcessor, TypedProcessor: ProcessorFactory,
    fn build(&self, parsed: &Parsed, cx: BuildCx, next: Arc<dyn Consume>) -> Result<Processor, BuildError>;,
    fn build(&self, parsed: &Parsed, cx: BuildCx, next: Arc<dyn Consume>) -> Result<Processor, BuildError> {
        F::build(settings_of(parsed.settings.as_ref()), cx, next)
    },
    routes: same(F::SIGNALS), claims: |_: &F::Settings| Vec::new(), delivery: |_: &F::Settings| None,
    check: F::check_signal
);

erased!(
    /// An exporter factory without its settings type.
    AnyExporter, TypedExporter: ExporterFactory,
    fn build(&self, parsed: &Parsed, cx: BuildCx) -> Result<Arc<dyn Exporter>, BuildError>;,
    fn build(&self, parsed: &Parsed, cx: BuildCx) -> Result<Arc<dyn Exporter>, BuildError> {
        F::build(settings_of(parsed.settings.as_ref()), cx)
    },
    routes: same(F::SIGNALS), claims: F::claims, delivery: |settings: &F::Settings| Some(F::delivery(settings)),
    check: F::check_signal
);

erased!(
    /// A connector factory without its settings type.
    AnyConnector, TypedConnector: ConnectorFactory,
    fn build(&self, parsed: &Parsed, cx: BuildCx, outputs: Outputs, pipelines: Vec<(PipelineId, Arc<dyn Consume>)>)
        -> Result<Arc<dyn Stage>, BuildError>;,
    fn build(&self, parsed: &Parsed, cx: BuildCx, outputs: Outputs, pipelines: Vec<(PipelineId, Arc<dyn Consume>)>)
        -> Result<Arc<dyn Stage>, BuildError> {
        F::build(settings_of(parsed.settings.as_ref()), cx, outputs, pipelines)
    },
    routes: F::ROUTES.to_vec(), claims: |_: &F::Settings| Vec::new(), delivery: |_: &F::Settings| None,
    check: |_: &F::Settings, _, _: &mut Checker<'_>| ()
);

erased!(
    /// An extension factory without its settings type.
    AnyExtension, TypedExtension: ExtensionFactory,
    fn build(&self, parsed: &Parsed, cx: BuildCx) -> Result<Arc<dyn Extension>, BuildError>;,
    fn build(&self, parsed: &Parsed, cx: BuildCx) -> Result<Arc<dyn Extension>, BuildError> {
        F::build(settings_of(parsed.settings.as_ref()), cx)
    },
    routes: Vec::new(), claims: F::claims, delivery: |_: &F::Settings| None,
    check: |_: &F::Settings, _, _: &mut Checker<'_>| ()
);
