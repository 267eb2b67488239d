//! Decoding, in million flow records a second on one core, beside `netflow_parser` in the same run.
//!
//! Both decode the same datagrams of up to 1,400 bytes and 22 fields a record, with templates in every 20th. Meridian makes flow
//! records; `netflow_parser` is measured parsing alone and with its common flows, which are comparable. Located means: decoded,
//! and both ends looked up in the databases of `data/geolocation`, destinations from all over the address space.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use meridian::model::exporter::Protocol;
use meridian::model::flow_record::FlowRecord;
use meridian::server::collector::intake::{Intake, Limits};
use meridian::server::geolocation::{Geolocation, Settings};
use meridian::server::wire::encode::Exporter;
use netflow_parser::NetflowParser;

const RECORDS: u32 = 5000;
const ROUNDS: usize = 15;
/// Datagrams that are located together, as the collector does with what it reads at once.
const DATAGRAMS_AT_ONCE: usize = 16;
const NOW_MS: i64 = 1_790_000_000_000;

fn flow(number: u32) -> FlowRecord {
    FlowRecord {
        source_address: IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + number)),
        destination_address: IpAddr::V4(Ipv4Addr::from_bits(number.wrapping_mul(0x9e37_79b9))),
        source_port: 40_000,
        destination_port: 443,
        protocol: 6,
        tcp_flags: 0x1b,
        bytes: 1500 + u64::from(number),
        packets: 3,
        start_ms: NOW_MS - 5000,
        end_ms: NOW_MS - 1000,
        input_interface: 1,
        output_interface: 2,
        source_as: 64_500,
        destination_as: 64_501,
        ..FlowRecord::default()
    }
}

fn datagrams(protocol: Protocol) -> Vec<Vec<u8>> {
    let flows: Vec<_> = (0..RECORDS).map(flow).collect();
    Exporter::new(protocol, 1).datagrams(&flows, NOW_MS, 1_000_000)
}

/// Median time of a round.
fn measured(mut round: impl FnMut()) -> Duration {
    let mut times: Vec<_> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            round();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[ROUNDS / 2]
}

fn main() {
    let source = SocketAddr::from(([192, 0, 2, 1], 50_000));
    let geolocation =
        Geolocation::load(&Settings { databases: vec!["data/geolocation".into()], ..Settings::default() });
    for problem in geolocation.status().problems {
        println!("note: {problem}");
    }
    println!(
        "{:<12} {:>10} {:>10} {:>16} {:>16} {:>8}",
        "M records/s", "decoded", "located", "netflow_parser", "common flows", "ratio"
    );
    for protocol in [Protocol::NetflowV5, Protocol::NetflowV9, Protocol::Ipfix] {
        let datagrams = datagrams(protocol);
        let records = f64::from(RECORDS);
        let rate = |time: Duration| records / time.as_secs_f64() / 1e6;

        let mut intake = Intake::new(Limits::default(), Arc::default());
        let mut flows = Vec::new();
        let ours = measured(|| {
            for datagram in &datagrams {
                flows.clear();
                intake.datagram(source, NOW_MS * 1000, black_box(datagram), &mut flows);
                black_box(&flows);
            }
        });
        assert_eq!(intake.counters().traffic.flows, u64::from(RECORDS) * ROUNDS as u64);

        let mut located_flows = Vec::new();
        let located = measured(|| {
            for datagrams in datagrams.chunks(DATAGRAMS_AT_ONCE) {
                flows.clear();
                located_flows.clear();
                for datagram in datagrams {
                    intake.datagram(source, NOW_MS * 1000, black_box(datagram), &mut flows);
                }
                geolocation.locate_all(&flows, &mut located_flows);
                black_box(&located_flows);
            }
        });

        let mut parser = NetflowParser::default();
        let parsed = measured(|| {
            for datagram in &datagrams {
                black_box(&parser.parse_bytes(black_box(datagram)));
            }
        });
        let mut parser = NetflowParser::default();
        let mut count = 0;
        let common = measured(|| {
            for datagram in &datagrams {
                let flows = parser.parse_bytes_as_netflow_common_flowsets(black_box(datagram));
                count += black_box(flows).0.len();
            }
        });
        assert_eq!(count, RECORDS as usize * ROUNDS);
        let ratio = common.as_secs_f64() / ours.as_secs_f64();
        println!(
            "{:<12} {:>10.2} {:>10.2} {:>16.2} {:>16.2} {ratio:>7.1}×",
            protocol.name(),
            rate(ours),
            rate(located),
            rate(parsed),
            rate(common),
        );
    }
}
