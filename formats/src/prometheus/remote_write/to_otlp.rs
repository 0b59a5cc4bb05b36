//! Requests as OTLP metrics.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLockReadGuard, RwLockWriteGuard};

use sluice_pdata::Limits;

use super::decode::{Decoder, Series, Trouble};
use super::held::Held;
use super::{Known, Version};
use crate::Malformed;
use crate::prometheus::labels::{Labels, LabelsBuilder, METRIC_NAME};
use crate::prometheus::model::{Exemplar, NativeHistogram, Value};
use crate::prometheus::to_otlp::{
    Catalog, Families, Options, Request, Sample, Series as OtlpSeries, Source, Transaction,
};

/// What a series costs beside its text.
const SERIES_BYTES: usize = 64;

/// A remote-write request as OTLP.
#[derive(Debug, Clone, Default)]
pub struct Translated {
    /// The metrics, and what of the request has no place in them.
    pub request: Request,
    /// What of the request is in it, as the answer tells.
    pub written: Written,
}

/// How many of what was taken; samples of info metrics are, too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Floats.
    pub samples: usize,
    /// Native histograms.
    pub histograms: usize,
    /// Exemplars. Those of a series that has no sample in the request wait for one, since OTLP has them in points only.
    pub exemplars: usize,
}

/// Translates a request without its compression. `scope` is the name and version of the scope of samples that have no
/// scope labels.
///
/// A series that breaks a rule costs itself and is counted in [`Request::rejected`]; the answer to the sender is 400
/// then, although the others were taken.
///
/// # Errors
/// When the request is not protobuf, or its OTLP would exceed `limits`. Sending it again cannot help.
pub fn to_otlp(
    version: Version,
    body: &[u8],
    known: &Known,
    scope: (&str, &str),
    limits: &Limits,
) -> Result<Translated, Malformed> {
    let decoder = Decoder::new(version, body)?;
    learn(&decoder, known)?;
    let mut writer = Writer::new(known, scope, limits);
    let result = writer.write(&decoder, limits).and_then(|()| writer.finish(known));
    known.give_back(writer.held);
    result
}

fn too_large(limits: &Limits) -> Malformed {
    Malformed::TooLarge { what: "decoded size in bytes", limit: limits.max_decoded_bytes }
}

/// Remembers the metadata of a request.
fn learn(decoder: &Decoder<'_>, known: &Known) -> Result<(), Malformed> {
    let mut families = None;
    decoder.each_metadata(|family, metadata| {
        let families: &mut RwLockWriteGuard<'_, Families> =
            families.get_or_insert_with(|| known.families.write().unwrap_or_else(PoisonError::into_inner));
        families.set_type(family, metadata.kind);
        families.set_help(family, &metadata.help);
        families.set_unit(family, &metadata.unit);
    })
}

/// Puts the series of one request into a transaction.
struct Writer<'k> {
    families: RwLockReadGuard<'k, Families>,
    catalog: Catalog,
    transaction: Transaction,
    /// Bytes of text that may still come.
    room: usize,
    /// Of the series at hand, and of an exemplar.
    labels: LabelsBuilder,
    exemplar_labels: LabelsBuilder,
    histogram: NativeHistogram,
    exemplars: Vec<Exemplar>,
    /// Exemplars that came apart from the samples of their series, in this request and in earlier ones.
    apart: HashMap<Labels, Vec<Exemplar>>,
    held: Held,
    /// What came, refused or not.
    samples: usize,
    histograms: usize,
    refused_histograms: usize,
    exemplars_written: usize,
}

impl<'k> Writer<'k> {
    fn new(known: &'k Known, scope: (&str, &str), limits: &Limits) -> Self {
        let options = Options {
            source: Source::RemoteWrite,
            trim_metric_suffixes: false,
            scope_name: scope.0.to_owned(),
            scope_version: scope.1.to_owned(),
        };
        Self {
            families: known.families.read().unwrap_or_else(PoisonError::into_inner),
            catalog: Catalog::new(options),
            transaction: Transaction::new(Source::RemoteWrite, limits),
            room: limits.max_decoded_bytes,
            labels: LabelsBuilder::default(),
            exemplar_labels: LabelsBuilder::default(),
            histogram: NativeHistogram::default(),
            exemplars: Vec::new(),
            apart: HashMap::new(),
            held: known.lend(),
            samples: 0,
            histograms: 0,
            refused_histograms: 0,
            exemplars_written: 0,
        }
    }

    fn write(&mut self, decoder: &Decoder<'_>, limits: &Limits) -> Result<(), Malformed> {
        let whole = |trouble| match trouble {
            Trouble::Malformed(fault) => Err(decoder.malformed(fault)),
            Trouble::TooLarge => Err(too_large(limits)),
            Trouble::Bad(reason) => Ok(reason),
        };
        for series in decoder.series() {
            if let Err(trouble) = self.gather(&series) {
                // What is bad about the series is told when its turn comes.
                whole(trouble)?;
            }
        }
        for series in decoder.series() {
            if let Err(trouble) = self.take(&series) {
                let reason = whole(trouble)?;
                self.reject(&series, reason);
            }
        }
        Ok(())
    }

