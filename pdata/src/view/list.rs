//! Repeated fields: lists of messages or strings, and lists of numbers.

use super::View;
use super::fields::{Field, Fields};
use crate::wire::{Reader, Value};
use std::fmt;
use std::marker::PhantomData;

/// A repeated field of messages (or strings). Elements are read as they are visited; nothing is allocated.
pub struct List<'a, V: View<'a>> {
    source: Source<'a, V::Struct>,
}

enum Source<'a, S> {
    /// `len` fields with this number; the first one starts `tail`, others may lie between them.
    Wire {
        tail: &'a [u8],
        number: u32,
        len: usize,
    },
    Decoded(&'a [S]),
}

impl<'a, V: View<'a>> List<'a, V> {
    pub(crate) const fn decoded(elements: &'a [V::Struct]) -> Self {
        Self { source: Source::Decoded(elements) }
    }

    /// Takes note of one element found while its message is read.
    #[inline]
    pub(crate) fn push(&mut self, field: Field<'a>) {
        match &mut self.source {
            Source::Wire { len, .. } => *len += 1,
            Source::Decoded(_) => {
                self.source = Source::Wire { tail: field.tail, number: field.number, len: 1 };
            }
        }
    }

    /// How many elements there are. Known without visiting them.
    pub const fn len(&self) -> usize {
        match self.source {
            Source::Wire { len, .. } => len,
            Source::Decoded(elements) => elements.len(),
        }
    }

    /// Whether there are no elements.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Visits the elements in order.
    pub fn iter(&self) -> Iter<'a, V> {
        let source = match self.source {
            Source::Wire { tail, number, len } => {
                IterSource::Wire { fields: Fields::new(tail), number, left: len }
            }
            Source::Decoded(elements) => IterSource::Decoded(elements.iter()),
        };
        Iter { source }
    }
}

impl<'a, V: View<'a>> Clone for List<'a, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<'a, V: View<'a>> Copy for List<'a, V> {}

impl<S> Clone for Source<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Source<'_, S> {}

impl<'a, V: View<'a>> Default for List<'a, V> {
    fn default() -> Self {
        Self::decoded(&[])
    }
}

impl<'a, V: View<'a> + PartialEq> PartialEq for List<'a, V> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<'a, V: View<'a> + fmt::Debug> fmt::Debug for List<'a, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a, V: View<'a>> IntoIterator for List<'a, V> {
    type Item = V;
    type IntoIter = Iter<'a, V>;

    fn into_iter(self) -> Iter<'a, V> {
        self.iter()
    }
}

/// The elements of a [`List`], in order.
pub struct Iter<'a, V: View<'a>> {
    source: IterSource<'a, V::Struct>,
}

enum IterSource<'a, S> {
    Wire { fields: Fields<'a>, number: u32, left: usize },
    Decoded(std::slice::Iter<'a, S>),
}

impl<'a, V: View<'a>> Iterator for Iter<'a, V> {
    type Item = V;

    #[inline]
    fn next(&mut self) -> Option<V> {
        match &mut self.source {
            IterSource::Decoded(elements) => elements.next().map(V::from_struct),
            IterSource::Wire { fields, number, left } => {
                *left = left.checked_sub(1)?;
                let field = fields.find(|field| field.number == *number)?;
                Some(V::from_wire(field.bytes()))
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = match &self.source {
            IterSource::Wire { left, .. } => *left,
            IterSource::Decoded(elements) => elements.len(),
        };
        (left, Some(left))
    }
}

impl<'a, V: View<'a>> ExactSizeIterator for Iter<'a, V> {}

impl<'a, V: View<'a>> fmt::Debug for Iter<'a, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").field("left", &self.len()).finish()
    }
}

/// A repeated field of numbers (bucket counts, bounds), packed or not.
#[derive(Clone, Copy)]
pub struct Numbers<'a, N> {
    source: NumbersSource<'a, N>,
}

#[derive(Clone, Copy)]
enum NumbersSource<'a, N> {
    Wire { tail: &'a [u8], number: u32, packing: Packing, len: usize },
    Decoded(&'a [N]),
}

/// How the numbers of one field are written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Packing {
    Fixed64,
    Varint,
}

