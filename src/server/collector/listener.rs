//! The collecting thread: receives datagrams in batches, has them decoded and located, and hands the flows on.
//!
//! It owns the listening sockets and the [`Intake`] and shares nothing that needs a lock. It waits only for the
//! kernel: a full queue behind it costs the flows of that batch for the reader of the queue, counted, never time.
//! Pages and metrics ask it questions through [`Collector`]; it answers between two batches.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::mpsc as queue;

use super::batch::FlowBatch;
use super::counters::Counters;
use super::intake::Intake;
use super::socket::{self, MemoryInfo, ReceiveBatch};
use crate::model::exporter::Exporter;
use crate::model::flow_record::FlowRecord;
use crate::model::status::Listener as ListenerStatus;
use crate::server::geolocation::Current;

/// Batches read from one socket before the others get their turn.
const ROUNDS: usize = 16;
/// Flow records that are handed on at once, without waiting for the rest of the datagrams read.
const LARGE_BATCH: usize = 8_192;
/// How often waiting data sets are given up and kernel drops are looked for while traffic flows.
const HOUSEKEEPING: Duration = Duration::from_secs(1);
/// How long an answer may take before the thread counts as gone.
const PATIENCE: Duration = Duration::from_secs(5);

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

/// What the collecting thread has counted.
#[derive(Clone, Debug)]
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
}

enum Question {
    Report(mpsc::SyncSender<Report>),
    Exporters(mpsc::SyncSender<Vec<Exporter>>),
    Stop,
}

/// The running collector: asks its thread, and stops it.
#[derive(Debug)]
pub struct Collector {
    questions: mpsc::Sender<Question>,
    wake: Mutex<UnixStream>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Collector {
    /// Starts the collecting thread.
    pub fn start(
        listeners: Vec<Listener>,
        intake: Intake,
        geolocation: Arc<Current>,
        live: queue::Sender<FlowBatch>,
    ) -> io::Result<Self> {
        let (wake, woken) = UnixStream::pair()?;
        woken.set_nonblocking(true)?;
        wake.set_nonblocking(true)?;
        let (questions, asked) = mpsc::channel();
        let worker = Worker {
            sockets: listeners
                .into_iter()
                .map(|listener| Reading { listener, datagrams: 0, drops: 0 })
                .collect(),
            intake,
            geolocation,
            live,
            live_dropped: 0,
            last_received_us: None,
            exporters: Arc::from([]),
            exporters_admitted: 0,
            flows: Vec::new(),
        };
        let thread = std::thread::Builder::new()
            .name("collector".to_owned())
            .spawn(move || worker.run(&asked, &woken))?;
        Ok(Self { questions, wake: Mutex::new(wake), thread: Mutex::new(Some(thread)) })
    }

    /// What has been counted up to now; `None` once the collector has stopped. Waits for the batch in hand, at most
    /// some milliseconds.
    pub fn report(&self) -> Option<Report> {
        self.ask(Question::Report)
    }

    /// What is known of every exporter; empty once the collector has stopped. Waits as [`report`](Self::report) does.
    pub fn exporters(&self) -> Vec<Exporter> {
        self.ask(Question::Exporters).unwrap_or_default()
    }

    /// Reads what the sockets hold, hands it on, and ends the thread.
    pub fn stop(&self) {
        self.tell(Question::Stop);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the collecting thread had ended with a panic");
        }
    }

    /// Asks and waits for the answer; `None` from a thread that has ended.
    fn ask<T>(&self, question: impl FnOnce(mpsc::SyncSender<T>) -> Question) -> Option<T> {
        let (answer, answered) = mpsc::sync_channel(1);
        self.tell(question(answer));
        answered.recv_timeout(PATIENCE).ok()
    }

    fn tell(&self, question: Question) {
        if self.questions.send(question).is_ok() {
            let mut wake = self.wake.lock().unwrap_or_else(PoisonError::into_inner);
            // A full pipe means that the thread is being woken already.
            if let Err(error) = wake.write(&[1])
                && error.kind() != io::ErrorKind::WouldBlock
            {
                tracing::error!(%error, "cannot wake the collecting thread");
            }
        }
    }
}

