//! The collecting thread: receives datagrams in batches, has them decoded and located, and hands the flows on.
//!
//! It owns the listening sockets and the [`Intake`] and shares nothing that needs a lock. It waits only for the
//! kernel: a full queue behind it costs the flows of that batch for the reader of the queue, counted, never time.
//! What it has counted it publishes through [`Collector`], for pages and metrics to read without waiting.

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;

use super::batch::FlowBatch;
use super::counters::Counters;
use super::exporter::ExporterSnapshot;
use super::inlet::{self, Inlet, Kind, Outlet};
use super::intake::Intake;
use super::socket::{self, MemoryInfo, ReceiveBatch};
use super::state_file::{self, Saver, Writer};
use crate::model::admission::NotAdmitted;
use crate::model::double_counting::DoubleCounting;
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

/// A bound UDP socket that nobody reads yet. Datagrams wait in its buffer.
#[derive(Debug)]
pub struct Listener {
    socket: UdpSocket,
    address: SocketAddr,
}

impl Listener {
    /// Binds an address. From then on the kernel keeps datagrams until the collector starts.
    pub fn bind(address: SocketAddr, buffer_bytes: usize) -> io::Result<Self> {
        let socket = socket::open(address, buffer_bytes)?;
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    /// Where it listens; the port is the kernel's choice if 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The kernel's memory figures; zeros where it does not tell.
    pub fn memory(&self) -> MemoryInfo {
        socket::memory_info(&self.socket).unwrap_or_default()
    }
}

/// What the collecting thread has counted, at most a tenth of a second ago.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What became of the datagrams.
    pub counters: Counters,
    /// Exporters known now.
    pub exporters: u64,
    /// The sockets.
    pub listeners: Vec<ListenerStatus>,
    /// Receive time of the latest datagram, microseconds since 1970.
    pub last_received_us: Option<i64>,
    /// Flow records that the live feed could not take because its queue was full.
    pub live_dropped: u64,
    /// Who was seen and not admitted, the one heard last first.
    pub not_admitted: Vec<NotAdmitted>,
    /// Where flows look as if they were counted twice.
    pub double_counting: Arc<Vec<DoubleCounting>>,
}

/// What the collecting thread publishes for everybody to read without waiting.
#[derive(Debug, Default)]
struct Published {
    report: ArcSwap<Report>,
    exporters: ArcSwap<Vec<ExporterSnapshot>>,
}

/// The running collector. Its thread is stopped and awaited when it is dropped.
#[derive(Debug)]
pub struct Collector {
    published: Arc<Published>,
    is_stopping: Arc<AtomicBool>,
    wake: UnixStream,
    inlet: Inlet,
    thread: Mutex<Option<JoinHandle<()>>>,
    writer: Mutex<Option<Writer>>,
}

impl Collector {
    /// Starts the collecting thread. Nothing is kept over a restart.
    pub fn start(
        listeners: Vec<Listener>,
        intake: Intake,
        geolocation: Arc<Current>,
        live: InProcess,
    ) -> io::Result<Self> {
        Self::start_saving(listeners, intake, geolocation, live, None)
    }

    /// Starts the collecting thread, which hands what outlives the process to the writer: at the start, every
    /// minute while datagrams come, and at the stop.
    pub fn start_saving(
        listeners: Vec<Listener>,
        intake: Intake,
        geolocation: Arc<Current>,
        live: InProcess,
        writer: Option<Writer>,
    ) -> io::Result<Self> {
        let (wake, woken) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        let (inlet, outlet) = inlet::channel()?;
        let is_stopping = Arc::new(AtomicBool::new(false));
        let published = Arc::new(Published::default());
        let mut worker = Worker {
            sockets: listeners
                .into_iter()
                .map(|listener| Reading { listener, datagrams: 0, drops: 0 })
                .collect(),
            outlet,
            intake,
            geolocation,
            live,
            last_received_us: None,
            exporters: Arc::from([]),
            exporters_admitted: 0,
            flows: Vec::new(),
            published: Arc::clone(&published),
            saver: writer.as_ref().and_then(|writer| writer.saver(0)),
            saved_datagrams: 0,
        };
        worker.publish();
        let stop = Arc::clone(&is_stopping);
        let thread = std::thread::Builder::new()
            .name("collector".to_owned())
            .spawn(move || worker.run(&stop, &woken))?;
        Ok(Self {
            published,
            is_stopping,
            wake,
            inlet,
            thread: Mutex::new(Some(thread)),
            writer: Mutex::new(writer),
        })
    }

