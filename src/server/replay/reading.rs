//! From the archive's columns to the rows of a block.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, BinaryArray, DictionaryArray, Float32Array, PrimitiveArray,
    RecordBatch, StringArray,
};
use arrow::datatypes::{
    DataType, Float32Type, Int32Type, Int64Type, TimestampMillisecondType, UInt8Type, UInt16Type, UInt32Type,
    UInt64Type,
};
use arrow::error::ArrowError;
use foldhash::fast::RandomState;

use super::block::{Block, Row};
use crate::model::countries::country;
use crate::model::place::{CountryCode, Place, Precision};
use crate::model::traffic::Direction;
use crate::server::archive::columns;

/// The columns that rows are made of.
pub(super) const COLUMNS: &[&str] = &[
    columns::RECEIVED,
    columns::DURATION_MS,
    columns::SRC_ADDRESS,
    columns::DST_ADDRESS,
    columns::SRC_PORT,
    columns::DST_PORT,
    columns::SRC_AS,
    columns::DST_AS,
    columns::SRC_COUNTRY,
    columns::DST_COUNTRY,
    columns::SRC_REGION,
    columns::DST_REGION,
    columns::SRC_CITY,
    columns::DST_CITY,
    columns::SRC_LATITUDE,
    columns::SRC_LONGITUDE,
    columns::DST_LATITUDE,
    columns::DST_LONGITUDE,
    columns::DIRECTION,
    columns::PROTOCOL,
    columns::BYTES,
    columns::PACKETS,
    columns::SAMPLING_INTERVAL,
];

/// A block while it is read.
#[derive(Debug)]
pub(super) struct Reading {
    block: Block,
    /// How many rows it may have.
    most: usize,
    is_full: bool,
    addresses: HashMap<IpAddr, u32, RandomState>,
    latest: [Option<(IpAddr, u32)>; 2],
    /// Places by their entries in the dictionaries, of source and destination.
    places: [Places; 2],
}

impl Reading {
    pub fn new(most: usize) -> Self {
        Self {
            block: Block::default(),
            most,
            is_full: false,
            addresses: HashMap::default(),
            latest: [None; 2],
            places: Default::default(),
        }
    }