/// A number that [`Numbers`] can hold: `u64` or `f64`.
pub trait Number: Copy + fmt::Debug + PartialEq {
    #[doc(hidden)]
    fn from_bits(bits: u64) -> Self;
}

impl Number for u64 {
    fn from_bits(bits: u64) -> Self {
        bits
    }
}

impl Number for f64 {
    fn from_bits(bits: u64) -> Self {
        Self::from_bits(bits)
    }
}

impl<'a, N: Number> Numbers<'a, N> {
    /// Numbers that stand in memory already.
    pub const fn of(elements: &'a [N]) -> Self {
        Self { source: NumbersSource::Decoded(elements) }
    }

    /// Takes note of one number, or of one run of packed numbers.
    pub(crate) fn push(&mut self, field: Field<'a>, packing: Packing) {
        let more = match (field.value, packing) {
            (Value::Len(run), Packing::Fixed64) => run.len() / 8,
            (Value::Len(run), Packing::Varint) => run.iter().filter(|byte| **byte < 0x80).count(),
            _ => 1,
        };
        match &mut self.source {
            NumbersSource::Wire { len, .. } => *len += more,
            NumbersSource::Decoded(_) => {
                self.source =
                    NumbersSource::Wire { tail: field.tail, number: field.number, packing, len: more };
            }
        }
    }

    /// How many numbers there are. Known without visiting them.
    pub const fn len(&self) -> usize {
        match self.source {
            NumbersSource::Wire { len, .. } => len,
            NumbersSource::Decoded(elements) => elements.len(),
        }
    }

    /// Whether there are no numbers.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Visits the numbers in order.
    pub fn iter(&self) -> NumbersIter<'a, N> {
        let source = match self.source {
            NumbersSource::Wire { tail, number, packing, len } => NumbersIterSource::Wire {
                fields: Fields::new(tail),
                number,
                packing,
                run: Reader::new(&[]),
                left: len,
            },
            NumbersSource::Decoded(elements) => NumbersIterSource::Decoded(elements.iter()),
        };
        NumbersIter { source, number: PhantomData }
    }
}

impl<N: Number> Default for Numbers<'_, N> {
    fn default() -> Self {
        Self::of(&[])
    }
}

impl<N: Number> PartialEq for Numbers<'_, N> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<N: Number> fmt::Debug for Numbers<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a, N: Number> IntoIterator for Numbers<'a, N> {
    type Item = N;
    type IntoIter = NumbersIter<'a, N>;

    fn into_iter(self) -> NumbersIter<'a, N> {
        self.iter()
    }
}

/// The numbers of a [`Numbers`], in order.
#[derive(Debug)]
pub struct NumbersIter<'a, N> {
    source: NumbersIterSource<'a, N>,
    number: PhantomData<N>,
}

#[derive(Debug)]
enum NumbersIterSource<'a, N> {
    Wire { fields: Fields<'a>, number: u32, packing: Packing, run: Reader<'a>, left: usize },
    Decoded(std::slice::Iter<'a, N>),
}

impl<N: Number> Iterator for NumbersIter<'_, N> {
    type Item = N;

    fn next(&mut self) -> Option<N> {
        match &mut self.source {
            NumbersIterSource::Decoded(elements) => elements.next().copied(),
            NumbersIterSource::Wire { fields, number, packing, run, left } => {
                *left = left.checked_sub(1)?;
                while run.is_empty() {
                    let field = fields.find(|field| field.number == *number)?;
                    match field.value {
                        Value::Len(bytes) => *run = Reader::new(bytes),
                        _ => return Some(N::from_bits(field.u64())),
                    }
                }
                let bits = match packing {
                    Packing::Fixed64 => run.fixed64(),
                    Packing::Varint => run.varint(),
                };
                bits.ok().map(N::from_bits)
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = match &self.source {
            NumbersIterSource::Wire { left, .. } => *left,
            NumbersIterSource::Decoded(elements) => elements.len(),
        };
        (left, Some(left))
    }
}

impl<N: Number> ExactSizeIterator for NumbersIter<'_, N> {}
