//! Synthetic traffic for `--demo`: three exporters (NetFlow v5, NetFlow v9, IPFIX) that send real datagrams to the
//! real socket, from 127.0.0.2, .3 and .4.
//!
//! The traffic follows the hours of the day, has heavy tails, speaks IPv6, and every few minutes holds a port scan
//! and a burst. The same seed makes the same flows; only their times are the clock's.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::socket::now_us;
use crate::model::exporter::Protocol;
use crate::model::flow_record::FlowRecord;
use crate::server::config::Demo;
use crate::server::wire::encode;

/// Where the datagrams come from when the socket is reached over loopback; else it is the socket's own address.
pub const DEMO_SOURCES: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)),
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3)),
    IpAddr::V4(Ipv4Addr::new(127, 0, 0, 4)),
    IpAddr::V6(Ipv6Addr::LOCALHOST),
];

/// How often flows are sent.
const TICK: Duration = Duration::from_millis(40);
const TICKS_PER_SECOND: u64 = 25;
/// A scan begins this often, and lasts [`SCAN_S`].
const SCAN_EVERY_S: u64 = 150;
const SCAN_S: u64 = 12;
/// A burst begins this often (half way between scans), and lasts [`BURST_S`].
const BURST_EVERY_S: u64 = 210;
const BURST_S: u64 = 6;

/// Networks of the world that the synthetic home talks to: first address, prefix length, weight.
const ABROAD_V4: [(Ipv4Addr, u32, u32); 44] = [
    (Ipv4Addr::new(8, 8, 8, 0), 24, 14),
    (Ipv4Addr::new(140, 82, 112, 0), 20, 8),
    (Ipv4Addr::new(151, 101, 0, 0), 16, 16),
    (Ipv4Addr::new(17, 0, 0, 0), 9, 8),
    (Ipv4Addr::new(52, 94, 0, 0), 16, 10),
    (Ipv4Addr::new(18, 0, 0, 0), 11, 4),
    (Ipv4Addr::new(171, 64, 0, 0), 14, 3),
    (Ipv4Addr::new(142, 150, 0, 0), 16, 4),
    (Ipv4Addr::new(132, 248, 0, 0), 16, 4),
    (Ipv4Addr::new(200, 144, 0, 0), 16, 7),
    (Ipv4Addr::new(177, 8, 0, 0), 14, 6),
    (Ipv4Addr::new(190, 210, 0, 0), 16, 3),
    (Ipv4Addr::new(200, 89, 64, 0), 20, 2),
    (Ipv4Addr::new(190, 24, 0, 0), 14, 2),
    (Ipv4Addr::new(81, 2, 69, 0), 24, 6),
    (Ipv4Addr::new(212, 58, 224, 0), 19, 6),
    (Ipv4Addr::new(193, 63, 0, 0), 16, 4),
    (Ipv4Addr::new(130, 225, 0, 0), 16, 2),
    (Ipv4Addr::new(129, 240, 0, 0), 16, 2),
    (Ipv4Addr::new(89, 160, 20, 0), 24, 3),
    (Ipv4Addr::new(128, 214, 0, 0), 16, 2),
    (Ipv4Addr::new(141, 20, 0, 0), 16, 9),
    (Ipv4Addr::new(88, 198, 0, 0), 16, 9),
    (Ipv4Addr::new(145, 100, 0, 0), 15, 7),
    (Ipv4Addr::new(193, 48, 0, 0), 14, 6),
    (Ipv4Addr::new(129, 132, 0, 0), 16, 4),
    (Ipv4Addr::new(151, 38, 0, 0), 16, 4),
    (Ipv4Addr::new(147, 83, 0, 0), 16, 4),
    (Ipv4Addr::new(193, 136, 0, 0), 15, 2),
    (Ipv4Addr::new(156, 17, 0, 0), 16, 3),
    (Ipv4Addr::new(95, 165, 0, 0), 16, 5),
    (Ipv4Addr::new(144, 122, 0, 0), 16, 3),
    (Ipv4Addr::new(132, 64, 0, 0), 13, 2),
    (Ipv4Addr::new(196, 200, 128, 0), 19, 2),
    (Ipv4Addr::new(197, 210, 0, 0), 16, 4),
    (Ipv4Addr::new(197, 232, 0, 0), 17, 3),
    (Ipv4Addr::new(146, 231, 0, 0), 16, 6),
    (Ipv4Addr::new(103, 21, 124, 0), 22, 6),
    (Ipv4Addr::new(49, 36, 0, 0), 14, 6),
    (Ipv4Addr::new(166, 111, 0, 0), 16, 7),
    (Ipv4Addr::new(133, 11, 0, 0), 16, 8),
    (Ipv4Addr::new(143, 248, 0, 0), 16, 4),
    (Ipv4Addr::new(137, 132, 0, 0), 16, 5),
    (Ipv4Addr::new(130, 216, 0, 0), 16, 3),
];

