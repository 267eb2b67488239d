//! Sorted address ranges: what every database is flattened into.
//!
//! The whole address space is covered: a range starts where the one before it ends, value 0 means "nothing known",
//! and neighbours of equal value are one range. Each family has a structure that suits it (`v4_ranges`,
//! `v6_ranges`); here both are built and asked. A lookup allocates nothing and takes no lock.

use std::net::IpAddr;

use super::v4_ranges::V4Ranges;
use super::v6_ranges::{DIVIDED, V6Ranges, upper_half};

/// The largest value of a range; what is above it has meanings of its own.
pub(super) const LARGEST_VALUE: u32 = (1 << 31) - 1;

/// Addresses that are looked up together.
pub(super) const LANES: usize = 64;

/// As many addresses of both families.
pub(super) struct Lanes {
    pub(super) is_v6: [bool; LANES],
    /// True when IPv4 addresses among them are to be looked up.
    pub(super) has_v4: bool,
    has_v6: bool,
    /// 0 for those of the other family, as below.
    pub(super) v4: [u32; LANES],
    v6: [u128; LANES],
}

impl Lanes {
    /// At most [`LANES`] addresses; the rest is left out.
    pub(super) fn new(addresses: impl Iterator<Item = IpAddr>) -> Self {
        let mut lanes =
            Self { is_v6: [false; LANES], has_v4: false, has_v6: false, v4: [0; LANES], v6: [0; LANES] };
        let places = lanes.v4.iter_mut().zip(&mut lanes.v6).zip(&mut lanes.is_v6);
        for (address, ((v4, v6), is_v6)) in addresses.zip(places) {
            match address {
                IpAddr::V4(address) => {
                    *v4 = address.to_bits();
                    lanes.has_v4 = true;
                }
                IpAddr::V6(address) => {
                    *v6 = address.to_bits();
                    *is_v6 = true;
                    lanes.has_v6 = true;
                }
            }
        }
        lanes
    }

    /// True when there is nothing to look up.
    pub(super) const fn is_empty(&self) -> bool {
        !self.has_v4 && !self.has_v6
    }
}

/// A mapping from every address to a value.
#[derive(Debug)]
pub(super) struct AddressRanges {
    v4: V4Ranges,
    v6: V6Ranges,
}

impl AddressRanges {
    /// The value of an address as it stands; 0 when nothing is known.
    #[inline]
    pub(super) fn find(&self, address: IpAddr) -> u32 {
        match address {
            IpAddr::V4(address) => self.v4.find(address.to_bits()),
            IpAddr::V6(address) => self.v6.find(address.to_bits()),
        }
    }

    /// The values of many addresses. Looked up step by step together, they wait for memory together: several times faster
    /// than one after the other when the tables are not in the processor's caches.
    pub(super) fn find_each(&self, addresses: &Lanes) -> [u32; LANES] {
        let mut values = [0; LANES];
        if addresses.has_v4 {
            for (value, address) in values.iter_mut().zip(&addresses.v4) {
                *value = self.v4.run_of(*address);
            }
            for value in &mut values {
                *value = self.v4.value_of_run(*value);
            }
            for (value, address) in values.iter_mut().zip(&addresses.v4) {
                *value = self.v4.resolve(*value, *address);
            }
        }
        if addresses.has_v6 {
            let of_v6 = self.v6.find_each(&addresses.v6);
            for ((value, of_v6), is_v6) in values.iter_mut().zip(of_v6).zip(addresses.is_v6) {
                if is_v6 {
                    *value = of_v6;
                }
            }
        }
        values
    }

    /// The part for IPv4.
    #[inline]
    pub(super) const fn v4(&self) -> &V4Ranges {
        &self.v4
    }

    /// The IPv4 ranges that have a value, as value and number of addresses.
    pub(super) fn v4_sizes(&self) -> impl Iterator<Item = (u32, u64)> {
        self.v4.sizes()
    }

    /// Number of ranges that have a value; a range that is cut at the borders of /24s may count more than once.
    pub(super) fn len(&self) -> usize {
        self.v4.sizes().count() + self.v6.len()
    }

