//! The law: what was sent is decoded, lost in the kernel, missing by sequence numbers, or dropped by a queue, to
//! the record.
//!
//! Real sockets on loopback, the real collecting thread, and between exporters and collector a relay with a seed
//! that removes, holds back and repeats datagrams. What is lost at the very end of a stream shows in no
//! number; so the relay leaves the last datagrams alone, and the first, which give no difference.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use meridian::model::exporter::Protocol;
use meridian::model::flow_record::FlowRecord;
use meridian::server::collector::intake::{Intake, Limits};
use meridian::server::collector::listener::Listener;
use meridian::server::collector::report::Report;
use meridian::server::collector::running::Collector;
use meridian::server::collector::steering::Steering;
use meridian::server::geolocation::{Current, Geolocation, Settings};
use meridian::server::transport::{Batches, InProcess};
use meridian::server::wire::encode::Exporter;

const PATIENCE: Duration = Duration::from_mins(1);
/// Datagrams at both ends of a stream that the relay does not harm.
const UNHARMED: usize = 10;
/// A received datagram takes so many bytes of a socket's buffer at most.
const BUFFERED_BYTES: u64 = 4_608;

/// The collecting thread, and the far end of its queue, which nobody reads until the end.
struct Running {
    collector: Collector,
    batches: Batches,
    address: SocketAddr,
    /// Datagrams that its socket holds.
    room: u64,
    sent: u64,
}

impl Running {
    fn start(listener: Listener) -> Self {
        let (address, room) = (listener.address(), listener.memory().granted_bytes / BUFFERED_BYTES);
        let (live, batches) = InProcess::channel();
        let geolocation = Arc::new(Current::new(Geolocation::without_databases(&Settings::default())));
        let intake = Intake::new(Limits::default(), Arc::default());
        let collector =
            Collector::start(vec![listener], &Steering::default(), vec![intake], &geolocation, &live, None)
                .unwrap();
        Self { collector, batches, address, room: room.max(1), sent: 0 }
    }

    /// Sends a datagram when the socket has room for it, so that the kernel drops none.
    fn send(&mut self, from: &UdpSocket, payload: &[u8]) {
        from.send_to(payload, self.address).unwrap();
        self.sent += 1;
        if self.sent.is_multiple_of(self.room) {
            self.wait_for(self.sent);
        }
    }

    fn wait_for(&self, datagrams: u64) {
        let began = Instant::now();
        while self.collector.report().counters.datagrams < datagrams {
            assert!(
                began.elapsed() < PATIENCE,
                "{} of {datagrams}",
                self.collector.report().counters.datagrams
            );
            std::thread::yield_now();
        }
    }

    /// Stops it. The last account, and the `bytes` of every flow record that was handed on.
    fn stop(mut self) -> (Arc<Report>, Vec<meridian::model::exporter::Exporter>, Vec<u64>) {
        self.collector.stop();
        let report = self.collector.report();
        let exporters = self.collector.exporters();
        drop(self.collector);
        let mut bytes = Vec::new();
        while let Some(batch) = self.batches.try_recv() {
            bytes.extend(batch.flows.iter().map(|flow| flow.record.bytes));
        }
        (report, exporters.iter().map(|one| one.clone().into_exporter()).collect(), bytes)
    }
}

/// Flow records that each can be told by their number of bytes.
fn flows(first: u64, count: u64) -> Vec<FlowRecord> {
    let flow = |number| FlowRecord {
        source_address: IpAddr::from([192, 0, 2, 1]),
        destination_address: IpAddr::from([198, 51, 100, 7]),
        protocol: 6,
        bytes: number,
        packets: 1,
        ..FlowRecord::default()
    };
    (first..first + count).map(flow).collect()
}

