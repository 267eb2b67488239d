//! The hub: takes batches, counts them in every view, lets clients know.
//!
//! One task does all the counting. Clients are woken at once while they are few. With many, waking all of
//! them for every batch would cost more than the batches: then wakes keep a distance that grows with the
//! number of clients, so that all of them take the same frame, which is made and encoded once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::Limits;
use super::drawing::Drawable;
use super::frames::Ground;
use super::latency::LastMinute;
use super::metrics::Metrics;
use super::view::{Beat, Feed, View, ViewKey};
use crate::model::filter::{Filter, FilterError};
use crate::model::frame::{
    DEFAULT_ARCS_PER_SECOND, MAX_ARCS_PER_SECOND, Refusal, Snapshot, SnapshotReason, Subscription,
};
use crate::server::collector::batch::FlowBatch;
use crate::server::collector::socket::now_us;

/// Batches that are counted in one go when they have piled up.
const BATCHES_AT_ONCE: usize = 64;
/// A shorter distance between wakes is none: timers are no finer.
const LEAST_SPACING: Duration = Duration::from_millis(2);

/// The live feed of this process.
#[derive(Debug)]
pub struct Hub {
    limits: Limits,
    metrics: Metrics,
    /// The view of all flows with the default budget: it always exists.
    everything: Arc<View>,
    views: Mutex<Vec<Registered>>,
    stopping: CancellationToken,
    streams: TaskTracker,
}

#[derive(Debug)]
struct Registered {
    view: Arc<View>,
    clients: usize,
    idle_since: Instant,
}

impl Hub {
    /// A hub that waits for batches. `started_ms` is since when the totals count, milliseconds since 1970.
    pub fn new(limits: Limits, started_ms: i64) -> Arc<Self> {
        let key = ViewKey { filter: Filter::ALL, arcs_per_second: DEFAULT_ARCS_PER_SECOND };
        let everything = Arc::new(View::new(key, started_ms, std::time::Instant::now()));
        let first = Registered { view: Arc::clone(&everything), clients: 0, idle_since: Instant::now() };
        let hub = Self {
            limits,
            metrics: Metrics::default(),
            everything,
            views: Mutex::new(vec![first]),
            stopping: CancellationToken::new(),
            streams: TaskTracker::new(),
        };
        hub.metrics.views.set(1);
        Arc::new(hub)
    }

