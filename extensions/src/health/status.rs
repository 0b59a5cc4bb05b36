//! The state of the whole, of one pipeline and of each component, as JSON and as a verdict.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use serde::Serialize;
use sluice_component::{ComponentRef, Health, PipelineId, State, health::Report};

/// Which errors of components make the whole unhealthy: `component_health`. A fatal one always does.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counted {
    /// Those that will not go away.
    pub(crate) permanent: bool,
    /// Those that may, once they have lasted so long.
    pub(crate) recoverable: Option<Duration>,
}

/// What is asked about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scope<'a> {
    /// All components, and whether the collector takes data.
    Whole,
    /// The components of one pipeline, by its ID as text.
    #[cfg_attr(
        not(any(test, feature = "healthcheckv2-extension")),
        expect(dead_code, reason = "only version 2 asks for one")
    )]
    Pipeline(&'a str),
}

/// One node of the answer.
#[derive(Debug, Serialize)]
pub(crate) struct Status {
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time: Option<String>,
    pub(crate) healthy: bool,
    status: &'static str,
    status_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    components: BTreeMap<String, Status>,
    #[serde(skip)]
    pub(crate) http: u16,
}

impl Status {
    /// The state of `scope` now, with its parts when `verbose`. `None` when there is no such pipeline.
    pub(crate) fn read(
        health: &Health,
        stopping: bool,
        scope: Scope<'_>,
        counted: Counted,
        verbose: bool,
    ) -> Option<Self> {
        let reports = health.reports();
        let mut status = match scope {
            Scope::Whole => {
                let mut whole = Self::of_all(reports.values(), counted, health.started());
                // A component that is well does not take data before all are, nor once they are told to stop.
                if whole.healthy && health.ready_since().is_none() {
                    let state = if stopping { State::Stopping } else { State::Starting };
                    whole =
                        Self { status_time: whole.status_time, ..Self::of(state, Duration::ZERO, counted) };
                }
                if verbose {
                    whole.components = Self::parts(&reports, counted, health.started());
                }
                whole
            }
            Scope::Pipeline(id) => {
                let pipeline = reports.values().flat_map(|report| &report.pipelines);
                let pipeline = pipeline.into_iter().find(|pipeline| pipeline.to_string() == id)?.clone();
                Self::of_pipeline(&reports, &pipeline, counted, health.started(), verbose)
            }
        };
        status.start_time = Some(time(health.started()));
        Some(status)
    }

    fn parts(
        reports: &BTreeMap<ComponentRef, Report>,
        counted: Counted,
        started: SystemTime,
    ) -> BTreeMap<String, Self> {
        let mut parts = BTreeMap::new();
        let mut extensions = BTreeMap::new();
        for (component, report) in reports {
            if report.pipelines.is_empty() {
                extensions.insert(name(component), Self::of_report(report, counted));
            }
            for pipeline in &report.pipelines {
                parts
                    .entry(format!("pipeline:{pipeline}"))
                    .or_insert_with(|| Self::of_pipeline(reports, pipeline, counted, started, true));
            }
        }
        if !extensions.is_empty() {
            let reports = reports.values().filter(|report| report.pipelines.is_empty());
            let all = Self::of_all(reports, counted, started);
            parts.insert("extensions".to_owned(), Self { components: extensions, ..all });
        }
        parts
    }

    fn of_pipeline(
        reports: &BTreeMap<ComponentRef, Report>,
        pipeline: &PipelineId,
        counted: Counted,
        started: SystemTime,
        verbose: bool,
    ) -> Self {
        let members = || reports.iter().filter(|(_, report)| report.pipelines.contains(pipeline));
        let mut status = Self::of_all(members().map(|(_, report)| report), counted, started);
        if verbose {
            status.components = members()
                .map(|(component, report)| (name(component), Self::of_report(report, counted)))
                .collect();
        }
        status
    }

    /// The worst of `reports`; well when there are none.
    fn of_all<'a>(
        reports: impl IntoIterator<Item = &'a Report>,
        counted: Counted,
        started: SystemTime,
    ) -> Self {
        let worst = reports.into_iter().max_by_key(|report| rank(report.state, counted));
        worst.map_or_else(
            || Self { status_time: time(started), ..Self::of(State::Ok, Duration::ZERO, counted) },
            |worst| Self::of_report(worst, counted),
        )
    }

    fn of_report(report: &Report, counted: Counted) -> Self {
        let lasted = report.since.elapsed().unwrap_or_default();
        Self {
            status_time: time(report.since),
            error: report.error.clone(),
            ..Self::of(report.state, lasted, counted)
        }
    }

    fn of(state: State, lasted: Duration, counted: Counted) -> Self {
        let http = match state {
            State::Ok => 200,
            State::Starting | State::Stopping | State::Stopped => 503,
            State::FatalError => 500,
            State::PermanentError if counted.permanent => 500,
            State::RecoverableError if counted.recoverable.is_some_and(|most| lasted >= most) => 500,
            State::PermanentError | State::RecoverableError => 200,
        };
        Self {
            start_time: None,
            healthy: http == 200,
            status: state.as_str(),
            status_time: String::new(),
            error: None,
            components: BTreeMap::new(),
            http,
        }
    }
}

