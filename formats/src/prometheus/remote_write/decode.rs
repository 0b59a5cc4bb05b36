//! Requests as series.
//!
//! A [`Decoder`] lends the request's [`Series`] one after the other, each read from the bytes as often as it is asked.
//! What is not protobuf costs the request ([`Trouble::Malformed`]); what breaks a rule of remote write costs its series
//! ([`Trouble::Bad`]).

mod histogram;
mod series;

use sluice_pdata::wire::{Fault, Reader, Value as Wire, fields};

pub use series::Series;

use super::Version;
use crate::Malformed;
use crate::prometheus::model::{Metadata, MetricType};
use crate::prometheus::wire::text;

/// Most strings of a request: an empty one takes two bytes on the wire and sixteen here.
const MAX_SYMBOLS: usize = 1 << 20;

/// Why a series cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The request is not protobuf.
    Malformed(Fault),
    /// The series breaks this rule. Its neighbours do not.
    Bad(&'static str),
    /// Its labels take more than they may.
    TooLarge,
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::Malformed(fault)
    }
}

/// A request without its compression.
#[derive(Debug)]
pub struct Decoder<'a> {
    version: Version,
    body: &'a [u8],
    /// Of version 2.0; they are checked where they are used.
    symbols: Vec<&'a [u8]>,
}

impl<'a> Decoder<'a> {
    /// Looks over a request.
    ///
    /// # Errors
    /// When it is not protobuf, its first symbol is not empty, or there are more than 2^20 of them; when it is a request
    /// of the other version, which has no field in common with this one.
    pub fn new(version: Version, body: &'a [u8]) -> Result<Self, Malformed> {
        let mut symbols = Vec::new();
        let (mut fields_of_v1, mut fields_of_v2) = (false, false);
        let mut fields = Reader::new(body);
        while let Some(field) = fields.field().map_err(|fault| malformed(fault, body))? {
            fields_of_v1 |= matches!(field.number, 1 | 3);
            fields_of_v2 |= matches!(field.number, 4 | 5);
            if let (Version::V2, 4, Wire::Len(symbol)) = (version, field.number, field.value) {
                if symbols.len() >= MAX_SYMBOLS {
                    return Err(Malformed::TooLarge { what: "number of symbols", limit: MAX_SYMBOLS });
                }
                symbols.push(symbol);
            }
        }
        match (version, fields_of_v1, fields_of_v2) {
            (Version::V1, false, true) => return Err(Malformed::at(0, "it is a request of version 2.0")),
            (Version::V2, true, false) => return Err(Malformed::at(0, "it is a request of version 1.0")),
            _ => {}
        }
        if symbols.first().is_some_and(|first| !first.is_empty()) {
            return Err(Malformed::at(0, "the first symbol is not empty"));
        }
        Ok(Self { version, body, symbols })
    }

    /// The series in the order of the request.
    pub fn series(&self) -> impl Iterator<Item = Series<'_>> {
        let number = match self.version {
            Version::V1 => 1,
            Version::V2 => 5,
        };
        // Checked by `new`.
        fields(self.body)
            .filter(move |field| field.number == number)
            .filter_map(|field| field.len_value())
            .map(|message| Series::new(self.version, &self.symbols, message))
    }

    /// Visits the metadata of version 1.0, which stands beside the series. An entry that is not UTF-8 is left out.
    ///
    /// # Errors
    /// When it is not protobuf.
    pub fn each_metadata(&self, mut visit: impl FnMut(&str, &Metadata)) -> Result<(), Malformed> {
        if self.version == Version::V2 {
            return Ok(());
        }
        let mut fields = Reader::new(self.body);
        while let Some(field) = fields.field().map_err(|fault| malformed(fault, self.body))? {
            if let (3, Wire::Len(message)) = (field.number, field.value)
                && let Some((family, metadata)) =
                    read_metadata(message).map_err(|fault| malformed(fault, self.body))?
            {
                visit(family, &metadata);
            }
        }
        Ok(())
    }

    /// Where a fault in a series is.
    #[must_use]
    pub fn malformed(&self, fault: Fault) -> Malformed {
        malformed(fault, self.body)
    }
}

fn malformed(fault: Fault, body: &[u8]) -> Malformed {
    Malformed::at(fault.offset_in(body), fault.what())
}

fn read_metadata(message: &[u8]) -> Result<Option<(&str, Metadata)>, Fault> {
    let (mut kind, mut texts) = (MetricType::Unknown, [&[][..]; 3]);
    let mut fields = Reader::new(message);
    while let Some(field) = fields.field()? {
        match (field.number, field.value, &mut texts) {
            (1, Wire::Varint(number), _) => kind = MetricType::from_number(number),
            (2, Wire::Len(bytes), [family, ..]) => *family = bytes,
            (4, Wire::Len(bytes), [_, help, _]) => *help = bytes,
            (5, Wire::Len(bytes), [.., unit]) => *unit = bytes,
            _ => {}
        }
    }
    let [Ok(family), Ok(help), Ok(unit)] = texts.map(text) else {
        return Ok(None);
    };
    Ok(Some((family, Metadata { kind, help: help.to_owned(), unit: unit.to_owned() })))
}
