//! From flows to arcs: merging by pair of places, and the choice of the largest when the budget is short.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;

use crate::model::flow_record::LocatedFlow;
use crate::model::frame::Totals;
use crate::model::place::CountryCode;
use crate::model::traffic::{Direction, Traffic};
use crate::server::geolocation::Geolocation;

use super::tops::external_ends;

/// Places that are remembered; those with higher numbers are looked up each time.
const MAX_REMEMBERED: usize = 1 << 22;
/// Flows whose places are looked at together.
pub(super) const TOGETHER: usize = 64;
/// Slots of the table of candidates that are kept from one round to the next.
const KEPT_SLOTS: usize = 1 << 16;

/// What the hub asks about each place of a geolocation, remembered by its number so that no flow costs a look at the place.
#[derive(Debug, Default)]
pub(super) struct KnownPlaces {
    generation: u64,
    known: Vec<Option<Known>>,
}

/// What the hub asks about a place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Known {
    pub country: Option<CountryCode>,
    pub is_drawable: bool,
}

impl Known {
    fn of(geolocation: &Geolocation, place: u32) -> Self {
        Self {
            country: geolocation.country_of(place),
            is_drawable: geolocation.precision_of(place).is_drawable(),
        }
    }
}

impl KnownPlaces {
    /// Forgets what it knew of another geolocation.
    pub fn begin(&mut self, generation: u64) {
        if self.generation != generation {
            self.generation = generation;
            self.known.clear();
        }
    }

    /// What is known of the places of source and destination of at most [`TOGETHER`] flows: looked at together, they wait
    /// for memory together.
    pub fn find_each(&mut self, geolocation: &Geolocation, flows: &[LocatedFlow]) -> [[Known; 2]; TOGETHER] {
        let mut remembered = [[None; 2]; TOGETHER];
        for (ends, flow) in remembered.iter_mut().zip(flows) {
            *ends = [flow.source.place, flow.destination.place].map(|place| self.remembered(place));
        }
        let mut known = [[Known::default(); 2]; TOGETHER];
        for ((known, remembered), flow) in known.iter_mut().zip(remembered).zip(flows) {
            let [source, destination] = remembered;
            *known = [
                source.unwrap_or_else(|| self.learn(geolocation, flow.source.place)),
                destination.unwrap_or_else(|| self.learn(geolocation, flow.destination.place)),
            ];
        }
        known
    }

    #[inline]
    fn remembered(&self, place: u32) -> Option<Known> {
        usize::try_from(place).ok().and_then(|position| self.known.get(position)).copied().flatten()
    }

    #[cold]
    fn learn(&mut self, geolocation: &Geolocation, place: u32) -> Known {
        let known = Known::of(geolocation, place);
        let position = usize::try_from(place).unwrap_or(usize::MAX);
        if position < MAX_REMEMBERED {
            if position >= self.known.len() {
                self.known.resize(position + 1, None);
            }
            if let Some(slot) = self.known.get_mut(position) {
                *slot = Some(known);
            }
        }
        known
    }
}

/// What an arc connects, by place numbers of one geolocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Pair {
    pub from: u32,
    pub to: u32,
    pub direction: Direction,
}

impl Pair {
    pub const fn of(flow: &LocatedFlow) -> Self {
        Self { from: flow.source.place, to: flow.destination.place, direction: flow.direction }
    }
}

/// The flows of one arc together.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::server) struct Bundle {
    pub traffic: Traffic,
    pub protocol: Majority<u8>,
    pub as_number: Majority<u32>,
}

impl Bundle {
    pub fn add(&mut self, other: &Self) {
        self.traffic += other.traffic;
        self.protocol.add(other.protocol);
        self.as_number.add(other.as_number);
    }

    /// A bundle of one flow, whose traffic is given.
    #[inline]
    pub fn of(flow: &LocatedFlow, traffic: Traffic) -> Self {
        let [external, _] = external_ends(flow);
        Self {
            traffic,
            protocol: Majority::of(flow.record.protocol, traffic.scaled_bytes),
            as_number: Majority::of(external.map_or(0, |end| end.as_number), traffic.scaled_bytes),
        }
    }
}

