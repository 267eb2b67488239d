//! What the targets of the datagram decoders share: an input is a series of datagrams to one intake.
//!
//! Each begins with a byte that chooses its exporter, its version and how late it comes, and two bytes, its
//! length; the last may be shorter than it says. So templates may come in one and data in another.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use meridian::model::traffic::Traffic;
use meridian::server::collector::intake::{Intake, Limits};
use meridian::server::collector::rules::Rules;
use meridian::server::wire::sampled_header::Decapsulation;

/// Receive time of the first datagram, microseconds since 1970.
const RECEIVED_US: i64 = 1_790_000_000_000_000;

/// Feeds the datagrams, each behind one of `versions`, to an intake with tight limits, and checks the law after each:
/// the account adds up, and the flow records are what it says.
pub fn feed(versions: &[&[u8]], mut input: &[u8]) {
    let limits = Limits {
        exporters: 8,
        sessions: 16,
        sessions_per_exporter: 8,
        templates_per_exporter: 16,
        pending_bytes: 1 << 16,
        ..Limits::default()
    };
    let decapsulation = Decapsulation { gre: true, vxlan: true, ipip: true };
    let mut intake = Intake::new(limits, Arc::new(Rules { decapsulation, ..Rules::default() }));
    let mut traffic = Traffic::NONE;
    let mut now_us = RECEIVED_US;
    while let Some(([choice, length @ ..], rest)) = input.split_first_chunk::<3>() {
        let (body, rest) = rest.split_at(usize::from(u16::from_be_bytes(*length)).min(rest.len()));
        input = rest;
        let choice = usize::from(*choice);
        let version = versions[choice / 2 % versions.len()];
        let payload = [version, body].concat();
        let source = SocketAddr::from(([192, 0, 2, if choice % 2 == 0 { 1 } else { 2 }], 2055));
        let mut flows = Vec::new();
        intake.datagram(source, now_us, &payload, &mut flows);
        if choice >= 128 {
            now_us += 100_000_000;
            intake.release(now_us, &mut flows);
            intake.expire(now_us);
        }
        for flow in &flows {
            assert!(flow.end_ms >= flow.start_ms);
            assert!(!is_mapped(flow.source_address) && !is_mapped(flow.destination_address));
        }
        traffic += Traffic::of_all(&flows);
        assert_eq!(intake.counters().traffic, traffic);
        assert_eq!(intake.counters().imbalance(), None);
    }
    intake.expire(now_us + limits.pending_us + 1);
    assert_eq!(intake.counters().imbalance(), None);
    assert_eq!(intake.counters().sets_waiting, 0);
}

fn is_mapped(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.to_ipv4_mapped().is_some())
}
