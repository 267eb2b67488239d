//! What rules against counting twice cost: processor time for a flow record, from the datagram to the flow record.
//!
//! Two exporters send the same flows, IPFIX, 300,000 different ones: more than any cache of the processor holds. Each
//! figure is the median of the rounds; in the first round all flows are new to the table of owners.

use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use meridian::model::exporter::Protocol;
use meridian::model::flow_record::{FlowDirection, FlowRecord};
use meridian::server::collector::intake::{Intake, Limits};
use meridian::server::config::file::ConfigFile;
use meridian::server::wire::encode::Exporter;

const FLOWS: u32 = 300_000;
const ROUNDS: i64 = 9;
const NOW_MS: i64 = 1_790_000_000_000;

fn flow(number: u32) -> FlowRecord {
    let direction = if number.is_multiple_of(2) { FlowDirection::Ingress } else { FlowDirection::Egress };
    FlowRecord {
        source_address: IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + number)),
        destination_address: IpAddr::V4(Ipv4Addr::from_bits(number.wrapping_mul(0x9e37_79b9))),
        source_port: 40_000,
        destination_port: 443,
        protocol: 6,
        bytes: 1500 + u64::from(number),
        packets: 3,
        start_ms: NOW_MS - 5000,
        end_ms: NOW_MS - 1000,
        flow_direction: Some(direction),
        ..FlowRecord::default()
    }
}

/// Time that this thread has run on a processor.
fn on_processor() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let first = text.split_whitespace().next().and_then(|field| field.parse().ok());
    Duration::from_nanos(first.unwrap_or(0))
}

fn rule(by: &str) -> String {
    format!("[[count_once]]\nname = \"bench\"\nexporters = [\"192.0.2.0/24\"]\nby = \"{by}\"\n")
}

fn main() {
    let flows: Vec<_> = (0..FLOWS).map(flow).collect();
    let datagrams = Exporter::new(Protocol::Ipfix, 1).datagrams(&flows, NOW_MS, 1_000_000);
    println!("{:<16} {:>12} {:>12} {:>12}", "ns a record", "first round", "median", "dropped");
    for (name, text) in
        [("no rule", String::new()), ("ingress", rule("ingress")), ("first_exporter", rule("first_exporter"))]
    {
        let Ok(mut file) = ConfigFile::parse(&text, Path::new("bench")) else { return };
        let mut intake = Intake::new(Limits::default(), Arc::new(file.rules()));
        let mut flows = Vec::new();
        let mut times: Vec<Duration> = Vec::new();
        for round in 0..ROUNDS {
            let start = on_processor();
            for datagram in &datagrams {
                for last in [1, 2] {
                    flows.clear();
                    let source = SocketAddr::from(([192, 0, 2, last], 50_000));
                    intake.datagram(source, (NOW_MS + round * 1000) * 1000, black_box(datagram), &mut flows);
                    black_box(&flows);
                }
            }
            times.push(on_processor().saturating_sub(start));
        }
        let per_record = |time: Duration| time.as_secs_f64() * 1e9 / f64::from(FLOWS) / 2.0;
        let first = times.first().copied().unwrap_or_default();
        times.sort_unstable();
        let median = times.get(times.len() / 2).copied().unwrap_or_default();
        println!(
            "{name:<16} {:>12.1} {:>12.1} {:>12}",
            per_record(first),
            per_record(median),
            intake.counters().duplicate_flows.flows
        );
    }
}
