//! Processors: one module and one cargo feature each.
