use std::net::SocketAddr;
use std::sync::Arc;

use super::*;
use crate::model::flow_record::{FlowRecord, TimeSource};
use crate::server::collector::intake::{Intake, Limits};
use crate::server::wire::encode::Exporter;
use crate::server::wire::error::Reason;

const NOW_MS: i64 = 1_790_000_000_250;

fn flow(number: u16) -> FlowRecord {
    FlowRecord {
        source_address: [192, 0, 2, 1].into(),
        destination_address: [198, 51, 100, 7].into(),
        source_port: 1000 + number,
        destination_port: 443,
        protocol: 6,
        type_of_service: 8,
        tcp_flags: 0x1b,
        bytes: 1500,
        packets: 3,
        start_ms: NOW_MS - 4321,
        end_ms: NOW_MS - 1234,
        received_ms: NOW_MS,
        time_source: TimeSource::Record,
        input_interface: 3,
        output_interface: 4,
        ..FlowRecord::default()
    }
}

fn received(datagrams: &[Vec<u8>]) -> (Vec<FlowRecord>, Intake) {
    let mut intake = Intake::new(Limits::default(), Arc::default());
    let mut flows = Vec::new();
    for datagram in datagrams {
        intake.datagram(SocketAddr::from(([192, 0, 2, 9], 50_000)), NOW_MS * 1000, datagram, &mut flows);
    }
    (flows, intake)
}

#[test]
fn flows_exported_in_v1_and_v7_come_back_the_same() {
    let with_as = |number| FlowRecord {
        source_as: 64_500,
        destination_as: 64_501,
        source_mask: 24,
        destination_mask: 16,
        ..flow(number)
    };
    let icmp =
        FlowRecord { protocol: 1, icmp_type_code: 0x0301, source_port: 0, destination_port: 0, ..flow(0) };
    let v1: Vec<_> = (0..100).map(flow).chain([icmp]).collect();
    let v7: Vec<_> = (0..100).map(with_as).chain([icmp]).collect();
    for (protocol, sent) in [(Protocol::NetflowV1, v1), (Protocol::NetflowV7, v7)] {
        let datagrams = Exporter::new(protocol, 0).datagrams(&sent, NOW_MS, 4_000_000_000);
        assert!(datagrams.len() > 3 && datagrams.iter().all(|datagram| datagram.len() <= 1400));
        let (flows, intake) = received(&datagrams);
        assert_eq!(flows, sent, "{}", protocol.name());
        let exporter = &intake.exporters()[0];
        assert_eq!((exporter.protocols.as_slice(), exporter.sequence_gaps), (&[protocol][..], 0));
    }
}

#[test]
fn a_datagram_that_is_missing_is_seen_in_v7_and_cannot_be_in_v1() {
    let sent: Vec<_> = (0..100).map(flow).collect();
    for (protocol, missing) in [(Protocol::NetflowV1, 0), (Protocol::NetflowV7, 26)] {
        let mut datagrams = Exporter::new(protocol, 0).datagrams(&sent, NOW_MS, 1_000_000);
        datagrams.remove(1);
        assert_eq!(received(&datagrams).1.counters().missing_records, missing, "{}", protocol.name());
    }
}

#[test]
fn v1_and_v7_keep_their_whole_records_whatever_their_count_says() {
    for protocol in [Protocol::NetflowV1, Protocol::NetflowV7] {
        let whole = Exporter::new(protocol, 0).datagrams(&[flow(1); 3], NOW_MS, 1_000_000).remove(0);
        let mut too_many = whole.clone();
        too_many[3] = 200;
        let cut = whole[..whole.len() - 1].to_vec();
        let mut too_few = whole.clone();
        too_few[3] = 2;
        let (flows, intake) = received(&[whole, too_many, cut, too_few]);
        assert_eq!(flows.len(), 3 + 3 + 2 + 2);
        let sets = intake.counters().undecodable_sets;
        assert_eq!((sets[Reason::RecordCount.index()], sets[Reason::TrailingBytes.index()]), (2, 1));
    }
}
