//! A collector with a component of your own.
