//! YAML paths as problems print them: `receivers.otlp.protocols.grpc`, `exporters[1]`.

/// Appends a key, or an index written as `[1]`.
pub(crate) fn join(path: &str, key: &str) -> String {
    match (path.is_empty(), key.starts_with('[')) {
        (true, _) => key.to_owned(),
        (false, true) => format!("{path}{key}"),
        (false, false) => format!("{path}.{key}"),
    }
}
