//! OTLP data as bytes until somebody needs more: the one data type that flows through the graph.
