//! What has passed: totals, and the lists of countries, autonomous systems and ports.
//!
//! What it holds depends on the flows alone, not on their order, so it is the same however a moment was reached.
//! A list is exact up to [`MOST_KEYS`] different entries; flows of further ones are in the totals only, and counted.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

use foldhash::fast::RandomState;

use super::block::{Block, Row};
use crate::model::frame::{TOP_ENTRIES, TopAs, TopCountry, TopPort};
use crate::model::history::{Amount, CountryAmount};
use crate::model::place::CountryCode;
use crate::model::replay::SoFar;
use crate::model::traffic::{Direction, Traffic};
use crate::server::geolocation::Geolocation;
use crate::server::history::address_set::AddressSet;

/// The most entries of a list, before its largest are chosen.
const MOST_KEYS: usize = 1 << 18;

/// What has passed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tally {
    pub by_direction: [Traffic; 4],
    pub countries: HashMap<Option<CountryCode>, Country, RandomState>,
    pub as_numbers: HashMap<u32, Traffic, RandomState>,
    pub ports: HashMap<(u16, u8), Traffic, RandomState>,
    /// Distinct outside addresses, where they are wanted.
    pub addresses: Option<AddressSet>,
    /// Flows that a list had no room for.
    pub forgotten: u64,
}

/// What a country had.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Country {
    pub traffic: Traffic,
    pub addresses: AddressSet,
}

impl Tally {
    pub fn new(with_addresses: bool) -> Self {
        Self { addresses: with_addresses.then(AddressSet::default), ..Self::default() }
    }

    /// Adds flows of a block.
    pub fn add(&mut self, block: &Block, rows: &[Row]) {
        for row in rows {
            let (pair, traffic) = (block.pair(row.pair), row.traffic());
            if let Some(sum) = self.by_direction.get_mut(pair.direction.index()) {
                *sum += traffic;
            }
            let numbers = match pair.direction {
                Direction::Inbound => [Some(row.source_as), None],
                Direction::Outbound => [Some(row.destination_as), None],
                Direction::Internal => [None, None],
                Direction::Transit => distinct(row.source_as, row.destination_as),
            };
            for number in numbers.into_iter().flatten() {
                self.forgotten += add(&mut self.as_numbers, number, traffic);
            }
            let port = row.source_port.min(row.destination_port);
            if port > 0 {
                self.forgotten += add(&mut self.ports, (port, row.protocol), traffic);
            }
            let (countries, ends) = block.outside_countries(pair);
            let [first, second] = countries;
            let both_alike = first == second;
            let addresses = match pair.direction {
                Direction::Outbound => [row.destination, row.source],
                _ => [row.source, row.destination],
            };
            for (at, (country, address)) in countries.into_iter().zip(addresses).take(ends).enumerate() {
                let known = self.countries.entry(country).or_default();
                if at == 0 || !both_alike {
                    known.traffic += traffic;
                }
                if let Some(addresses) = &mut self.addresses {
                    let address: IpAddr = block.address(address);
                    known.addresses.insert(address);
                    addresses.insert(address);
                }
            }
        }
    }

    /// Adds what passed after it.
    pub fn join(&mut self, later: &Self) {
        for (sum, more) in self.by_direction.iter_mut().zip(later.by_direction) {
            *sum += more;
        }
        for (country, more) in &later.countries {
            let known = self.countries.entry(*country).or_default();
            known.traffic += more.traffic;
            known.addresses.merge(&more.addresses);
        }
        for (number, more) in &later.as_numbers {
            self.forgotten += add(&mut self.as_numbers, *number, *more);
        }
        for (port, more) in &later.ports {
            self.forgotten += add(&mut self.ports, *port, *more);
        }
        match (&mut self.addresses, &later.addresses) {
            (Some(all), Some(more)) => all.merge(more),
            // Of a part nobody knows them.
            (all, _) => *all = None,
        }
        self.forgotten += later.forgotten;
    }

    /// How many entries it keeps, which is what it costs.
    pub fn keys(&self) -> usize {
        let sets = if self.addresses.is_some() { self.countries.len() * 64 } else { 0 };
        self.countries.len() + self.as_numbers.len() + self.ports.len() + sets
    }

    /// As it is said, with all countries if these are wanted.
    pub fn so_far(&self, geolocation: &Geolocation, by_country: bool) -> SoFar {
        let all = self.by_direction.iter().fold(Traffic::NONE, |sum, one| sum + *one);
        let has_addresses = self.addresses.is_some();
        let mut countries = Vec::new();
        if by_country {
            countries.extend(self.countries.iter().map(|(country, known)| CountryAmount {
                country: *country,
                amount: Amount {
                    traffic: known.traffic,
                    addresses: has_addresses.then(|| known.addresses.count()),
                },
            }));
            countries.sort_by_key(|row| (std::cmp::Reverse(row.amount.traffic.scaled_bytes), row.country));
        }
        SoFar {
            all: Amount { traffic: all, addresses: self.addresses.as_ref().map(AddressSet::count) },
            by_direction: self.by_direction,
            top_countries: most(self.countries.iter().map(|(country, known)| (*country, known.traffic)))
                .map(|(country, traffic)| TopCountry { country, traffic })
                .collect(),
            top_as: most(self.as_numbers.iter().map(|(number, traffic)| (*number, *traffic)))
                .map(|(as_number, traffic)| TopAs {
                    as_number,
                    name: geolocation.as_name(as_number).to_owned(),
                    traffic,
                })
                .collect(),
            top_ports: most(self.ports.iter().map(|(port, traffic)| (*port, *traffic)))
                .map(|((port, protocol), traffic)| TopPort { port, protocol, traffic })
                .collect(),
            countries,
        }
    }
}

fn distinct<T: PartialEq>(first: T, second: T) -> [Option<T>; 2] {
    if first == second { [Some(first), None] } else { [Some(first), Some(second)] }
}

/// Adds to an entry; how many flows were forgotten because there is no room for another one.
fn add<K: Eq + Hash>(sums: &mut HashMap<K, Traffic, RandomState>, key: K, traffic: Traffic) -> u64 {
    if let Some(sum) = sums.get_mut(&key) {
        *sum += traffic;
    } else if sums.len() < MOST_KEYS {
        sums.insert(key, traffic);
    } else {
        return traffic.flows;
    }
    0
}

/// The entries with most scaled bytes, most first; of equals those with more flows, then the larger key.
fn most<K: Copy + Ord>(entries: impl Iterator<Item = (K, Traffic)>) -> impl Iterator<Item = (K, Traffic)> {
    let mut most: Vec<(u64, u64, K, Traffic)> = Vec::with_capacity(TOP_ENTRIES + 1);
    for (key, traffic) in entries {
        let rank = (traffic.scaled_bytes, traffic.flows, key);
        let place = most.partition_point(|(bytes, flows, key, _)| (*bytes, *flows, *key) > rank);
        if place < TOP_ENTRIES {
            most.insert(place, (rank.0, rank.1, key, traffic));
            most.truncate(TOP_ENTRIES);
        }
    }
    most.into_iter().map(|(_, _, key, traffic)| (key, traffic))
}
