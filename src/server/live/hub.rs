//! The hub: takes batches, counts them in every view, lets clients know.
//!
//! One task does all the counting. Clients are woken at once while they are few. With many, waking all of
//! them for every batch would cost more than the batches: then wakes keep a distance that grows with the
//! number of clients, so that all of them take the same frame, which is made and encoded once.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::Limits;
use super::drawing::KnownPlaces;
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
use crate::server::transport::Batches;

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
    is_running: AtomicBool,
    stopping: CancellationToken,
    streams: TaskTracker,
}

#[derive(Debug)]
struct Registered {
    view: Arc<View>,
    /// The addresses of the clients that watch it, one entry for each client.
    watchers: Vec<Option<IpAddr>>,
    idle_since: Instant,
}

impl Registered {
    /// True when this client's hold on the view is the only one.
    fn is_watched_only_by(&self, client: &Watching) -> bool {
        self.watchers.len() == 1 && Arc::ptr_eq(&self.view, &client.view)
    }
}

impl Hub {
    /// A hub that waits for batches. `started_ms` is since when the totals count, milliseconds since 1970.
    pub fn new(limits: Limits, started_ms: i64) -> Arc<Self> {
        let key = ViewKey { filter: Filter::ALL, arcs_per_second: DEFAULT_ARCS_PER_SECOND };
        let everything = Arc::new(View::new(key, started_ms, std::time::Instant::now()));
        let first =
            Registered { view: Arc::clone(&everything), watchers: Vec::new(), idle_since: Instant::now() };
        let hub = Self {
            limits,
            metrics: Metrics::default(),
            everything,
            views: Mutex::new(vec![first]),
            is_running: AtomicBool::new(false),
            stopping: CancellationToken::new(),
            streams: TaskTracker::new(),
        };
        hub.metrics.views.set(1);
        Arc::new(hub)
    }