    /// Memory it holds, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.v4.bytes() + self.v6.bytes()
    }
}

/// Where ranges start and what their values are, as many of each; the first starts at key 0.
#[derive(Debug, Default)]
pub(super) struct Starts {
    /// IPv4 addresses, or upper halves of IPv6 addresses.
    pub(super) starts: Vec<u64>,
    pub(super) values: Vec<u32>,
}

/// A range that begins before the one given earlier has ended, or ends before it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OutOfOrder;

/// Takes ranges in the order of their addresses, each family for itself.
#[derive(Debug, Default)]
pub(super) struct AddressRangesBuilder {
    v4: RangesBuilder,
    v6: RangesBuilder,
    divided: Vec<(u128, u32)>,
    /// First IPv6 address that was not given yet; `None` after the last of all.
    next_v6: Option<u128>,
    has_v6: bool,
}

impl AddressRangesBuilder {
    /// Adds the addresses from `first` to `last`, both included. `value` is from 1 to [`LARGEST_VALUE`].
    pub(super) fn push(&mut self, first: IpAddr, last: IpAddr, value: u32) -> Result<(), OutOfOrder> {
        match (first, last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                self.v4.push(u64::from(first.to_bits()), u64::from(last.to_bits()), value)
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => self.push_v6(first.to_bits(), last.to_bits(), value),
            _ => Err(OutOfOrder),
        }
    }

    fn push_v6(&mut self, first: u128, last: u128, value: u32) -> Result<(), OutOfOrder> {
        let is_behind = self.has_v6 && self.next_v6.is_none_or(|next| first < next);
        if first > last || is_behind {
            return Err(OutOfOrder);
        }
        self.has_v6 = true;
        self.next_v6 = last.checked_add(1);

        let (mut first_block, mut last_block) = (upper_half(first), upper_half(last));
        let starts_inside = first != block_start(first_block);
        let ends_inside = last != block_end(last_block);
        if first_block == last_block && (starts_inside || ends_inside) {
            return self.push_part(first, last, value);
        }
        if starts_inside {
            self.push_part(first, block_end(first_block), value)?;
            first_block += 1;
        }
        if ends_inside {
            last_block -= 1;
        }
        if first_block <= last_block {
            self.v6.push(first_block, last_block, value)?;
        }
        if ends_inside {
            self.push_part(block_start(upper_half(last)), last, value)?;
        }
        Ok(())
    }

    /// Adds a part of one /64.
    fn push_part(&mut self, first: u128, last: u128, value: u32) -> Result<(), OutOfOrder> {
        let block = upper_half(first);
        let is_new = self.divided.last().is_none_or(|(start, _)| upper_half(*start) != block);
        if is_new {
            self.v6.push(block, block, DIVIDED)?;
            self.divided.push((block_start(block), 0));
        }
        if self.divided.last().is_some_and(|(start, _)| *start == first) {
            self.divided.pop();
        }
        self.divided.push((first, value));
        if last != block_end(block) {
            self.divided.push((last + 1, 0));
        }
        Ok(())
    }

    /// The finished mapping.
    pub(super) fn finish(self) -> AddressRanges {
        let v4 = V4Ranges::new(&self.v4.finish(u32::MAX.into()));
        AddressRanges { v4, v6: V6Ranges::new(&self.v6.finish(u64::MAX), self.divided) }
    }
}

#[derive(Debug, Default)]
struct RangesBuilder {
    ranges: Starts,
    /// First key that no range covers yet; `None` when the last key is covered.
    next: Option<u64>,
}

impl RangesBuilder {
    fn push(&mut self, first: u64, last: u64, value: u32) -> Result<(), OutOfOrder> {
        let next = if self.ranges.starts.is_empty() { Some(0) } else { self.next };
        match next {
            Some(next) if first >= next && first <= last => {
                if first > next {
                    self.append(next, 0);
                }
            }
            _ => return Err(OutOfOrder),
        }
        self.append(first, value);
        self.next = last.checked_add(1);
        Ok(())
    }

    fn append(&mut self, start: u64, value: u32) {
        if self.ranges.values.last() != Some(&value) {
            self.ranges.starts.push(start);
            self.ranges.values.push(value);
        }
    }