/// The larger, the worse. A kind of error that counts is worse than one that does not.
fn rank(state: State, counted: Counted) -> u8 {
    let only_recoverable = counted.recoverable.is_some() && !counted.permanent;
    match state {
        State::Ok => 0,
        State::Starting => 1,
        State::Stopped => 2,
        State::Stopping => 3,
        State::RecoverableError => 4 + 2 * u8::from(only_recoverable),
        State::PermanentError => 5,
        State::FatalError => 7,
    }
}

/// `receiver:otlp`
fn name(component: &ComponentRef) -> String {
    format!("{}:{}", component.kind(), component.id())
}

/// RFC 3339 with the digits that are there.
pub(super) fn time(at: SystemTime) -> String {
    jiff::Timestamp::try_from(at).map(|at| at.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use sluice_component::Kind;
    use sluice_pdata::Signal;

    use super::*;

    fn board(states: &[(Kind, &str, State)]) -> Health {
        let health = Health::default();
        for (kind, id, state) in states {
            let component = ComponentRef::new(*kind, id.parse().unwrap());
            let pipelines = match kind {
                Kind::Extension => Vec::new(),
                _ => vec![PipelineId::new(Signal::Traces, "x")],
            };
            health.enlist(component.clone(), pipelines);
            health.post(&component, *state, (*state != State::Ok).then(|| "it is down".to_owned()));
        }
        health.set_ready(true);
        health
    }

    fn whole(health: &Health, counted: Counted) -> Status {
        Status::read(health, false, Scope::Whole, counted, false).unwrap()
    }

    #[test]
    fn the_whole_is_the_worst_of_its_parts() {
        use State::{FatalError, Ok, PermanentError, RecoverableError, Starting};
        let health = board(&[(Kind::Receiver, "otlp", Ok), (Kind::Exporter, "otlp", Starting)]);
        assert_eq!(whole(&health, Counted::default()).status, "StatusStarting");
        let health =
            board(&[(Kind::Receiver, "otlp", RecoverableError), (Kind::Exporter, "otlp", PermanentError)]);
        assert_eq!(whole(&health, Counted::default()).status, "StatusPermanentError");
        let only_recoverable = Counted { permanent: false, recoverable: Some(Duration::ZERO) };
        assert_eq!(whole(&health, only_recoverable).status, "StatusRecoverableError");
        let health = board(&[(Kind::Receiver, "otlp", FatalError), (Kind::Exporter, "otlp", PermanentError)]);
        let fatal = whole(&health, Counted::default());
        assert_eq!((fatal.status, fatal.http, fatal.healthy), ("StatusFatalError", 500, false));
    }

    #[test]
    fn errors_count_as_told_and_recoverable_ones_once_they_last() {
        let http = |state, counted| {
            let health = board(&[(Kind::Exporter, "otlp", state)]);
            whole(&health, counted).http
        };
        let counted = Counted { permanent: true, recoverable: Some(Duration::ZERO) };
        let patient = Counted { permanent: true, recoverable: Some(Duration::from_secs(3600)) };
        assert_eq!(http(State::PermanentError, Counted::default()), 200);
        assert_eq!(http(State::PermanentError, counted), 500);
        assert_eq!(http(State::RecoverableError, Counted::default()), 200);
        assert_eq!(http(State::RecoverableError, counted), 500);
        assert_eq!(http(State::RecoverableError, patient), 200);
    }

    #[test]
    fn well_components_are_not_enough_before_the_collector_is_ready() {
        let health = board(&[(Kind::Receiver, "otlp", State::Ok)]);
        health.set_ready(false);
        assert_eq!(whole(&health, Counted::default()).http, 503);
        health.set_ready(true);
        assert_eq!(whole(&health, Counted::default()).http, 200);
        health.set_ready(false);
        let stopping = Status::read(&health, true, Scope::Whole, Counted::default(), false).unwrap();
        assert_eq!((stopping.status, stopping.http), ("StatusStopping", 503));
    }

    #[test]
    fn verbose_nests_pipelines_and_extensions() {
        let health = board(&[
            (Kind::Receiver, "otlp", State::Ok),
            (Kind::Exporter, "otlp/staging", State::RecoverableError),
            (Kind::Extension, "health_check", State::Ok),
        ]);
        let verbose = Status::read(&health, false, Scope::Whole, Counted::default(), true).unwrap();
        let json = serde_json::to_value(verbose).unwrap();
        assert_eq!(json["components"]["extensions"]["components"]["extension:health_check"]["healthy"], true);
        let exporter = &json["components"]["pipeline:traces/x"]["components"]["exporter:otlp/staging"];
        assert_eq!(exporter["status"], "StatusRecoverableError");
        assert_eq!(exporter["error"], "it is down");
        let pipeline = Scope::Pipeline("traces/x");
        assert!(Status::read(&health, false, pipeline, Counted::default(), false).is_some());
        let unknown = Scope::Pipeline("traces/y");
        assert!(Status::read(&health, false, unknown, Counted::default(), false).is_none());
    }
}
