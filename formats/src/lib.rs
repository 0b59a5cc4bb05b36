//! Foreign wire formats and their translation to and from OTLP.