    fn finish(mut self, last_key: u64) -> Starts {
        if self.ranges.starts.is_empty() {
            self.append(0, 0);
        } else if let Some(next) = self.next
            && next <= last_key
        {
            self.append(next, 0);
        }
        self.ranges
    }
}

const fn block_start(block: u64) -> u128 {
    (block as u128) << 64
}

const fn block_end(block: u64) -> u128 {
    block_start(block) | u64::MAX as u128
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn ranges(input: &[(&str, &str, u32)]) -> AddressRanges {
        let mut builder = AddressRangesBuilder::default();
        for (first, last, value) in input {
            builder.push(first.parse().unwrap(), last.parse().unwrap(), *value).unwrap();
        }
        builder.finish()
    }

    #[test]
    fn an_address_is_found_in_its_range_and_in_no_other() {
        let ranges = ranges(&[
            ("1.0.0.0", "1.0.0.255", 7),
            ("1.0.1.0", "1.0.1.255", 7),
            ("255.255.255.255", "255.255.255.255", 9),
            ("2001:db8::", "2001:db8:0:0:ffff:ffff:ffff:ffff", 3),
            ("2001:db8:0:1::5", "2001:db8:0:1::6", 4),
            ("2001:db8:0:1::8", "2001:db8:0:3::", 5),
            ("ffff::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 6),
        ]);
        for (address, value) in [
            ("0.0.0.0", 0),
            ("0.255.255.255", 0),
            ("1.0.0.0", 7),
            ("1.0.1.255", 7),
            ("1.0.2.0", 0),
            ("255.255.255.254", 0),
            ("255.255.255.255", 9),
            ("::", 0),
            ("2001:db8::1", 3),
            ("2001:db8:0:1::4", 0),
            ("2001:db8:0:1::5", 4),
            ("2001:db8:0:1::6", 4),
            ("2001:db8:0:1::7", 0),
            ("2001:db8:0:1::8", 5),
            ("2001:db8:0:2:ffff::", 5),
            ("2001:db8:0:3::", 5),
            ("2001:db8:0:3::1", 0),
            ("fffe::", 0),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 6),
        ] {
            assert_eq!(ranges.find(address.parse().unwrap()), value, "{address}");
        }
        assert_eq!(ranges.v4_sizes().collect::<Vec<_>>(), [(7, 512), (9, 1)]);
    }

    #[test]
    fn lookups_agree_with_a_linear_search_over_thousands_of_ranges() {
        let mut builder = AddressRangesBuilder::default();
        let mut expected = Vec::new();
        let mut state = 1_u64;
        let mut at = 0_u32;
        for value in 1..20_000_u32 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let gap = u32::try_from(state >> 48).unwrap();
            let (first, last) = (at + gap % 3, at + gap % 3 + gap);
            builder.push(Ipv4Addr::from(first).into(), Ipv4Addr::from(last).into(), value).unwrap();
            expected.push((first, last, value));
            at = last + 1;
        }
        let ranges = builder.finish();
        for (first, last, value) in expected {
            assert_eq!(ranges.find(IpAddr::V4(first.into())), value);
            assert_eq!(ranges.find(IpAddr::V4(last.into())), value);
        }
        assert_eq!(ranges.find(Ipv4Addr::BROADCAST.into()), 0);
    }

    #[test]
    fn ranges_that_overlap_or_go_backwards_are_refused() {
        let mut builder = AddressRangesBuilder::default();
        let mut push =
            |first: &str, last: &str| builder.push(first.parse().unwrap(), last.parse().unwrap(), 1);
        assert_eq!(push("1.0.0.0", "1.0.0.255"), Ok(()));
        assert_eq!(push("1.0.0.255", "1.0.1.0"), Err(OutOfOrder));
        assert_eq!(push("3.0.0.0", "2.0.0.0"), Err(OutOfOrder));
        assert_eq!(push("2001::5", "2001::9"), Ok(()));
        assert_eq!(push("2001::9", "2002::"), Err(OutOfOrder));
        assert_eq!(push("5.0.0.0", "2002::"), Err(OutOfOrder));
    }
}
