//! The seam between collecting and everything behind it: flow batches cross here, on one machine by channels.
//!
//! Every reader has a queue of its own, bounded in flows over all workers that fill it. What finds no room in one is
//! dropped there and counted; the other readers get it all the same, and nothing here waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;

use super::collector::batch::{FlowBatch, Flows, SpareRoom};
use super::history::handed::{Handed, HandedByOne};
use crate::model::flow_record::LocatedFlow;

/// Batches that may wait for one reader.
const BATCHES: usize = 4_096;
/// Flow records that may wait for one reader, about 100 MB; what waits for several is there once.
const FLOWS: u64 = 500_000;

/// How far the two ends of a queue are, in flow records.
#[derive(Debug, Default)]
struct Fill {
    /// Put in by all workers, and what one is putting in now.
    sent: AtomicU64,
    taken: AtomicU64,
    dropped: AtomicU64,
}

/// The sending end of a queue, in one worker.
#[derive(Debug)]
pub struct Queue {
    batches: mpsc::Sender<Arc<FlowBatch>>,
    fill: Arc<Fill>,
    dropped: u64,
}

/// The receiving end of a queue.
#[derive(Debug)]
pub struct Batches {
    received: mpsc::Receiver<Arc<FlowBatch>>,
    fill: Arc<Fill>,
}

/// An empty queue.
pub fn queue() -> (Queue, Batches) {
    let (batches, received) = mpsc::channel(BATCHES);
    let fill = Arc::new(Fill::default());
    (Queue { batches, fill: Arc::clone(&fill), dropped: 0 }, Batches { received, fill })
}

impl Queue {
    /// Another sending end, which has dropped nothing yet.
    fn another(&self) -> Self {
        Self { batches: self.batches.clone(), fill: Arc::clone(&self.fill), dropped: 0 }
    }

    /// Puts a batch in; false when too much waits already, or nobody reads any more.
    fn offer(&mut self, batch: Arc<FlowBatch>) -> bool {
        let flows = batch.flows.len() as u64;
        // First taken, then given back: so the bound holds however many do this at the same time.
        let before = self.fill.sent.fetch_add(flows, Ordering::Relaxed);
        let waiting = before.saturating_sub(self.fill.taken.load(Ordering::Relaxed));
        let has_room = waiting + flows <= FLOWS.max(flows) && self.batches.try_send(batch).is_ok();
        if !has_room {
            self.fill.sent.fetch_sub(flows, Ordering::Relaxed);
            self.fill.dropped.fetch_add(flows, Ordering::Relaxed);
            self.dropped += flows;
        }
        has_room
    }
}

impl Batches {
    /// Waits for batches and appends up to `most` of them; 0 when none will come any more.
    pub async fn recv_many(&mut self, into: &mut Vec<Arc<FlowBatch>>, most: usize) -> usize {
        let before = into.len();
        let count = self.received.recv_many(into, most).await;
        let flows: u64 = into.iter().skip(before).map(|batch| batch.flows.len() as u64).sum();
        self.fill.taken.fetch_add(flows, Ordering::Relaxed);
        count
    }

    /// A batch, if one waits.
    pub fn try_recv(&mut self) -> Option<Arc<FlowBatch>> {
        let batch = self.received.try_recv().ok()?;
        self.fill.taken.fetch_add(batch.flows.len() as u64, Ordering::Relaxed);
        Some(batch)
    }

    /// How much was put in, for others to look at.
    pub fn gauge(&self) -> Gauge {
        Gauge(Arc::clone(&self.fill))
    }
}

/// Shows how much was put into a queue.
#[derive(Clone, Debug)]
pub struct Gauge(Arc<Fill>);

impl Gauge {
    /// Flow records that were put in since the start.
    pub fn sent(&self) -> u64 {
        self.0.sent.load(Ordering::Relaxed)
    }

    /// Flow records that found no room since the start.
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }
}

/// A worker's end: of the queue to the live feed, and of that to the history if there is one.
#[derive(Debug)]
pub struct InProcess {
    live: Queue,
    history: Option<(Queue, HandedByOne)>,
    room: SpareRoom,
}

impl InProcess {
    /// The workers' end and the live feed's.
    pub fn channel() -> (Self, Batches) {
        let (live, received) = queue();
        (Self { live, history: None, room: SpareRoom::default() }, received)
    }

    /// With a queue to the history. How much every worker hands over is written down in `handed`.
    #[must_use]
    pub fn with_history(self, history: Queue, handed: &Handed) -> Self {
        Self { history: Some((history, handed.by(0))), ..self }
    }

