//! Which records `include` and `exclude` mean.

use regex::{Regex, RegexSet};
use sluice_pdata::{
    AttributesEdit, EncodedAttribute, Signal,
    view::{AnyValueView, LogRecordView, ResourceView, ScopeView, SpanView, Text, View},
};

use super::settings::{AttributeMatch, Library, MatchProperties, MatchType, SeverityNumber};
use crate::actions::encoded;

/// The kinds of spans that have a name, by number.
pub(super) const SPAN_KINDS: [&str; 5] = [
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];

/// What must match, ready to be compared. What was not written matches everything.
#[derive(Debug)]
pub(super) struct Selection {
    services: Option<Texts>,
    span_names: Option<Texts>,
    span_kinds: Option<Texts>,
    log_bodies: Option<Texts>,
    log_severity_texts: Option<Texts>,
    log_severity_number: Option<SeverityNumber>,
    metric_names: Option<Texts>,
    attributes: Vec<Attribute>,
    resources: Vec<Attribute>,
    libraries: Vec<(Texts, Option<Texts>)>,
}

/// One of some texts.
#[derive(Debug)]
enum Texts {
    Strict(Vec<String>),
    Regexp(RegexSet),
}

/// An attribute that must be there.
#[derive(Debug)]
struct Attribute {
    key: String,
    value: Expected,
}

#[derive(Debug)]
enum Expected {
    Any,
    Equal(EncodedAttribute),
    Matching(Regex),
}

impl Selection {
    /// Fails with what [`Check`](sluice_config::Check) reports as well.
    pub(super) fn new(properties: &MatchProperties) -> Result<Self, String> {
        let match_type = properties.match_type.ok_or("match_type must be set")?;
        let texts = |list: &[String]| match list {
            [] => Ok(None),
            list => Texts::new(match_type, list).map(Some),
        };
        let attributes = |list: &[AttributeMatch]| {
            list.iter().map(|each| Attribute::new(match_type, each)).collect::<Result<Vec<_>, String>>()
        };
        let library = |library: &Library| {
            let version = library.version.as_ref().map(|version| {
                // As a pattern, an empty text would be found in every version.
                let match_type = if version.is_empty() { MatchType::Strict } else { match_type };
                Texts::new(match_type, std::slice::from_ref(version))
            });
            Ok((Texts::new(match_type, std::slice::from_ref(&library.name))?, version.transpose()?))
        };
        Ok(Self {
            services: texts(&properties.services)?,
            span_names: texts(&properties.span_names)?,
            span_kinds: texts(&properties.span_kinds)?,
            log_bodies: texts(&properties.log_bodies)?,
            log_severity_texts: texts(&properties.log_severity_texts)?,
            log_severity_number: properties.log_severity_number,
            metric_names: texts(&properties.metric_names)?,
            attributes: attributes(&properties.attributes)?,
            resources: attributes(&properties.resources)?,
            libraries: properties.libraries.iter().map(library).collect::<Result<_, String>>()?,
        })
    }

    fn resource(&self, resource: &ResourceView<'_>) -> bool {
        let get = |key: &str| resource.attributes.get(key);
        let is_service =
            |services: &Texts| get("service.name").is_some_and(|name| services.has_bytes(&name.to_text()));
        self.services.as_ref().is_none_or(is_service)
            && (self.resources.is_empty() || self.resources.iter().any(|each| each.is(get(&each.key))))
    }

    fn scope(&self, scope: &ScopeView<'_>) -> bool {
        let is_library = |(name, version): &(Texts, Option<Texts>)| {
            name.has(scope.name) && version.as_ref().is_none_or(|version| version.has(scope.version))
        };
        self.libraries.is_empty() || self.libraries.iter().any(is_library)
    }

    fn metric(&self, name: Text<'_>) -> bool {
        has(&self.metric_names, name)
    }

    fn record(&self, signal: Signal, message: &[u8], attributes: &AttributesEdit<'_>) -> bool {
        let is_record = match signal {
            Signal::Traces => self.span(message),
            Signal::Logs => self.log_record(message),
            Signal::Metrics => true,
        };
        is_record && self.attributes.iter().all(|each| each.is(attributes.get(&each.key)))
    }

    fn span(&self, message: &[u8]) -> bool {
        if self.span_names.is_none() && self.span_kinds.is_none() {
            return true;
        }
        let span = SpanView::from_wire(message);
        let kind = usize::try_from(span.kind).ok().and_then(|kind| SPAN_KINDS.get(kind.checked_sub(1)?));
        has(&self.span_names, span.name)
            && has(&self.span_kinds, Text::from(*kind.unwrap_or(&"SPAN_KIND_UNSPECIFIED")))
    }

    fn log_record(&self, message: &[u8]) -> bool {
        if self.log_bodies.is_none()
            && self.log_severity_texts.is_none()
            && self.log_severity_number.is_none()
        {
            return true;
        }
        let record = LogRecordView::from_wire(message);
        let is_severity = |number: &SeverityNumber| match record.severity_number {
            0 => number.match_undefined,
            severity => severity >= number.min,
        };
        self.log_severity_number.as_ref().is_none_or(is_severity)
            && has(&self.log_severity_texts, record.severity_text)
            && self
                .log_bodies
                .as_ref()
                .is_none_or(|bodies| record.body.as_text().is_some_and(|body| bodies.has(body)))
    }
}

