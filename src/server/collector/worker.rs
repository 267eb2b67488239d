//! A collecting thread: receives datagrams in batches, has them decoded and located, and hands the flows on.
//!
//! It owns its sockets and its [`Intake`] and shares nothing that needs a lock. It waits only for the
//! kernel: a full queue behind it costs the flows of that batch for the reader of the queue, counted, never time.
//! What it has counted it publishes for pages and metrics to read without waiting.

use std::net::IpAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::batch::FlowBatch;
use super::inlet::{Kind, Outlet};
use super::intake::Intake;
use super::listener::Reading;
use super::report::{Published, Report};
use super::socket::{self, ReceiveBatch};
use super::state_file::{self, Saver};
use crate::model::flow_record::FlowRecord;
use crate::model::status::{Listener as ListenerStatus, Transport};
use crate::server::geolocation::Current;
use crate::server::transport::InProcess;

/// Batches read from one socket before the others get their turn.
const ROUNDS: usize = 16;
/// Flow records that are handed on at once, without waiting for the rest of the datagrams read.
const LARGE_BATCH: usize = 8_192;
/// How often waiting data sets are given up and kernel drops are looked for while traffic flows.
const HOUSEKEEPING: Duration = Duration::from_secs(1);
/// How often counters are published while traffic flows.
const PUBLISHING: Duration = Duration::from_millis(100);
/// Messages of connections taken before the sockets get their turn.
const MESSAGES: usize = 256;
/// Batches read from one socket when the thread ends: more than a socket's buffer holds.
const LAST_ROUNDS: usize = 4_096;

/// What is left of an interval that began at `since`, at least a millisecond.
fn rest(interval: Duration, since: Instant) -> Duration {
    interval.saturating_sub(since.elapsed()).max(Duration::from_millis(1))
}

/// A collecting thread's own.
pub(super) struct Worker {
    sockets: Vec<Reading>,
    outlet: Outlet,
    intake: Intake,
    geolocation: Arc<Current>,
    readers: InProcess,
    last_received_us: Option<i64>,
    exporters: Arc<[IpAddr]>,
    exporters_admitted: u64,
    flows: Vec<FlowRecord>,
    published: Arc<Published>,
    saver: Option<Saver>,
    /// Datagrams received when the state was saved.
    saved_datagrams: u64,
}

impl Worker {
    /// A worker that has not begun.
    pub(super) fn new(
        sockets: Vec<Reading>,
        outlet: Outlet,
        intake: Intake,
        geolocation: Arc<Current>,
        readers: InProcess,
        published: Arc<Published>,
        saver: Option<Saver>,
    ) -> Self {
        let mut worker = Self {
            sockets,
            outlet,
            intake,
            geolocation,
            readers,
            last_received_us: None,
            exporters: Arc::from([]),
            exporters_admitted: 0,
            flows: Vec::new(),
            published,
            saver,
            saved_datagrams: 0,
        };
        worker.publish();
        worker
    }

