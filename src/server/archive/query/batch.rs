//! The columns of one record batch, as numbers that keys and sums are made of.

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, AsArray as _, BinaryArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type};
use datafusion::common::{Result, exec_datafusion_err, exec_err};
use foldhash::fast::RandomState;

use super::layout::Ends;
use crate::model::filter::End;
use crate::model::place::CountryCode;
use crate::model::traffic::Direction;

/// A flow in a group: its row, and which of its ends is the outside one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    row: u32,
    outside_is_destination: bool,
}

impl Entry {
    pub(super) const fn row(self) -> usize {
        self.row as usize
    }

    pub(super) const fn is_destination(self, end: End) -> bool {
        match end {
            End::Destination => true,
            End::Source => false,
            End::Outside | End::Either => self.outside_is_destination,
            End::Home => !self.outside_is_destination,
        }
    }

    /// What a column has in its row.
    pub(super) fn of(self, column: &[u64]) -> u64 {
        column.get(self.row()).copied().unwrap_or_default()
    }

    /// What the column of one of its ends has in its row.
    pub(super) fn pick(self, end: End, source: &[u64], destination: &[u64]) -> u64 {
        self.of(if self.is_destination(end) { destination } else { source })
    }

    /// The flows of a batch, each once for every group that it is in.
    pub(super) fn of_rows(ends: Ends, rows: usize, directions: &[u64], entries: &mut Vec<Self>) {
        const INBOUND: u64 = Direction::Inbound.index() as u64;
        const OUTBOUND: u64 = Direction::Outbound.index() as u64;
        const INTERNAL: u64 = Direction::Internal.index() as u64;
        entries.clear();
        let rows = 0..u32::try_from(rows).unwrap_or(u32::MAX);
        let mut add = |row, outside_is_destination| entries.push(Self { row, outside_is_destination });
        if ends == Ends::Whole {
            rows.for_each(|row| add(row, false));
            return;
        }
        for (row, direction) in rows.zip(directions) {
            match (*direction, ends) {
                (INBOUND, _) => add(row, false),
                (OUTBOUND, _) => add(row, true),
                (INTERNAL, Ends::Home) => {
                    add(row, true);
                    add(row, false);
                }
                (INTERNAL, _) | (_, Ends::Both | Ends::Home) => {}
                (_, _) => {
                    add(row, false);
                    add(row, true);
                }
            }
        }
    }
}

/// Numbers for the names of cities, for all that work on a question.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// 0 is the empty name.
    known: Mutex<(HashMap<String, u32, RandomState>, Vec<String>)>,
}

impl Names {
    fn number(&self, name: &str) -> u64 {
        if name.is_empty() {
            return 0;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (numbers, names) = &mut *known;
        if let Some(number) = numbers.get(name) {
            return u64::from(*number);
        }
        names.push(name.to_owned());
        let number = u32::try_from(names.len()).unwrap_or(u32::MAX);
        numbers.insert(name.to_owned(), number);
        u64::from(number)
    }

    /// All names by their numbers.
    pub(super) fn all(&self) -> Vec<String> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        std::iter::once(String::new()).chain(known.1.iter().cloned()).collect()
    }
}

