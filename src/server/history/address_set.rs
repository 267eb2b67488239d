//! Distinct addresses, mergeable.
//!
//! Up to [`AddressSet::MOST_EXACT`] addresses are kept one by one; beyond that, 4,096 registers of a HyperLogLog
//! estimate how many there are, with a standard error of 1.6 %. What a set holds depends on its members alone, not on
//! the order in which they came or sets were merged, and so do its bytes. The hash is part of the stored format.

use std::collections::HashSet;
use std::mem;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use foldhash::fast::RandomState;
use thiserror::Error;

use crate::model::history::Distinct;

const INDEX_BITS: u32 = 12;
const REGISTERS: usize = 1 << INDEX_BITS;
/// The largest value of a register: the position of the first one bit of 52, or none.
const LARGEST: u8 = 53;
/// 1.04 / √4096.
const STANDARD_ERROR: f32 = 0.016_25;
/// In the bytes of an estimate each register is four bits above the smallest of all; this value says "further up".
const BEYOND: u8 = 15;

/// A set of addresses that only wants to know how many it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressSet {
    /// The members; empty when there are registers.
    exact: HashSet<IpAddr, RandomState>,
    registers: Option<Box<Registers>>,
}

type Registers = [u8; REGISTERS];

/// Bytes that no address set has written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the bytes of an address set are damaged")]
pub struct DamagedSet;

impl AddressSet {
    /// The most addresses that are counted exactly: about as many as take the room of the registers.
    pub const MOST_EXACT: usize = 512;

    /// Adds an address.
    #[inline]
    pub fn insert(&mut self, address: IpAddr) {
        if let Some(registers) = &mut self.registers {
            raise(registers, address);
        } else if self.exact.insert(address) && self.exact.len() > Self::MOST_EXACT {
            self.registers();
        }
    }

    /// Adds all of another set.
    pub fn merge(&mut self, other: &Self) {
        if let Some(others) = &other.registers {
            for (mine, other) in self.registers().iter_mut().zip(others.iter()) {
                *mine = (*mine).max(*other);
            }
        } else {
            other.exact.iter().for_each(|address| self.insert(*address));
        }
    }

    /// How many there are.
    pub fn count(&self) -> Distinct {
        self.registers.as_ref().map_or_else(
            || Distinct::exact(self.exact.len() as u64),
            |registers| Distinct {
                count: estimate(registers).max(Self::MOST_EXACT as u64 + 1),
                error: STANDARD_ERROR,
            },
        )
    }

    /// Appends the set as bytes that stay readable: a few for each address, about 2 kB for an estimate.
    pub fn write(&self, bytes: &mut Vec<u8>) {
        match &self.registers {
            Some(registers) => write_registers(registers, bytes),
            None => write_exact(&self.exact, bytes),
        }
    }

    /// The set as bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.write(&mut bytes);
        bytes
    }

    /// The set of the bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DamagedSet> {
        let mut set = Self::default();
        set.merge_bytes(bytes)?;
        Ok(set)
    }

    /// Adds all of a set as bytes, without making the set. Damaged bytes may have been added in part.
    pub fn merge_bytes(&mut self, bytes: &[u8]) -> Result<(), DamagedSet> {
        let (form, bytes) = bytes.split_first().ok_or(DamagedSet)?;
        match form {
            0 => self.merge_exact(bytes),
            1 => self.merge_registers(bytes),
            _ => Err(DamagedSet),
        }
    }

    fn merge_exact(&mut self, mut bytes: &[u8]) -> Result<(), DamagedSet> {
        let mut room = Self::MOST_EXACT as u128;
        for largest in [u128::from(u32::MAX), u128::MAX] {
            let count = varint(&mut bytes).filter(|count| *count <= room).ok_or(DamagedSet)?;
            room -= count;
            let mut next = Some(0_u128);
            for _ in 0..count {
                let address = next.zip(varint(&mut bytes)).and_then(|(next, step)| next.checked_add(step));
                let address = address.filter(|address| *address <= largest).ok_or(DamagedSet)?;
                self.insert(match u32::try_from(address) {
                    Ok(address) if largest <= u128::from(u32::MAX) => Ipv4Addr::from_bits(address).into(),
                    _ => Ipv6Addr::from_bits(address).into(),
                });
                next = address.checked_add(1);
            }
        }
        if bytes.is_empty() { Ok(()) } else { Err(DamagedSet) }
    }

    fn merge_registers(&mut self, bytes: &[u8]) -> Result<(), DamagedSet> {
        let (base, bytes) = bytes.split_first().ok_or(DamagedSet)?;
        let (pairs, beyond) = bytes.split_at_checked(REGISTERS / 2).ok_or(DamagedSet)?;
        let (beyond, rest) = beyond.as_chunks::<3>();
        let is_possible = |value: u8| value <= LARGEST;
        if !is_possible(*base) || !rest.is_empty() {
            return Err(DamagedSet);
        }
        let registers = self.registers();
        // The first half has the low four bits of each byte, the second the high ones: so it is plain vector work.
        let (low, high) = registers.split_at_mut(REGISTERS / 2);
        for ((low, high), pair) in low.iter_mut().zip(high).zip(pairs) {
            *low = (*low).max(base.wrapping_add(pair & 0xf).min(LARGEST));
            *high = (*high).max(base.wrapping_add(pair >> 4).min(LARGEST));
        }
        for [first, second, value] in beyond {
            let register = registers.get_mut(usize::from(u16::from_le_bytes([*first, *second])));
            let register = register.filter(|_| is_possible(*value)).ok_or(DamagedSet)?;
            *register = (*register).max(*value);
        }
        Ok(())
    }

    /// The registers, into which everything goes from now on.
    fn registers(&mut self) -> &mut Registers {
        let exact = mem::take(&mut self.exact);
        self.registers.get_or_insert_with(|| {
            let mut registers = Box::new([0; REGISTERS]);
            exact.iter().for_each(|address| raise(&mut registers, *address));
            registers
        })
    }
}