    /// Prometheus sends the exemplars of a series apart from its samples: they are kept for them.
    fn gather(&mut self, series: &Series<'_>) -> Result<(), Trouble> {
        let [samples, histograms, exemplars] = series.counts()?;
        if samples == 0 && histograms == 0 && exemplars > 0 {
            series.labels(&mut self.labels, self.room)?;
            let labels = self.labels.build();
            let mut exemplars = Vec::new();
            series.exemplars(&mut exemplars, &mut self.exemplar_labels, self.room)?;
            self.spend(exemplars.iter().map(|exemplar| SERIES_BYTES + exemplar.labels.text_len()).sum())?;
            self.apart.entry(labels).or_default().append(&mut exemplars);
        }
        Ok(())
    }

    fn take(&mut self, series: &Series<'_>) -> Result<(), Trouble> {
        let [samples, histograms, exemplars] = series.counts()?;
        self.samples += samples;
        self.histograms += histograms;
        series.labels(&mut self.labels, self.room)?;
        let text = self.labels.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        self.spend(text + SERIES_BYTES)?;
        if samples > 0 && histograms > 0 {
            return Err(Trouble::Bad("a series has both samples and histograms"));
        }
        if samples == 0 && histograms == 0 {
            return Ok(());
        }
        let labels = self.labels.build();
        let made = match series.metadata()? {
            Some(metadata) => {
                self.spend(metadata.help.len() + metadata.unit.len())?;
                self.catalog.series_of(&labels, &metadata, histograms > 0)
            }
            None => self.catalog.series(&labels, &self.families),
        };
        let made = made.map_err(Trouble::Bad)?;
        self.exemplars.clear();
        if exemplars > 0 {
            series.exemplars(&mut self.exemplars, &mut self.exemplar_labels, self.room)?;
        }
        if !self.apart.is_empty() {
            self.exemplars.extend(self.apart.remove(&labels).unwrap_or_default());
        }
        let own = self.exemplars.len();
        if !self.held.is_empty() {
            self.exemplars.append(&mut self.held.take(&labels));
        }
        self.push(series, &made, samples + histograms)?;
        if made.takes_exemplars() {
            // The others were counted when they came.
            self.exemplars_written = self.exemplars_written.saturating_sub(self.exemplars.len() - own);
        }
        Ok(())
    }

    /// Hands the samples over, the last one with the exemplars.
    fn push(&mut self, series: &Series<'_>, made: &OtlpSeries, samples: usize) -> Result<(), Trouble> {
        let Self { transaction, exemplars, histogram, .. } = self;
        let (mut left, mut written, mut refused_histograms) = (samples, 0, 0);
        let mut push = |value: Value<'_>, timestamp_ms, start_ms| {
            left = left.saturating_sub(1);
            let exemplars = if left == 0 { &exemplars[..] } else { &[] };
            let pushed = transaction.push(made, &Sample { timestamp_ms, start_ms, value, exemplars });
            if pushed.is_ok() && made.takes_exemplars() {
                written += exemplars.len();
            }
            pushed.is_ok()
        };
        series.each_sample(|value, timestamp_ms, start_ms| {
            push(Value::Float(value), timestamp_ms, start_ms);
        })?;
        let mut bad = Vec::new();
        series.each_histogram(histogram, |histogram, timestamp_ms, start_ms| {
            let is_taken = match histogram {
                Ok(histogram) => push(Value::Histogram(histogram), timestamp_ms, start_ms),
                Err(reason) => {
                    bad.push(reason);
                    false
                }
            };
            refused_histograms += usize::from(!is_taken);
        })?;
        for reason in bad {
            let name = made.metric_name();
            self.transaction.reject(name, reason, 1);
        }
        self.exemplars_written += written;
        self.refused_histograms += refused_histograms;
        Ok(())
    }

    /// Counts a series that is not taken.
    fn reject(&mut self, series: &Series<'_>, reason: &'static str) {
        let name = self.labels.get(METRIC_NAME).unwrap_or_default();
        let [samples, histograms, _] = series.counts().unwrap_or_default();
        self.transaction.reject(name, reason, samples + histograms);
        self.refused_histograms += histograms;
    }

    /// Takes bytes off the room that is left.
    fn spend(&mut self, bytes: usize) -> Result<(), Trouble> {
        self.room = self.room.checked_sub(bytes).ok_or(Trouble::TooLarge)?;
        Ok(())
    }

    fn finish(&mut self, known: &Known) -> Result<Translated, Malformed> {
        for (labels, exemplars) in self.apart.drain() {
            self.exemplars_written += self.held.keep(labels, exemplars);
        }
        self.transaction.each_target_info(|job, instance, info| known.target_info(job, instance, info));
        let request = self.transaction.finish()?;
        let refused_samples = request.rejected.samples().saturating_sub(self.refused_histograms);
        let written = Written {
            samples: self.samples.saturating_sub(refused_samples),
            histograms: self.histograms.saturating_sub(self.refused_histograms),
            exemplars: self.exemplars_written,
        };
        Ok(Translated { request, written })
    }
}

#[cfg(test)]
mod tests;
