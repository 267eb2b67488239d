//! The seam between collecting and everything behind it: flow batches cross here, on one machine by a channel.
//!
//! The queue is bounded in flows, not only in batches. What finds no room is dropped and counted; nothing here waits.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::collector::batch::FlowBatch;
use super::live::Hub;

/// Batches that may wait for the live feed.
const BATCHES: usize = 4_096;
/// Flow records that may wait for the live feed, about 100 MB.
const FLOWS: u64 = 500_000;

/// The collector's end of the channel to the live feed.
#[derive(Debug)]
pub struct InProcess {
    batches: mpsc::Sender<FlowBatch>,
    hub: Arc<Hub>,
    sent: u64,
    dropped: u64,
}

impl InProcess {
    /// Both ends; the hub runs with the receiving one.
    pub fn channel(hub: &Arc<Hub>) -> (Self, mpsc::Receiver<FlowBatch>) {
        let (batches, received) = mpsc::channel(BATCHES);
        (Self { batches, hub: Arc::clone(hub), sent: 0, dropped: 0 }, received)
    }

    /// Hands a batch on, or drops it when too much waits already.
    pub fn offer(&mut self, batch: FlowBatch) {
        let flows = batch.flows.len() as u64;
        let waiting = self.sent.saturating_sub(self.hub.taken_flows());
        if waiting + flows <= FLOWS.max(flows) && self.batches.try_send(batch).is_ok() {
            self.sent += flows;
        } else {
            self.dropped += flows;
        }
    }

    /// Flow records dropped since the start.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }
}
