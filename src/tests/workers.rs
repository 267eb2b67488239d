//! Several collecting threads: every exporter in one of them, everything counted once, nothing lost between them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use meridian::model::exporter::Protocol;
use meridian::model::flow_record::{FlowDirection, FlowRecord};
use meridian::server::collector::intake::{Intake, Limits};
use meridian::server::collector::listener::Listener;
use meridian::server::collector::running::Collector;
use meridian::server::collector::steering::Steering;
use meridian::server::geolocation::{Current, Geolocation, Settings};
use meridian::server::transport::{Batches, InProcess};
use meridian::server::wire::encode::Exporter;

const WORKERS: usize = 3;
const EXPORTERS: u8 = 60;
const FLOWS: u32 = 40;

struct Collecting {
    collector: Collector,
    batches: Batches,
    address: SocketAddr,
}

impl Collecting {
    fn start(steering: &Steering) -> Self {
        let listener = Listener::bind_group("127.0.0.1:0".parse().unwrap(), 4 << 20, steering).unwrap();
        let address = listener.address();
        let (live, batches) = InProcess::channel();
        let geolocation = Geolocation::without_databases(&Settings::default());
        let collector = Collector::start(
            vec![listener],
            steering,
            Intake::for_workers(Limits::default(), &Arc::default(), steering.workers()),
            &Arc::new(Current::new(geolocation)),
            &live,
            None,
        )
        .unwrap();
        Self { collector, batches, address }
    }

    fn wait_for_datagrams(&self, count: u64) {
        let began = Instant::now();
        while self.collector.report().counters.datagrams < count {
            assert!(began.elapsed() < Duration::from_secs(20), "{:?}", self.collector.report());
            std::thread::yield_now();
        }
    }

    /// The exporters' addresses by what the batches say, with the number of their flows.
    fn flows_by_exporter(&mut self) -> HashMap<IpAddr, u32> {
        let mut flows = HashMap::new();
        while let Some(batch) = self.batches.try_recv() {
            for flow in &batch.flows {
                let exporter = usize::try_from(flow.record.exporter.0).unwrap();
                *flows.entry(batch.exporters[exporter]).or_default() += 1;
            }
        }
        flows
    }
}

fn exporter_address(number: u8) -> IpAddr {
    IpAddr::from([127, 0, number % 3, 1 + number])
}

/// Every exporter sends from two sockets, its templates and its data from each.
fn send_all(target: SocketAddr) -> u64 {
    let mut datagrams = 0;
    for number in 0..EXPORTERS {
        for protocol in [Protocol::NetflowV9, Protocol::Ipfix] {
            let socket = UdpSocket::bind((exporter_address(number), 0)).unwrap();
            let flows: Vec<_> = (0..FLOWS)
                .map(|flow| FlowRecord {
                    source_address: IpAddr::from([10, 0, 0, 1]),
                    destination_address: IpAddr::from([198, 51, 100, 7]),
                    bytes: u64::from(flow) + 1,
                    packets: 1,
                    ..FlowRecord::default()
                })
                .collect();
            for datagram in Exporter::new(protocol, 1).datagrams(&flows, 1_790_000_000_000, 1_000_000) {
                socket.send_to(&datagram, target).unwrap();
                datagrams += 1;
            }
        }
    }
    datagrams
}

