//! Decoding sFlow, in million flow samples a second on one core, beside `sflow-parser` in the same run.
//!
//! Both decode the same datagrams of up to 1,400 bytes with 128 bytes of each packet. Meridian makes flow records, and follows
//! the sequence numbers of 48 interfaces; `sflow-parser` takes the datagram apart and leaves the packet's header as it is.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use meridian::model::exporter::Protocol;
use meridian::model::flow_record::{FlowDirection, FlowRecord};
use meridian::server::collector::intake::{Intake, Limits};
use meridian::server::wire::encode::Exporter;
use meridian::server::wire::reader::Reader;
use meridian::server::wire::sflow_v5::{Header, Samples};

const SAMPLES: u32 = 6000;
const ROUNDS: usize = 31;
const NOW_MS: i64 = 1_790_000_000_000;

fn flow(number: u32, has_extended: bool) -> FlowRecord {
    let extended = u32::from(has_extended);
    FlowRecord {
        source_address: IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + number)),
        destination_address: IpAddr::V4(Ipv4Addr::from_bits(number.wrapping_mul(0x9e37_79b9))),
        source_port: 40_000,
        destination_port: 443,
        protocol: 6,
        tcp_flags: 0x18,
        vlan: 30,
        bytes: 1500,
        packets: 1,
        flow_direction: Some(FlowDirection::Ingress),
        input_interface: 1 + number % 48,
        output_interface: 49,
        source_as: extended * 64_500,
        destination_as: extended * 64_501,
        source_mask: if has_extended { 24 } else { 0 },
        sampling_interval: 1024,
        ..FlowRecord::default()
    }
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
    println!(
        "{:<38} {:>10} {:>10} {:>14} {:>8}",
        "M samples/s", "decoded", "walked", "sflow-parser", "ratio"
    );
    for (name, has_extended) in [("raw header", false), ("raw header, extended router, gateway", true)] {
        let flows: Vec<_> = (0..SAMPLES).map(|number| flow(number, has_extended)).collect();
        let datagrams = Exporter::new(Protocol::SflowV5, 1).datagrams(&flows, NOW_MS, 1_000_000);
        let rate = |time: Duration| f64::from(SAMPLES) / time.as_secs_f64() / 1e6;

        let mut intake = Intake::new(Limits::default(), Arc::default());
        let mut decoded = Vec::new();
        let ours = measured(|| {
            for datagram in &datagrams {
                decoded.clear();
                intake.datagram(source, NOW_MS * 1000, black_box(datagram), &mut decoded);
                black_box(&decoded);
            }
        });
        assert_eq!(intake.counters().traffic.flows, u64::from(SAMPLES) * ROUNDS as u64);

        let walked = measured(|| {
            for datagram in &datagrams {
                let mut reader = Reader::new(black_box(datagram));
                if let Ok(header) = Header::parse(&mut reader) {
                    for sample in Samples::new(&header, reader) {
                        black_box(&sample);
                    }
                }
            }
        });

        let theirs = measured(|| {
            for datagram in &datagrams {
                black_box(&sflow_parser::parsers::parse_datagram(black_box(datagram)));
            }
        });
        let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
        println!(
            "{name:<38} {:>10.2} {:>10.2} {:>14.2} {ratio:>7.1}×",
            rate(ours),
            rate(walked),
            rate(theirs),
        );
    }
}