#[inline]
fn raise(registers: &mut Registers, address: IpAddr) {
    let hash = hash(address);
    let index = usize::try_from(hash >> (u64::BITS - INDEX_BITS)).unwrap_or_default();
    // The bit that is put in below the 52 bounds the position.
    let position = (hash << INDEX_BITS | 1 << (INDEX_BITS - 1)).leading_zeros() + 1;
    if let Some(register) = registers.get_mut(index) {
        *register = (*register).max(u8::try_from(position).unwrap_or(LARGEST));
    }
}

/// Never changes: stored registers are made with it.
#[inline]
fn hash(address: IpAddr) -> u64 {
    match address {
        IpAddr::V4(address) => mixed(u64::from(address.to_bits()) ^ 0x9e37_79b9_7f4a_7c15),
        IpAddr::V6(address) => {
            let (network, host) = halves(address.to_bits());
            mixed(mixed(network ^ 0xd1b5_4a32_d192_ed03) ^ host)
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the two halves")]
const fn halves(bits: u128) -> (u64, u64) {
    ((bits >> 64) as u64, bits as u64)
}

/// The finaliser of SplitMix64.
#[inline]
const fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// The improved estimator of Ertl ("New cardinality estimation algorithms for HyperLogLog sketches", algorithm 6), which
/// needs no tables and has no range where it is biased.
fn estimate(registers: &Registers) -> u64 {
    const M: f64 = 4_096.0;
    let mut counts = [0_u32; LARGEST as usize + 1];
    for register in registers {
        if let Some(count) = counts.get_mut(usize::from(*register)) {
            *count += 1;
        }
    }
    let part = |value: u8| f64::from(counts.get(usize::from(value)).copied().unwrap_or_default()) / M;
    let largest = M * tau(1.0 - part(LARGEST));
    let sum = (1..LARGEST).rev().fold(largest, |sum, value| 0.5 * (sum + M * part(value)));
    let estimate = M * M / (2.0 * std::f64::consts::LN_2) / (sum + M * sigma(part(0)));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "neither negative nor beyond 2^64"
    )]
    let count = estimate.round() as u64;
    count
}

fn sigma(mut x: f64) -> f64 {
    let (mut weight, mut sum) = (1.0, x);
    if x >= 1.0 {
        return f64::INFINITY;
    }
    loop {
        x *= x;
        let before = sum;
        sum += x * weight;
        weight += weight;
        if sum <= before {
            return sum;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut weight, mut sum) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = sum;
        weight *= 0.5;
        sum -= (1.0 - x).powi(2) * weight;
        if sum >= before {
            return sum / 3.0;
        }
    }
}

/// For IPv4, then for IPv6: how many, and the steps from each to the next in rising order.
fn write_exact(addresses: &HashSet<IpAddr, RandomState>, bytes: &mut Vec<u8>) {
    let (mut v4, mut v6) = (Vec::new(), Vec::new());
    for address in addresses {
        match address {
            IpAddr::V4(address) => v4.push(u128::from(address.to_bits())),
            IpAddr::V6(address) => v6.push(address.to_bits()),
        }
    }
    bytes.push(0);
    for mut addresses in [v4, v6] {
        addresses.sort_unstable();
        write_varint(addresses.len() as u128, bytes);
        let mut next = 0;
        for address in addresses {
            write_varint(address - next, bytes);
            next = address.saturating_add(1);
        }
    }
}

/// The smallest register, four bits for each beyond it, and those that need more one by one.
fn write_registers(registers: &Registers, bytes: &mut Vec<u8>) {
    let base = registers.iter().copied().min().unwrap_or_default();
    let above = |register: &u8| (register - base).min(BEYOND);
    let (low, high) = registers.split_at(REGISTERS / 2);
    bytes.extend([1, base]);
    bytes.extend(low.iter().zip(high).map(|(low, high)| above(low) | above(high) << 4));
    for (index, register) in (0_u16..).zip(registers.iter()) {
        if above(register) == BEYOND {
            bytes.extend(index.to_le_bytes());
            bytes.push(*register);
        }
    }
}

fn write_varint(mut value: u128, bytes: &mut Vec<u8>) {
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push((value & 0x7f) as u8);
}

fn varint(bytes: &mut &[u8]) -> Option<u128> {
    let mut value = 0_u128;
    for shift in (0..u128::BITS).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        let part = u128::from(first & 0x7f);
        if part << shift >> shift != part {
            return None;
        }
        value |= part << shift;
        *bytes = rest;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(addresses: impl IntoIterator<Item = IpAddr>) -> AddressSet {
        let mut set = AddressSet::default();
        addresses.into_iter().for_each(|address| set.insert(address));
        set
    }

    fn addresses(random: &mut fastrand::Rng, count: usize) -> Vec<IpAddr> {
        (0..count)
            .map(|_| match random.u8(..) {
                0..200 => Ipv4Addr::from_bits(random.u32(..)).into(),
                _ => Ipv6Addr::from_bits(0x2001_0db8 << 96 | random.u128(..) >> 40).into(),
            })
            .collect()
    }

    #[test]
    fn up_to_the_bound_every_address_counts_once_and_beyond_it_the_answer_says_that_it_estimates() {
        let at = |index: u32| IpAddr::from(Ipv4Addr::from_bits(index));
        let exact = set((0..512).chain(0..512).map(at));
        assert_eq!(exact.count(), Distinct::exact(512));
        let estimated = set((0..513).map(at)).count();
        assert!(!estimated.is_exact() && (513..540).contains(&estimated.count), "{estimated:?}");
        let mapped = [at(7), IpAddr::from(Ipv6Addr::from_bits(7))];
        assert_eq!(set(mapped).count(), Distinct::exact(2));
        assert_eq!(AddressSet::from_bytes(&set(mapped).to_bytes()).unwrap(), set(mapped));
    }

    #[test]
    fn estimates_err_as_they_say_and_neither_up_nor_down() {
        for count in [600_usize, 2_000, 10_000, 30_000] {
            let errors: Vec<f64> = (0..40)
                .map(|seed| {
                    let mut random = fastrand::Rng::with_seed(seed * 7 + 1);
                    let base = random.u32(..);
                    // Half of them in a row, as the addresses of a network are.
                    let members = (0..count as u32).map(|index| match index % 2 {
                        0 => IpAddr::from(Ipv4Addr::from_bits(base.wrapping_add(index))),
                        _ => IpAddr::from(Ipv6Addr::from_bits(random.u128(..))),
                    });
                    set(members).count().count as f64 / count as f64 - 1.0
                })
                .collect();
            let mean = errors.iter().sum::<f64>() / 40.0;
            let deviation = (errors.iter().map(|error| error * error).sum::<f64>() / 40.0).sqrt();
            assert!(mean.abs() < 0.009, "{count}: {mean}");
            assert!(deviation < 0.022, "{count}: {deviation}");
        }
    }

    #[test]
    fn the_same_members_are_the_same_bytes_in_whatever_order_they_came() {
        let mut random = fastrand::Rng::with_seed(4);
        for count in [0, 1, 100, 511, 512, 513, 5_000, 40_000] {
            let mut members = addresses(&mut random, count);
            let whole = set(members.iter().copied());
            random.shuffle(&mut members);
            let parts: Vec<AddressSet> =
                members.chunks(count / 5 + 1).map(|part| set(part.iter().copied())).collect();
            let mut merged = AddressSet::default();
            let mut of_bytes = AddressSet::default();
            for part in parts.iter().rev() {
                merged.merge(part);
                of_bytes.merge_bytes(&part.to_bytes()).unwrap();
            }
            assert_eq!(merged, whole);
            assert_eq!(of_bytes.to_bytes(), whole.to_bytes());
            assert_eq!(AddressSet::from_bytes(&whole.to_bytes()).unwrap(), whole);
            assert!(whole.to_bytes().len() < 6_000);
        }
    }

    #[test]
    fn damaged_bytes_are_an_error_or_another_set_and_never_a_panic() {
        let mut random = fastrand::Rng::with_seed(5);
        for count in [0, 3, 400, 3_000] {
            let bytes = set(addresses(&mut random, count)).to_bytes();
            for length in (0..bytes.len()).step_by(7).chain([bytes.len() - 1]) {
                assert_eq!(AddressSet::from_bytes(&bytes[..length]), Err(DamagedSet), "{length}");
            }
            for _ in 0..300 {
                let mut bytes = bytes.clone();
                let at = random.usize(..bytes.len());
                bytes[at] ^= 1 << random.u8(..8);
                if let Ok(other) = AddressSet::from_bytes(&bytes) {
                    other.count();
                    assert_eq!(AddressSet::from_bytes(&other.to_bytes()).unwrap(), other);
                }
            }
            assert_eq!(AddressSet::from_bytes(&[&bytes[..], &[0]].concat()), Err(DamagedSet));
        }
        assert_eq!(AddressSet::from_bytes(&[0, 0xff, 0xff, 0xff, 0xff, 0x7f]), Err(DamagedSet));
    }
}
