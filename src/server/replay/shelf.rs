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

/// What has passed at the latest moment that was asked for.
#[derive(Debug, Default)]
pub(super) struct Running {
    latest: Option<(TimeRange, i64, Tally)>,
}

impl Running {
    /// What has passed at a moment of a stretch, at whose beginning `base` had passed.
    pub fn at(&mut self, moment_ms: i64, stretch: &Stretch, base: &Tally) -> &Tally {
        let is_ahead =
            self.latest.as_ref().is_some_and(|(range, at, _)| *range == stretch.range && *at <= moment_ms);
        if !is_ahead {
            self.latest = None;
        }
        let (_, at, tally) =
            self.latest.get_or_insert_with(|| (stretch.range, stretch.range.from_ms, base.clone()));
        let more = TimeRange { from_ms: *at, to_ms: moment_ms };
        tally.add(&stretch.block, stretch.block.rows_of(more));
        *at = moment_ms;
        tally
    }
}