/// The value that more than half of the scaled bytes have, found in one pass and constant space (Boyer and
/// Moore's vote, weighted); without such a value, one of the frequent.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::server) struct Majority<T> {
    pub value: T,
    lead: u64,
}

impl<T: Copy + PartialEq> Majority<T> {
    pub const fn of(value: T, bytes: u64) -> Self {
        Self { value, lead: bytes.saturating_add(1) }
    }

    fn add(&mut self, other: Self) {
        if self.value == other.value {
            self.lead = self.lead.saturating_add(other.lead);
        } else if other.lead > self.lead {
            *self = Self { value: other.value, lead: other.lead - self.lead };
        } else {
            self.lead -= other.lead;
        }
    }
}

/// The flows of one round by pair of places: what may become arcs.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    bundles: Vec<(Pair, Bundle)>,
    /// For each hash of a pair, from its first free place on: the position in `bundles`, counted from 1; 0 is free.
    /// Twice as many as `bundles`, or more.
    slots: Vec<u32>,
    hasher: RandomState,
}

impl Candidates {
    /// Adds a flow to its pair.
    #[inline]
    pub fn add(&mut self, pair: Pair, bundle: &Bundle) {
        if self.bundles.len() * 2 >= self.slots.len() {
            self.grow();
        }
        let slot = self.slot_of(pair);
        let Some(position) = self.slots.get_mut(slot) else { return };
        if *position == 0 {
            self.bundles.push((pair, *bundle));
            // A round has far fewer flows than a u32 can count.
            *position = u32::try_from(self.bundles.len()).unwrap_or(0);
        } else if let Some((_, known)) = at(*position).and_then(|at| self.bundles.get_mut(at)) {
            known.add(bundle);
        }
    }

    /// The slot that a pair has, or may have.
    #[inline]
    fn slot_of(&self, pair: Pair) -> usize {
        let mask = self.slots.len().wrapping_sub(1);
        let ends = u64::from(pair.from) << 32 | u64::from(pair.to);
        let hash = self.hasher.hash_one(ends);
        let mut slot = usize::try_from(hash & u64::from(u32::MAX)).unwrap_or(0) & mask;
        while let Some((known, _)) =
            self.slots.get(slot).copied().and_then(at).and_then(|at| self.bundles.get(at))
        {
            if *known == pair {
                break;
            }
            slot = (slot + 1) & mask;
        }
        slot
    }

    #[cold]
    fn grow(&mut self) {
        let slots = (self.slots.len() * 2).max(64);
        self.slots.clear();
        self.slots.resize(slots, 0);
        for position in 0..self.bundles.len() {
            let Some((pair, _)) = self.bundles.get(position) else { break };
            let slot = self.slot_of(*pair);
            if let Some(free) = self.slots.get_mut(slot) {
                *free = u32::try_from(position + 1).unwrap_or(0);
            }
        }
    }

    /// Takes the largest by scaled bytes, at most `budget`, and counts the rest as not drawn. Nothing is left.
    pub fn choose(&mut self, budget: usize, passed: &mut Totals) -> Vec<(Pair, Bundle)> {
        if self.bundles.is_empty() {
            return Vec::new();
        }
        if self.bundles.len() > budget {
            self.bundles.select_nth_unstable_by(budget, |(_, left), (_, right)| {
                right.traffic.scaled_bytes.cmp(&left.traffic.scaled_bytes)
            });
        }
        let chosen = self.bundles.len().min(budget);
        for (_, bundle) in self.bundles.drain(chosen..) {
            passed.not_drawn += bundle.traffic;
        }
        let arcs = self.bundles.as_slice().to_vec();
        self.bundles.clear();
        self.bundles.shrink_to(KEPT_SLOTS / 2);
        self.slots.truncate(KEPT_SLOTS);
        self.slots.shrink_to(KEPT_SLOTS);
        self.slots.fill(0);
        arcs
    }
}

