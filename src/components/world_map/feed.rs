//! How a page hands arcs to a map without building views for them.

use std::sync::{Arc, Mutex, PoisonError};

use leptos::prelude::*;

/// Arcs that wait for the next frame of the map, at most; more replace the oldest.
pub const MOST_WAITING_ARCS: usize = 8_192;

/// One arc to draw: where from, where to, and how.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MapArc {
    /// Degrees east and degrees north of the source.
    pub from: (f32, f32),
    /// Degrees east and degrees north of the destination.
    pub to: (f32, f32),
    /// Which of the colours `--arc-0` to `--arc-7`.
    pub colour: u8,
    /// Bytes it stands for: its width.
    pub bytes: u64,
    /// Flows it stands for: the size of the pulse where it lands.
    pub flows: u64,
}

/// What waits for the map.
#[derive(Clone, Debug, Default)]
pub struct Waiting {
    /// New arcs, oldest first.
    pub arcs: Vec<MapArc>,
    /// True when all arcs that are on the map go away first.
    pub is_cleared: bool,
    /// True while the arcs stand still.
    pub is_paused: bool,
    /// True while the arcs are drawn whole, from end to end, as in a picture.
    pub is_whole: bool,
}

/// How many streams can share a map.
const LAYERS: usize = 2;

/// What waits for the map, and the still arcs of each stream that it shows.
#[derive(Debug, Default)]
struct Board {
    waiting: Waiting,
    still: [Vec<MapArc>; LAYERS],
}

impl Board {
    /// Shows the still arcs of all streams, and nothing else.
    fn show_still(&mut self) {
        self.waiting =
            Waiting { arcs: self.still.concat(), is_cleared: true, is_paused: true, is_whole: true };
    }
}

/// The handle by which a page moves a map's arcs. Copies are the same handle.
#[derive(Clone, Copy, Debug)]
pub struct MapFeed {
    board: StoredValue<Arc<Mutex<Board>>>,
    changed: Trigger,
    layer: usize,
}

impl MapFeed {
    /// A handle without arcs, owned by the current reactive owner.
    pub fn new() -> Self {
        Self { board: StoredValue::new(Arc::default()), changed: Trigger::new(), layer: 0 }
    }

    /// The same map for a second stream, whose still arcs stand beside those of the first.
    #[must_use]
    pub const fn over(self) -> Self {
        Self { layer: LAYERS - 1, ..self }
    }

    /// Lets arcs set off now. Does nothing when no map listens or the tab is hidden.
    pub fn add_arcs(&self, arcs: &[MapArc]) {
        self.change(|Board { waiting, .. }| {
            waiting.arcs.extend_from_slice(arcs);
            let surplus = waiting.arcs.len().saturating_sub(MOST_WAITING_ARCS);
            waiting.arcs.drain(..surplus);
        });
    }

    /// Takes all arcs off the map.
    pub fn clear(&self) {
        self.change(|Board { waiting, still }| {
            still.iter_mut().for_each(Vec::clear);
            waiting.arcs.clear();
            waiting.is_cleared = true;
        });
    }

    /// Takes the still arcs of this stream off the map; what moves goes by itself.
    pub fn leave(&self) {
        let layer = self.layer;
        self.change(|board| {
            board.still.get_mut(layer).into_iter().for_each(Vec::clear);
            if board.waiting.is_whole {
                board.show_still();
            }
        });
    }

    /// Makes the arcs stand still, or move on.
    pub fn set_paused(&self, paused: bool) {
        let layer = self.layer;
        self.change(|Board { waiting, still }| {
            still.get_mut(layer).into_iter().for_each(Vec::clear);
            waiting.is_paused = paused;
            waiting.is_whole = false;
        });
    }

    /// Shows these arcs alone, whole and without motion; beside them only the still ones of another stream.
    pub fn show_still(&self, arcs: Vec<MapArc>) {
        let layer = self.layer;
        self.change(|board| {
            if let Some(still) = board.still.get_mut(layer) {
                *still = arcs;
            }
            board.show_still();
        });
    }

    /// Takes what waits, and makes the calling effect run again when there is more.
    pub fn take(&self) -> Waiting {
        self.changed.track();
        let Some(board) = self.board.try_get_value() else { return Waiting::default() };
        let mut board = board.lock().unwrap_or_else(PoisonError::into_inner);
        let Waiting { is_paused, is_whole, .. } = board.waiting;
        std::mem::replace(&mut board.waiting, Waiting { is_paused, is_whole, ..Waiting::default() })
    }

    fn change(&self, change: impl FnOnce(&mut Board)) {
        if let Some(board) = self.board.try_get_value() {
            change(&mut board.lock().unwrap_or_else(PoisonError::into_inner));
            self.changed.notify();
        }
    }
}

impl Default for MapFeed {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arc(colour: u8) -> MapArc {
        MapArc { from: (0.0, 0.0), to: (9.0, 9.0), colour, bytes: 1, flows: 1 }
    }

    fn colours(feed: &MapFeed) -> Vec<u8> {
        feed.take().arcs.iter().map(|arc| arc.colour).collect()
    }

    #[test]
    fn still_arcs_of_two_streams_stand_beside_each_other_until_one_of_them_leaves() {
        Owner::new().with(|| {
            let first = MapFeed::new();
            let second = first.over();
            first.show_still(vec![arc(0)]);
            second.show_still(vec![arc(1), arc(1)]);
            assert_eq!(colours(&first), [0, 1, 1]);
            first.show_still(vec![arc(0), arc(0)]);
            assert_eq!(colours(&first), [0, 0, 1, 1]);
            second.leave();
            assert_eq!(colours(&first), [0, 0]);
            first.set_paused(false);
            second.show_still(vec![arc(1)]);
            assert_eq!(colours(&first), [1]);
        });
    }
}
