//! One series of a request.

use sluice_pdata::wire::{Reader, Value as Wire};

use super::{Trouble, Version, histogram};
use crate::prometheus::labels::{LabelsBuilder, METRIC_NAME};
use crate::prometheus::model::{Exemplar, Metadata, MetricType, NativeHistogram, is_stale, normal_nan};
use crate::prometheus::wire::text;

/// Most exemplars of one series that are read; senders keep some ten.
const MAX_EXEMPLARS: usize = 100;

/// A `TimeSeries` message.
#[derive(Debug, Clone, Copy)]
pub struct Series<'d> {
    symbols: &'d [&'d [u8]],
    message: &'d [u8],
    fields: Fields,
}

/// The numbers of the fields, which differ between the versions.
#[derive(Debug, Clone, Copy)]
struct Fields {
    version: Version,
    histograms: u32,
    exemplars: u32,
}

/// A sample's value and times in milliseconds.
#[derive(Debug, Clone, Copy, Default)]
struct Number {
    value: f64,
    timestamp_ms: i64,
    start_ms: i64,
}

impl<'d> Series<'d> {
    pub(super) fn new(version: Version, symbols: &'d [&'d [u8]], message: &'d [u8]) -> Self {
        let (histograms, exemplars) = match version {
            Version::V1 => (4, 3),
            Version::V2 => (3, 4),
        };
        Self { symbols, message, fields: Fields { version, histograms, exemplars } }
    }

    /// How many samples, histograms and exemplars there are.
    ///
    /// # Errors
    /// When the message is not protobuf.
    pub fn counts(&self) -> Result<[usize; 3], Trouble> {
        let mut counts = [0; 3];
        let [samples, histograms, exemplars] = &mut counts;
        let mut fields = Reader::new(self.message);
        while let Some(field) = fields.field()? {
            match (field.number, field.value) {
                (2, Wire::Len(_)) => *samples += 1,
                (number, Wire::Len(_)) if number == self.fields.histograms => *histograms += 1,
                (number, Wire::Len(_)) if number == self.fields.exemplars => *exemplars += 1,
                _ => {}
            }
        }
        Ok(counts)
    }

    /// Reads the labels in place of those that are there, at most `room` bytes of them.
    ///
    /// # Errors
    /// When the metric has no name, a label has none or is there twice, a reference leads nowhere, or something is not
    /// UTF-8; when they take more room.
    pub fn labels(&self, labels: &mut LabelsBuilder, room: usize) -> Result<(), Trouble> {
        labels.clear();
        let mut left = room;
        let mut push = |name: &[u8], value: &[u8]| {
            left = left.checked_sub(name.len() + value.len() + 1).ok_or(Trouble::TooLarge)?;
            let [name, value] = [name, value].map(|bytes| text(bytes).map_err(Trouble::Bad));
            match name? {
                "" => Err(Trouble::Bad("the name of a label is empty")),
                name => {
                    labels.push(name, value?);
                    Ok(())
                }
            }
        };
        match self.fields.version {
            Version::V1 => self.each_pair(&mut push)?,
            Version::V2 => each_referenced(self.message, 1, self.symbols, &mut push)?,
        }
        if labels.duplicate().is_some() {
            return Err(Trouble::Bad("a label is there twice"));
        }
        if labels.get(METRIC_NAME).is_none() {
            return Err(Trouble::Bad("there is no metric name"));
        }
        Ok(())
    }

    fn each_pair(&self, mut visit: impl FnMut(&[u8], &[u8]) -> Result<(), Trouble>) -> Result<(), Trouble> {
        let mut fields = Reader::new(self.message);
        while let Some(field) = fields.field()? {
            if let (1, Wire::Len(pair)) = (field.number, field.value) {
                let (name, value) = read_pair(pair)?;
                visit(name, value)?;
            }
        }
        Ok(())
    }

    /// Reads the metadata of version 2.0. `None` if there is none, which says no more than the type `Unknown`.
    ///
    /// # Errors
    /// When a reference leads nowhere or something is not UTF-8.
    pub fn metadata(&self) -> Result<Option<Metadata>, Trouble> {
        let mut metadata = None;
        let mut fields = Reader::new(self.message);
        while let Some(field) = fields.field()? {
            if let (Version::V2, 5, Wire::Len(message)) = (self.fields.version, field.number, field.value) {
                metadata = Some(self.read_metadata(message)?);
            }
        }
        Ok(metadata)
    }

    fn read_metadata(&self, message: &[u8]) -> Result<Metadata, Trouble> {
        let mut metadata = Metadata::default();
        let symbol =
            |reference| text(symbol(self.symbols, reference)?).map_err(Trouble::Bad).map(str::to_owned);
        let mut fields = Reader::new(message);
        while let Some(field) = fields.field()? {
            match (field.number, field.value) {
                (1, Wire::Varint(number)) => metadata.kind = MetricType::from_number(number),
                (3, Wire::Varint(reference)) => metadata.help = symbol(reference)?,
                (4, Wire::Varint(reference)) => metadata.unit = symbol(reference)?,
                _ => {}
            }
        }
        Ok(metadata)
    }

    /// Visits the samples: value, time and start in milliseconds. A stale marker stays what it is, every other NaN is
    /// the normal one.
    ///
    /// # Errors
    /// When the message is not protobuf.
    pub fn each_sample(&self, mut visit: impl FnMut(f64, i64, Option<i64>)) -> Result<(), Trouble> {
        let created = self.created()?;
        let mut fields = Reader::new(self.message);
        while let Some(field) = fields.field()? {
            if let (2, Wire::Len(message)) = (field.number, field.value) {
                let Number { value, timestamp_ms, start_ms } = read_number(message)?;
                visit(value, timestamp_ms, Some(start_ms).filter(|start| *start != 0).or(created));
            }
        }
        Ok(())
    }

    /// Visits the native histograms: what they say, or what is wrong with them; time and start in milliseconds.
    /// `histogram` is where they are read to.
    ///
    /// # Errors
    /// When the message is not protobuf.
    pub fn each_histogram(
        &self,
        histogram: &mut NativeHistogram,
        mut visit: impl FnMut(Result<&NativeHistogram, &'static str>, i64, Option<i64>),
    ) -> Result<(), Trouble> {
        let created = self.created()?;
        let mut fields = Reader::new(self.message);
        while let Some(field) = fields.field()? {
            if let Wire::Len(message) = field.value
                && field.number == self.fields.histograms
            {
                match histogram::read(message, histogram) {
                    Ok((timestamp_ms, start_ms)) => visit(Ok(histogram), timestamp_ms, start_ms.or(created)),
                    Err(Trouble::Bad(reason)) => visit(Err(reason), 0, None),
                    Err(trouble) => return Err(trouble),
                }
            }
        }
        Ok(())
    }

    /// When the series began to count, as 2.0 had it before it was released: Prometheus 3.0 to 3.7 write it.
    fn created(&self) -> Result<Option<i64>, Trouble> {
        if self.fields.version == Version::V1 {
            return Ok(None);
        }
        let mut created = None;
        let mut fields = Reader::new(self.message);
        while let Some(field) = fields.field()? {
            if let (6, Wire::Varint(millis)) = (field.number, field.value) {
                created = Some(millis.cast_signed()).filter(|millis| *millis != 0);
            }
        }
        Ok(created)
    }

    /// Appends the exemplars, at most 100 of them.
    ///
    /// # Errors
    /// When the message is not protobuf, or as [`labels`](Self::labels), but that they have no metric name.
    pub fn exemplars(
        &self,
        exemplars: &mut Vec<Exemplar>,
        labels: &mut LabelsBuilder,
        room: usize,
    ) -> Result<(), Trouble> {
        let mut fields = Reader::new(self.message);
        while let Some(field) = fields.field()? {
            if let Wire::Len(message) = field.value
                && field.number == self.fields.exemplars
                && exemplars.len() < MAX_EXEMPLARS
            {
                exemplars.push(self.read_exemplar(message, labels, room)?);
            }
        }
        Ok(())
    }

    fn read_exemplar(
        &self,
        message: &[u8],
        labels: &mut LabelsBuilder,
        room: usize,
    ) -> Result<Exemplar, Trouble> {
        labels.clear();
        let mut left = room;
        let mut push = |name: &[u8], value: &[u8]| {
            left = left.checked_sub(name.len() + value.len() + 1).ok_or(Trouble::TooLarge)?;
            labels.push(text(name).map_err(Trouble::Bad)?, text(value).map_err(Trouble::Bad)?);
            Ok(())
        };
        let mut exemplar = Exemplar::default();
        let mut fields = Reader::new(message);
        while let Some(field) = fields.field()? {
            match (self.fields.version, field.number, field.value) {
                (Version::V1, 1, Wire::Len(pair)) => {
                    let (name, value) = read_pair(pair)?;
                    push(name, value)?;
                }
                (_, 2, Wire::Fixed64(bits)) => exemplar.value = f64::from_bits(bits),
                (_, 3, Wire::Varint(millis)) => {
                    exemplar.timestamp_ms = Some(millis.cast_signed()).filter(|millis| *millis != 0);
                }
                _ => {}
            }
        }
        if self.fields.version == Version::V2 {
            each_referenced(message, 1, self.symbols, &mut push)?;
        }
        exemplar.labels = labels.build();
        Ok(exemplar)
    }
}