#[test]
fn every_flow_of_every_exporter_is_decoded_once_whichever_worker_reads_it() {
    let steering = Steering::new(WORKERS, vec!["127.0.2.0/24".parse().unwrap()]);
    let mut collecting = Collecting::start(&steering);
    let sent = send_all(collecting.address);
    collecting.wait_for_datagrams(sent);
    collecting.collector.stop();

    let flows = collecting.flows_by_exporter();
    assert_eq!(flows.len(), usize::from(EXPORTERS));
    for number in 0..EXPORTERS {
        assert_eq!(flows[&exporter_address(number)], 2 * FLOWS, "{}", exporter_address(number));
    }

    let report = collecting.collector.report();
    let counters = report.counters;
    let total = u64::from(EXPORTERS) * 2 * u64::from(FLOWS);
    assert_eq!((counters.datagrams, counters.traffic.flows), (sent, total));
    assert_eq!((counters.sets_waiting, counters.sets_refused, report.live_dropped), (0, 0, 0));
    assert_eq!(counters.sets, counters.template_sets + counters.data_sets_decoded);
    let [listener] = &report.listeners[..] else { panic!("one address is one listener: {report:?}") };
    assert_eq!((listener.datagrams, listener.kernel_drops), (sent, 0));

    let exporters = collecting.collector.exporters();
    assert_eq!(report.exporters, u64::from(EXPORTERS));
    let ids: HashSet<_> = exporters.iter().map(|exporter| exporter.summary().id).collect();
    assert_eq!(ids.len(), usize::from(EXPORTERS), "no number is given twice");
    for exporter in exporters.iter() {
        let exporter = exporter.summary();
        assert_eq!(exporter.traffic.flows, 2 * u64::from(FLOWS));
        let worker = usize::try_from(exporter.id.0).unwrap() % WORKERS;
        assert_eq!(worker, steering.worker_of(exporter.address), "{}", exporter.address);
    }
}

#[test]
fn pinned_networks_share_the_first_worker_and_the_others_do_not_all() {
    let steering = Steering::new(WORKERS, vec!["127.0.2.0/24".parse().unwrap()]);
    let collecting = Collecting::start(&steering);
    let sent = send_all(collecting.address);
    collecting.wait_for_datagrams(sent);
    collecting.collector.stop();
    let mut used = HashSet::new();
    for exporter in collecting.collector.exporters().iter() {
        let exporter = exporter.summary();
        let worker = usize::try_from(exporter.id.0).unwrap() % WORKERS;
        used.insert(worker);
        let is_pinned = exporter.address.to_string().starts_with("127.0.2.");
        assert!(worker == 0 || !is_pinned, "{} is read by worker {worker}", exporter.address);
    }
    assert_eq!(used.len(), WORKERS);
}

#[test]
fn flows_counted_twice_are_told_of_even_when_nothing_comes_to_the_first_worker() {
    let steering = Steering::new(2, Vec::new());
    let collecting = Collecting::start(&steering);
    let mut addresses = (1..=u8::MAX).map(|last| IpAddr::from([127, 0, 0, last]));
    let router = addresses.find(|address| steering.worker_of(*address) == 1).unwrap();
    let socket = UdpSocket::bind((router, 0)).unwrap();
    let mut exporter = Exporter::new(Protocol::Ipfix, 1);
    for direction in [FlowDirection::Ingress, FlowDirection::Egress] {
        let flows: Vec<_> = (0..1_000_u16)
            .map(|number| FlowRecord {
                source_address: IpAddr::from([10, 0, 0, 1]),
                destination_address: IpAddr::from([198, 51, 100, 7]),
                source_port: number,
                protocol: 6,
                bytes: 1_000,
                packets: 2,
                flow_direction: Some(direction),
                ..FlowRecord::default()
            })
            .collect();
        for datagram in exporter.datagrams(&flows, 1_790_000_000_000, 1_000_000) {
            socket.send_to(&datagram, collecting.address).unwrap();
        }
    }
    let began = Instant::now();
    while collecting.collector.report().double_counting.is_empty() {
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", collecting.collector.report());
        std::thread::yield_now();
    }
}

#[test]
fn what_comes_before_the_workers_start_waits_for_them() {
    let steering = Steering::new(WORKERS, Vec::new());
    let listener = Listener::bind_group("127.0.0.1:0".parse().unwrap(), 4 << 20, &steering).unwrap();
    let sent = send_all(listener.address());
    let (live, _batches) = InProcess::channel();
    let geolocation = Arc::new(Current::new(Geolocation::without_databases(&Settings::default())));
    let intakes = Intake::for_workers(Limits::default(), &Arc::default(), WORKERS);
    let collector = Collector::start(vec![listener], &steering, intakes, &geolocation, &live, None).unwrap();
    collector.stop();
    let counters = collector.report().counters;
    let flows = u64::from(EXPORTERS) * 2 * u64::from(FLOWS);
    assert_eq!((counters.datagrams, counters.traffic.flows), (sent, flows));
}
