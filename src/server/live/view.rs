//! A view: one filter and one budget, counted once for all clients that asked for it.
//!
//! The hub alone appends; clients read. Totals are exact from the view's beginning on. The log is
//! bounded by entries and by seconds of the budget: a client whose position fell out of it gets a
//! snapshot. Lock order: `counting` before `log`.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use axum::extract::ws;
use tokio::sync::watch;

use super::budget::Budget;
use super::drawing::{Bundle, Candidates, KnownPlaces, Pair, TOGETHER};
use super::frames::{Delta, Directory, Encoding, FrameCache, Ground, Prepared, Row, merge};
use super::metrics::Metrics;
use super::tops::Tops;
use crate::model::filter::{Filter, PlaceLookup};
use crate::model::flow_record::ExporterId;
use crate::model::frame::{Message, NEWEST_FLOWS, SERIES_SECONDS, Second, Snapshot, SnapshotReason, Totals};
use crate::model::place::CountryCode;
use crate::model::traffic::{Direction, Traffic};
use crate::server::collector::batch::FlowBatch;
use crate::server::geolocation::Geolocation;

/// Entries of the log, of however few flows each.
const LOG_DELTAS: usize = 2_048;
/// Seconds of the arc budget that the log holds: the most arcs of one frame.
const LOG_BUDGET_SECONDS: usize = 4;

/// What makes two subscriptions the same view.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ViewKey {
    pub filter: Filter,
    pub arcs_per_second: u32,
}

/// One filter and one budget, counted.
#[derive(Debug)]
pub(super) struct View {
    pub key: ViewKey,
    since_ms: i64,
    counting: Mutex<Counting>,
    log: Mutex<Log>,
    cache: FrameCache,
    /// The sequence number that clients may read up to.
    pub head: watch::Sender<u64>,
    /// The last second.
    pub beat: watch::Sender<Arc<Beat>>,
}

/// What only the hub touches.
#[derive(Debug)]
struct Counting {
    budget: Budget,
    tops: Tops,
    series: VecDeque<Traffic>,
    /// What passed since the last second ended: summed on its own, because totals saturate.
    this_second: Traffic,
    candidates: Candidates,
    ground: Option<Ground>,
}

/// What clients read.
#[derive(Debug, Default)]
struct Log {
    sequence: u64,
    totals: Totals,
    deltas: VecDeque<Arc<Delta>>,
    /// Arcs in `deltas`.
    arcs: usize,
    /// The highest sequence number that is no longer in `deltas`.
    forgotten: u64,
    /// Newest flows, newest first.
    rows: VecDeque<Row>,
    series: Vec<Traffic>,
}

/// A second that ended, encoded once for all clients that were never skipped.
#[derive(Debug, Default)]
pub(super) struct Beat {
    pub second: Second,
    encoded: [OnceLock<Option<ws::Message>>; 2],
}

impl Beat {
    /// The message for a client that was skipped this often.
    pub fn message(&self, encoding: Encoding, times_skipped: u64) -> Option<ws::Message> {
        if times_skipped > 0 {
            let second = Second { times_skipped, ..self.second.clone() };
            return encoding.encode(&Message::Second(Box::new(second)));
        }
        let [postcard, json] = &self.encoded;
        let slot = match encoding {
            Encoding::Postcard => postcard,
            Encoding::Json => json,
        };
        slot.get_or_init(|| encoding.encode(&Message::Second(Box::new(self.second.clone())))).clone()
    }
}

/// What every view says alike once a second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Feed {
    pub clock_ms: i64,
    pub last_received_ms: Option<i64>,
    pub latency_us: Option<(u32, u32)>,
}

/// What a client takes from a view.
pub(super) enum Taken {
    /// The frame between its position and the head.
    Frame(Prepared),
    /// Its position fell out of the log.
    Forgotten,
    /// The frame could not be encoded.
    Failed,
}

impl View {
    pub fn new(key: ViewKey, since_ms: i64, now: Instant) -> Self {
        let budget = Budget::new(key.arcs_per_second, now);
        Self {
            key,
            since_ms,
            counting: Mutex::new(Counting {
                budget,
                tops: Tops::default(),
                series: VecDeque::with_capacity(SERIES_SECONDS),
                this_second: Traffic::NONE,
                candidates: Candidates::default(),
                ground: None,
            }),
            log: Mutex::default(),
            cache: FrameCache::default(),
            head: watch::Sender::new(0),
            beat: watch::Sender::new(Arc::default()),
        }
    }