    /// Adds the flows of a batch, which has [`COLUMNS`]; breaks off when they are too many.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<ControlFlow<()>, ArrowError> {
        let room = self.most.saturating_sub(self.block.rows.len());
        self.is_full |= batch.num_rows() > room;
        if self.is_full {
            return Ok(ControlFlow::Break(()));
        }
        let received = columns::primitive::<TimestampMillisecondType>(batch, columns::RECEIVED)?;
        let duration = columns::primitive::<Int64Type>(batch, columns::DURATION_MS)?;
        let direction = columns::primitive::<UInt8Type>(batch, columns::DIRECTION)?;
        let protocol = columns::primitive::<UInt8Type>(batch, columns::PROTOCOL)?;
        let bytes = columns::primitive::<UInt64Type>(batch, columns::BYTES)?;
        let packets = columns::primitive::<UInt64Type>(batch, columns::PACKETS)?;
        let sampling = columns::primitive::<UInt32Type>(batch, columns::SAMPLING_INTERVAL)?;
        let ends = [EndColumns::source(batch)?, EndColumns::destination(batch)?];
        for (places, end) in self.places.iter_mut().zip(&ends) {
            places.begin(end);
        }
        self.block.rows.reserve(batch.num_rows());
        for row in 0..batch.num_rows() {
            let index = usize::from(direction.value(row));
            let direction = Direction::ALL
                .get(index)
                .copied()
                .ok_or_else(|| ArrowError::InvalidArgumentError(format!("there is no direction {index}")))?;
            let is_home = match direction {
                Direction::Inbound => [false, true],
                Direction::Outbound => [true, false],
                Direction::Internal => [true, true],
                Direction::Transit => [false, false],
            };
            let mut place = [0; 2];
            let mut address = [0; 2];
            for side in 0..2 {
                let (Some(end), Some(places)) = (ends.get(side), self.places.get_mut(side)) else { continue };
                let is_home = is_home.get(side).copied().unwrap_or_default();
                let number = places.number(end, row, is_home, &mut self.block.pairs);
                if let Some(place) = place.get_mut(side) {
                    *place = number;
                }
                let number = self.address(side, end.address(row));
                if let Some(address) = address.get_mut(side) {
                    *address = number;
                }
            }
            let [source_end, destination_end] = &ends;
            let ([from, to], [source, destination]) = (place, address);
            let made = Row {
                received_ms: received.value(row),
                bytes: bytes.value(row),
                packets: packets.value(row),
                source,
                destination,
                pair: self.block.pairs.add(from, to, direction),
                source_as: source_end.as_number.value(row),
                destination_as: destination_end.as_number.value(row),
                sampling_interval: sampling.value(row),
                duration_ms: u32::try_from(duration.value(row).max(0)).unwrap_or(u32::MAX),
                source_port: source_end.port.value(row),
                destination_port: destination_end.port.value(row),
                protocol: protocol.value(row),
            };
            self.block.rows.push(made);
        }
        Ok(ControlFlow::Continue(()))
    }

    fn address(&mut self, side: usize, address: IpAddr) -> u32 {
        let latest = self.latest.get_mut(side);
        if let Some(Some((known, number))) = &latest
            && *known == address
        {
            return *number;
        }
        let all = &mut self.block.addresses;
        let number = *self.addresses.entry(address).or_insert_with(|| {
            all.push(address);
            u32::try_from(all.len() - 1).unwrap_or(u32::MAX)
        });
        if let Some(latest) = latest {
            *latest = Some((address, number));
        }
        number
    }

    /// The block; `None` when there were too many flows.
    pub fn finish(mut self, is_partial: bool) -> Option<Block> {
        if self.is_full {
            return None;
        }
        self.block.rows.sort_by_key(|row| row.received_ms);
        self.block.rows.shrink_to_fit();
        self.block.is_partial = is_partial;
        Some(self.block)
    }
}

struct EndColumns {
    address: BinaryArray,
    port: PrimitiveArray<UInt16Type>,
    as_number: PrimitiveArray<UInt32Type>,
    country: DictionaryArray<Int32Type>,
    region: DictionaryArray<Int32Type>,
    city: DictionaryArray<Int32Type>,
    latitude: Float32Array,
    longitude: Float32Array,
}

impl EndColumns {
    fn source(batch: &RecordBatch) -> Result<Self, ArrowError> {
        Ok(Self {
            address: columns::found(batch, columns::SRC_ADDRESS, &DataType::Binary)?
                .as_binary::<i32>()
                .clone(),
            port: columns::primitive(batch, columns::SRC_PORT)?,
            as_number: columns::primitive(batch, columns::SRC_AS)?,
            country: texts(batch, columns::SRC_COUNTRY)?,
            region: texts(batch, columns::SRC_REGION)?,
            city: texts(batch, columns::SRC_CITY)?,
            latitude: columns::primitive::<Float32Type>(batch, columns::SRC_LATITUDE)?,
            longitude: columns::primitive::<Float32Type>(batch, columns::SRC_LONGITUDE)?,
        })
    }

    fn destination(batch: &RecordBatch) -> Result<Self, ArrowError> {
        Ok(Self {
            address: columns::found(batch, columns::DST_ADDRESS, &DataType::Binary)?
                .as_binary::<i32>()
                .clone(),
            port: columns::primitive(batch, columns::DST_PORT)?,
            as_number: columns::primitive(batch, columns::DST_AS)?,
            country: texts(batch, columns::DST_COUNTRY)?,
            region: texts(batch, columns::DST_REGION)?,
            city: texts(batch, columns::DST_CITY)?,
            latitude: columns::primitive::<Float32Type>(batch, columns::DST_LATITUDE)?,
            longitude: columns::primitive::<Float32Type>(batch, columns::DST_LONGITUDE)?,
        })
    }

