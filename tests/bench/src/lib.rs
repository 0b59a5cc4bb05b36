//! Load generator, sinks and reference relays that measure the cost of a collector side by side.