/// The same for IPv6: the first 48 bits.
const ABROAD_V6: [[u16; 3]; 10] = [
    [0x2607, 0xf8b0, 0x4005],
    [0x2a00, 0x1450, 0x4001],
    [0x2606, 0x4700, 0x4700],
    [0x2001, 0x0638, 0x0504],
    [0x2001, 0x0630, 0x0012],
    [0x2001, 0x0200, 0x0000],
    [0x2001, 0x4200, 0x0010],
    [0x2001, 0x12d0, 0x0000],
    [0x2001, 0x0388, 0x0000],
    [0x2404, 0x6800, 0x4006],
];

/// Services: protocol, port, weight, mean bytes of a flow, share of flows in which the server sends most, in percent.
const SERVICES: [(u8, u16, u32, f64, u32); 12] = [
    (6, 443, 46, 60_000.0, 85),
    (17, 443, 18, 90_000.0, 85),
    (17, 53, 16, 180.0, 55),
    (6, 80, 5, 25_000.0, 80),
    (6, 22, 3, 30_000.0, 50),
    (6, 993, 3, 12_000.0, 70),
    (6, 25, 2, 20_000.0, 30),
    (17, 123, 3, 76.0, 50),
    (6, 3_389, 1, 50_000.0, 50),
    (17, 51_820, 2, 300_000.0, 50),
    (6, 5_222, 1, 6_000.0, 50),
    (1, 0, 1, 420.0, 50),
];

/// Sends synthetic flows to `target` until it is told to stop.
pub async fn run(demo: Demo, target: SocketAddr, stop: CancellationToken) {
    if let Err(error) = send(demo, target, &stop).await {
        tracing::error!(%error, "the demo exporter ended: no synthetic traffic from here on");
    }
}

async fn send(demo: Demo, target: SocketAddr, stop: &CancellationToken) -> io::Result<()> {
    // A socket that listens on all addresses is reached over loopback.
    let target = SocketAddr::new(
        if target.ip().is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { target.ip() },
        target.port(),
    );
    let protocols = [Protocol::NetflowV5, Protocol::NetflowV9, Protocol::Ipfix];
    let mut exporters = Vec::with_capacity(protocols.len());
    for (host, protocol) in (2..).zip(protocols) {
        let own = match target.ip() {
            IpAddr::V4(address) if address.is_loopback() => IpAddr::from([127, 0, 0, host]),
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = UdpSocket::bind(SocketAddr::new(own, 0)).await?;
        socket.connect(target).await?;
        exporters.push((socket, encode::Exporter::new(protocol, u32::from(host))));
    }
    let mut traffic = Traffic::new(demo);
    let started_us = now_us();
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tracing::info!(seed = demo.seed, flows_per_second = demo.flows_per_second, "sending synthetic traffic");
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            _ = ticks.tick() => {}
        }
        let clock_ms = now_us() / 1_000;
        let uptime_ms = u32::try_from((now_us() - started_us) / 1_000 % i64::from(u32::MAX)).unwrap_or(0);
        let flows = traffic.next_tick(clock_ms);
        for (index, (socket, exporter)) in exporters.iter_mut().enumerate() {
            let own: Vec<FlowRecord> =
                flows.iter().filter(|(by, _)| *by == index).map(|(_, flow)| *flow).collect();
            if own.is_empty() {
                continue;
            }
            for datagram in exporter.datagrams(&own, clock_ms, uptime_ms) {
                socket.send(&datagram).await?;
            }
        }
    }
}

