//! Who moved most in about the last minute: countries, autonomous systems, service ports.
//!
//! Counted in buckets of five seconds, twelve of them; what the last second moved most often waits in a small table
//! before them, where a flow costs little. A bucket holds at most [`MAX_KEYS`] entries of a
//! kind; when it is full or closed, only the heaviest [`KEPT_KEYS`] stay. So the lists are exact up to so
//! many different keys, and say too little rather than too much beyond: flows of forgotten entries are
//! counted by the caller and missing in the lists, never in the totals. Keys may be spoofed: all lists of
//! a view take at most 4 MB.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use foldhash::fast::RandomState;

use crate::model::flow_record::{LocatedFlow, Location};
use crate::model::frame::{Second, TOP_ENTRIES, TopAs, TopCountry, TopPort};
use crate::model::place::CountryCode;
use crate::model::traffic::{Direction, Traffic};
use crate::server::geolocation::Geolocation;

/// Entries of one kind in one bucket.
const MAX_KEYS: usize = 4_096;
/// Entries that stay when it is full or closed: those with most bytes.
const KEPT_KEYS: usize = 1_024;
/// What an entry has at most in one bucket, in bytes and in packets, scaled or not: the sum of all buckets stays exact.
const MOST_IN_BUCKET: u64 = u64::MAX / 16;
/// Slots of the tables before them, as bits of a number; there are far more autonomous systems than countries.
const LATEST_BITS: u32 = 9;
const LATEST_AS_BITS: u32 = 11;
const BUCKET_SECONDS: u32 = 5;
const BUCKETS: usize = 12;

/// The ends of a flow that are outside of the home networks: what tops count by.
pub(in crate::server) const fn external_ends(flow: &LocatedFlow) -> [Option<Location>; 2] {
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
    latest_countries: Latest<Option<CountryCode>, LATEST_BITS>,
    latest_as_numbers: Latest<u32, LATEST_AS_BITS>,
    latest_ports: Latest<(u16, u8), LATEST_BITS>,
    /// Flows that the lists forgot for want of room in this second.
    forgotten: u64,
    seconds: u32,
    closed: u32,
}

impl Tops {
    /// Counts a flow whose source and destination are in these countries.
    #[inline]
    pub fn count(&mut self, flow: &LocatedFlow, traffic: Traffic, [from, to]: [Option<CountryCode>; 2]) {
        let (source, destination) = (flow.source.as_number, flow.destination.as_number);
        let (countries, as_numbers) = match flow.direction {
            Direction::Inbound => ([Some(from), None], [Some(source), None]),
            Direction::Outbound => ([Some(to), None], [Some(destination), None]),
            Direction::Transit => (distinct(from, to), distinct(source, destination)),
            Direction::Internal => ([None; 2], [None; 2]),
        };
        for country in countries.into_iter().flatten() {
            let number = country.map_or(0, |code| u32::from(u16::from_be_bytes(code.letters())));
            let before = self.latest_countries.add(number, country, traffic);
            self.forgotten += before.map_or(0, |(country, traffic)| self.countries.add(country, traffic));
        }
        for as_number in as_numbers.into_iter().flatten() {
            let before = self.latest_as_numbers.add(as_number, as_number, traffic);
            self.forgotten +=
                before.map_or(0, |(as_number, traffic)| self.as_numbers.add(as_number, traffic));
        }
        let record = &flow.record;
        let port = record.source_port.min(record.destination_port);
        if port > 0 {
            let number = u32::from(record.protocol) << 16 | u32::from(port);
            let before = self.latest_ports.add(number, (port, record.protocol), traffic);
            self.forgotten += before.map_or(0, |(port, traffic)| self.ports.add(port, traffic));
        }
    }

    /// Ends a second: call once a second, before [`write`](Self::write). Returns how many flows the lists forgot in it.
    pub fn end_second(&mut self) -> u64 {
        let mut forgotten = std::mem::take(&mut self.forgotten);
        for (country, traffic) in self.latest_countries.drain() {
            forgotten += self.countries.add(country, traffic);
        }
        for (as_number, traffic) in self.latest_as_numbers.drain() {
            forgotten += self.as_numbers.add(as_number, traffic);
        }
        for (port, traffic) in self.latest_ports.drain() {
            forgotten += self.ports.add(port, traffic);
        }
        self.seconds += 1;
        if self.seconds < BUCKET_SECONDS {
            return forgotten;
        }
        self.seconds = 0;
        forgotten += self.countries.close() + self.as_numbers.close() + self.ports.close();
        self.closed = u32::try_from(self.countries.closed.len()).unwrap_or(0);
        forgotten
    }

