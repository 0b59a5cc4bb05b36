//! What a sample is within its family, by its name.

use super::Families;
use crate::prometheus::labels::Labels;
use crate::prometheus::model::{Metadata, MetricType};
use crate::prometheus::number::parse_float;

/// What becomes of the samples of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Role {
    /// A point of its own.
    Number,
    /// Up to this bound.
    Bucket(f64),
    /// The value at this quantile.
    Quantile(f64),
    Sum,
    Count,
    /// The family's own name where that is a histogram: a native one, or the stale marker of one.
    Native,
    /// `target_info`: its labels describe the resource.
    TargetInfo,
    /// `otel_scope_info`: its labels describe a scope.
    ScopeInfo,
    /// A bucket whose `le` is no number.
    NoBound,
    /// A sample of a summary whose `quantile` is no number.
    NoQuantile,
}

/// A family's name, what is known of it, and what the series is in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member<'a> {
    /// What the metric is called.
    pub(super) metric: &'a str,
    pub(super) metadata: &'a Metadata,
    pub(super) role: Role,
}

const NOTHING_KNOWN: &Metadata =
    &Metadata { kind: MetricType::Unknown, help: String::new(), unit: String::new() };

/// Suffixes of samples, and the types whose samples have them.
const SUFFIXES: [(&str, &[MetricType]); 8] = {
    use MetricType::{Counter, GaugeHistogram, Histogram, Info, Summary};
    [
        ("_bucket", &[Histogram, GaugeHistogram]),
        ("_count", &[Histogram, Summary]),
        ("_sum", &[Histogram, Summary]),
        ("_total", &[Counter]),
        ("_info", &[Info]),
        ("_gcount", &[GaugeHistogram]),
        ("_gsum", &[GaugeHistogram]),
        ("_created", &[]),
    ]
};

/// Finds the family of a sample: the one of its name, or the one whose samples have such a suffix.
pub(super) fn find<'a>(name: &'a str, labels: &Labels, families: &'a Families) -> Member<'a> {
    if let Some(info) = info(name) {
        return info;
    }
    if let Some(metadata) = families.get(name) {
        return member(name, name, labels, metadata);
    }
    for (suffix, kinds) in SUFFIXES {
        if let Some(family) = name.strip_suffix(suffix)
            && let Some(metadata) = families.get(family)
            && kinds.contains(&metadata.kind)
        {
            return member(name, family, labels, metadata);
        }
    }
    Member { metric: name, metadata: NOTHING_KNOWN, role: Role::Number }
}

/// The place of a sample that comes with its own metadata, which says the type but not the family's name.
pub(super) fn place<'a>(name: &'a str, labels: &Labels, metadata: &'a Metadata) -> Member<'a> {
    if let Some(info) = info(name) {
        return info;
    }
    let family = SUFFIXES
        .iter()
        .filter(|(_, kinds)| kinds.contains(&metadata.kind))
        .find_map(|(suffix, _)| name.strip_suffix(suffix));
    member(name, family.unwrap_or(name), labels, metadata)
}

fn info(name: &str) -> Option<Member<'_>> {
    let role = match name {
        "target_info" => Role::TargetInfo,
        "otel_scope_info" => Role::ScopeInfo,
        _ => return None,
    };
    Some(Member { metric: name, metadata: NOTHING_KNOWN, role })
}

fn member<'a>(name: &'a str, family: &'a str, labels: &Labels, metadata: &'a Metadata) -> Member<'a> {
    let suffix = name.strip_prefix(family).unwrap_or_default();
    let bound = |label: &str| labels.get(label).and_then(parse_float).filter(|bound| !bound.is_nan());
    let role = match (metadata.kind, suffix) {
        (MetricType::Histogram | MetricType::Summary, "_count") => Role::Count,
        (MetricType::Histogram | MetricType::Summary, "_sum") => Role::Sum,
        (MetricType::Histogram, "_bucket") => match bound("le") {
            Some(bound) => Role::Bucket(bound),
            None => Role::NoBound,
        },
        (MetricType::Histogram, _) => Role::Native,
        (MetricType::Summary, _) => match bound("quantile") {
            Some(quantile) => Role::Quantile(quantile),
            None => Role::NoQuantile,
        },
        _ => return Member { metric: name, metadata, role: Role::Number },
    };
    Member { metric: family, metadata, role }
}
