//! otelcol's feature gates. None changes anything here; a start script that names them keeps working.

use std::fmt::Write as _;

use sluice_config::closest;

use super::failure::Failure;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Alpha,
    Beta,
    Stable,
}

/// A gate of otelcol: its ID, its stage, and what is so here whatever it says.
struct Gate(&'static str, Stage, &'static str);

const GATES: [Gate; 20] = [
    Gate("component.UseLocalHostAsDefaultHost", Stage::Stable, "endpoints listen on localhost by default"),
    Gate(
        "confmap.enableMergeAppendOption",
        Stage::Alpha,
        "lists of a later source replace those of an earlier one",
    ),
    Gate("confmap.strictlyTypedInput", Stage::Stable, "values are never turned into another type"),
    Gate("confmap.unifyEnvVarExpansion", Stage::Stable, "${NAME} and ${env:NAME} are expanded, $NAME is not"),
    Gate("connector.routing.defaultErrorModeIgnore", Stage::Beta, "the component is not built yet"),
    Gate(
        "coreinternal.attraction.hash.sha256",
        Stage::Stable,
        "`hash` of attributes and resource is SHA-256",
    ),
    Gate(
        "exporter.prometheusremotewritexporter.EnableMultipleWorkers",
        Stage::Alpha,
        "each consumer sends, and the order of each series is kept",
    ),
    Gate(
        "exporter.prometheusremotewritexporter.RetryOn429",
        Stage::Alpha,
        "429 is retried, as the server asks",
    ),
    Gate(
        "exporter.prometheusremotewritexporter.enableSendingRW2",
        Stage::Alpha,
        "`protobuf_message` chooses remote write 2.0",
    ),
    Gate("extension.healthcheck.useComponentStatus", Stage::Alpha, "healthcheckv2 reports by component"),
    Gate("ottl.set.allowNil", Stage::Stable, "the component is not built yet"),
    Gate(
        "pkg.exporterhelper.queueBatchEnabled",
        Stage::Alpha,
        "`sending_queue: {batch: }` batches in the queue",
    ),
    Gate(
        "pkg.translator.prometheus.NormalizeName",
        Stage::Beta,
        "`translation_strategy` or `add_metric_suffixes` of the exporter says it",
    ),
    Gate(
        "pkg.translator.prometheus.PermissiveLabelSanitization",
        Stage::Alpha,
        "a label's leading underscore stays as it is",
    ),
    Gate("receiverhelper.newReceiverMetrics", Stage::Alpha, "receivers count accepted and refused items"),
    Gate("service.AllowNoPipelines", Stage::Alpha, "at least one pipeline is needed"),
    Gate("service.partialReload", Stage::Alpha, "reload is not built yet"),
    Gate("service.partialReloadReceivers", Stage::Beta, "reload is not built yet"),
    Gate("service.profilesSupport", Stage::Alpha, "the profiles signal is not built yet"),
    Gate("transform.flatten.logs", Stage::Alpha, "the component is not built yet"),
];

/// One gate of `--feature-gates`, known and without effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) id: &'static str,
    pub(super) enabled: bool,
    /// What holds instead.
    pub(super) here: &'static str,
}

/// The gates of `a,-b,+c`.
pub(super) fn parse(lists: &[String]) -> Result<Vec<Named>, Failure> {
    let words = lists.iter().flat_map(|list| list.split(',')).map(str::trim).filter(|word| !word.is_empty());
    words.map(one).collect()
}

fn one(word: &str) -> Result<Named, Failure> {
    let enabled = !word.starts_with('-');
    let id = word.trim_start_matches(['-', '+']);
    let argument = |text: String| {
        Failure::new(format!("invalid argument \"{word}\" for \"--feature-gates\" flag: {text}"))
    };
    let Some(Gate(id, stage, here)) = GATES.iter().find(|gate| gate.0 == id) else {
        let hint =
            closest(id, GATES.iter().map(|gate| gate.0)).map(|near| format!(", did you mean `{near}`?"));
        return Err(argument(format!("no such feature gate \"{id}\"{}", hint.unwrap_or_default())));
    };
    if !enabled && *stage == Stage::Stable {
        return Err(argument(format!("feature gate \"{id}\" is stable, can not be disabled")));
    }
    Ok(Named { id, enabled, here })
}

/// The table that `featuregate` prints: all gates, or the one that is asked for.
pub(super) fn table(id: Option<&str>) -> Result<String, Failure> {
    let asked: Vec<&Gate> = GATES.iter().filter(|gate| id.is_none_or(|id| gate.0 == id)).collect();
    if let (true, Some(id)) = (asked.is_empty(), id) {
        return Err(Failure::new(format!("feature \"{id}\" not found")));
    }
    let width = asked.iter().map(|gate| gate.0.len()).max().unwrap_or(0);
    let mut text = format!("{:width$}  {:7}  {:6}  Description\n", "ID", "Enabled", "Stage");
    for Gate(id, stage, here) in asked {
        let enabled = *stage != Stage::Alpha;
        let _infallible =
            writeln!(text, "{id:width$}  {enabled:<7}  {:6}  no effect: {here}", format!("{stage:?}"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_gates_are_taken_in_every_spelling() {
        let lists = [
            "+service.AllowNoPipelines, -service.partialReloadReceivers".to_owned(),
            "ottl.set.allowNil".to_owned(),
        ];
        let named: Vec<_> = parse(&lists).unwrap().iter().map(|gate| (gate.id, gate.enabled)).collect();
        let expected = [
            ("service.AllowNoPipelines", true),
            ("service.partialReloadReceivers", false),
            ("ottl.set.allowNil", true),
        ];
        assert_eq!(named, expected);
    }

    #[test]
    fn an_unknown_gate_is_an_error_with_a_suggestion() {
        let error = parse(&["service.profileSupport".to_owned()]).unwrap_err().to_string();
        assert!(
            error.contains("no such feature gate") && error.contains("`service.profilesSupport`"),
            "{error}"
        );
    }

    #[test]
    fn a_stable_gate_cannot_be_disabled() {
        let error = parse(&["-confmap.strictlyTypedInput".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("is stable, can not be disabled"), "{error}");
    }

    #[test]
    fn the_table_has_one_line_per_gate() {
        assert_eq!(table(None).unwrap().lines().count(), GATES.len() + 1);
        assert_eq!(table(Some("ottl.set.allowNil")).unwrap().lines().count(), 2);
        assert!(table(Some("x")).unwrap_err().to_string().contains("feature \"x\" not found"));
    }
}