    /// Writes the lists, most scaled bytes first.
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

fn distinct<T: PartialEq>(first: T, second: T) -> [Option<T>; 2] {
    if first == second { [Some(first), None] } else { [Some(first), Some(second)] }
}

/// Traffic of the keys counted latest, one in each slot: adding to one of these costs no search.
#[derive(Debug)]
struct Latest<K, const BITS: u32> {
    /// Empty where there are no flows. Made when the first is counted.
    slots: Vec<(K, Traffic)>,
}

impl<K, const BITS: u32> Default for Latest<K, BITS> {
    fn default() -> Self {
        Self { slots: Vec::new() }
    }
}

impl<K: Copy + Default + Eq, const BITS: u32> Latest<K, BITS> {
    /// Adds to a key with this number. Answers the key that had to leave its slot, with its traffic.
    #[inline]
    fn add(&mut self, number: u32, key: K, traffic: Traffic) -> Option<(K, Traffic)> {
        if self.slots.is_empty() {
            self.slots.resize(1 << BITS, (K::default(), Traffic::NONE));
        }
        let slot = usize::try_from(number.wrapping_mul(0x9e37_79b1) >> (32 - BITS)).unwrap_or(0);
        let (known, sum) = self.slots.get_mut(slot)?;
        if *known == key {
            *sum += traffic;
            return None;
        }
        let before = (*known, *sum);
        (*known, *sum) = (key, traffic);
        (before.1.flows > 0).then_some(before)
    }

    /// Takes all out.
    fn drain(&mut self) -> impl Iterator<Item = (K, Traffic)> {
        let taken = self.slots.iter_mut().filter(|(_, sum)| sum.flows > 0);
        taken.map(|(key, sum)| (*key, std::mem::take(sum)))
    }
}

/// Traffic by one kind of key.
#[derive(Debug)]
struct Tally<K> {
    current: HashMap<K, Traffic, RandomState>,
    closed: VecDeque<Box<[(K, Traffic)]>>,
    /// Sum of the closed buckets.
    sum: HashMap<K, Traffic, RandomState>,
    /// The entries of `sum` with most bytes, at most [`TOP_ENTRIES`].
    most_of_sum: Vec<Rank<K>>,
}

/// Scaled bytes, then flows, then the key: no two entries of a tally rank alike.
type Rank<K> = (u64, u64, K);

impl<K> Default for Tally<K> {
    fn default() -> Self {
        Self {
            current: HashMap::default(),
            closed: VecDeque::new(),
            sum: HashMap::default(),
            most_of_sum: Vec::new(),
        }
    }
}

impl<K: Copy + Eq + Hash + Ord> Tally<K> {
    /// Returns how many flows were forgotten to make room.
    fn add(&mut self, key: K, traffic: Traffic) -> u64 {
        let mut forgotten = 0;
        if self.current.len() >= MAX_KEYS && !self.current.contains_key(&key) {
            forgotten = self.forget_the_light();
        }
        let sum = self.current.entry(key).or_default();
        *sum += traffic;
        sum.bytes = sum.bytes.min(MOST_IN_BUCKET);
        sum.packets = sum.packets.min(MOST_IN_BUCKET);
        sum.scaled_bytes = sum.scaled_bytes.min(MOST_IN_BUCKET);
        sum.scaled_packets = sum.scaled_packets.min(MOST_IN_BUCKET);
        forgotten
    }

    fn forget_the_light(&mut self) -> u64 {
        if self.current.len() <= KEPT_KEYS {
            return 0;
        }
        let mut ranks: Vec<Rank<K>> = self.current.iter().map(|(key, sum)| rank(*key, *sum)).collect();
        let (kept, _, _) = ranks.select_nth_unstable_by(KEPT_KEYS, |left, right| right.cmp(left));
        let Some(least) = kept.iter().min().copied() else { return 0 };
        let mut forgotten = 0;
        self.current.retain(|key, sum| {
            let is_kept = rank(*key, *sum) >= least;
            if !is_kept {
                forgotten += sum.flows;
            }
            is_kept
        });
        forgotten
    }

    /// Returns how many flows were forgotten.
    fn close(&mut self) -> u64 {
        let forgotten = self.forget_the_light();
        let bucket: Box<[(K, Traffic)]> = self.current.drain().collect();
        for (key, traffic) in &bucket {
            *self.sum.entry(*key).or_default() += *traffic;
        }
        self.closed.push_back(bucket);
        if self.closed.len() >= BUCKETS {
            for (key, traffic) in self.closed.pop_front().into_iter().flatten() {
                if let Some(sum) = self.sum.get_mut(&key) {
                    *sum = *sum - traffic;
                    if sum.flows == 0 {
                        self.sum.remove(&key);
                    }
                }
            }
        }
        self.most_of_sum = most(self.sum.iter().map(|(key, sum)| rank(*key, *sum)));
        forgotten
    }