    fn counting(&self) -> MutexGuard<'_, Counting> {
        self.counting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts batches that one geolocation located.
    ///
    /// While no client watches, no arcs are looked for beyond the budget: each flow counts as an arc of its own.
    pub fn append(
        &self,
        batches: &[Arc<FlowBatch>],
        ground: &Ground,
        places: &mut KnownPlaces,
        now: Instant,
    ) {
        let mut counting = self.counting();
        let Counting { budget, tops, candidates, this_second, .. } = &mut *counting;
        let geolocation = &*ground.geolocation;
        let most_arcs = budget.available(now);
        let is_watched = self.head.receiver_count() > 0;
        let mut most_candidates = if is_watched && most_arcs > 0 { usize::MAX } else { most_arcs };
        let mut passed = Totals::default();
        let mut by_direction = [Traffic::NONE; Direction::ALL.len()];
        let mut newest = Vec::new();
        let mut received_us: Option<(i64, i64)> = None;
        for batch in batches {
            let lookup = BatchPlaces { geolocation, exporters: &batch.exporters };
            let before = newest.len();
            let with_places = batch
                .flows
                .chunks(TOGETHER)
                .flat_map(|flows| flows.iter().zip(places.find_each(geolocation, flows)));
            for (flow, [source, destination]) in with_places {
                if !self.key.filter.matches(flow, &lookup) {
                    continue;
                }
                let traffic = Traffic::of(&flow.record);
                by_direction[flow.direction.index()] += traffic;
                tops.count(flow, traffic, [source.country, destination.country]);
                if !(source.is_drawable && destination.is_drawable) {
                    passed.unlocated += traffic;
                } else if most_candidates > 0 {
                    most_candidates -= 1;
                    candidates.add(Pair::of(flow), &Bundle::of(flow, traffic));
                } else {
                    passed.not_drawn += traffic;
                }
                newest.push(flow);
            }
            if newest.len() > before {
                let (oldest, latest) = received_us.unwrap_or((i64::MAX, i64::MIN));
                received_us =
                    Some((oldest.min(batch.oldest_received_us), latest.max(batch.newest_received_us)));
            }
        }
        let Some((oldest_received_us, newest_received_us)) = received_us else { return };
        for (direction, traffic) in Direction::ALL.into_iter().zip(by_direction) {
            passed.count(direction, traffic);
        }
        *this_second += passed.all;
        let arcs = candidates.choose(most_arcs, &mut passed);
        budget.spend(arcs.len());
        counting.ground = Some(ground.clone());
        drop(counting);

        let mut log = self.log();
        log.sequence += 1;
        log.totals += passed;
        let sequence = log.sequence;
        for flow in newest.iter().skip(newest.len().saturating_sub(NEWEST_FLOWS)) {
            log.rows.push_front(Row { sequence, flow: **flow, ground: ground.clone() });
        }
        log.rows.truncate(NEWEST_FLOWS);
        let ground = ground.clone();
        log.push(Delta { sequence, oldest_received_us, newest_received_us, passed, arcs, ground });
        log.shorten(self.most_arcs());
    }

    fn most_arcs(&self) -> usize {
        usize::try_from(self.key.arcs_per_second).unwrap_or(usize::MAX).saturating_mul(LOG_BUDGET_SECONDS)
    }

    /// Lets clients read up to the newest delta.
    pub fn publish(&self) {
        let sequence = self.log().sequence;
        self.head.send_if_modified(|head| std::mem::replace(head, sequence) != sequence);
    }

    /// Ends a second.
    pub fn end_second(&self, feed: Feed, metrics: &Metrics) {
        let mut counting = self.counting();
        let mut log = self.log();
        let traffic = std::mem::take(&mut counting.this_second);
        if counting.series.len() >= SERIES_SECONDS {
            counting.series.pop_front();
        }
        counting.series.push_back(traffic);
        log.series = counting.series.iter().copied().collect();
        let totals = log.totals;
        drop(log);

        metrics.tops_overflow.add(counting.tops.end_second());
        let mut second = Second {
            clock_ms: feed.clock_ms,
            totals,
            traffic,
            last_received_ms: feed.last_received_ms,
            latency_p50_us: feed.latency_us.map(|(p50, _)| p50),
            latency_p99_us: feed.latency_us.map(|(_, p99)| p99),
            ..Second::default()
        };
        let geolocation = counting.ground.as_ref().map(|ground| &*ground.geolocation);
        counting.tops.write(&mut second, geolocation);
        drop(counting);
        self.beat.send_replace(Arc::new(Beat { second, ..Beat::default() }));
    }