    /// The end for one more worker, which has dropped nothing yet.
    #[must_use]
    pub fn for_worker(&self, worker: usize) -> Self {
        let history = self.history.as_ref();
        Self {
            live: self.live.another(),
            history: history.map(|(queue, handed)| (queue.another(), handed.by_another(worker))),
            room: self.room.clone(),
        }
    }

    /// The flows of the next batch, in memory that was used before if there is any.
    pub fn flows(&self, fill: impl FnOnce(&mut Vec<LocatedFlow>)) -> Flows {
        self.room.fill(fill)
    }

    /// Hands a batch to every reader that has room for it.
    pub fn offer(&mut self, batch: FlowBatch) {
        let flows = batch.flows.len() as u64;
        let batch = Arc::new(batch);
        if let Some((history, handed)) = &mut self.history {
            // Written before it is handed over: a process that is killed in between has lost it, and says so.
            handed.add(flows);
            if !history.offer(Arc::clone(&batch)) {
                handed.take_back(flows);
            }
        }
        self.live.offer(batch);
    }

    /// Flow records that this end has dropped for the live feed since the start.
    pub const fn live_dropped(&self) -> u64 {
        self.live.dropped
    }

    /// Flow records that this end has handed to the history, and those that it has dropped for it.
    pub fn history(&self) -> (u64, u64) {
        self.history.as_ref().map_or((0, 0), |(queue, handed)| (handed.flows(), queue.dropped))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::flow_record::FlowRecord;
    use crate::server::geolocation::{Geolocation, Settings};

    fn batch(geolocation: &Arc<Geolocation>, flows: usize) -> FlowBatch {
        let flow = geolocation.locate(&FlowRecord::default());
        FlowBatch {
            oldest_received_us: 0,
            newest_received_us: 0,
            geolocation: Arc::clone(geolocation),
            exporters: Arc::from([]),
            flows: vec![flow; flows].into(),
        }
    }

    fn geolocation() -> Arc<Geolocation> {
        Arc::new(Geolocation::without_databases(&Settings::default()))
    }

    fn waiting(batches: &mut Batches) -> u64 {
        let mut waiting = 0;
        while let Some(batch) = batches.try_recv() {
            waiting += batch.flows.len() as u64;
        }
        waiting
    }

    #[test]
    fn the_bound_in_flows_holds_over_all_workers_and_what_is_beyond_is_counted() {
        const OFFERED: u64 = 4 * 200 * 1_000;
        let (first, mut received) = InProcess::channel();
        let geolocation = geolocation();
        let dropped: u64 = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..4)
                .map(|worker| {
                    let (mut end, geolocation) = (first.for_worker(worker), &geolocation);
                    scope.spawn(move || {
                        for _ in 0..200 {
                            end.offer(batch(geolocation, 1_000));
                        }
                        end.live_dropped()
                    })
                })
                .collect();
            workers.into_iter().map(|worker| worker.join().unwrap()).sum()
        });
        let waiting = waiting(&mut received);
        assert_eq!(waiting + dropped, OFFERED);
        assert!(waiting <= FLOWS && waiting + 4_000 > FLOWS, "{waiting} wait");
    }

    #[test]
    fn a_reader_that_stands_still_costs_the_other_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("handed");
        let handed = Handed::default();
        handed.begin(&path, 0).unwrap();
        let (first, mut live) = InProcess::channel();
        let (queue, mut history) = queue();
        let first = first.with_history(queue, &handed);
        let (mut end, gauge) = (first.for_worker(1), history.gauge());
        let geolocation = geolocation();
        let mut of_live = 0;
        for _ in 0..600 {
            end.offer(batch(&geolocation, 1_000));
            of_live += waiting(&mut live);
        }
        assert_eq!((of_live, end.live_dropped()), (600_000, 0));
        assert_eq!((end.history(), gauge.sent()), ((FLOWS, 600_000 - FLOWS), FLOWS));
        assert_eq!(Handed::missing(&path, 0).unwrap(), Some(FLOWS));
        assert_eq!((waiting(&mut history), gauge.sent()), (FLOWS, FLOWS));
    }

    #[test]
    fn a_reader_that_ended_takes_nothing_and_all_for_it_is_counted() {
        let (mut end, received) = InProcess::channel();
        drop(received);
        end.offer(batch(&geolocation(), 10));
        assert_eq!((end.live_dropped(), end.history()), (10, (0, 0)));
    }
}