    /// Works until told to stop; then reads what the sockets hold.
    pub(super) fn run(mut self, stop: &AtomicBool, woken: &UnixStream) {
        let mut polled: Vec<RawFd> = self.sockets.iter().map(|reading| reading.socket.as_raw_fd()).collect();
        polled.extend([woken.as_raw_fd(), self.outlet.as_raw_fd()]);
        let mut readable = Vec::new();
        let mut batch = ReceiveBatch::default();
        let mut housekept = Instant::now();
        let mut published = Instant::now();
        // Whether something came since the last publishing, and since the last housekeeping.
        let mut is_unpublished = self.take_early();
        let mut is_unkept = is_unpublished;
        self.save();
        let mut saved = Instant::now();
        while !stop.load(Ordering::Acquire) {
            // With nothing to publish and nothing that waits, only the kernel wakes this thread.
            let timeout = match (is_unpublished, is_unkept || self.intake.is_waiting()) {
                (true, _) => Some(rest(PUBLISHING, published)),
                (false, true) => Some(rest(HOUSEKEEPING, housekept)),
                (false, false) if self.is_unsaved() => Some(rest(state_file::INTERVAL, saved)),
                (false, false) => None,
            };
            if let Err(error) = socket::wait(&polled, timeout, &mut readable) {
                tracing::error!(%error, "cannot wait for datagrams; trying again");
                std::thread::sleep(HOUSEKEEPING);
            }
            for index in 0..self.sockets.len() {
                if readable.get(index).copied().unwrap_or(false) {
                    let came = self.read(index, &mut batch, ROUNDS) > 0;
                    (is_unpublished, is_unkept) = (is_unpublished || came, is_unkept || came);
                }
            }
            if readable.last().copied().unwrap_or(false) {
                let came = self.take_messages(MESSAGES) > 0;
                (is_unpublished, is_unkept) = (is_unpublished || came, is_unkept || came);
            }
            if housekept.elapsed() >= HOUSEKEEPING {
                housekept = Instant::now();
                self.housekeeping();
                (is_unpublished, is_unkept) = (true, false);
            }
            if is_unpublished && published.elapsed() >= PUBLISHING {
                is_unpublished = false;
                published = Instant::now();
                self.publish();
            }
            if self.is_unsaved() && saved.elapsed() >= state_file::INTERVAL {
                saved = Instant::now();
                self.save();
            }
        }
        for index in 0..self.sockets.len() {
            self.read(index, &mut batch, LAST_ROUNDS);
        }
        self.take_messages(LAST_ROUNDS);
        self.publish();
        self.publish_exporters();
        if let Some(saver) = self.saver.take() {
            saver.finish(self.intake.saved());
        }
    }

    fn is_unsaved(&self) -> bool {
        self.saver.is_some() && self.intake.counters().datagrams != self.saved_datagrams
    }

    /// Hands what outlives the process to the thread that writes it.
    fn save(&mut self) {
        let Some(saver) = &self.saver else { return };
        if saver.offer(self.intake.saved()) {
            self.saved_datagrams = self.intake.counters().datagrams;
        } else {
            tracing::warn!(
                "the collector's state is not saved: writing it the last time takes more than a minute"
            );
        }
    }

    /// Takes what came before the sockets were steered; answers whether there was anything.
    fn take_early(&mut self) -> bool {
        let mut any = false;
        for index in 0..self.sockets.len() {
            let Some(reading) = self.sockets.get_mut(index) else { break };
            let early = std::mem::take(&mut reading.early);
            reading.datagrams += early.len() as u64;
            for datagram in &early {
                self.intake.datagram(
                    datagram.source,
                    datagram.received_us,
                    &datagram.payload,
                    &mut self.flows,
                );
                self.last_received_us = self.last_received_us.max(Some(datagram.received_us));
                self.hand_on(datagram.received_us, datagram.received_us);
            }
            any |= !early.is_empty();
        }
        any
    }

    /// Reads one socket until it is empty or has had its turn; answers how many datagrams it gave.
    fn read(&mut self, index: usize, batch: &mut ReceiveBatch, rounds: usize) -> usize {
        let mut total = 0;
        for _ in 0..rounds {
            let Some(reading) = self.sockets.get_mut(index) else { break };
            let count = match batch.receive(&reading.socket) {
                Ok(count) => count,
                Err(error) => {
                    tracing::warn!(%error, address = %reading.address, "cannot receive; trying again");
                    std::thread::sleep(PUBLISHING);
                    break;
                }
            };
            reading.datagrams += count as u64;
            if count > 0 {
                self.take(batch);
                total += count;
            }
            if count < socket::BATCH {
                break;
            }
        }
        total
    }

