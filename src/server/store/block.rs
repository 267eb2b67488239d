//! Sums of one family in one bucket of time, and their bytes.
//!
//! A block is written column by column as varints, columns of zeros left out, and compressed with a checksum: a row of
//! sums takes about a tenth of what a row of a table takes. Reading is safe against any bytes: what is damaged is an
//! error. The order of columns is part of the stored format.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use thiserror::Error;

use super::key::{EndKey, Key};
use crate::model::traffic::Traffic;
use crate::server::history::address_set::AddressSet;

/// Blocks are never larger, before they are compressed.
const MOST_BYTES: usize = 64 << 20;
const COLUMNS: usize = 19;
const LEVEL: i32 = 3;

/// A block that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a block of sums is damaged")]
pub(super) struct DamagedBlock;

/// Traffic by key.
pub(super) type Sums = HashMap<Key, Traffic, RandomState>;

/// Outside addresses by direction and country. A transit flow's two addresses are each in the set of its country.
pub(super) type Sets = HashMap<(u8, u16), AddressSet, RandomState>;

/// Adds all sums to others.
pub(super) fn add_all(sums: &mut Sums, more: impl IntoIterator<Item = (Key, Traffic)>) {
    for (key, traffic) in more {
        *sums.entry(key).or_default() += traffic;
    }
}

/// Adds all sets to others.
pub(super) fn merge_all(sets: &mut Sets, more: &Sets) {
    for (key, set) in more {
        sets.entry(*key).or_default().merge(set);
    }
}

/// The rows with most bytes, in the order of keys; all others are added to the rows of the rest.
pub(super) fn bounded(sums: &Sums, most: usize) -> Vec<(Key, Traffic)> {
    let mut rest = Sums::default();
    let mut rows = Vec::with_capacity(sums.len());
    for (key, traffic) in sums {
        if key.is_rest {
            rest.insert(*key, *traffic);
        } else {
            rows.push((*key, *traffic));
        }
    }
    if rows.len() > most {
        let rank = |(key, traffic): &(Key, Traffic)| (u64::MAX - traffic.scaled_bytes, *key);
        rows.select_nth_unstable_by_key(most, rank);
        add_all(&mut rest, rows.drain(most..).map(|(key, traffic)| (key.rest(), traffic)));
    }
    rows.extend(rest);
    rows.sort_unstable_by_key(|(key, _)| *key);
    rows
}

/// The numbers of a row. What grows with another is held as the difference.
fn numbers(key: &Key, traffic: &Traffic) -> [u64; COLUMNS] {
    [
        u64::from(key.is_rest),
        key.direction.into(),
        key.exporter.into(),
        key.source.country.into(),
        key.destination.country.into(),
        key.source.as_number.into(),
        key.destination.as_number.into(),
        key.source.city.into(),
        key.destination.city.into(),
        key.port.into(),
        key.protocol.into(),
        key.input.into(),
        key.output.into(),
        traffic.flows,
        traffic.bytes,
        traffic.packets,
        traffic.scaled_bytes.wrapping_sub(traffic.bytes),
        traffic.scaled_packets.wrapping_sub(traffic.packets),
        traffic.unknown_sampling,
    ]
}

fn row(numbers: &[u64; COLUMNS]) -> Option<(Key, Traffic)> {
    let [
        is_rest,
        direction,
        exporter,
        source_country,
        destination_country,
        source_as,
        destination_as,
        source_city,
        destination_city,
        port,
        protocol,
        input,
        output,
        flows,
        bytes,
        packets,
        more_bytes,
        more_packets,
        unknown_sampling,
    ] = *numbers;
    let narrow = |number: u64| u32::try_from(number).ok();
    let short = |number: u64| u16::try_from(number).ok();
    let end = |country, as_number, city| {
        Some(EndKey { country: short(country)?, as_number: narrow(as_number)?, city: narrow(city)? })
    };
    let key = Key {
        is_rest: is_rest != 0,
        direction: u8::try_from(direction).ok()?,
        exporter: narrow(exporter)?,
        source: end(source_country, source_as, source_city)?,
        destination: end(destination_country, destination_as, destination_city)?,
        port: short(port)?,
        protocol: u8::try_from(protocol).ok()?,
        input: narrow(input)?,
        output: narrow(output)?,
    };
    let traffic = Traffic {
        flows,
        bytes,
        packets,
        scaled_bytes: bytes.wrapping_add(more_bytes),
        scaled_packets: packets.wrapping_add(more_packets),
        unknown_sampling,
    };
    Some((key, traffic))
}

