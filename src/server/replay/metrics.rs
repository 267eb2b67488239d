//! What replays count.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    pub fn subtract(&self, amount: u64) {
        self.0.fetch_sub(amount, Ordering::Relaxed);
    }

    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counters of all replays since the process started.
#[derive(Debug, Default)]
pub struct Metrics {
    pub(super) active: Counter,
    pub(super) begun: Counter,
    pub(super) refused: Counter,
    pub(super) frames: Counter,
    pub(super) moments: Counter,
    pub(super) flows: Counter,
    pub(super) pieces: Counter,
    pub(super) rows: Counter,
    pub(super) abandoned: Counter,
    pub(super) failed: Counter,
}

impl Metrics {
    /// Replays that are being watched.
    pub fn active(&self) -> u64 {
        self.active.value()
    }

    /// Replays that began.
    pub fn begun(&self) -> u64 {
        self.begun.value()
    }

    /// Replays that were refused.
    pub fn refused(&self) -> u64 {
        self.refused.value()
    }

    /// Frames that were made.
    pub fn frames(&self) -> u64 {
        self.frames.value()
    }

    /// Moments that were made.
    pub fn moments(&self) -> u64 {
        self.moments.value()
    }

    /// Flows that passed in frames.
    pub fn flows(&self) -> u64 {
        self.flows.value()
    }

    /// Pieces of ranges that were read.
    pub fn pieces(&self) -> u64 {
        self.pieces.value()
    }

    /// Flows, or sums, that were read for it.
    pub fn rows(&self) -> u64 {
        self.rows.value()
    }

    /// Readings that were given up, because the client had gone elsewhere.
    pub fn abandoned(&self) -> u64 {
        self.abandoned.value()
    }

    /// Readings that failed.
    pub fn failed(&self) -> u64 {
        self.failed.value()
    }
}