fn datagrams(exporter: &mut Exporter, flows: &[FlowRecord]) -> Vec<Vec<u8>> {
    let now_ms = i64::try_from(UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    exporter.datagrams(flows, now_ms, 1_000_000)
}

fn socket(address: Ipv4Addr) -> UdpSocket {
    UdpSocket::bind((address, 0)).unwrap()
}

/// What the relay did to a stream.
#[derive(Debug, Default)]
struct Harm {
    removed: Vec<usize>,
    overtaken: u64,
    repeated: u64,
}

/// Passes the datagrams of one exporter on, out of its own socket, and harms one in twenty in each way.
struct Relay {
    socket: UdpSocket,
    random: fastrand::Rng,
    held: VecDeque<(usize, Vec<u8>)>,
    harm: Harm,
}

impl Relay {
    fn new(address: Ipv4Addr, seed: u64) -> Self {
        let socket = socket(address);
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let random = fastrand::Rng::with_seed(seed);
        Self { socket, random, held: VecDeque::new(), harm: Harm::default() }
    }

    /// Passes on number `index` of a stream, which waits in the socket.
    fn pass(&mut self, index: usize, is_harmless: bool, to: &mut Running) {
        let mut buffer = [0; 2_048];
        let length = self.socket.recv(&mut buffer).unwrap();
        let payload = &buffer[..length];
        match self.random.u8(..100) {
            _ if is_harmless => to.send(&self.socket, payload),
            0..5 => self.harm.removed.push(index),
            5..10 => {
                self.harm.overtaken += 1;
                self.held.push_back((index + self.random.usize(2..20), payload.to_vec()));
            }
            10..15 => {
                self.harm.repeated += 1;
                to.send(&self.socket, payload);
                self.held.push_back((index + self.random.usize(0..20), payload.to_vec()));
            }
            _ => to.send(&self.socket, payload),
        }
        let (due, held): (VecDeque<_>, _) = std::mem::take(&mut self.held)
            .into_iter()
            .partition(|(when, _)| is_harmless && index > UNHARMED || *when <= index);
        self.held = held;
        for (_, payload) in due {
            to.send(&self.socket, &payload);
        }
    }
}

#[test]
fn what_a_relay_removes_is_missing_to_the_record_and_what_it_repeats_is_counted_once() {
    const FLOWS: u64 = 40_000;
    for seed in 1..=3 {
        let mut running = Running::start(Listener::bind("127.0.0.1:0".parse().unwrap(), 64 << 20).unwrap());
        let mut expected = Vec::new();
        let mut streams = Vec::new();
        let protocols = [Protocol::NetflowV5, Protocol::NetflowV9, Protocol::Ipfix];
        for (number, protocol) in (0_u8..).zip(protocols) {
            let flows = flows(1 + u64::from(number) * FLOWS, FLOWS);
            // Each with a different number of records, as exporters send them.
            let mut exporter = Exporter::new(protocol, 7);
            let mut random = fastrand::Rng::with_seed(seed);
            let mut rest = &flows[..];
            let mut stream = Vec::new();
            while !rest.is_empty() {
                let (some, left) = rest.split_at(random.usize(1..15).min(rest.len()));
                let made = datagrams(&mut exporter, some);
                assert_eq!(made.len(), 1);
                stream.extend(made.into_iter().map(|payload| (payload, some.len() as u64)));
                rest = left;
            }
            let address = Ipv4Addr::new(127, 0, 0, 11 + number);
            let sender = socket(Ipv4Addr::LOCALHOST);
            let mut relay = Relay::new(address, seed + 10 * u64::from(number));
            sender.connect(relay.socket.local_addr().unwrap()).unwrap();
            for (index, (payload, _)) in stream.iter().enumerate() {
                sender.send(payload).unwrap();
                let is_harmless = index < UNHARMED || index + UNHARMED >= stream.len();
                relay.pass(index, is_harmless, &mut running);
            }
            let mut first = 1 + u64::from(number) * FLOWS;
            for (index, (_, records)) in stream.iter().enumerate() {
                if !relay.harm.removed.contains(&index) {
                    expected.extend(first..first + records);
                }
                first += records;
            }
            streams.push((IpAddr::from(address), protocol, stream, relay.harm));
        }
        running.wait_for(running.sent);
        let sent = running.sent;
        let (report, exporters, mut bytes) = running.stop();

        assert_eq!(report.listeners[0].kernel_drops, 0, "the sockets had room");
        assert_eq!(report.counters.datagrams, sent);
        assert_eq!(report.live_dropped, 0);
        bytes.sort_unstable();
        assert!(bytes == expected, "seed {seed}: not the very flow records that were not removed");
        for (address, protocol, stream, harm) in streams {
            let exporter = exporters.iter().find(|exporter| exporter.address == address).unwrap();
            let removed: u64 = harm.removed.iter().map(|index| stream[*index].1).sum();
            assert!(harm.removed.len() > 50 && harm.repeated > 50 && harm.overtaken > 50, "{harm:?}");
            let missing = if protocol == Protocol::NetflowV9 { harm.removed.len() as u64 } else { removed };
            let name = format!("{} with seed {seed}", protocol.name());
            assert_eq!(exporter.sequence_missing, missing, "{name}");
            assert_eq!(exporter.duplicate_datagrams, harm.repeated, "{name}");
            assert_eq!((exporter.sequence_uncertain, exporter.sequence_stopped), (0, 0), "{name}");
            assert_eq!(exporter.traffic.flows + removed, FLOWS, "{name}");
        }
    }
}

#[test]
fn what_overflows_in_the_kernel_is_counted_to_the_datagram_and_missing_to_the_record() {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), 16_384).unwrap();
    let sender = socket(Ipv4Addr::LOCALHOST);
    let mut exporter = Exporter::new(Protocol::Ipfix, 1);
    let all = flows(1, 10_000);
    // Nobody reads yet.
    let before = datagrams(&mut exporter, &all[..9_000]);
    for payload in &before {
        sender.send_to(payload, listener.address()).unwrap();
    }
    let mut running = Running::start(listener);
    let began = Instant::now();
    let drops = loop {
        let report = running.collector.report();
        let drops = report.listeners[0].kernel_drops;
        if report.counters.datagrams > 0 && report.counters.datagrams + drops == before.len() as u64 {
            break drops;
        }
        assert!(began.elapsed() < PATIENCE, "{:?}", report.listeners);
        std::thread::yield_now();
    };
    assert!(drops > 100, "the buffer was large: {drops}");
    running.sent = before.len() as u64 - drops;
    let after = datagrams(&mut exporter, &all[9_000..]);
    for payload in &after {
        running.send(&sender, payload);
        running.wait_for(running.sent);
    }
    let (report, _, bytes) = running.stop();
    let counters = report.counters;
    let sent = (before.len() + after.len()) as u64;
    assert_eq!(counters.datagrams + report.listeners[0].kernel_drops, sent);
    assert_eq!(report.listeners[0].datagrams, counters.datagrams);
    assert_eq!(counters.data_records + counters.missing_records + counters.uncertain_records, 10_000);
    assert_eq!((counters.traffic.flows, report.live_dropped), (bytes.len() as u64, 0));
}