/// The position that a slot says, if one.
#[inline]
fn at(position: u32) -> Option<usize> {
    usize::try_from(position).ok()?.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::flow_record::{FlowRecord, Location};
    use crate::model::place::Precision;
    use crate::server::geolocation::{HomeNetworkSetting, Settings};

    #[test]
    fn a_home_without_a_place_is_drawn_and_an_unknown_end_is_not() {
        let homeless = HomeNetworkSetting {
            name: "Lab".to_owned(),
            networks: vec!["10.0.0.0/8".parse().unwrap()],
            latitude: None,
            longitude: None,
            place: None,
        };
        let settings = Settings { home_networks: vec![homeless], ..Settings::default() };
        let geolocation = Geolocation::without_databases(&settings);
        assert_eq!(geolocation.place(1).precision, Precision::HomeUnset);
        let end = |place| Location { place, ..Location::default() };
        let flow = LocatedFlow {
            record: FlowRecord::default(),
            source: end(1),
            destination: end(0),
            direction: Direction::Outbound,
        };
        let mut places = KnownPlaces::default();
        for _ in 0..2 {
            let [[source, destination], ..] = places.find_each(&geolocation, &[flow]);
            assert!(source.is_drawable && !destination.is_drawable);
        }
    }

    #[test]
    fn the_value_of_most_bytes_wins_in_any_order() {
        let mut tcp_first = Majority::of(6, 10);
        tcp_first.add(Majority::of(17, 30));
        tcp_first.add(Majority::of(6, 5));
        assert_eq!(tcp_first.value, 17);
        let mut udp_first = Majority::of(17, 30);
        udp_first.add(Majority::of(6, 10));
        udp_first.add(Majority::of(6, 5));
        assert_eq!(udp_first.value, 17);
    }

    #[test]
    fn the_largest_arcs_are_kept_and_the_rest_is_counted() {
        let traffic = |bytes| Traffic::of(&FlowRecord { bytes, packets: 2, ..FlowRecord::default() });
        let bundle = |bytes| Bundle { traffic: traffic(bytes), ..Bundle::default() };
        let mut candidates = Candidates::default();
        for number in 0..10 {
            let pair = Pair { from: number, to: 0, direction: Direction::Inbound };
            candidates.add(pair, &bundle(u64::from(number)));
        }
        let mut passed = Totals::default();
        let mut arcs = candidates.choose(3, &mut passed);
        arcs.sort_unstable_by_key(|(pair, _)| pair.from);
        assert_eq!(arcs.iter().map(|(pair, _)| pair.from).collect::<Vec<_>>(), [7, 8, 9]);
        assert_eq!(passed.not_drawn, (0..7).map(traffic).fold(Traffic::NONE, |sum, one| sum + one));
        assert_eq!((passed.not_drawn.flows, passed.not_drawn.bytes), (7, 21));
    }

    #[test]
    fn each_pair_is_one_candidate_however_many_there_are_and_none_is_left_for_the_next_round() {
        let bundle = |bytes| Bundle {
            traffic: Traffic::of(&FlowRecord { bytes, ..FlowRecord::default() }),
            ..Bundle::default()
        };
        let mut candidates = Candidates::default();
        for round in [100_000, 10, 70_000_u32] {
            for number in (0..round).chain(0..round / 2) {
                let direction = Direction::ALL[number as usize % 2];
                candidates.add(Pair { from: number / 2, to: 7, direction }, &bundle(u64::from(number)));
            }
            let mut passed = Totals::default();
            let mut arcs = candidates.choose(usize::MAX, &mut passed);
            assert_eq!(passed, Totals::default());
            arcs.sort_unstable_by_key(|(pair, _)| (pair.from, pair.direction));
            assert_eq!(arcs.len(), round as usize);
            for (number, (pair, found)) in (0..round).zip(&arcs) {
                assert_eq!((pair.from, pair.direction), (number / 2, Direction::ALL[number as usize % 2]));
                assert_eq!(found.traffic.flows, if number < round / 2 { 2 } else { 1 });
            }
        }
    }
}
