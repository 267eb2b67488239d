//! What a replay has read: blocks of stretches of time, and what had passed at moments between them.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use super::block::Block;
use super::tally::Tally;
use crate::model::time_range::TimeRange;

/// Entries that the tallies of all checkpoints may have together: about 75 MB.
const MOST_KEYS: usize = 1 << 20;

/// A stretch that was read.
#[derive(Clone, Debug)]
pub(super) struct Stretch {
    pub range: TimeRange,
    pub block: Arc<Block>,
    /// Room in memory.
    pub _room: Arc<OwnedSemaphorePermit>,
}

/// What had passed at some moments.
#[derive(Debug)]
pub(super) struct Checkpoints {
    known: BTreeMap<i64, Arc<Tally>>,
    keys: usize,
}

impl Checkpoints {
    /// Nothing had passed at the beginning.
    pub fn new(from_ms: i64, with_addresses: bool) -> Self {
        Self { known: BTreeMap::from([(from_ms, Arc::new(Tally::new(with_addresses)))]), keys: 0 }
    }

    pub fn at(&self, moment_ms: i64) -> Option<&Arc<Tally>> {
        self.known.get(&moment_ms)
    }

    /// The latest that is not after a moment.
    pub fn before(&self, moment_ms: i64) -> Option<(i64, &Arc<Tally>)> {
        self.known.range(..=moment_ms).next_back().map(|(moment, tally)| (*moment, tally))
    }

    /// Keeps one. When they take too much room, every other one is forgotten, but neither the first nor this one.
    pub fn keep(&mut self, moment_ms: i64, tally: Arc<Tally>) {
        self.keys += tally.keys();
        if let Some(before) = self.known.insert(moment_ms, tally) {
            self.keys -= before.keys().min(self.keys);
        }
        while self.keys > MOST_KEYS && self.known.len() > 2 {
            let mut place = 0_usize;
            let mut freed = 0;
            let last = self.known.len() - 1;
            self.known.retain(|moment, tally| {
                let stays = place == 0 || *moment == moment_ms || (place.is_multiple_of(2) && place != last);
                place += 1;
                if !stays {
                    freed += tally.keys();
                }
                stays
            });
            self.keys -= freed.min(self.keys);
        }
    }
}

/// What has passed at the latest moment of a stretch that was asked for, and, where it was asked backwards, at some places in
/// between: so that no moment has to be counted from the beginning.
#[derive(Debug, Default)]
pub(super) struct Running {
    latest: Option<(TimeRange, i64, Tally)>,
    /// Moments in their order, each after the same number of rows.
    places: Vec<(i64, Arc<Tally>)>,
}

/// Places in a stretch.
const PLACES: usize = 16;

impl Running {
    /// What has passed at a moment of a stretch, at whose beginning `base` had passed.
    pub fn at(&mut self, moment_ms: i64, stretch: &Stretch, base: &Arc<Tally>) -> &Tally {
        self.latest = self.latest.take().filter(|(range, ..)| *range == stretch.range);
        if self.latest.is_none() {
            self.places.clear();
        }
        let is_behind = self.latest.as_ref().is_some_and(|(_, at, _)| *at > moment_ms);
        if is_behind {
            if self.places.is_empty() {
                self.places = places(stretch, base);
            }
            self.latest = None;
        }
        let places = &self.places;
        let (_, at, tally) = self.latest.get_or_insert_with(|| {
            let place = places.iter().rev().find(|(at, _)| *at <= moment_ms);
            let (at, tally) = place.map_or((stretch.range.from_ms, base), |(at, tally)| (*at, tally));
            (stretch.range, at, tally.as_ref().clone())
        });
        let more = TimeRange { from_ms: *at, to_ms: moment_ms };
        tally.add(&stretch.block, stretch.block.rows_of(more));
        *at = moment_ms;
        tally
    }
}

/// What has passed at places of a stretch: as many as there is room for.
fn places(stretch: &Stretch, base: &Arc<Tally>) -> Vec<(i64, Arc<Tally>)> {
    let rows = &stretch.block.rows;
    let mut tally = base.as_ref().clone();
    let (mut places, mut keys) = (Vec::with_capacity(PLACES), 0);
    let mut at_ms = stretch.range.from_ms;
    for place in 1..PLACES {
        let Some(row) = rows.get(rows.len() * place / PLACES) else { break };
        if row.received_ms <= at_ms {
            continue;
        }
        let more = TimeRange { from_ms: at_ms, to_ms: row.received_ms };
        tally.add(&stretch.block, stretch.block.rows_of(more));
        at_ms = row.received_ms;
        keys += tally.keys();
        if keys > MOST_KEYS {
            break;
        }
        places.push((at_ms, Arc::new(tally.clone())));
    }
    places
}

#[cfg(test)]
mod tests {
    use tokio::sync::Semaphore;

    use super::super::block::Row;
    use super::super::pairs::Pairs;
    use super::*;
    use crate::model::place::Place;
    use crate::model::traffic::Direction;

    /// A flow each millisecond.
    async fn stretch(length_ms: i64) -> Stretch {
        let mut pairs = Pairs::default();
        let place = pairs.add_place(Place::default());
        let pair = pairs.add(place, place, Direction::Inbound);
        let row = |received_ms: i64| Row {
            received_ms,
            bytes: 100,
            packets: 1,
            source: 0,
            destination: 0,
            pair,
            source_as: u32::try_from(received_ms % 7).unwrap(),
            destination_as: 0,
            sampling_interval: 1,
            duration_ms: 0,
            source_port: 443,
            destination_port: 50_000,
            protocol: 6,
        };
        let rows = (0..length_ms).map(row).collect();
        let addresses = vec![std::net::IpAddr::from([192, 0, 2, 1])];
        let block = Block { rows, pairs, addresses, ..Block::default() };
        let room = Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap();
        let range = TimeRange { from_ms: 0, to_ms: length_ms };
        Stretch { range, block: Arc::new(block), _room: Arc::new(room) }
    }

    #[tokio::test]
    async fn backwards_no_moment_is_counted_from_the_beginning_and_each_is_the_same() {
        let stretch = stretch(16_000).await;
        let base = Arc::new(Tally::new(true));
        let mut running = Running::default();
        for moment_ms in [16_000, 15_900, 15_001, 15_000, 14_999, 8_000, 20, 12_345, 0] {
            let mut truth = Tally::new(true);
            let passed = TimeRange { from_ms: 0, to_ms: moment_ms };
            truth.add(&stretch.block, stretch.block.rows_of(passed));
            assert_eq!(*running.at(moment_ms, &stretch, &base), truth, "{moment_ms}");
            let nearest = running.places.iter().rev().find(|(at, _)| *at <= moment_ms);
            let counted_ms = moment_ms - nearest.map_or(0, |(at, _)| *at);
            assert!(counted_ms <= 1_000 || running.places.is_empty(), "{moment_ms}: {counted_ms}");
        }
        assert_eq!(running.places.len(), PLACES - 1);
    }
}
