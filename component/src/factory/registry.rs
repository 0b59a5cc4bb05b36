//! The explicit list of the component types that a binary has.

use std::{collections::BTreeMap, fmt, marker::PhantomData, sync::Arc};

use super::{
    ConnectorFactory, ExporterFactory, ExtensionFactory, ProcessorFactory, ReceiverFactory,
    erased::{
        AnyConnector, AnyExporter, AnyExtension, AnyProcessor, AnyReceiver, Described, TypedConnector,
        TypedExporter, TypedExtension, TypedProcessor, TypedReceiver,
    },
};
use crate::ids::Kind;

/// The factories of one kind, by type name.
pub struct Factories<F: ?Sized>(BTreeMap<&'static str, Arc<F>>);

impl<F: ?Sized> Default for Factories<F> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<F: ?Sized + Described> fmt::Debug for Factories<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|factory| factory.type_())).finish()
    }
}

impl<F: ?Sized + Described> Factories<F> {
    /// The factory of a type name or alias.
    #[must_use]
    pub fn get(&self, type_: &str) -> Option<&Arc<F>> {
        self.0.get(type_).or_else(|| self.iter().find(|factory| factory.aliases().contains(&type_)))
    }

    /// All factories, by type name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<F>> {
        self.0.values()
    }

    fn add(&mut self, factory: Arc<F>) {
        self.0.insert(factory.type_(), factory);
    }
}

/// Every component type that a binary knows. Filled by explicit calls; a later one with the same type name
/// replaces the earlier.
#[derive(Default)]
#[expect(missing_docs, reason = "one table per kind")]
pub struct Registry {
    pub receivers: Factories<dyn AnyReceiver>,
    pub processors: Factories<dyn AnyProcessor>,
    pub exporters: Factories<dyn AnyExporter>,
    pub connectors: Factories<dyn AnyConnector>,
    pub extensions: Factories<dyn AnyExtension>,
}

impl Registry {
    /// A registry that knows nothing.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// Adds a receiver type.
    #[must_use]
    pub fn receiver<F: ReceiverFactory>(mut self) -> Self {
        self.receivers.add(Arc::new(TypedReceiver::<F>(PhantomData)));
        self
    }

    /// Adds a processor type.
    #[must_use]
    pub fn processor<F: ProcessorFactory>(mut self) -> Self {
        self.processors.add(Arc::new(TypedProcessor::<F>(PhantomData)));
        self
    }

    /// Adds an exporter type.
    #[must_use]
    pub fn exporter<F: ExporterFactory>(mut self) -> Self {
        self.exporters.add(Arc::new(TypedExporter::<F>(PhantomData)));
        self
    }

    /// Adds a connector type.
    #[must_use]
    pub fn connector<F: ConnectorFactory>(mut self) -> Self {
        self.connectors.add(Arc::new(TypedConnector::<F>(PhantomData)));
        self
    }

    /// Adds an extension type.
    #[must_use]
    pub fn extension<F: ExtensionFactory>(mut self) -> Self {
        self.extensions.add(Arc::new(TypedExtension::<F>(PhantomData)));
        self
    }

    /// What is known of the types of one kind, by type name.
    #[must_use]
    pub fn describe(&self, kind: Kind) -> Vec<&dyn Described> {
        fn all<'a, F: ?Sized + Described + 'a>(
            factories: &'a Factories<F>,
            up: fn(&'a F) -> &'a dyn Described,
        ) -> Vec<&'a dyn Described> {
            factories.iter().map(|factory| up(factory)).collect()
        }
        match kind {
            Kind::Receiver => all(&self.receivers, |factory| factory),
            Kind::Processor => all(&self.processors, |factory| factory),
            Kind::Exporter => all(&self.exporters, |factory| factory),
            Kind::Connector => all(&self.connectors, |factory| factory),
            Kind::Extension => all(&self.extensions, |factory| factory),
        }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for kind in Kind::ALL {
            let types: Vec<_> = self.describe(kind).into_iter().map(Described::type_).collect();
            map.entry(&kind.section(), &types);
        }
        map.finish()
    }
}