/// A socket with what has been read from it.
struct Reading {
    listener: Listener,
    datagrams: u64,
    drops: u64,
}

struct Worker {
    sockets: Vec<Reading>,
    intake: Intake,
    geolocation: Arc<Current>,
    live: queue::Sender<FlowBatch>,
    live_dropped: u64,
    last_received_us: Option<i64>,
    exporters: Arc<[IpAddr]>,
    exporters_admitted: u64,
    flows: Vec<FlowRecord>,
}

impl Worker {
    fn run(mut self, asked: &mpsc::Receiver<Question>, woken: &UnixStream) {
        let mut polled: Vec<RawFd> =
            self.sockets.iter().map(|reading| reading.listener.socket.as_raw_fd()).collect();
        polled.push(woken.as_raw_fd());
        let mut readable = Vec::new();
        let mut batch = ReceiveBatch::default();
        let mut last_housekeeping = Instant::now();
        let mut is_quiet = true;
        loop {
            // Once nothing has come for a whole second and nothing waits, only the kernel wakes this thread.
            let timeout = (!is_quiet || self.intake.is_waiting()).then_some(HOUSEKEEPING);
            if let Err(error) = socket::wait(&polled, timeout, &mut readable) {
                tracing::error!(%error, "cannot wait for datagrams; trying again");
                std::thread::sleep(HOUSEKEEPING);
            }
            let mut received = 0;
            for index in 0..self.sockets.len() {
                if readable.get(index).copied().unwrap_or(false) {
                    received += self.read(index, &mut batch, ROUNDS);
                }
            }
            if readable.last().copied().unwrap_or(false) && self.answer(asked, woken) {
                for index in 0..self.sockets.len() {
                    self.read(index, &mut batch, usize::MAX);
                }
                return;
            }
            if received > 0 {
                is_quiet = false;
            }
            if last_housekeeping.elapsed() >= HOUSEKEEPING {
                last_housekeeping = Instant::now();
                is_quiet = received == 0;
                self.housekeeping();
            }
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
                    tracing::warn!(%error, address = %reading.listener.address, "cannot receive");
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
        if self.live.try_send(handed_on).is_err() {
            self.live_dropped += self.flows.len() as u64;
        }
        self.flows.clear();
        self.flows.shrink_to(2 * LARGE_BATCH);
    }

    /// Answers what was asked; true when it was asked to stop.
    fn answer(&mut self, asked: &mpsc::Receiver<Question>, mut woken: &UnixStream) -> bool {
        let mut bytes = [0; 64];
        while matches!(woken.read(&mut bytes), Ok(1..)) {}
        let mut stop = false;
        // A questioner that no longer waits has dropped its end: nothing is lost by that.
        for question in asked.try_iter() {
            match question {
                Question::Report(answer) => drop(answer.send(self.report())),
                Question::Exporters(answer) => drop(answer.send(self.intake.exporters())),
                Question::Stop => stop = true,
            }
        }
        stop
    }

    fn report(&self) -> Report {
        let listeners = self.sockets.iter().map(|reading| {
            let memory = reading.listener.memory();
            ListenerStatus {
                address: reading.listener.address,
                receive_buffer_bytes: memory.granted_bytes,
                receive_buffer_used_bytes: memory.used_bytes,
                datagrams: reading.datagrams,
                kernel_drops: memory.drops,
            }
        });
        Report {
            counters: self.intake.counters(),
            exporters: self.intake.exporter_count() as u64,
            listeners: listeners.collect(),
            last_received_us: self.last_received_us,
            live_dropped: self.live_dropped,
        }
    }

    /// Gives up what waited too long and tells of new drops in the kernel.
    fn housekeeping(&mut self) {
        self.intake.expire(socket::now_us());
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
