//! Who moved most in about the last minute: countries, autonomous systems, service ports.
//!
//! Counted in buckets of five seconds, twelve of them. A bucket holds at most [`MAX_KEYS`] entries of a
//! kind; what has no room is counted by the caller and missing in the lists, never in the totals.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use crate::model::flow_record::{LocatedFlow, Location};
use crate::model::frame::{Second, TOP_ENTRIES, TopAs, TopCountry, TopPort};
use crate::model::place::CountryCode;
use crate::model::traffic::{Direction, Traffic};
use crate::server::geolocation::Geolocation;

/// Entries of one kind in one bucket.
const MAX_KEYS: usize = 65_536;
const BUCKET_SECONDS: u32 = 5;
const BUCKETS: usize = 12;

/// The ends of a flow that are outside of the home networks: what tops count by.
pub(super) const fn external_ends(flow: &LocatedFlow) -> [Option<Location>; 2] {
    match flow.direction {
        Direction::Inbound => [Some(flow.source), None],
        Direction::Outbound => [Some(flow.destination), None],
        Direction::Transit => [Some(flow.source), Some(flow.destination)],
        Direction::Internal => [None, None],
    }
}

/// Tops of one view.
#[derive(Debug, Default)]
pub(super) struct Tops {
    countries: Tally<Option<CountryCode>>,
    as_numbers: Tally<u32>,
    ports: Tally<(u16, u8)>,
    seconds: u32,
    closed: u32,
}

impl Tops {
    /// Counts a flow. Returns for how many of the lists there was no room.
    pub fn count(&mut self, flow: &LocatedFlow, traffic: Traffic, geolocation: &Geolocation) -> u64 {
        let [first, second] = external_ends(flow);
        let country = |end: Location| geolocation.country_of(end.place);
        let countries = distinct(first.map(country), second.map(country));
        let as_numbers = distinct(first.map(|end| end.as_number), second.map(|end| end.as_number));
        let record = &flow.record;
        let port = record.source_port.min(record.destination_port);
        let port = (port > 0).then_some((port, record.protocol));
        self.countries.add(countries, traffic)
            + self.as_numbers.add(as_numbers, traffic)
            + self.ports.add([port, None], traffic)
    }

    /// Ends a second: call once a second.
    pub fn end_second(&mut self) {
        self.seconds += 1;
        if self.seconds == BUCKET_SECONDS {
            self.seconds = 0;
            self.countries.close();
            self.as_numbers.close();
            self.ports.close();
            self.closed = u32::try_from(self.countries.closed.len()).unwrap_or(0);
        }
    }

    /// Writes the lists, most bytes first.
    pub fn write(&self, second: &mut Second, geolocation: Option<&Geolocation>) {
        second.tops_seconds = self.closed * BUCKET_SECONDS + self.seconds;
        second.top_countries =
            self.countries.most().map(|(country, traffic)| TopCountry { country, traffic }).collect();
        second.top_as = self
            .as_numbers
            .most()
            .map(|(as_number, traffic)| TopAs {
                as_number,
                name: geolocation.map_or_else(String::new, |known| known.as_name(as_number).to_owned()),
                traffic,
            })
            .collect();
        second.top_ports = self
            .ports
            .most()
            .map(|((port, protocol), traffic)| TopPort { port, protocol, traffic })
            .collect();
    }
}

fn distinct<T: PartialEq>(first: Option<T>, second: Option<T>) -> [Option<T>; 2] {
    if first == second { [first, None] } else { [first, second] }
}

/// Traffic by one kind of key.
#[derive(Debug)]
struct Tally<K> {
    current: HashMap<K, Traffic>,
    closed: VecDeque<HashMap<K, Traffic>>,
    /// Sum of the closed buckets.
    sum: HashMap<K, Traffic>,
}

impl<K> Default for Tally<K> {
    fn default() -> Self {
        Self { current: HashMap::new(), closed: VecDeque::new(), sum: HashMap::new() }
    }
}

impl<K: Copy + Eq + Hash + Ord> Tally<K> {
    fn add(&mut self, keys: [Option<K>; 2], traffic: Traffic) -> u64 {
        let mut without_room = 0;
        for key in keys.into_iter().flatten() {
            if let Some(sum) = self.current.get_mut(&key) {
                *sum += traffic;
            } else if self.current.len() < MAX_KEYS {
                self.current.insert(key, traffic);
            } else {
                without_room += 1;
            }
        }
        without_room
    }

    fn close(&mut self) {
        let bucket = std::mem::take(&mut self.current);
        for (key, traffic) in &bucket {
            *self.sum.entry(*key).or_default() += *traffic;
        }
        self.closed.push_back(bucket);
        if self.closed.len() < BUCKETS {
            return;
        }
        for (key, traffic) in self.closed.pop_front().into_iter().flatten() {
            if let Some(sum) = self.sum.get_mut(&key) {
                *sum = *sum - traffic;
                if sum.flows == 0 {
                    self.sum.remove(&key);
                }
            }
        }
    }

    /// The entries with most bytes, at most [`TOP_ENTRIES`].
    fn most(&self) -> impl Iterator<Item = (K, Traffic)> {
        let earlier = self
            .sum
            .iter()
            .map(|(key, traffic)| (*key, *traffic + self.current.get(key).copied().unwrap_or_default()));
        let only_now = self.current.iter().filter(|(key, _)| !self.sum.contains_key(key));
        let mut most: Vec<(K, Traffic)> = Vec::with_capacity(TOP_ENTRIES + 1);
        for (key, traffic) in earlier.chain(only_now.map(|(key, traffic)| (*key, *traffic))) {
            let place = most.partition_point(|(other, sum)| {
                (sum.bytes, sum.flows, *other) > (traffic.bytes, traffic.flows, key)
            });
            if place < TOP_ENTRIES {
                most.insert(place, (key, traffic));
                most.truncate(TOP_ENTRIES);
            }
        }
        most.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traffic(bytes: u64) -> Traffic {
        Traffic { flows: 1, bytes, packets: 1 }
    }

    #[test]
    fn a_minute_later_a_key_is_forgotten() {
        let mut tally = Tally::default();
        tally.add([Some(7), None], traffic(100));
        for _ in 0..BUCKETS - 1 {
            tally.close();
            tally.add([Some(8), None], traffic(1));
        }
        assert_eq!(tally.most().next(), Some((7, traffic(100))));
        tally.close();
        assert!(tally.most().all(|(key, _)| key == 8));
    }

    #[test]
    fn only_the_largest_are_listed_most_first() {
        let mut tally = Tally::default();
        for key in 0..100_u64 {
            tally.add([Some(key), None], traffic(key));
            if key == 50 {
                tally.close();
            }
        }
        let keys: Vec<u64> = tally.most().map(|(key, _)| key).collect();
        assert_eq!(keys, (90..100).rev().collect::<Vec<_>>());
    }

    #[test]
    fn more_keys_than_fit_are_counted() {
        let mut tally = Tally::default();
        let overflow: u64 = (0..MAX_KEYS + 5).map(|key| tally.add([Some(key), None], traffic(1))).sum();
        assert_eq!(overflow, 5);
        assert_eq!(tally.add([Some(0), None], traffic(1)), 0);
    }
}
