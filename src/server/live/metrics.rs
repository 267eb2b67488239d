//! What the live feed counts. Every loss has a counter of its own; frames left out are in `skipped`.

use std::sync::atomic::{AtomicU64, Ordering};

use super::latency::LatencyHistogram;
use crate::model::frame::SnapshotReason;

/// A number that only rises, or that goes up and down with what it counts.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counters of the live feed since the process started.
#[derive(Debug, Default)]
pub struct Metrics {
    pub(super) batches: Counter,
    pub(super) flows: Counter,
    pub(super) frames: Counter,
    pub(super) snapshots: [Counter; 3],
    pub(super) bytes: Counter,
    pub(super) clients: Counter,
    pub(super) views: Counter,
    pub(super) stalled: Counter,
    pub(super) silent: Counter,
    pub(super) refused_origin: Counter,
    pub(super) refused_full: Counter,
    pub(super) refused_requests: Counter,
    pub(super) tops_overflow: Counter,
    pub(super) spacing_us: Counter,
    pub(super) latency: LatencyHistogram,
}

impl Metrics {
    /// Batches of the collector that every view has counted.
    pub fn batches(&self) -> u64 {
        self.batches.value()
    }

    /// Flows taken from the collector: counted at once, their batches when all views have counted them.
    pub fn flows(&self) -> u64 {
        self.flows.value()
    }

    /// Frames written to clients.
    pub fn frames(&self) -> u64 {
        self.frames.value()
    }

    /// Snapshots written to clients for this reason.
    pub fn snapshots(&self, reason: SnapshotReason) -> u64 {
        self.snapshot_counter(reason).value()
    }

    /// Bytes of messages written to clients, without the framing of WebSocket.
    pub fn bytes(&self) -> u64 {
        self.bytes.value()
    }

    /// Clients connected now.
    pub fn clients(&self) -> u64 {
        self.clients.value()
    }

    /// Different subscriptions counted now, the unfiltered one included.
    pub fn views(&self) -> u64 {
        self.views.value()
    }

    /// Connections closed because one message could not be written in time.
    pub fn stalled(&self) -> u64 {
        self.stalled.value()
    }

    /// Connections closed because the client no longer answered pings.
    pub fn silent(&self) -> u64 {
        self.silent.value()
    }

    /// Connections refused because their `Origin` is another site.
    pub fn refused_origin(&self) -> u64 {
        self.refused_origin.value()
    }

    /// Connections refused because there were too many clients.
    pub fn refused_full(&self) -> u64 {
        self.refused_full.value()
    }

    /// Requests of clients that were answered by a refusal.
    pub fn refused_requests(&self) -> u64 {
        self.refused_requests.value()
    }

    /// Flows missing in a list of tops, because their entry was forgotten when there were too many: a flow counts
    /// once for each list of each view that misses it.
    pub fn tops_overflow(&self) -> u64 {
        self.tops_overflow.value()
    }

    /// Least time between two frames of one client now, in microseconds; 0 with few clients.
    pub fn spacing_us(&self) -> u64 {
        self.spacing_us.value()
    }

    /// From the kernel's receive time of a frame's oldest datagram to the end of its write.
    pub const fn latency(&self) -> &LatencyHistogram {
        &self.latency
    }

    pub(super) const fn snapshot_counter(&self, reason: SnapshotReason) -> &Counter {
        let [subscribed, skipped, resumed] = &self.snapshots;
        match reason {
            SnapshotReason::Subscribed => subscribed,
            SnapshotReason::Skipped => skipped,
            SnapshotReason::Resumed => resumed,
        }
    }
}