    /// Forgets the deltas and rows of geolocations before this one, which hold much memory. Clients that
    /// have yet to read them get a snapshot.
    pub fn let_go_before(&self, ground: &Ground) {
        let mut counting = self.counting();
        if counting.ground.as_ref().is_some_and(|known| known.generation < ground.generation) {
            counting.ground = Some(ground.clone());
        }
        drop(counting);
        self.log().forget_before(ground.generation);
    }

    /// Where the view stands, everything counted so far included.
    pub fn snapshot(&self, reason: SnapshotReason, clock_ms: i64) -> Snapshot {
        let second = self.beat.borrow().second.clone();
        let log = self.log();
        let (sequence, totals, series) = (log.sequence, log.totals, log.series.clone());
        let rows: Vec<Row> = log.rows.iter().cloned().collect();
        drop(log);
        let mut directory = Directory::default();
        let flows = rows.iter().map(|row| directory.row(row)).collect();
        let (places, as_names) = directory.finish();
        Snapshot {
            sequence,
            clock_ms,
            since_ms: self.since_ms,
            reason,
            totals,
            series,
            flows,
            places,
            as_names,
            second,
        }
    }

    /// What was added after one position up to another, as one frame.
    pub fn take(&self, after: u64, up_to: u64, encoding: Encoding) -> Taken {
        if after < self.log().forgotten {
            return Taken::Forgotten;
        }
        let prepared = self.cache.frame(after, up_to, encoding, || {
            let (deltas, rows) = self.log().between(after, up_to)?;
            let frame = merge(&deltas, &rows);
            let oldest_received_us = frame.oldest_received_us;
            let message = encoding.encode(&Message::Frame(frame))?;
            Some(Prepared { message, oldest_received_us })
        });
        match prepared {
            Some(prepared) => Taken::Frame(prepared),
            None if after < self.log().forgotten => Taken::Forgotten,
            None => Taken::Failed,
        }
    }
}

impl Log {
    fn push(&mut self, delta: Delta) {
        self.arcs += delta.arcs.len();
        self.deltas.push_back(Arc::new(delta));
    }

    fn shorten(&mut self, most_arcs: usize) {
        while self.deltas.len() > LOG_DELTAS || self.arcs > most_arcs {
            if !self.forget_oldest() {
                return;
            }
        }
    }

    fn forget_before(&mut self, generation: u64) {
        while self.deltas.front().is_some_and(|delta| delta.ground.generation < generation) {
            self.forget_oldest();
        }
        self.rows.retain(|row| row.ground.generation >= generation);
    }

    fn forget_oldest(&mut self) -> bool {
        let Some(delta) = self.deltas.pop_front() else { return false };
        self.arcs -= delta.arcs.len();
        self.forgotten = delta.sequence;
        true
    }

    /// Deltas in rising order and rows newest first; `None` when some are forgotten.
    fn between(&self, after: u64, up_to: u64) -> Option<(Vec<Arc<Delta>>, Vec<Row>)> {
        if after < self.forgotten {
            return None;
        }
        let begin = self.deltas.partition_point(|delta| delta.sequence <= after);
        let end = self.deltas.partition_point(|delta| delta.sequence <= up_to);
        let deltas = self.deltas.range(begin..end.max(begin)).cloned().collect();
        let is_between = |row: &&Row| row.sequence > after && row.sequence <= up_to;
        Some((deltas, self.rows.iter().filter(is_between).cloned().collect()))
    }
}

/// What a filter asks about the flows of a batch.
struct BatchPlaces<'a> {
    geolocation: &'a Geolocation,
    exporters: &'a [IpAddr],
}

impl PlaceLookup for BatchPlaces<'_> {
    fn country(&self, place: u32) -> Option<CountryCode> {
        self.geolocation.country_of(place)
    }

    fn city(&self, place: u32) -> &str {
        self.geolocation.city_of(place)
    }

    fn exporter_address(&self, exporter: ExporterId) -> Option<IpAddr> {
        self.exporters.get(usize::try_from(exporter.0).ok()?).copied()
    }
}
