//! What the workers have counted, for pages and metrics, at most a tenth of a second ago.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::counters::Counters;
use super::exporter::ExporterSnapshot;
use crate::model::admission::NotAdmitted;
use crate::model::double_counting::DoubleCounting;
use crate::model::status::Listener as ListenerStatus;

/// What one worker has counted, or all of them together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What became of the datagrams.
    pub counters: Counters,
    /// Exporters known now.
    pub exporters: u64,
    /// The listening addresses.
    pub listeners: Vec<ListenerStatus>,
    /// Receive time of the latest datagram, microseconds since 1970.
    pub last_received_us: Option<i64>,
    /// Flow records that the live feed could not take because its queue was full.
    pub live_dropped: u64,
    /// Flow records that the history was handed over.
    pub history_handed: u64,
    /// Flow records that the history could not take because its queue was full.
    pub history_dropped: u64,
    /// Who was seen and not admitted, the one heard last first.
    pub not_admitted: Vec<NotAdmitted>,
    /// Where flows look as if they were counted twice; the workers look for it together.
    pub double_counting: Arc<Vec<DoubleCounting>>,
}

impl Report {
    /// This report and another worker's together. Each adds up by itself, and so does the sum.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.counters += other.counters;
        self.exporters += other.exporters;
        self.last_received_us = self.last_received_us.max(other.last_received_us);
        self.live_dropped += other.live_dropped;
        self.history_handed += other.history_handed;
        self.history_dropped += other.history_dropped;
        self.not_admitted.extend_from_slice(&other.not_admitted);
        self.not_admitted.sort_by_key(|seen| std::cmp::Reverse(seen.last_seen_ms));
        for theirs in &other.listeners {
            match self.listeners.iter_mut().find(|ours| ours.address == theirs.address) {
                Some(ours) => {
                    ours.receive_buffer_bytes += theirs.receive_buffer_bytes;
                    ours.receive_buffer_used_bytes += theirs.receive_buffer_used_bytes;
                    ours.datagrams += theirs.datagrams;
                    ours.kernel_drops += theirs.kernel_drops;
                }
                None => self.listeners.push(theirs.clone()),
            }
        }
        self
    }
}

/// What one worker publishes for everybody to read without waiting.
#[derive(Debug, Default)]
pub(super) struct Published {
    pub(super) report: ArcSwap<Report>,
    pub(super) exporters: ArcSwap<Vec<ExporterSnapshot>>,
}