    fn address(&self, row: usize) -> IpAddr {
        columns::address_of(self.address.value(row)).unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
    }
}

/// Entries of country, region and city; the bits of the coordinates; whether it is a home.
type Entry = ([Option<i32>; 3], Option<(u32, u32)>, bool);

/// Places of one end by the entries in the dictionaries of latest.
#[derive(Debug, Default)]
struct Places {
    dictionaries: Vec<ArrayRef>,
    numbers: HashMap<Entry, u32, RandomState>,
    latest: Option<(Entry, u32)>,
}

impl Places {
    /// Forgets what it knew of other dictionaries: the batches of a file share theirs.
    fn begin(&mut self, end: &EndColumns) {
        let dictionaries = [&end.country, &end.region, &end.city].map(|column| Arc::clone(column.values()));
        let is_same = self.dictionaries.len() == dictionaries.len()
            && self.dictionaries.iter().zip(&dictionaries).all(|(known, new)| Arc::ptr_eq(known, new));
        if !is_same {
            self.dictionaries = dictionaries.to_vec();
            self.numbers.clear();
            self.latest = None;
        }
    }

    fn number(
        &mut self,
        end: &EndColumns,
        row: usize,
        is_home: bool,
        pairs: &mut super::pairs::Pairs,
    ) -> u32 {
        let entries = [&end.country, &end.region, &end.city]
            .map(|column| column.is_valid(row).then(|| column.keys().value(row)));
        let has_coordinates = end.latitude.is_valid(row) && end.longitude.is_valid(row);
        let coordinates =
            has_coordinates.then(|| (end.latitude.value(row).to_bits(), end.longitude.value(row).to_bits()));
        let entry: Entry = (entries, coordinates, is_home);
        if let Some((latest, number)) = self.latest
            && latest == entry
        {
            return number;
        }
        let dictionaries = &self.dictionaries;
        let number = *self
            .numbers
            .entry(entry)
            .or_insert_with(|| pairs.add_place(place(dictionaries, entries, coordinates, is_home)));
        self.latest = Some((entry, number));
        number
    }
}

fn place(
    dictionaries: &[ArrayRef],
    entries: [Option<i32>; 3],
    coordinates: Option<(u32, u32)>,
    is_home: bool,
) -> Place {
    let text = |at: usize| -> &str {
        let entry = entries.get(at).copied().flatten().and_then(|entry| usize::try_from(entry).ok());
        let texts = dictionaries.get(at).and_then(|texts| texts.as_any().downcast_ref::<StringArray>());
        match (texts, entry) {
            (Some(texts), Some(entry)) if entry < texts.len() => texts.value(entry),
            _ => "",
        }
    };
    let code = CountryCode::parse(text(0));
    let (latitude, longitude) =
        coordinates.map_or((0.0, 0.0), |(north, east)| (f32::from_bits(north), f32::from_bits(east)));
    let is_label_point = || {
        text(2).is_empty()
            && code.and_then(country).is_some_and(|known| {
                (known.latitude.to_bits(), known.longitude.to_bits())
                    == (latitude.to_bits(), longitude.to_bits())
            })
    };
    let precision = match (is_home, coordinates.is_some()) {
        (true, true) => Precision::Home,
        (true, false) => Precision::HomeUnset,
        (false, true) if is_label_point() => Precision::Country,
        (false, true) => Precision::City,
        (false, false) => Precision::Unknown,
    };
    Place {
        country: code,
        region: text(1).to_owned(),
        city: text(2).to_owned(),
        latitude,
        longitude,
        precision,
    }
}

fn texts(batch: &RecordBatch, name: &str) -> Result<DictionaryArray<Int32Type>, ArrowError> {
    let kind = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
    Ok(columns::found(batch, name, &kind)?.as_dictionary::<Int32Type>().clone())
}
