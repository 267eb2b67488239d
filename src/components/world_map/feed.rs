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
}

/// The handle by which a page moves a map's arcs. Copies are the same handle.
#[derive(Clone, Copy, Debug)]
pub struct MapFeed {
    waiting: StoredValue<Arc<Mutex<Waiting>>>,
    changed: Trigger,
}

impl MapFeed {
    /// A handle without arcs, owned by the current reactive owner.
    pub fn new() -> Self {
        Self { waiting: StoredValue::new(Arc::default()), changed: Trigger::new() }
    }

    /// Lets arcs set off now. Does nothing when no map listens or the tab is hidden.
    pub fn add_arcs(&self, arcs: &[MapArc]) {
        self.change(|waiting| {
            waiting.arcs.extend_from_slice(arcs);
            let surplus = waiting.arcs.len().saturating_sub(MOST_WAITING_ARCS);
            waiting.arcs.drain(..surplus);
        });
    }

    /// Takes all arcs off the map.
    pub fn clear(&self) {
        self.change(|waiting| {
            waiting.arcs.clear();
            waiting.is_cleared = true;
        });
    }

    /// Makes the arcs stand still, or move on.
    pub fn set_paused(&self, paused: bool) {
        self.change(|waiting| waiting.is_paused = paused);
    }

    /// Takes what waits, and makes the calling effect run again when there is more.
    pub fn take(&self) -> Waiting {
        self.changed.track();
        let Some(waiting) = self.waiting.try_get_value() else { return Waiting::default() };
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let is_paused = waiting.is_paused;
        std::mem::replace(&mut *waiting, Waiting { is_paused, ..Waiting::default() })
    }

    fn change(&self, change: impl FnOnce(&mut Waiting)) {
        if let Some(waiting) = self.waiting.try_get_value() {
            change(&mut waiting.lock().unwrap_or_else(PoisonError::into_inner));
            self.changed.notify();
        }
    }
}

impl Default for MapFeed {
    fn default() -> Self {
        Self::new()
    }
}