/// The synthetic traffic itself: a function of the seed and the number of the tick.
struct Traffic {
    random: fastrand::Rng,
    flows_per_second: f64,
    ticks: u64,
    /// Fraction of a flow that the last tick still owes.
    owed: f64,
    scanner: Ipv4Addr,
}

impl Traffic {
    fn new(demo: Demo) -> Self {
        let mut random = fastrand::Rng::with_seed(demo.seed);
        let scanner = abroad_v4(&mut random);
        Self { random, flows_per_second: f64::from(demo.flows_per_second), ticks: 0, owed: 0.0, scanner }
    }

    /// The flows of the next tick, each with the index of the exporter that reports it.
    fn next_tick(&mut self, clock_ms: i64) -> Vec<(usize, FlowRecord)> {
        let second = self.ticks / TICKS_PER_SECOND;
        self.ticks += 1;
        let is_burst = second % BURST_EVERY_S >= BURST_EVERY_S - BURST_S;
        let is_scan = second % SCAN_EVERY_S >= SCAN_EVERY_S - SCAN_S;
        let rate = self.flows_per_second * day_rhythm(clock_ms) * if is_burst { 5.0 } else { 1.0 };
        self.owed += rate * TICK.as_secs_f64();
        let mut flows = Vec::new();
        while self.owed >= 1.0 {
            self.owed -= 1.0;
            self.conversation(clock_ms, is_burst, &mut flows);
        }
        if is_scan {
            if second.is_multiple_of(SCAN_EVERY_S) {
                self.scanner = abroad_v4(&mut self.random);
            }
            for _ in 0..4 {
                let flow = self.probe(clock_ms);
                flows.push((1, flow));
            }
        }
        flows
    }

    /// One conversation: a flow, and mostly its answer.
    fn conversation(&mut self, clock_ms: i64, is_burst: bool, flows: &mut Vec<(usize, FlowRecord)>) {
        let random = &mut self.random;
        let &(protocol, port, _, mean_bytes, server_sends) =
            weighted(random, &SERVICES, |service| service.2).unwrap_or(&SERVICES[0]);
        let (home, abroad): (IpAddr, IpAddr) = if random.u8(0..100) < 28 {
            (home_v6(random).into(), abroad_v6(random).into())
        } else {
            (home_v4(random).into(), abroad_v4(random).into())
        };
        let is_served_here = random.u8(0..100) < 12;
        let (client, server) = if is_served_here { (abroad, home) } else { (home, abroad) };
        let heavy = heavy_tail(random) * mean_bytes * if is_burst { 4.0 } else { 1.0 };
        let light = 60.0 + heavy * 0.03;
        let (up, down) = if random.u32(0..100) < server_sends { (light, heavy) } else { (heavy, light) };
        let by = random.usize(0..3);
        // NetFlow v5 cannot carry IPv6.
        let by = if client.is_ipv6() && by == 0 { 2 } else { by };
        let client_port = if protocol == 1 { 0 } else { random.u16(32_768..61_000) };
        let duration_ms = random.i64(5..30_000);
        let flow = |source: (IpAddr, u16), destination: (IpAddr, u16), bytes: f64| {
            let bytes = whole(bytes);
            FlowRecord {
                source_address: source.0,
                source_port: source.1,
                destination_address: destination.0,
                destination_port: destination.1,
                protocol,
                icmp_type_code: if protocol == 1 { 8 << 8 } else { 0 },
                tcp_flags: if protocol == 6 { 0x1b } else { 0 },
                bytes,
                packets: bytes.div_ceil(1_100).max(1),
                start_ms: clock_ms - duration_ms,
                end_ms: clock_ms,
                input_interface: 1,
                output_interface: 2,
                sampling_interval: 1,
                ..FlowRecord::default()
            }
        };
        flows.push((by, flow((client, client_port), (server, port), up)));
        flows.push((by, flow((server, port), (client, client_port), down)));
    }

