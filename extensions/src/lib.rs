//! Extensions: one module and one cargo feature each.
