//! From flows to arcs: merging by pair of places, and the choice of the largest when the budget is short.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use crate::model::flow_record::LocatedFlow;
use crate::model::frame::Totals;
use crate::model::traffic::{Direction, Traffic};
use crate::server::geolocation::Geolocation;

use super::tops::external_ends;

/// Places that are remembered; those with higher numbers are looked up each time.
const MAX_REMEMBERED: usize = 1 << 22;

/// Which places of a geolocation can be drawn, remembered by their numbers so that no flow costs a look at the place.
#[derive(Debug, Default)]
pub(super) struct Drawable {
    generation: u64,
    known: Vec<Option<bool>>,
}

impl Drawable {
    /// Forgets what it knew of another geolocation.
    pub fn begin(&mut self, generation: u64) {
        if self.generation != generation {
            self.generation = generation;
            self.known.clear();
        }
    }

    fn is_drawable(&mut self, geolocation: &Geolocation, place: u32) -> bool {
        let position = usize::try_from(place).unwrap_or(usize::MAX);
        if let Some(Some(known)) = self.known.get(position) {
            return *known;
        }
        let is_drawable = geolocation.place(place).precision.is_drawable();
        if position < MAX_REMEMBERED {
            if position >= self.known.len() {
                self.known.resize(position + 1, None);
            }
            if let Some(known) = self.known.get_mut(position) {
                *known = Some(is_drawable);
            }
        }
        is_drawable
    }

    /// True when both ends of the flow can be drawn.
    pub fn can_draw(&mut self, geolocation: &Geolocation, flow: &LocatedFlow) -> bool {
        self.is_drawable(geolocation, flow.source.place)
            && self.is_drawable(geolocation, flow.destination.place)
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
pub(super) struct Bundle {
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

    /// A bundle of one flow.
    pub fn of(flow: &LocatedFlow) -> Self {
        let traffic = Traffic::of(&flow.record);
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
pub(super) struct Majority<T> {
    pub value: T,
    lead: u64,
}

impl<T: Copy + PartialEq> Majority<T> {
    const fn of(value: T, bytes: u64) -> Self {
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

/// Takes the largest candidates by scaled bytes, at most `budget`, and counts the rest as not drawn.
pub(super) fn choose(
    candidates: &mut HashMap<Pair, Bundle, RandomState>,
    budget: usize,
    passed: &mut Totals,
) -> Vec<(Pair, Bundle)> {
    let mut arcs: Vec<(Pair, Bundle)> = candidates.drain().collect();
    if arcs.len() > budget {
        arcs.select_nth_unstable_by(budget, |(_, left), (_, right)| {
            right.traffic.scaled_bytes.cmp(&left.traffic.scaled_bytes)
        });
        for (_, bundle) in arcs.drain(budget..) {
            passed.not_drawn += bundle.traffic;
        }
    }
    arcs.shrink_to_fit();
    arcs
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
        let flow = |source, destination| LocatedFlow {
            record: FlowRecord::default(),
            source: end(source),
            destination: end(destination),
            direction: Direction::Internal,
        };
        let mut drawable = Drawable::default();
        assert!(drawable.can_draw(&geolocation, &flow(1, 1)));
        assert!(!drawable.can_draw(&geolocation, &flow(1, 0)));
        assert!(!drawable.can_draw(&geolocation, &flow(0, 1)));
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
        let mut candidates: HashMap<Pair, Bundle, RandomState> = (0..10)
            .map(|number| {
                (Pair { from: number, to: 0, direction: Direction::Inbound }, bundle(u64::from(number)))
            })
            .collect();
        let mut passed = Totals::default();
        let mut arcs = choose(&mut candidates, 3, &mut passed);
        arcs.sort_unstable_by_key(|(pair, _)| pair.from);
        assert_eq!(arcs.iter().map(|(pair, _)| pair.from).collect::<Vec<_>>(), [7, 8, 9]);
        assert_eq!(passed.not_drawn, (0..7).map(traffic).fold(Traffic::NONE, |sum, one| sum + one));
        assert_eq!((passed.not_drawn.flows, passed.not_drawn.bytes), (7, 21));
    }
}