/// The numbers of a dictionary that was seen before: the batches of a row group share theirs.
#[derive(Debug, Default)]
pub(super) struct Dictionaries {
    known: Vec<(&'static str, ArrayRef, Arc<[u64]>)>,
}

impl Dictionaries {
    fn numbers(
        &mut self,
        column: &'static str,
        values: &ArrayRef,
        number: impl Fn(&str) -> u64,
    ) -> Result<Arc<[u64]>> {
        let is_same = |known: &ArrayRef| Arc::ptr_eq(known, values);
        if let Some((.., numbers)) =
            self.known.iter().find(|(name, known, _)| *name == column && is_same(known))
        {
            return Ok(Arc::clone(numbers));
        }
        let Some(texts) = values.as_string_opt::<i32>() else { return exec_err!("{column} holds no text") };
        let numbers: Arc<[u64]> = texts.iter().map(|text| text.map_or(0, &number)).collect();
        self.known.retain(|(name, ..)| *name != column);
        self.known.push((column, Arc::clone(values), Arc::clone(&numbers)));
        Ok(numbers)
    }
}

/// The columns of a batch.
pub(super) struct Columns<'b, 'w> {
    pub(super) batch: &'b RecordBatch,
    pub(super) dictionaries: &'w mut Dictionaries,
    pub(super) names: &'w Names,
}

impl<'b> Columns<'b, '_> {
    fn column(&self, name: &str) -> Result<&'b ArrayRef> {
        self.batch.column_by_name(name).ok_or_else(|| exec_datafusion_err!("there is no column {name}"))
    }

    /// A column of unsigned numbers.
    pub(super) fn numbers(&self, name: &str) -> Result<Vec<u64>> {
        let column = self.column(name)?;
        Ok(match column.data_type() {
            DataType::UInt8 => wide(column.as_primitive::<UInt8Type>().values()),
            DataType::UInt16 => wide(column.as_primitive::<UInt16Type>().values()),
            DataType::UInt32 => wide(column.as_primitive::<UInt32Type>().values()),
            DataType::UInt64 => column.as_primitive::<UInt64Type>().values().to_vec(),
            other => return exec_err!("{name} is {other}"),
        })
    }

    /// When the flows were received, milliseconds since 1970.
    pub(super) fn received(&self) -> Result<Vec<i64>> {
        received(self.batch)
    }

    /// A column of countries: 0 for none, else the letters as two bytes.
    pub(super) fn countries(&mut self, name: &'static str) -> Result<Vec<u64>> {
        let code = |text: &str| {
            CountryCode::parse(text).map_or(0, |code| u64::from(u16::from_be_bytes(code.letters())))
        };
        self.texts(name, code)
    }

    /// A column of names, as numbers.
    pub(super) fn names(&mut self, name: &'static str) -> Result<Vec<u64>> {
        let names = self.names;
        self.texts(name, |text| names.number(text))
    }

    fn texts(&mut self, name: &'static str, number: impl Fn(&str) -> u64) -> Result<Vec<u64>> {
        let column = self.column(name)?;
        let Some(dictionary) = column.as_any_dictionary_opt() else {
            return exec_err!("{name} has no dictionary");
        };
        let numbers = self.dictionaries.numbers(name, dictionary.values(), number)?;
        let keys = cast(dictionary.keys(), &DataType::UInt32)?;
        let keys = keys.as_primitive::<UInt32Type>();
        let of = |key: u32| numbers.get(key as usize).copied().unwrap_or_default();
        Ok(if keys.null_count() == 0 {
            keys.values().iter().map(|key| of(*key)).collect()
        } else {
            keys.iter().map(|key| key.map_or(0, of)).collect()
        })
    }

    /// A column of addresses.
    pub(super) fn addresses(&self, name: &str) -> Result<&'b BinaryArray> {
        let column = self.column(name)?.as_binary_opt::<i32>();
        column.ok_or_else(|| exec_datafusion_err!("{name} holds no addresses"))
    }
}

/// When the flows of a batch were received, milliseconds since 1970.
pub(super) fn received(batch: &RecordBatch) -> Result<Vec<i64>> {
    let column = batch.column_by_name("received");
    let column = column.ok_or_else(|| exec_datafusion_err!("there is no column received"))?;
    Ok(cast(column, &DataType::Int64)?.as_primitive::<Int64Type>().values().to_vec())
}

fn wide<T: Copy + Into<u64>>(values: &[T]) -> Vec<u64> {
    values.iter().map(|value| (*value).into()).collect()
}

/// An address as a number: an IPv4 address as the IPv6 address it is mapped to, which no flow has.
pub(super) fn address_bits(column: &BinaryArray, row: usize) -> u128 {
    let octets = column.value(row);
    if let Ok(octets) = <[u8; 4]>::try_from(octets) {
        Ipv4Addr::from_octets(octets).to_ipv6_mapped().to_bits()
    } else if let Ok(octets) = <[u8; 16]>::try_from(octets) {
        Ipv6Addr::from_octets(octets).to_bits()
    } else {
        0
    }
}