#[test]
fn drops_in_the_kernel_up_to_the_stop_are_in_the_last_account() {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), 4_096).unwrap();
    let sender = socket(Ipv4Addr::LOCALHOST);
    let running = Running::start(listener);
    let sent = 5_000;
    for payload in datagrams(&mut Exporter::new(Protocol::NetflowV5, 1), &flows(1, sent * 28)) {
        sender.send_to(&payload, running.address).unwrap();
    }
    // Without waiting for any publishing.
    let (report, ..) = running.stop();
    assert_eq!(report.counters.datagrams + report.listeners[0].kernel_drops, sent);
}

#[test]
fn flows_that_the_full_live_queue_drops_are_counted() {
    const FLOWS: u64 = 520_000;
    let mut running = Running::start(Listener::bind("127.0.0.1:0".parse().unwrap(), 64 << 20).unwrap());
    let sender = socket(Ipv4Addr::LOCALHOST);
    let mut exporter = Exporter::new(Protocol::NetflowV5, 1);
    for payload in datagrams(&mut exporter, &flows(1, FLOWS)) {
        running.send(&sender, &payload);
    }
    running.wait_for(running.sent);
    let (report, _, bytes) = running.stop();
    let counters = report.counters;
    assert_eq!(report.listeners[0].kernel_drops, 0);
    assert_eq!((counters.traffic.flows, counters.missing_records), (FLOWS, 0));
    assert!(report.live_dropped > 0);
    assert_eq!(bytes.len() as u64 + report.live_dropped, FLOWS);
}
