//! Label sets: two allocations for all of a series's labels, and a builder that is reused.

use std::fmt;

/// The label that holds a series's metric name.
pub const METRIC_NAME: &str = "__name__";

/// Labels sorted by the bytes of their names. Names are unique, values are not empty: an empty value means that there
/// is no such label. Equal sets have equal hashes.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Labels {
    /// Name, value, name, value ...
    text: Box<str>,
    /// Where each of them ends.
    ends: Box<[u32]>,
}

impl Labels {
    /// How many labels.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len() / 2
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of all names and values.
    #[must_use]
    pub fn text_len(&self) -> usize {
        self.text.len()
    }

    /// Names and values in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        let mut start = 0;
        let mut piece = move |end: u32| {
            let end = usize::try_from(end).unwrap_or(usize::MAX);
            self.text.get(std::mem::replace(&mut start, end)..end).unwrap_or_default()
        };
        self.ends.chunks_exact(2).filter_map(move |ends| match ends {
            [name, value] => Some((piece(*name), piece(*value))),
            _ => None,
        })
    }

    /// The value of a label.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find_map(|(key, value)| (key == name).then_some(value))
    }

    /// The metric's name, empty if there is none.
    #[must_use]
    pub fn metric_name(&self) -> &str {
        self.get(METRIC_NAME).unwrap_or_default()
    }
}

/// As Prometheus shows them: `{__name__="up", job="a"}`.
impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (index, (name, value)) in self.iter().enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            write!(f, "{comma}{name}={value:?}")?;
        }
        f.write_str("}")
    }
}

/// Of labels in any order; of a repeated name, the last one stays.
impl<N: AsRef<str>, V: AsRef<str>> FromIterator<(N, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(labels: I) -> Self {
        let mut builder = LabelsBuilder::default();
        for (name, value) in labels {
            builder.set(name.as_ref(), value.as_ref());
        }
        builder.build()
    }
}

/// Makes [`Labels`], one set after the other, without allocating for each label.
#[derive(Debug, Clone, Default)]
pub struct LabelsBuilder {
    text: String,
    labels: Vec<Place>,
}

/// Where a label stands in the text: the name to `middle`, then the value.
#[derive(Debug, Clone, Copy)]
struct Place {
    start: usize,
    middle: usize,
    end: usize,
}

impl LabelsBuilder {
    /// Forgets all labels and keeps the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.labels.clear();
    }

    /// Forgets all labels and takes these.
    pub fn reset(&mut self, labels: &Labels) {
        self.clear();
        for (name, value) in labels.iter() {
            self.push(name, value);
        }
    }

    /// The value of a label.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find_map(|(key, value)| (key == name).then_some(value))
    }

    /// Adds a label without looking whether its name is there already; one with an empty value is left out. Ask for
    /// [`duplicate`](Self::duplicate) at the end: this is for many labels from outside, where [`set`](Self::set) would
    /// take quadratic time.
    pub fn push(&mut self, name: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        let start = self.text.len();
        self.text.push_str(name);
        let middle = self.text.len();
        self.text.push_str(value);
        self.labels.push(Place { start, middle, end: self.text.len() });
    }

    /// A name that was pushed twice. The labels are in the order of their names then.
    pub fn duplicate(&mut self) -> Option<&str> {
        self.sort();
        let text = &self.text;
        let names = self.labels.iter().map(|place| place.name(text));
        names.clone().zip(names.skip(1)).find_map(|(name, next)| (name == next).then_some(name))
    }

    /// Sets a label, or removes it if the value is empty.
    pub fn set(&mut self, name: &str, value: &str) {
        self.remove(name);
        self.push(name, value);
    }

    /// Removes a label if it is there.
    pub fn remove(&mut self, name: &str) {
        let text = &self.text;
        self.labels.retain(|place| place.name(text) != name);
    }

    /// Keeps the labels for which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &str) -> bool) {
        let text = &self.text;
        self.labels.retain(|place| keep(place.name(text), place.value(text)));
    }

    /// Names and values in the order in which they were set.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().map(|place| (place.name(&self.text), place.value(&self.text)))
    }

    /// How many labels.
    #[must_use]
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The labels, which also stay in the builder. Of a name that was pushed twice, the last one stays. What lies
    /// beyond 4 GiB of text is left out.
    #[must_use]
    pub fn build(&mut self) -> Labels {
        self.sort();
        let source = &self.text;
        self.labels.dedup_by(|later, place| {
            let is_same = later.name(source) == place.name(source);
            if is_same {
                *place = *later;
            }
            is_same
        });
        let len = self.labels.iter().map(|place| place.end - place.start).sum();
        let mut text = String::with_capacity(len);
        let mut ends = Vec::with_capacity(self.labels.len() * 2);
        for place in &self.labels {
            let Ok(end) = u32::try_from(text.len() + place.end - place.start) else {
                break;
            };
            text.push_str(place.name(source));
            ends.extend(u32::try_from(text.len()));
            text.push_str(place.value(source));
            ends.push(end);
        }
        Labels { text: text.into(), ends: ends.into() }
    }

    fn sort(&mut self) {
        let text = &self.text;
        self.labels.sort_by(|a, b| a.name(text).cmp(b.name(text)));
    }
}

impl Place {
    fn name<'t>(&self, text: &'t str) -> &'t str {
        text.get(self.start..self.middle).unwrap_or_default()
    }

    fn value<'t>(&self, text: &'t str) -> &'t str {
        text.get(self.middle..self.end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn owned<'a>(labels: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<(String, String)> {
        labels.map(|(name, value)| (name.into(), value.into())).collect()
    }

    proptest! {
        #[test]
        fn labels_are_sorted_unique_and_without_empty_values(
            pairs in prop::collection::vec(("[a-cé]{0,2}", "[x-yß]{0,2}"), 0..8),
        ) {
            let mut wanted: BTreeMap<&str, &str> = BTreeMap::new();
            for (name, value) in &pairs {
                wanted.insert(name, value);
            }
            wanted.retain(|_, value| !value.is_empty());
            let labels: Labels = pairs.iter().map(|(name, value)| (name, value)).collect();
            prop_assert_eq!(labels.len(), wanted.len());
            for (name, value) in &pairs {
                prop_assert_eq!(labels.get(name), wanted.get(name.as_str()).copied(), "{}={}", name, value);
            }
            prop_assert_eq!(owned(labels.iter()), owned(wanted.into_iter()));
            let mut again = LabelsBuilder::default();
            again.reset(&labels);
            prop_assert_eq!(again.build(), labels);
        }
    }

    #[test]
    fn the_builder_edits() {
        let mut builder = LabelsBuilder::default();
        builder.set("b", "1");
        builder.set("a", "2");
        builder.set("b", "3");
        assert_eq!((builder.get("b"), builder.len()), (Some("3"), 2));
        builder.set("a", "");
        assert_eq!(builder.get("a"), None);
        builder.set(METRIC_NAME, "up");
        builder.retain(|name, _| name != "b");
        let labels = builder.build();
        assert_eq!(format!("{labels:?}"), r#"{__name__="up"}"#);
        assert_eq!(labels.metric_name(), "up");
        builder.clear();
        builder.push("a", "1");
        builder.push("b", "2");
        assert_eq!(builder.duplicate(), None);
        builder.push("a", "3");
        assert_eq!(builder.duplicate(), Some("a"));
        assert_eq!(format!("{:?}", builder.build()), r#"{a="3", b="2"}"#);
        builder.clear();
        assert!(builder.is_empty() && builder.build().is_empty());
    }
}