    /// One probe of the port scan: a single packet that nobody answers.
    fn probe(&mut self, clock_ms: i64) -> FlowRecord {
        let random = &mut self.random;
        FlowRecord {
            source_address: self.scanner.into(),
            source_port: 54_321,
            destination_address: home_v4(random).into(),
            destination_port: random.u16(1..10_000),
            protocol: 6,
            tcp_flags: 0x02,
            bytes: 44,
            packets: 1,
            start_ms: clock_ms,
            end_ms: clock_ms,
            input_interface: 2,
            output_interface: 1,
            sampling_interval: 1,
            ..FlowRecord::default()
        }
    }
}

/// Between 0.55 at four in the morning (UTC) and 1.45 at four in the afternoon.
fn day_rhythm(clock_ms: i64) -> f64 {
    let second_of_day = i32::try_from(clock_ms.div_euclid(1_000).rem_euclid(86_400)).unwrap_or(0);
    let hour = f64::from(second_of_day) / 3_600.0;
    1.0 - 0.45 * ((hour - 4.0) / 24.0 * std::f64::consts::TAU).cos()
}

/// A Pareto-like factor with mean about 1: most flows are small, few are very large.
fn heavy_tail(random: &mut fastrand::Rng) -> f64 {
    let uniform = random.f64().max(1e-4);
    0.17 * uniform.powf(-1.0 / 1.2)
}

fn whole(bytes: f64) -> u64 {
    // Between 40 and 4e9 by construction: the cast neither cuts off nor changes the sign.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to a small positive range"
    )]
    let whole = bytes.clamp(40.0, 4e9) as u64;
    whole
}

fn weighted<'a, T>(
    random: &mut fastrand::Rng,
    choices: &'a [T],
    weight: impl Fn(&T) -> u32,
) -> Option<&'a T> {
    let mut at = random.u32(0..choices.iter().map(&weight).sum());
    choices.iter().find(|choice| {
        let hit = at < weight(choice);
        at = at.saturating_sub(weight(choice));
        hit
    })
}

fn abroad_v4(random: &mut fastrand::Rng) -> Ipv4Addr {
    let &(network, length, _) = weighted(random, &ABROAD_V4, |network| network.2).unwrap_or(&ABROAD_V4[0]);
    let host = random.u32(..) >> length;
    Ipv4Addr::from(u32::from(network) | host)
}

fn abroad_v6(random: &mut fastrand::Rng) -> Ipv6Addr {
    let [first, second, third] = *random.choice(&ABROAD_V6).unwrap_or(&ABROAD_V6[0]);
    Ipv6Addr::new(first, second, third, random.u16(0..64), 0, 0, 0, random.u16(1..))
}

fn home_v4(random: &mut fastrand::Rng) -> Ipv4Addr {
    Ipv4Addr::new(192, 168, random.u8(0..4), random.u8(2..250))
}

fn home_v6(random: &mut fastrand::Rng) -> Ipv6Addr {
    Ipv6Addr::new(0xfd12, 0x3456, 0x789a, random.u16(0..4), 0, 0, 0, random.u16(2..500))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flows(seed: u64, ticks: usize) -> Vec<(usize, FlowRecord)> {
        let mut traffic = Traffic::new(Demo { seed, flows_per_second: 60 });
        (0..ticks).flat_map(|_| traffic.next_tick(1_700_000_000_000)).collect()
    }

    #[test]
    fn the_same_seed_makes_the_same_flows_and_another_seed_others() {
        assert_eq!(flows(7, 500), flows(7, 500));
        assert_ne!(flows(7, 500), flows(8, 500));
    }

    #[test]
    fn a_few_minutes_hold_ipv6_a_scan_a_burst_and_a_heavy_tail() {
        let all = flows(1, 25 * 220);
        assert!(all.iter().any(|(_, flow)| flow.source_address.is_ipv6()));
        let probes = all.iter().filter(|(_, flow)| flow.source_port == 54_321).count();
        assert!(probes > 500, "{probes} probes");
        let mut bytes: Vec<u64> = all.iter().map(|(_, flow)| flow.bytes).collect();
        bytes.sort_unstable();
        let total: u64 = bytes.iter().sum();
        let largest: u64 = bytes.iter().rev().take(bytes.len() / 20).sum();
        assert!(largest * 2 > total, "the largest twentieth carries less than half of the bytes");
        assert!(
            all.iter().all(|(by, flow)| *by != 0 || flow.source_address.is_ipv4()),
            "v5 cannot carry IPv6"
        );
    }
}
