//! What a component author imports: traits, context, refusals, factories, the host.