    /// Counts batches until cancelled; then the streams say good-bye to their clients. When the collector
    /// ends first, the streams go on.
    pub async fn run(self: Arc<Self>, mut batches: mpsc::Receiver<FlowBatch>, cancel: CancellationToken) {
        let _stop_streams = self.stopping.clone().drop_guard();
        let mut seconds = interval(Duration::from_secs(1));
        seconds.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut counter = Counter::default();
        let mut received = Vec::with_capacity(BATCHES_AT_ONCE);
        let mut collector_ended = false;
        let mut published = Instant::now();
        let mut publish_at: Option<Instant> = None;
        loop {
            tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                _ = seconds.tick() => self.end_second(&mut counter),
                () = sleep_until(publish_at.unwrap_or(published)), if publish_at.is_some() => {
                    publish_at = None;
                    published = Instant::now();
                    self.publish();
                }
                count = batches.recv_many(&mut received, BATCHES_AT_ONCE), if !collector_ended => {
                    collector_ended = count == 0;
                    self.count(&received, &mut counter);
                    received.clear();
                    let spacing = self.spacing();
                    if published.elapsed() >= spacing {
                        publish_at = None;
                        published = Instant::now();
                        self.publish();
                    } else {
                        publish_at = Some(published + spacing);
                    }
                }
            }
        }
    }

    /// Where the unfiltered view stands: for the first paint of a page and for the API.
    pub fn snapshot(&self) -> Snapshot {
        self.everything.snapshot(SnapshotReason::Subscribed, now_us() / 1_000)
    }

    /// What the live feed has counted.
    pub const fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Waits until every stream has ended: after `run`, before the process exits.
    pub async fn drained(&self) {
        self.streams.close();
        self.streams.wait().await;
    }

    pub(super) const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Cancelled when the streams have to end.
    pub(super) const fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    /// Room for one more client, until the seat is dropped; `None` when all are taken.
    pub(super) fn seat(self: &Arc<Self>) -> Option<Seat> {
        let token = self.streams.token();
        // The tracker counts this token as well.
        if self.streams.len() > self.limits.clients {
            return None;
        }
        self.metrics.clients.set(count_of(self.streams.len()));
        Some(Seat { hub: Arc::clone(self), token: Some(token) })
    }

    /// A client's hold on the view of its subscription, which begins if nobody else has it.
    pub(super) fn subscribe(self: &Arc<Self>, subscription: &Subscription) -> Result<Watching, Refusal> {
        let filter: Filter = subscription.filter.parse().map_err(|error: FilterError| Refusal {
            position: Some(error.position),
            message: error.message,
        })?;
        let arcs_per_second = subscription.arcs_per_second;
        if arcs_per_second > MAX_ARCS_PER_SECOND {
            let message = format!("arcs_per_second is {arcs_per_second}: write 0 to {MAX_ARCS_PER_SECOND}");
            return Err(Refusal { message, position: None });
        }
        let view = self.view(ViewKey { filter, arcs_per_second })?;
        Ok(Watching {
            head: view.head.subscribe(),
            beat: view.beat.subscribe(),
            position: 0,
            hub: Arc::clone(self),
            view,
        })
    }

    fn views(&self) -> MutexGuard<'_, Vec<Registered>> {
        self.views.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn view(&self, key: ViewKey) -> Result<Arc<View>, Refusal> {
        let mut views = self.views();
        if let Some(known) = views.iter_mut().find(|known| known.view.key == key) {
            known.clients += 1;
            return Ok(Arc::clone(&known.view));
        }
        if views.len() >= self.limits.views {
            let idle = views.iter().enumerate().filter(|(_, known)| self.is_idle(known));
            let Some((longest_idle, _)) = idle.min_by_key(|(_, known)| known.idle_since) else {
                let message = format!(
                    "{} different filters are being watched already, which is the most at the same time: \
                     use one that somebody else uses, or none, or try again later",
                    self.limits.views
                );
                return Err(Refusal { message, position: None });
            };
            views.swap_remove(longest_idle);
        }
        let now = Instant::now();
        let view = Arc::new(View::new(key, now_us() / 1_000, now.into_std()));
        views.push(Registered { view: Arc::clone(&view), clients: 1, idle_since: now });
        self.metrics.views.set(count_of(views.len()));
        Ok(view)
    }

    fn is_idle(&self, registered: &Registered) -> bool {
        registered.clients == 0 && !Arc::ptr_eq(&registered.view, &self.everything)
    }

    fn leave(&self, view: &Arc<View>) {
        if let Some(known) = self.views().iter_mut().find(|known| Arc::ptr_eq(&known.view, view)) {
            known.clients = known.clients.saturating_sub(1);
            known.idle_since = Instant::now();
        }
    }

    fn all_views(&self) -> Vec<Arc<View>> {
        self.views().iter().map(|known| Arc::clone(&known.view)).collect()
    }

    fn count(&self, batches: &[FlowBatch], counter: &mut Counter) {
        let views = self.all_views();
        let now = std::time::Instant::now();
        for run in batches.chunk_by(|left, right| Arc::ptr_eq(&left.geolocation, &right.geolocation)) {
            let Some(first) = run.first() else { continue };
            let ground = counter.ground(first);
            for view in &views {
                view.append(run, &ground, &mut counter.drawable, &self.metrics, now);
            }
            let newest_us = run.iter().map(|batch| batch.newest_received_us).max();
            counter.last_received_us = counter.last_received_us.max(newest_us);
            self.metrics.flows.add(run.iter().map(|batch| count_of(batch.flows.len())).sum());
        }
        self.metrics.batches.add(count_of(batches.len()));
    }

    fn publish(&self) {
        for view in self.all_views() {
            view.publish();
        }
    }

    fn end_second(&self, counter: &mut Counter) {
        self.views()
            .retain(|known| !(self.is_idle(known) && known.idle_since.elapsed() >= self.limits.view_idle));
        let feed = Feed {
            clock_ms: now_us() / 1_000,
            last_received_ms: counter.last_received_us.map(|received_us| received_us / 1_000),
            latency_us: counter.last_minute.look(&self.metrics.latency),
        };
        let views = self.all_views();
        self.metrics.views.set(count_of(views.len()));
        for view in views {
            view.end_second(feed, &self.metrics);
        }
    }

    /// Least time between two wakes.
    fn spacing(&self) -> Duration {
        let frames_per_second = u64::from(self.limits.frames_per_second.max(1));
        let spacing = Duration::from_micros(self.metrics.clients() * 1_000_000 / frames_per_second);
        let spacing = if spacing < LEAST_SPACING { Duration::ZERO } else { spacing };
        self.metrics.spacing_us.set(u64::try_from(spacing.as_micros()).unwrap_or(u64::MAX));
        spacing
    }
}

fn count_of(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// What the counting task remembers between batches.
#[derive(Default)]
struct Counter {
    ground: Option<Ground>,
    drawable: Drawable,
    last_received_us: Option<i64>,
    last_minute: LastMinute,
}

impl Counter {
    fn ground(&mut self, batch: &FlowBatch) -> Ground {
        let ground = match self.ground.take() {
            Some(ground) if Arc::ptr_eq(&ground.geolocation, &batch.geolocation) => ground,
            before => Ground {
                generation: before.map_or(1, |before| before.generation + 1),
                geolocation: Arc::clone(&batch.geolocation),
            },
        };
        self.drawable.begin(ground.generation);
        self.ground = Some(ground.clone());
        ground
    }
}

/// A connected client, as long as it is.
#[derive(Debug)]
pub(super) struct Seat {
    hub: Arc<Hub>,
    token: Option<TaskTrackerToken>,
}

impl Seat {
    pub const fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.token = None;
        self.hub.metrics.clients.set(count_of(self.hub.streams.len()));
    }
}

/// A client's hold on a view.
#[derive(Debug)]
pub(super) struct Watching {
    hub: Arc<Hub>,
    pub view: Arc<View>,
    pub head: watch::Receiver<u64>,
    pub beat: watch::Receiver<Arc<Beat>>,
    /// Number of the last delta that the client has.
    pub position: u64,
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.hub.leave(&self.view);
    }
}
