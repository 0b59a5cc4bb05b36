//! What labels a sample gets: its own, the target's, what relabelling makes of them.

use sluice_formats::prometheus::labels::{Labels, LabelsBuilder, METRIC_NAME};

use super::super::{
    job::{Job, Limits},
    relabel::is_legacy_label_name,
    settings::Validation,
};

const EXPORTED: &str = "exported_";

/// Gives the labels of a sample those of its target, relabels them, and looks whether they keep to the rules. False:
/// the sample is dropped. `removed` are labels of the target that the sample does without.
///
/// # Errors
/// The rule that they break, which fails the scrape.
pub(super) fn finish(
    job: &Job,
    target: &Labels,
    removed: &[String],
    labels: &mut LabelsBuilder,
) -> Result<bool, String> {
    join(
        target.iter().filter(|(name, _)| !removed.iter().any(|removed| removed == name)),
        labels,
        job.honor_labels,
    );
    if !job.metric_relabel.is_empty() && !job.metric_relabel.apply(labels) {
        return Ok(false);
    }
    let Some(name) = labels.get(METRIC_NAME) else { return Ok(false) };
    if job.validation == Validation::Legacy {
        check_names(name, labels)?;
    }
    check_limits(&job.limits, name, labels)?;
    add_external(job, labels);
    Ok(true)
}

/// Of one of the series that tell of the target.
pub(super) fn of_report(job: &Job, target: &Labels, name: &str) -> Labels {
    let mut labels = LabelsBuilder::default();
    labels.set(METRIC_NAME, name);
    join(target.iter(), &mut labels, false);
    add_external(job, &mut labels);
    labels.build()
}

fn add_external(job: &Job, labels: &mut LabelsBuilder) {
    for (name, value) in &job.external_labels {
        labels.set(name, value);
    }
}

/// Adds the target's labels. Where a sample has one of the same name, either it stays, or it is kept under another
/// name.
fn join<'t>(target: impl Iterator<Item = (&'t str, &'t str)>, labels: &mut LabelsBuilder, honor: bool) {
    let mut exported = Vec::new();
    for (name, value) in target {
        match labels.get(name) {
            Some(_) if honor => {}
            Some(own) => {
                exported.push((name, own.to_owned()));
                labels.set(name, value);
            }
            None => labels.set(name, value),
        }
    }
    // Short names first, as Prometheus does: `exported_x` before what is `exported_x` itself.
    exported.sort_by_key(|(name, _)| name.len());
    for (name, value) in exported {
        let mut name = format!("{EXPORTED}{name}");
        while labels.get(&name).is_some() {
            name.insert_str(0, EXPORTED);
        }
        labels.set(&name, &value);
    }
}

fn check_names(metric: &str, labels: &LabelsBuilder) -> Result<(), String> {
    let is_metric_name = !metric.starts_with(|c: char| c.is_ascii_digit())
        && metric.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':'));
    if !is_metric_name || !labels.iter().all(|(name, _)| is_legacy_label_name(name)) {
        return Err(format!("invalid metric name or label names: {:?}", labels.clone().build()));
    }
    Ok(())
}

fn check_limits(limits: &Limits, metric: &str, labels: &LabelsBuilder) -> Result<(), String> {
    let over = |limit: u64, found: usize| limit > 0 && found as u64 > limit;
    let metric: String = metric.chars().take(50).collect();
    if over(limits.labels, labels.len()) {
        let (found, limit) = (labels.len(), limits.labels);
        return Err(format!(
            "label_limit exceeded (metric: {metric}, number of labels: {found}, limit: {limit})"
        ));
    }
    for (key, limit, is_name) in [
        ("label_name_length_limit", limits.label_name_length, true),
        ("label_value_length_limit", limits.label_value_length, false),
    ] {
        let too_long =
            labels.iter().find(|(name, value)| over(limit, if is_name { name } else { value }.len()));
        if let Some((name, value)) = too_long {
            let found = if is_name { name } else { value }.len();
            let name: String = name.chars().take(50).collect();
            return Err(format!(
                "{key} exceeded (metric: {metric}, label name: {name}, length: {found}, limit: {limit})"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_of_the_target_that_is_honored_as_empty_is_left_out() {
        let target: Labels = [("job", "a"), ("instance", "i")].into_iter().collect();
        let mut labels = LabelsBuilder::default();
        for (honor, wanted) in
            [(true, r#"{__name__="m", instance="i"}"#), (false, r#"{__name__="m", instance="i", job="a"}"#)]
        {
            labels.reset(&[(METRIC_NAME, "m")].into_iter().collect());
            let removed: &[String] = if honor { &["job".to_owned()] } else { &[] };
            join(
                target.iter().filter(|(name, _)| !removed.iter().any(|removed| removed == name)),
                &mut labels,
                honor,
            );
            assert_eq!(format!("{:?}", labels.build()), wanted);
        }
    }
}