    /// Where messages of connections go.
    pub const fn inlet(&self) -> &Inlet {
        &self.inlet
    }

    /// What has been counted.
    pub fn report(&self) -> Arc<Report> {
        self.published.report.load_full()
    }

    /// What is known of every exporter, at most a second ago.
    pub fn exporters(&self) -> Arc<Vec<ExporterSnapshot>> {
        self.published.exporters.load_full()
    }

    /// False once the thread has ended, for whatever reason.
    pub fn is_running(&self) -> bool {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Reads what the sockets hold now, hands it on, saves the state, and ends the thread.
    pub fn stop(&self) {
        let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        self.is_stopping.store(true, Ordering::Release);
        // A full pipe means that the thread is being woken already, a broken one that it has ended.
        if let Err(error) = (&self.wake).write(&[1])
            && !matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::BrokenPipe)
        {
            tracing::error!(%error, "cannot wake the collecting thread");
        }
        if thread.join().is_err() {
            tracing::error!("the collecting thread had ended with a panic");
        }
        // Waits until the last state is written.
        drop(self.writer.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What is left of an interval that began at `since`, at least a millisecond.
fn rest(interval: Duration, since: Instant) -> Duration {
    interval.saturating_sub(since.elapsed()).max(Duration::from_millis(1))
}

/// A socket with what has been read from it.
struct Reading {
    listener: Listener,
    datagrams: u64,
    drops: u64,
}

struct Worker {
    sockets: Vec<Reading>,
    outlet: Outlet,
    intake: Intake,
    geolocation: Arc<Current>,
    live: InProcess,
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
    fn run(mut self, stop: &AtomicBool, woken: &UnixStream) {
        let mut polled: Vec<RawFd> =
            self.sockets.iter().map(|reading| reading.listener.socket.as_raw_fd()).collect();
        polled.extend([woken.as_raw_fd(), self.outlet.as_raw_fd()]);
        let mut readable = Vec::new();
        let mut batch = ReceiveBatch::default();
        let mut housekept = Instant::now();
        let mut published = Instant::now();
        // Whether something came since the last publishing, and since the last housekeeping.
        let (mut is_unpublished, mut is_unkept) = (false, false);
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

    /// Reads one socket until it is empty or has had its turn; answers how many datagrams it gave.
    fn read(&mut self, index: usize, batch: &mut ReceiveBatch, rounds: usize) -> usize {
        let mut total = 0;
        for _ in 0..rounds {
            let Some(reading) = self.sockets.get_mut(index) else { break };
            let count = match batch.receive(&reading.listener.socket) {
                Ok(count) => count,
                Err(error) => {
                    tracing::warn!(%error, address = %reading.listener.address, "cannot receive; trying again");
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
            let Kind::Data(data) = message.kind else {
                self.intake.stream_ended(message.connection, message.peer);
                continue;
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
        let flows = self.flows.iter().map(|record| geolocation.locate(record)).collect();
        let handed_on = FlowBatch {
            oldest_received_us,
            newest_received_us,
            geolocation,
            exporters: Arc::clone(&self.exporters),
            flows,
        };
        self.live.offer(handed_on);
        self.flows.clear();
        self.flows.shrink_to(2 * LARGE_BATCH);
    }

    fn publish(&mut self) {
        let listeners = self.sockets.iter().map(|reading| {
            let memory = reading.listener.memory();
            ListenerStatus {
                address: reading.listener.address,
                receive_buffer_bytes: memory.granted_bytes,
                receive_buffer_used_bytes: memory.used_bytes,
                datagrams: reading.datagrams,
                kernel_drops: memory.drops,
                transport: Transport::Udp,
                connections: 0,
            }
        });
        self.published.report.store(Arc::new(Report {
            counters: self.intake.counters(),
            exporters: self.intake.exporter_count() as u64,
            listeners: listeners.collect(),
            last_received_us: self.last_received_us,
            live_dropped: self.live.dropped(),
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
            let drops = reading.listener.memory().drops;
            if drops > reading.drops {
                tracing::warn!(
                    address = %reading.listener.address,
                    dropped = drops - reading.drops,
                    "the kernel dropped datagrams: the receive buffer was full (raise net.core.rmem_max or run as root)"
                );
                reading.drops = drops;
            }
        }
    }
}