/// The bytes of rows.
pub(super) fn write_sums(rows: &[(Key, Traffic)]) -> Result<Vec<u8>, DamagedBlock> {
    let table: Vec<[u64; COLUMNS]> = rows.iter().map(|(key, traffic)| numbers(key, traffic)).collect();
    let used = (0..COLUMNS).filter(|column| column_of(&table, *column).any(|number| number != 0));
    let used: Vec<usize> = used.collect();
    let mut bytes = Vec::with_capacity(rows.len() * 16);
    write_varint(rows.len() as u64, &mut bytes);
    write_varint(used.iter().fold(0, |mask, column| mask | 1 << column), &mut bytes);
    for column in used {
        column_of(&table, column).for_each(|number| write_varint(number, &mut bytes));
    }
    packed(&bytes)
}

fn column_of(table: &[[u64; COLUMNS]], column: usize) -> impl Iterator<Item = u64> {
    table.iter().map(move |row| row.get(column).copied().unwrap_or_default())
}

/// The rows of bytes.
pub(super) fn read_sums(block: &[u8]) -> Result<Vec<(Key, Traffic)>, DamagedBlock> {
    let bytes = unpacked(block)?;
    let mut bytes = bytes.as_slice();
    let count = varint(&mut bytes).and_then(|count| usize::try_from(count).ok()).ok_or(DamagedBlock)?;
    let mask = varint(&mut bytes).filter(|mask| mask >> COLUMNS == 0).ok_or(DamagedBlock)?;
    // Every row has at least a byte in each column that is there.
    if count > 0 && (mask == 0 || count > bytes.len()) {
        return Err(DamagedBlock);
    }
    let mut table = vec![[0_u64; COLUMNS]; count];
    for column in (0..COLUMNS).filter(|column| mask >> column & 1 == 1) {
        for row in &mut table {
            let number = varint(&mut bytes).ok_or(DamagedBlock)?;
            if let Some(cell) = row.get_mut(column) {
                *cell = number;
            }
        }
    }
    if !bytes.is_empty() {
        return Err(DamagedBlock);
    }
    table.iter().map(row).collect::<Option<_>>().ok_or(DamagedBlock)
}

/// The bytes of sets. They are dense already and are not compressed.
pub(super) fn write_sets(sets: &Sets) -> Result<Vec<u8>, DamagedBlock> {
    let mut keys: Vec<_> = sets.keys().copied().collect();
    keys.sort_unstable();
    let (mut bytes, mut of_set) = (Vec::new(), Vec::new());
    for (direction, country) in keys {
        let Some(set) = sets.get(&(direction, country)) else { continue };
        set.write(&mut of_set);
        bytes.push(direction);
        bytes.extend(country.to_be_bytes());
        write_varint(of_set.len() as u64, &mut bytes);
        bytes.append(&mut of_set);
    }
    if bytes.len() > MOST_BYTES { Err(DamagedBlock) } else { Ok(bytes) }
}

/// Calls `found` for each set of the bytes: its direction, its country, and its own bytes.
pub(super) fn read_sets(
    mut block: &[u8],
    mut found: impl FnMut(u8, u16, &[u8]) -> Result<(), DamagedBlock>,
) -> Result<(), DamagedBlock> {
    while !block.is_empty() {
        let ([direction, country @ ..], rest) = block.split_first_chunk::<3>().ok_or(DamagedBlock)?;
        block = rest;
        let length = varint(&mut block).and_then(|length| usize::try_from(length).ok());
        let (set, rest) = length.and_then(|length| block.split_at_checked(length)).ok_or(DamagedBlock)?;
        block = rest;
        found(*direction, u16::from_be_bytes(*country), set)?;
    }
    Ok(())
}