    /// Takes messages of connections, as [`take`](Self::take) does datagrams; answers how many.
    fn take_messages(&mut self, most: usize) -> usize {
        let (mut oldest_received_us, mut newest_received_us) = (i64::MAX, i64::MIN);
        let mut count = 0;
        // The iterator borrows the outlet, and decoding needs the rest.
        let messages: Vec<_> = self.outlet.take(most).collect();
        for message in messages {
            count += 1;
            let data = match message.kind {
                Kind::Data(data) => data,
                Kind::Ended => {
                    self.intake.stream_ended(message.connection, message.peer);
                    continue;
                }
                Kind::NotAdmitted => {
                    self.intake.stream_not_admitted(message.peer, message.received_us);
                    continue;
                }
            };
            oldest_received_us = oldest_received_us.min(message.received_us);
            newest_received_us = newest_received_us.max(message.received_us);
            self.intake.stream_message(
                message.connection,
                message.peer,
                message.received_us,
                &data,
                &mut self.flows,
            );
            if self.flows.len() >= LARGE_BATCH {
                self.hand_on(oldest_received_us, newest_received_us);
                oldest_received_us = i64::MAX;
            }
        }
        if newest_received_us > i64::MIN {
            self.last_received_us = self.last_received_us.max(Some(newest_received_us));
        }
        self.hand_on(oldest_received_us, newest_received_us);
        count
    }

    /// Decodes and locates a batch and hands its flows on.
    fn take(&mut self, batch: &ReceiveBatch) {
        let (mut oldest_received_us, mut newest_received_us) = (i64::MAX, i64::MIN);
        for (source, received_us, payload) in batch.datagrams() {
            oldest_received_us = oldest_received_us.min(received_us);
            newest_received_us = newest_received_us.max(received_us);
            self.intake.datagram(source, received_us, payload, &mut self.flows);
            if self.flows.len() >= LARGE_BATCH {
                self.hand_on(oldest_received_us, newest_received_us);
                oldest_received_us = i64::MAX;
            }
        }
        self.last_received_us = self.last_received_us.max(Some(newest_received_us));
        self.hand_on(oldest_received_us, newest_received_us);
    }

    /// Locates the flows decoded so far and hands them on as one batch.
    fn hand_on(&mut self, oldest_received_us: i64, newest_received_us: i64) {
        if self.flows.is_empty() {
            return;
        }
        if self.exporters_admitted != self.intake.exporters_admitted() {
            self.exporters_admitted = self.intake.exporters_admitted();
            self.exporters = self.intake.exporter_addresses().into();
        }
        let geolocation = self.geolocation.load();
        let flows = self.readers.flows(|located| geolocation.locate_all(&self.flows, located));
        let handed_on = FlowBatch {
            oldest_received_us,
            newest_received_us,
            geolocation,
            exporters: Arc::clone(&self.exporters),
            flows,
        };
        self.readers.offer(handed_on);
        self.flows.clear();
        self.flows.shrink_to(2 * LARGE_BATCH);
    }

    fn publish(&mut self) {
        let listeners = self.sockets.iter().map(|reading| {
            let memory = reading.memory();
            ListenerStatus {
                address: reading.address,
                receive_buffer_bytes: memory.granted_bytes,
                receive_buffer_used_bytes: memory.used_bytes,
                datagrams: reading.datagrams,
                kernel_drops: memory.drops,
                transport: Transport::Udp,
                connections: 0,
            }
        });
        let (history_handed, history_dropped) = self.readers.history();
        self.published.report.store(Arc::new(Report {
            counters: self.intake.counters(),
            exporters: self.intake.exporter_count() as u64,
            listeners: listeners.collect(),
            last_received_us: self.last_received_us,
            live_dropped: self.readers.live_dropped(),
            history_handed,
            history_dropped,
            not_admitted: self.intake.not_admitted(),
            double_counting: self.intake.double_counting(),
        }));
    }

    fn publish_exporters(&self) {
        self.published.exporters.store(Arc::new(self.intake.exporter_snapshots()));
    }

    /// Gives up what waited too long and tells of new drops in the kernel.
    fn housekeeping(&mut self) {
        let now_us = socket::now_us();
        self.intake.release(now_us, &mut self.flows);
        self.hand_on(now_us, now_us);
        self.intake.expire(now_us);
        self.publish_exporters();
        for reading in &mut self.sockets {
            let drops = reading.memory().drops;
            if drops > reading.drops {
                tracing::warn!(
                    address = %reading.address,
                    dropped = drops - reading.drops,
                    "the kernel dropped datagrams: the receive buffer was full (raise net.core.rmem_max or run as root)"
                );
                reading.drops = drops;
            }
        }
    }
}