    /// The entries with most bytes, at most [`TOP_ENTRIES`].
    ///
    /// An entry that is not in the current bucket is among them only if it is among the most of the sum.
    fn most(&self) -> impl Iterator<Item = (K, Traffic)> {
        let only_before =
            self.most_of_sum.iter().filter(|(_, _, key)| !self.current.contains_key(key)).copied();
        let before = |key: &K| self.sum.get(key).copied().unwrap_or_default();
        let now = self.current.iter().map(|(key, traffic)| rank(*key, before(key) + *traffic));
        most(only_before.chain(now)).into_iter().map(move |(_, _, key)| {
            let now = self.current.get(&key).copied().unwrap_or_default();
            (key, before(&key) + now)
        })
    }
}

const fn rank<K: Copy>(key: K, traffic: Traffic) -> Rank<K> {
    (traffic.scaled_bytes, traffic.flows, key)
}

/// The highest ranks, highest first, at most [`TOP_ENTRIES`].
fn most<K: Copy + Ord>(ranks: impl Iterator<Item = Rank<K>>) -> Vec<Rank<K>> {
    let mut most: Vec<Rank<K>> = Vec::with_capacity(TOP_ENTRIES + 1);
    for rank in ranks {
        if most.len() >= TOP_ENTRIES && most.last().is_some_and(|least| rank <= *least) {
            continue;
        }
        let place = most.partition_point(|other| *other > rank);
        most.insert(place, rank);
        most.truncate(TOP_ENTRIES);
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::flow_record::FlowRecord;

    fn traffic(bytes: u64) -> Traffic {
        Traffic::of(&FlowRecord { bytes, packets: 1, sampling_interval: 1, ..FlowRecord::default() })
    }

    fn many(flows: u64, bytes: u64) -> Traffic {
        (0..flows).fold(Traffic::NONE, |sum, _| sum + traffic(bytes))
    }

    #[test]
    fn a_minute_later_a_key_is_forgotten() {
        let mut tally = Tally::default();
        tally.add(7, traffic(100));
        for _ in 0..BUCKETS - 1 {
            tally.close();
            tally.add(8, traffic(1));
        }
        assert_eq!(tally.most().next(), Some((7, traffic(100))));
        tally.close();
        assert!(tally.most().all(|(key, _)| key == 8));
    }

    #[test]
    fn only_the_largest_are_listed_most_first() {
        let mut tally = Tally::default();
        for key in 0..100_u64 {
            tally.add(key, traffic(key));
            if key == 50 {
                tally.close();
            }
        }
        let keys: Vec<u64> = tally.most().map(|(key, _)| key).collect();
        assert_eq!(keys, (90..100).rev().collect::<Vec<_>>());
    }

    #[test]
    fn a_heavy_key_stays_in_a_flood_of_light_ones_and_what_is_forgotten_is_counted() {
        let mut tally = Tally::default();
        let (mut flows, mut forgotten) = (0, 0);
        for key in 1..=100_000_u32 {
            forgotten += tally.add(key, traffic(100));
            flows += 1;
            if key % 1_000 == 0 {
                forgotten += tally.add(0, traffic(5_000));
                flows += 1;
            }
            if key % 20_000 == 0 {
                forgotten += tally.close();
            }
            assert!(tally.current.len() <= MAX_KEYS && tally.sum.len() <= KEPT_KEYS * (BUCKETS - 1));
        }
        assert_eq!(tally.most().next(), Some((0, many(100, 5_000))));
        let listed: u64 = tally.current.values().chain(tally.sum.values()).map(|sum| sum.flows).sum();
        assert_eq!(listed + forgotten, flows);
        assert!(forgotten > 0);
    }

    #[test]
    fn as_many_keys_as_fit_are_exact_until_the_bucket_is_closed() {
        let mut tally = Tally::default();
        for _ in 0..3 {
            let forgotten: u64 = (0..MAX_KEYS).map(|key| tally.add(key, traffic(1))).sum();
            assert_eq!(forgotten, 0);
        }
        assert!(tally.current.values().all(|sum| sum.flows == 3));
        assert_eq!(tally.close(), 3 * u64::try_from(MAX_KEYS - KEPT_KEYS).unwrap());
    }

    #[test]
    fn the_lists_are_those_of_counting_without_buckets() {
        let mut tally = Tally::default();
        let mut minutes: VecDeque<Vec<(u64, Traffic)>> = VecDeque::from([Vec::new()]);
        let mut number = 1_u64;
        for step in 0..6_000 {
            number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (key, amount) = ((number >> 33) % 60, traffic((number >> 50) % 97));
            tally.add(key, amount);
            minutes.back_mut().unwrap().push((key, amount));
            if step % 90 == 89 {
                let mut truth: HashMap<u64, Traffic> = HashMap::new();
                for (key, amount) in minutes.iter().flatten() {
                    *truth.entry(*key).or_default() += *amount;
                }
                let mut truth: Vec<_> = truth.into_iter().collect();
                truth.sort_unstable_by_key(|(key, sum)| std::cmp::Reverse(rank(*key, *sum)));
                truth.truncate(TOP_ENTRIES);
                assert_eq!(tally.most().collect::<Vec<_>>(), truth);
            }
            if step % 200 == 199 {
                tally.close();
                minutes.push_back(Vec::new());
                if minutes.len() > BUCKETS {
                    minutes.pop_front();
                }
            }
        }
    }

    #[test]
    fn a_counter_beyond_all_measure_is_gone_after_a_minute_and_spoils_nothing() {
        let mut tally = Tally::default();
        for _ in 0..3 {
            tally.add(7, traffic(u64::MAX));
        }
        for _ in 0..BUCKETS {
            tally.close();
            tally.add(7, traffic(100));
        }
        assert_eq!(tally.most().collect::<Vec<_>>(), [(7, many(12, 100))]);
    }
}
