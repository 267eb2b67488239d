//! The seam between collecting and everything behind it: flow batches cross here, on one machine by a channel.
//!
//! The queue is bounded in flows, not only in batches, over all that fill it. What finds no room is dropped and
//! counted; nothing here waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;

use super::collector::batch::FlowBatch;
use super::live::Hub;
use crate::model::flow_record::LocatedFlow;

/// Batches that may wait for the live feed.
const BATCHES: usize = 4_096;
/// Flow records that may wait for the live feed, about 100 MB.
const FLOWS: u64 = 500_000;

/// A worker's end of the channel to the live feed. Every worker has a clone.
#[derive(Debug)]
pub struct InProcess {
    batches: mpsc::Sender<FlowBatch>,
    hub: Arc<Hub>,
    /// Flow records that all workers have put into the queue, and those that one is putting into it now.
    sent: Arc<AtomicU64>,
    dropped: u64,
}

impl Clone for InProcess {
    /// Another end of the same channel, which has dropped nothing yet.
    fn clone(&self) -> Self {
        Self {
            batches: self.batches.clone(),
            hub: Arc::clone(&self.hub),
            sent: Arc::clone(&self.sent),
            dropped: 0,
        }
    }
}

impl InProcess {
    /// Both ends; the hub runs with the receiving one.
    pub fn channel(hub: &Arc<Hub>) -> (Self, mpsc::Receiver<FlowBatch>) {
        let (batches, received) = mpsc::channel(BATCHES);
        (Self { batches, hub: Arc::clone(hub), sent: Arc::default(), dropped: 0 }, received)
    }

    /// Room for the flows of the next batch.
    pub fn room(&self) -> Vec<LocatedFlow> {
        self.hub.spare_room()
    }

    /// Hands a batch on, or drops it when too much waits already.
    pub fn offer(&mut self, batch: FlowBatch) {
        let flows = batch.flows.len() as u64;
        // First taken, then given back: so the bound holds however many do this at the same time.
        let before = self.sent.fetch_add(flows, Ordering::Relaxed);
        let waiting = before.saturating_sub(self.hub.taken_flows());
        if waiting + flows > FLOWS.max(flows) || self.batches.try_send(batch).is_err() {
            self.sent.fetch_sub(flows, Ordering::Relaxed);
            self.dropped += flows;
        }
    }

    /// Flow records that this end has dropped since the start.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::flow_record::FlowRecord;
    use crate::server::geolocation::{Geolocation, Settings};
    use crate::server::live;

    #[test]
    fn the_bound_in_flows_holds_over_all_workers_and_what_is_beyond_is_counted() {
        const OFFERED: u64 = 4 * 200 * 1_000;
        let hub = Hub::new(live::Limits::default(), 0);
        let (first, mut received) = InProcess::channel(&hub);
        let geolocation = Arc::new(Geolocation::without_databases(&Settings::default()));
        let flow = geolocation.locate(&FlowRecord::default());
        let dropped: u64 = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4)
                .map(|_| {
                    let (mut live, geolocation) = (first.clone(), Arc::clone(&geolocation));
                    scope.spawn(move || {
                        for _ in 0..200 {
                            live.offer(FlowBatch {
                                oldest_received_us: 0,
                                newest_received_us: 0,
                                geolocation: Arc::clone(&geolocation),
                                exporters: Arc::from([]),
                                flows: vec![flow; 1_000],
                            });
                        }
                        live.dropped()
                    })
                })
                .collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).sum()
        });
        let mut waiting = 0;
        while let Ok(batch) = received.try_recv() {
            waiting += batch.flows.len() as u64;
        }
        assert_eq!(waiting + dropped, OFFERED);
        assert!(waiting <= FLOWS && waiting + 4_000 > FLOWS, "{waiting} wait");
    }
}
