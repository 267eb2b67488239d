//! A restart, seen from outside: the collecting thread stops, another one starts with what the first has saved.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use meridian::model::exporter::{Exporter, Protocol};
use meridian::model::flow_record::FlowRecord;
use meridian::server::collector::intake::{Intake, Limits, Restored};
use meridian::server::collector::listener::Listener;
use meridian::server::collector::running::Collector;
use meridian::server::collector::state_file::{StateFile, Writer};
use meridian::server::collector::steering::Steering;
use meridian::server::geolocation::{Current, Geolocation, Settings};
use meridian::server::transport::InProcess;
use meridian::server::wire::encode;

const PATIENCE: Duration = Duration::from_mins(1);

struct Running {
    collector: Collector,
    address: SocketAddr,
    restored: Restored,
    notices: Vec<String>,
}

impl Running {
    fn start(file: &Path) -> Self {
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), 1 << 20).unwrap();
        let address = listener.address();
        let (state_file, saved) = StateFile::open(file.to_owned());
        let mut intake = Intake::new(Limits::default(), Arc::default());
        let restored = intake.restore(saved.exporters, now_us());
        let (live, batches) = InProcess::channel();
        // Nobody watches: the flows are counted all the same.
        drop(batches);
        let geolocation = Arc::new(Current::new(Geolocation::without_databases(&Settings::default())));
        let writer = Writer::start(Arc::clone(&state_file), 1).unwrap();
        let collector = Collector::start(
            vec![listener],
            &Steering::default(),
            vec![intake],
            &geolocation,
            &live,
            Some(writer),
        )
        .unwrap();
        Self { collector, address, restored, notices: state_file.notices() }
    }

    fn send(&self, socket: &UdpSocket, datagrams: &[Vec<u8>]) {
        let before = self.collector.report().counters.datagrams;
        for datagram in datagrams {
            socket.send_to(datagram, self.address).unwrap();
        }
        let began = Instant::now();
        while self.collector.report().counters.datagrams < before + datagrams.len() as u64 {
            assert!(began.elapsed() < PATIENCE);
            std::thread::yield_now();
        }
    }

    fn stop(self) -> Exporter {
        self.collector.stop();
        self.collector.exporters()[0].clone().into_exporter()
    }
}

fn now_us() -> i64 {
    i64::try_from(UNIX_EPOCH.elapsed().unwrap().as_micros()).unwrap()
}

/// Datagrams of one flow record each; the first has the templates.
fn datagrams(protocol: Protocol) -> Vec<Vec<u8>> {
    let mut exporter = encode::Exporter::new(protocol, 3);
    let flow = FlowRecord { bytes: 5, packets: 1, ..FlowRecord::default() };
    (0..10).flat_map(|_| exporter.datagrams(&[flow], now_us() / 1000, 1000)).collect()
}

#[test]
fn after_a_restart_data_sets_are_decoded_before_templates_come_again() {
    for protocol in [Protocol::NetflowV9, Protocol::Ipfix] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("collector-state");
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let datagrams = datagrams(protocol);

        let first = Running::start(&file);
        assert_eq!(first.restored, Restored::default());
        first.send(&socket, &datagrams[..3]);
        let before = first.stop();
        assert_eq!((before.traffic.flows, before.templates.len()), (3, 2));

        let second = Running::start(&file);
        assert_eq!(second.restored, Restored { exporters: 1, templates: 2, left_out: 0 });
        second.send(&socket, &datagrams[5..]);
        let after = second.stop();
        assert_eq!((after.traffic.flows, after.sets_waiting), (5, 0), "{}", protocol.name());
        assert_eq!((after.sequence_stopped, after.sequence_missing), (2, 0));
        assert_eq!((after.first_seen_ms, after.datagrams), (before.first_seen_ms, 5));
        assert_eq!(after.templates[0].fields, before.templates[0].fields);
    }
}

#[test]
fn a_damaged_state_is_told_of_and_collecting_goes_on_without_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("collector-state");
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let datagrams = datagrams(Protocol::Ipfix);
    let first = Running::start(&file);
    first.send(&socket, &datagrams[..1]);
    first.stop();
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();

    let second = Running::start(&file);
    assert_eq!(second.restored, Restored::default());
    assert!(second.notices.len() == 1 && second.notices[0].contains("checksum"), "{:?}", second.notices);
    assert!(folder.path().join("collector-state.damaged").exists());
    second.send(&socket, &datagrams[1..2]);
    assert_eq!(second.stop().sets_waiting, 1);

    let third = Running::start(&file);
    assert_eq!((third.restored.exporters, third.notices.len()), (1, 0));
    third.send(&socket, &datagrams[..1]);
    assert_eq!(third.stop().traffic.flows, 1);
}
