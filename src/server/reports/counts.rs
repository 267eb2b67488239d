//! What was written and sent since the start.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::KINDS;

/// Counted from the start of the process on.
#[derive(Debug, Default)]
pub struct Counts {
    made: AtomicU64,
    failed: AtomicU64,
    making_us: AtomicU64,
    /// By kind, sent and failed.
    deliveries: [[AtomicU64; 2]; KINDS.len()],
}

impl Counts {
    pub(super) fn made(&self, took: Duration) {
        self.made.fetch_add(1, Ordering::Relaxed);
        self.making_us.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn delivered(&self, kind: &str, is_sent: bool) {
        let counts = KINDS.iter().position(|known| *known == kind).and_then(|at| self.deliveries.get(at));
        if let Some([sent, failed]) = counts {
            let count = if is_sent { sent } else { failed };
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Reports by what came of making them.
    pub fn reports(&self) -> [(&'static str, u64); 2] {
        [("made", self.made.load(Ordering::Relaxed)), ("failed", self.failed.load(Ordering::Relaxed))]
    }

    /// Tries to send a report, by kind and result.
    pub fn deliveries(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        KINDS.into_iter().zip(&self.deliveries).flat_map(|(kind, [sent, failed])| {
            [("sent", sent), ("failed", failed)]
                .map(|(result, count)| (kind, result, count.load(Ordering::Relaxed)))
        })
    }

    /// Time that making took.
    pub fn making(&self) -> Duration {
        Duration::from_micros(self.making_us.load(Ordering::Relaxed))
    }
}