    /// Counts batches until cancelled; then the streams say good-bye to their clients. When the collector
    /// ends first, the streams go on.
    pub async fn run(self: Arc<Self>, mut batches: Batches, cancel: CancellationToken) {
        let _stop_streams = self.stopping.clone().drop_guard();
        let _running = Running::begin(&self.is_running);
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
                    self.metrics.flows.add(received.iter().map(|batch| count_of(batch.flows.len())).sum());
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

    /// True from the beginning of `run` to its end, whether it returned, was dropped or panicked.
    pub fn is_running(&self) -> bool {
        self.is_running.load(Ordering::Relaxed)
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
    pub(super) fn seat(self: &Arc<Self>, peer: Option<IpAddr>) -> Option<Seat> {
        let token = self.streams.token();
        // The tracker counts this token as well.
        if self.streams.len() > self.limits.clients {
            return None;
        }
        self.metrics.clients.set(count_of(self.streams.len()));
        Some(Seat { hub: Arc::clone(self), peer: peer.and_then(visitor), token: Some(token) })
    }

    /// A client's hold on the view of its subscription, which begins if nobody else has it. It replaces the
    /// hold that the client has `before`, whose view may have to make room; a refusal leaves that as it is.
    fn subscribe(
        self: &Arc<Self>,
        peer: Option<IpAddr>,
        subscription: &Subscription,
        before: Option<&Watching>,
    ) -> Result<Watching, Refusal> {
        let filter: Filter = subscription.filter.parse().map_err(|error: FilterError| Refusal {
            position: Some(error.position),
            message: error.message,
        })?;
        let arcs_per_second = subscription.arcs_per_second;
        if arcs_per_second > MAX_ARCS_PER_SECOND {
            let message = format!("arcs_per_second is {arcs_per_second}: write 0 to {MAX_ARCS_PER_SECOND}");
            return Err(Refusal { message, position: None });
        }
        let view = self.view(ViewKey { filter, arcs_per_second }, peer, before)?;
        Ok(Watching {
            head: view.head.subscribe(),
            beat: view.beat.subscribe(),
            position: 0,
            hub: Arc::clone(self),
            peer,
            view,
        })
    }

    fn views(&self) -> MutexGuard<'_, Vec<Registered>> {
        self.views.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn view(
        &self,
        key: ViewKey,
        peer: Option<IpAddr>,
        before: Option<&Watching>,
    ) -> Result<Arc<View>, Refusal> {
        let mut views = self.views();
        let released = |known: &Registered| before.is_some_and(|before| known.is_watched_only_by(before));
        if peer.is_some() && key != self.everything.key {
            let is_others = |known: &&Registered| {
                known.watchers.contains(&peer)
                    && known.view.key != key
                    && !released(known)
                    && !Arc::ptr_eq(&known.view, &self.everything)
            };
            if views.iter().filter(is_others).count() >= self.limits.views_per_visitor {
                let message = format!(
                    "{} different filters are being watched from your address already, which is the most for \
                     one: use one of these, or none, or close a page",
                    self.limits.views_per_visitor
                );
                return Err(Refusal { message, position: None });
            }
        }
        if let Some(known) = views.iter_mut().find(|known| known.view.key == key) {
            known.watchers.push(peer);
            return Ok(Arc::clone(&known.view));
        }
        if views.len() >= self.limits.views {
            let idle = views.iter().enumerate().filter(|(_, known)| self.is_idle(known));
            let longest_idle = idle.min_by_key(|(_, known)| known.idle_since).map(|(position, _)| position);
            let own = || {
                let is_own =
                    |known: &Registered| released(known) && !Arc::ptr_eq(&known.view, &self.everything);
                views.iter().position(is_own)
            };
            let Some(leaves) = longest_idle.or_else(own) else {
                let message = format!(
                    "{} different filters are being watched already, which is the most at the same time: \
                     use one that somebody else uses, or none, or try again later",
                    self.limits.views
                );
                return Err(Refusal { message, position: None });
            };
            views.swap_remove(leaves);
        }
        let now = Instant::now();
        let view = Arc::new(View::new(key, now_us() / 1_000, now.into_std()));
        views.push(Registered { view: Arc::clone(&view), watchers: vec![peer], idle_since: now });
        self.metrics.views.set(count_of(views.len()));
        Ok(view)
    }

    fn is_idle(&self, registered: &Registered) -> bool {
        registered.watchers.is_empty() && !Arc::ptr_eq(&registered.view, &self.everything)
    }

    fn leave(&self, view: &Arc<View>, peer: Option<IpAddr>) {
        if let Some(known) = self.views().iter_mut().find(|known| Arc::ptr_eq(&known.view, view)) {
            if let Some(position) = known.watchers.iter().position(|watcher| *watcher == peer) {
                known.watchers.swap_remove(position);
            }
            known.idle_since = Instant::now();
        }
    }

    fn all_views(&self) -> Vec<Arc<View>> {
        self.views().iter().map(|known| Arc::clone(&known.view)).collect()
    }

    fn count(&self, batches: &[Arc<FlowBatch>], counter: &mut Counter) {
        let views = self.all_views();
        let now = std::time::Instant::now();
        for run in batches.chunk_by(|left, right| Arc::ptr_eq(&left.geolocation, &right.geolocation)) {
            let Some(first) = run.first() else { continue };
            let ground = counter.ground(first);
            for view in &views {
                view.append(run, &ground, &mut counter.places, now);
            }
            let newest_us = run.iter().map(|batch| batch.newest_received_us).max();
            counter.last_received_us = counter.last_received_us.max(newest_us);
        }
        self.metrics.batches.add(count_of(batches.len()));
    }

    fn publish(&self) {
        for view in self.all_views() {
            view.publish();
        }
    }

    /// Lets views without clients go of geolocations that are no longer in use. The unfiltered view keeps
    /// them until enough flows have passed: its rows are the first paint of the next page.
    fn let_go(&self, ground: &Ground) {
        for idle in self.views().iter().filter(|known| self.is_idle(known)) {
            idle.view.let_go_before(ground);
        }
    }

    fn end_second(&self, counter: &mut Counter) {
        self.views()
            .retain(|known| !(self.is_idle(known) && known.idle_since.elapsed() >= self.limits.view_idle));
        if let Some(ground) = &counter.ground {
            self.let_go(ground);
        }
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

/// Says that the hub's task is there, as long as it is.
struct Running<'a>(&'a AtomicBool);

impl<'a> Running<'a> {
    fn begin(is_running: &'a AtomicBool) -> Self {
        is_running.store(true, Ordering::Relaxed);
        Self(is_running)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

fn count_of(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// What the counting task remembers between batches.
#[derive(Default)]
struct Counter {
    ground: Option<Ground>,
    places: KnownPlaces,
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
        self.places.begin(ground.generation);
        self.ground = Some(ground.clone());
        ground
    }
}

/// What stands for one visitor: an IPv4 address, or the network of an IPv6 address (/64). `None` for this
/// very host, where a proxy may speak for many.
fn visitor(peer: IpAddr) -> Option<IpAddr> {
    let address = peer.to_canonical();
    if address.is_loopback() {
        return None;
    }
    Some(match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    })
}

/// A connected client, as long as it is.
#[derive(Debug)]
pub(super) struct Seat {
    hub: Arc<Hub>,
    peer: Option<IpAddr>,
    token: Option<TaskTrackerToken>,
}

impl Seat {
    pub const fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// Whose seat it is, where known.
    pub const fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    /// The hold on the view of a subscription, instead of the one that the client has `before`. After a
    /// refusal the client keeps that one.
    pub fn subscribe(
        &self,
        subscription: &Subscription,
        before: Option<&Watching>,
    ) -> Result<Watching, Refusal> {
        self.hub.subscribe(self.peer, subscription, before)
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
    peer: Option<IpAddr>,
    pub view: Arc<View>,
    pub head: watch::Receiver<u64>,
    pub beat: watch::Receiver<Arc<Beat>>,
    /// Number of the last delta that the client has.
    pub position: u64,
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.hub.leave(&self.view, self.peer);
    }
}

#[cfg(test)]
mod tests;