/// Adds the sets of bytes to others.
pub(super) fn merge_sets(sets: &mut Sets, block: &[u8]) -> Result<(), DamagedBlock> {
    read_sets(block, |direction, country, bytes| {
        sets.entry((direction, country)).or_default().merge_bytes(bytes).map_err(|_| DamagedBlock)
    })
}

fn packed(bytes: &[u8]) -> Result<Vec<u8>, DamagedBlock> {
    let mut compressor = zstd::bulk::Compressor::new(LEVEL).map_err(|_| DamagedBlock)?;
    compressor.include_checksum(true).map_err(|_| DamagedBlock)?;
    let length = u32::try_from(bytes.len()).ok().filter(|_| bytes.len() <= MOST_BYTES).ok_or(DamagedBlock)?;
    let mut packed = length.to_le_bytes().to_vec();
    packed.append(&mut compressor.compress(bytes).map_err(|_| DamagedBlock)?);
    Ok(packed)
}

fn unpacked(block: &[u8]) -> Result<Vec<u8>, DamagedBlock> {
    let (length, packed) = block.split_first_chunk::<4>().ok_or(DamagedBlock)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| DamagedBlock)?;
    if length > MOST_BYTES {
        return Err(DamagedBlock);
    }
    let bytes = zstd::bulk::decompress(packed, length).map_err(|_| DamagedBlock)?;
    if bytes.len() == length { Ok(bytes) } else { Err(DamagedBlock) }
}

fn write_varint(mut value: u64, bytes: &mut Vec<u8>) {
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push((value & 0x7f) as u8);
}

#[inline]
fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..u64::BITS).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(random: &mut fastrand::Rng, count: usize) -> Sums {
        (0..count)
            .map(|_| {
                let mut numbers = [0; COLUMNS].map(|_: u64| u64::from(random.u8(..)));
                numbers[0] = 0;
                numbers[5] = u32::MAX.into();
                numbers[14] = random.u64(..);
                numbers[17] = 0;
                row(&numbers).unwrap()
            })
            .collect()
    }

    #[test]
    fn rows_come_back_as_they_were_and_damage_is_told() {
        let mut random = fastrand::Rng::with_seed(1);
        for count in [0, 1, 700] {
            let rows = bounded(&sums(&mut random, count), usize::MAX);
            let block = write_sums(&rows).unwrap();
            assert_eq!(read_sums(&block).unwrap(), rows);
            for _ in 0..200 {
                let mut damaged = block.clone();
                let at = random.usize(..damaged.len());
                damaged[at] ^= 1 << random.u8(..8);
                assert!(read_sums(&damaged).is_err() || read_sums(&damaged).unwrap() == rows);
                assert!(read_sums(&block[..at]).is_err());
            }
        }
    }

    #[test]
    fn what_has_no_room_is_in_the_rest_to_the_byte() {
        let mut random = fastrand::Rng::with_seed(2);
        let all = sums(&mut random, 500);
        let rows = bounded(&all, 100);
        let own = rows.iter().filter(|(key, _)| !key.is_rest).count();
        assert_eq!(own, 100);
        let sum = |rows: &mut dyn Iterator<Item = Traffic>| rows.fold(Traffic::NONE, |sum, more| sum + more);
        assert_eq!(
            sum(&mut rows.iter().map(|(_, traffic)| *traffic)).flows,
            sum(&mut all.values().copied()).flows
        );
        let again: Sums = rows.iter().copied().collect();
        assert_eq!(bounded(&again, 100), rows);
    }

    #[test]
    fn sets_come_back_as_they_were() {
        let mut sets = Sets::default();
        for index in 0..3_000_u32 {
            let address = std::net::Ipv4Addr::from_bits(index).into();
            sets.entry((0, u16::from(index % 7 == 0))).or_default().insert(address);
        }
        let block = write_sets(&sets).unwrap();
        let mut read = Sets::default();
        merge_sets(&mut read, &block).unwrap();
        assert_eq!(read, sets);
        for length in (1..block.len()).step_by(11) {
            let found = merge_sets(&mut Sets::default(), &block[..length]);
            assert!(found.is_err() || length < block.len() - 1);
        }
    }
}