fn has(texts: &Option<Texts>, text: Text<'_>) -> bool {
    texts.as_ref().is_none_or(|texts| texts.has(text))
}

impl Texts {
    fn new(match_type: MatchType, texts: &[String]) -> Result<Self, String> {
        Ok(match match_type {
            MatchType::Strict => Self::Strict(texts.to_vec()),
            MatchType::Regexp => Self::Regexp(RegexSet::new(texts).map_err(|error| error.to_string())?),
        })
    }

    fn has(&self, text: Text<'_>) -> bool {
        match self {
            Self::Strict(texts) => texts.iter().any(|each| text == *each.as_str()),
            Self::Regexp(patterns) => patterns.is_match(text.as_str()),
        }
    }

    fn has_bytes(&self, text: &[u8]) -> bool {
        self.has(Text::new(text))
    }
}

impl Attribute {
    fn new(match_type: MatchType, attribute: &AttributeMatch) -> Result<Self, String> {
        let value = match (match_type, encoded(&attribute.key, &attribute.value)?) {
            (_, None) => Expected::Any,
            (MatchType::Strict, Some(value)) => Expected::Equal(value),
            (MatchType::Regexp, Some(value)) => {
                let pattern =
                    value.value().as_text().ok_or("a value must be text where match_type is regexp")?;
                Expected::Matching(Regex::new(pattern.as_str()).map_err(|error| error.to_string())?)
            }
        };
        Ok(Self { key: attribute.key.clone(), value })
    }

    /// Whether the value of the attribute with this key, if there is one, is what is expected.
    fn is(&self, value: Option<AnyValueView<'_>>) -> bool {
        let Some(value) = value else { return false };
        match &self.value {
            Expected::Any => true,
            Expected::Equal(expected) => is_same(&value, &expected.value(), 0),
            // Lists, maps and bytes have no text to match.
            Expected::Matching(pattern) => match value {
                AnyValueView::String(text) => pattern.is_match(text.as_str()),
                AnyValueView::Bool(_) | AnyValueView::Int(_) | AnyValueView::Double(_) => {
                    pattern.is_match(Text::new(&value.to_text()).as_str())
                }
                _ => false,
            },
        }
    }
}

/// Whether a value is of the expected type and the same; the keys of maps may be in any order.
fn is_same(value: &AnyValueView<'_>, expected: &AnyValueView<'_>, depth: u32) -> bool {
    use AnyValueView::{Array, Bool, Bytes, Double, Empty, Int, Kvlist, String};
    /// Nothing behind the door is deeper, nor what is expected.
    const DEEPEST: u32 = 64;
    if depth > DEEPEST {
        return false;
    }
    match (value, expected) {
        (Empty, Empty) => true,
        (String(value), String(expected)) => value.as_bytes() == expected.as_bytes(),
        (Bool(value), Bool(expected)) => value == expected,
        (Int(value), Int(expected)) => value == expected,
        (Double(value), Double(expected)) => value == expected,
        (Bytes(value), Bytes(expected)) => value == expected,
        (Array(values), Array(expected)) => {
            let mut pairs = values.iter().zip(expected.iter());
            values.len() == expected.len()
                && pairs.all(|(value, expected)| is_same(&value, &expected, depth + 1))
        }
        // The expected keys are different from each other: so as many others are these, if each of these is there.
        (Kvlist(values), Kvlist(expected)) => {
            values.len() == expected.len()
                && expected.iter().all(|expected| {
                    let value = values.get(expected.key);
                    value.is_some_and(|value| is_same(&value, &expected.value, depth + 1))
                })
        }
        _ => false,
    }
}

/// What a selection has found out on the way down to a record.
#[derive(Debug)]
pub(super) struct Standing<'a> {
    selection: &'a Selection,
    resource: bool,
    scope: bool,
    metric: bool,
}

impl<'a> Standing<'a> {
    pub(super) fn of(selection: &'a Selection) -> Self {
        Self { selection, resource: true, scope: true, metric: true }
    }

    /// A resource begins. Whether it matches.
    pub(super) fn resource(&mut self, resource: &ResourceView<'_>) -> bool {
        self.resource = self.selection.resource(resource);
        self.resource
    }

    /// A scope begins.
    pub(super) fn scope(&mut self, scope: &ScopeView<'_>) -> bool {
        self.scope = self.selection.scope(scope);
        self.scope
    }

    /// A metric begins.
    pub(super) fn metric(&mut self, name: Text<'_>) -> bool {
        self.metric = self.selection.metric(name);
        self.metric
    }

    /// Whether the record matches, with all that is around it.
    pub(super) fn has(&self, signal: Signal, message: &[u8], attributes: &AttributesEdit<'_>) -> bool {
        self.resource && self.scope && self.metric && self.selection.record(signal, message, attributes)
    }
}
