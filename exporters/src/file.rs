//! Writes OTLP, as JSON or protobuf, to a file.
