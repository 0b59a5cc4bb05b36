//! Why a command failed, as otelcol words it.

use std::fmt;

use sluice_config::{Problems, Severity, Step};

/// What is printed on standard error before the exit with 1.
#[derive(Debug)]
pub(super) struct Failure {
    message: String,
    problems: Problems,
}

/// How otelcol calls a configuration that cannot be read.
pub(super) const UNRESOLVED: &str = "failed to get config: cannot resolve the configuration";
const MALFORMED: &str = "failed to get config: cannot unmarshal the configuration";
const INVALID: &str = "invalid configuration";

impl Failure {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), problems: Problems::new() }
    }

    /// Problems of places that cannot be read.
    pub(super) fn unresolved(problems: Problems) -> Self {
        Self { message: UNRESOLVED.to_owned(), problems }
    }

    /// Problems of a tree that was read. otelcol stops between decoding and checking; here all are told at once,
    /// under the prefix of the earlier step that has one.
    pub(super) fn unsound(problems: Problems) -> Self {
        let errors = problems.iter().filter(|problem| problem.severity == Severity::Error);
        let prefix = match errors.map(|problem| problem.step).min() {
            Some(Step::Decode) => MALFORMED,
            Some(Step::Check) | None => INVALID,
        };
        Self { message: prefix.to_owned(), problems }
    }

    /// Components that cannot be built from settings that are sound.
    pub(super) fn unbuilt(problems: Problems) -> Self {
        Self { message: "failed to build pipelines".to_owned(), problems }
    }

    /// What it is called, without its problems.
    pub(super) fn message(&self) -> &str {
        &self.message
    }

    /// Everything that is wrong with the configuration, for `validate --format json`.
    pub(super) fn problems(&self) -> &Problems {
        &self.problems
    }
}

impl fmt::Display for Failure {
    /// `Error: <prefix>: <what>`; with problems, all of them below and their number last.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = match (self.problems.error_count(), self.problems.warning_count()) {
            (0, _) => return writeln!(f, "Error: {}", self.message),
            (1, 0) => "1 problem".to_owned(),
            (errors, 0) => format!("{errors} problems"),
            (1, 1) => "1 problem and 1 warning".to_owned(),
            (errors, 1) => format!("{errors} problems and 1 warning"),
            (1, warnings) => format!("1 problem and {warnings} warnings"),
            (errors, warnings) => format!("{errors} problems and {warnings} warnings"),
        };
        writeln!(f, "Error: {}: {total}", self.message)?;
        f.write_str(&self.problems.to_text())?;
        writeln!(f, "{total}, nothing was started")
    }
}

#[cfg(test)]
mod tests {
    use sluice_config::Problem;

    use super::*;

    #[test]
    fn problems_are_printed_between_otelcols_prefix_and_their_number() {
        let mut problems = Problems::new();
        problems.push(
            Problem::malformed("exporters.otlp", "unknown key `endpont`").help("did you mean `endpoint`?"),
        );
        problems.push(Problem::warning("service", "odd"));
        let expected = "Error: failed to get config: cannot unmarshal the configuration: 1 problem and 1 warning\n\
                        error: exporters.otlp: unknown key `endpont`\n  = did you mean `endpoint`?\n\
                        warning: service: odd\n1 problem and 1 warning, nothing was started\n";
        assert_eq!(Failure::unsound(problems).to_string(), expected);
    }

    #[test]
    fn what_otelcol_finds_after_decoding_is_an_invalid_configuration() {
        // The step decides, not the words.
        let problem = Problem::error("service.pipelines.traces", "unknown is not a word that counts");
        let text = Failure::unsound(problem.into()).to_string();
        assert!(text.starts_with("Error: invalid configuration: 1 problem\n"), "{text}");
    }
}