fn symbol<'d>(symbols: &[&'d [u8]], reference: u64) -> Result<&'d [u8], Trouble> {
    let symbol = usize::try_from(reference).ok().and_then(|reference| symbols.get(reference));
    symbol.copied().ok_or(Trouble::Bad("a reference leads to no symbol"))
}

/// Visits names and values that references in field `number` lead to.
fn each_referenced(
    message: &[u8],
    number: u32,
    symbols: &[&[u8]],
    visit: &mut impl FnMut(&[u8], &[u8]) -> Result<(), Trouble>,
) -> Result<(), Trouble> {
    let mut name = None;
    let mut one = |reference| {
        let text = symbol(symbols, reference)?;
        match name.take() {
            None => {
                name = Some(text);
                Ok(())
            }
            Some(name) => visit(name, text),
        }
    };
    let mut fields = Reader::new(message);
    while let Some(field) = fields.field()? {
        match field.value {
            Wire::Len(packed) if field.number == number => {
                let mut packed = Reader::new(packed);
                while !packed.is_empty() {
                    one(packed.varint()?)?;
                }
            }
            Wire::Varint(reference) if field.number == number => one(reference)?,
            _ => {}
        }
    }
    match name {
        None => Ok(()),
        Some(_) => Err(Trouble::Bad("a label has a name and no value")),
    }
}

/// A `Label`.
fn read_pair(message: &[u8]) -> Result<(&[u8], &[u8]), Trouble> {
    let (mut name, mut value) = (&[][..], &[][..]);
    let mut fields = Reader::new(message);
    while let Some(field) = fields.field()? {
        match (field.number, field.value) {
            (1, Wire::Len(bytes)) => name = bytes,
            (2, Wire::Len(bytes)) => value = bytes,
            _ => {}
        }
    }
    Ok((name, value))
}

/// A `Sample`.
fn read_number(message: &[u8]) -> Result<Number, Trouble> {
    let mut number = Number::default();
    let mut fields = Reader::new(message);
    while let Some(field) = fields.field()? {
        match (field.number, field.value) {
            (1, Wire::Fixed64(bits)) => number.value = normal(f64::from_bits(bits)),
            (2, Wire::Varint(millis)) => number.timestamp_ms = millis.cast_signed(),
            (3, Wire::Varint(millis)) => number.start_ms = millis.cast_signed(),
            _ => {}
        }
    }
    Ok(number)
}

/// Leaves the stale marker alone and makes one of all other NaNs.
pub(super) fn normal(value: f64) -> f64 {
    if value.is_nan() && !is_stale(value) { normal_nan() } else { value }
}
