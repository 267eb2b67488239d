//! From rows to a frame: merged by pair of places under the budget, exact in its totals.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;

use super::block::Block;
use super::pairs::{Fate, Pair};
use super::shelf::Stretch;
use crate::model::frame::{self, FlowRow, Frame, NEWEST_FLOWS, Totals};
use crate::model::place::Place;
use crate::model::time_range::TimeRange;
use crate::model::traffic::{Direction, Traffic};
use crate::server::geolocation::Geolocation;
use crate::server::live::{Bundle, Majority};

/// What passed in a range, which the block has, drawn with at most so many arcs.
pub(super) fn frame(block: &Block, range: TimeRange, most_arcs: usize, geolocation: &Geolocation) -> Frame {
    let mut passed = Totals::default();
    let mut bundles: HashMap<u32, Bundle, RandomState> = HashMap::default();
    let mut by_direction = [Traffic::NONE; Direction::ALL.len()];
    let mut add = |number: u32, pair: Pair, bundle: &Bundle| {
        if let Some(sum) = by_direction.get_mut(pair.direction.index()) {
            *sum += bundle.traffic;
        }
        match pair.fate {
            Fate::Drawable => bundles.entry(number).or_default().add(bundle),
            Fate::Unlocated => passed.unlocated += bundle.traffic,
            Fate::OnlyTotal => passed.not_drawn += bundle.traffic,
        }
    };
    let rows = block.rows_of(range);
    for row in rows {
        let (pair, traffic) = (block.pair(row.pair), row.traffic());
        let as_number = match pair.direction {
            Direction::Inbound | Direction::Transit => row.source_as,
            Direction::Outbound => row.destination_as,
            Direction::Internal => 0,
        };
        let bundle = Bundle {
            traffic,
            protocol: Majority::of(row.protocol, traffic.scaled_bytes),
            as_number: Majority::of(as_number, traffic.scaled_bytes),
        };
        add(row.pair, pair, &bundle);
    }
    for sum in block.sums_of(range) {
        let bundle = Bundle { traffic: sum.traffic, ..Bundle::default() };
        add(sum.pair, block.pair(sum.pair), &bundle);
    }
    for (direction, traffic) in Direction::ALL.into_iter().zip(by_direction) {
        passed.count(direction, traffic);
    }
    let mut chosen: Vec<(u32, Bundle)> = bundles.into_iter().collect();
    chosen.sort_unstable_by_key(|(number, bundle)| {
        let pair = block.pair(*number);
        (std::cmp::Reverse(bundle.traffic.scaled_bytes), pair.from, pair.to, pair.direction)
    });
    for (_, bundle) in chosen.iter().skip(most_arcs) {
        passed.not_drawn += bundle.traffic;
    }
    chosen.truncate(most_arcs);
    let mut legend = Legend {
        block,
        geolocation,
        places: Vec::new(),
        numbers: HashMap::default(),
        names: BTreeMap::new(),
    };
    let arcs = chosen.iter().map(|(number, bundle)| legend.arc(block.pair(*number), bundle)).collect();
    let flows = block.newest(range, NEWEST_FLOWS).into_iter().map(|flow| legend.row(flow)).collect();
    Frame {
        clock_ms: range.to_ms,
        oldest_received_us: rows.first().map_or(range.from_ms, |row| row.received_ms).saturating_mul(1_000),
        passed,
        arcs,
        flows,
        places: legend.places,
        as_names: legend.names.into_iter().filter(|(_, name)| !name.is_empty()).collect(),
        ..Frame::default()
    }
}

/// Puts the newest flows before a moment into a frame, where the frame has fewer than it may.
pub(super) fn add_newest(
    frame: &mut Frame,
    from: Option<&Stretch>,
    before_ms: i64,
    geolocation: &Geolocation,
) {
    let Some(Stretch { range, block, .. }) = from else { return };
    if frame.flows.len() >= NEWEST_FLOWS {
        return;
    }
    let newest = block.newest(TimeRange { from_ms: range.from_ms, to_ms: before_ms }, NEWEST_FLOWS);
    if newest.len() <= frame.flows.len() {
        return;
    }
    let mut legend = Legend {
        block,
        geolocation,
        places: std::mem::take(&mut frame.places),
        numbers: HashMap::default(),
        names: std::mem::take(&mut frame.as_names).into_iter().collect(),
    };
    frame.flows = newest.into_iter().map(|flow| legend.row(flow)).collect();
    frame.places = legend.places;
    frame.as_names = legend.names.into_iter().filter(|(_, name)| !name.is_empty()).collect();
}

/// The places and names that a frame refers to, each once.
struct Legend<'a> {
    block: &'a Block,
    geolocation: &'a Geolocation,
    places: Vec<Place>,
    numbers: HashMap<u32, u32, RandomState>,
    names: BTreeMap<u32, String>,
}

impl Legend<'_> {
    fn place(&mut self, number: u32) -> u32 {
        *self.numbers.entry(number).or_insert_with(|| {
            self.places.push(self.block.pairs.place(number).cloned().unwrap_or_default());
            u32::try_from(self.places.len() - 1).unwrap_or(u32::MAX)
        })
    }

    fn as_number(&mut self, number: u32) -> u32 {
        if number != 0 {
            self.names.entry(number).or_insert_with(|| self.geolocation.as_name(number).to_owned());
        }
        number
    }

    fn arc(&mut self, pair: Pair, bundle: &Bundle) -> frame::Arc {
        frame::Arc {
            from: self.place(pair.from),
            to: self.place(pair.to),
            direction: pair.direction,
            protocol: bundle.protocol.value,
            as_number: self.as_number(bundle.as_number.value),
            traffic: bundle.traffic,
        }
    }

    fn row(&mut self, mut flow: FlowRow) -> FlowRow {
        flow.source_place = self.place(flow.source_place);
        flow.destination_place = self.place(flow.destination_place);
        flow.source_as = self.as_number(flow.source_as);
        flow.destination_as = self.as_number(flow.destination_as);
        flow
    }
}
