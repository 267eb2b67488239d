//! Flows as a campus has them, made from a seed: the same rows in every run.
//!
//! Conversations of 20,000 inside hosts with a million outside hosts (place n of both comes 1/n as often as the
//! first), mostly web, DNS and a tail of anything, one direction each way, a third of them IPv6; scans, internal and
//! some transit traffic; one of four exporters samples 1 in 1,000. More by day than by night. The outside hosts lie in
//! 30,000 networks with countries, cities and AS numbers of their own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use fastrand::Rng;
use meridian::model::flow_record::{ExporterId, FlowDirection, FlowRecord, SamplingSource, TimeSource};
use meridian::server::collector::batch::FlowBatch;
use meridian::server::geolocation::{Geolocation, HomeNetworkSetting, Settings};
use mmdb_writer::ipnet::IpNet;
use mmdb_writer::{IpVersion, Value, Writer};

use super::Outcome;

const NETWORKS: u32 = 30_000;
const HOSTS: f64 = 1_000_000.0;
const INSIDE_HOSTS: f64 = 20_000.0;
const DAY_MS: i64 = 86_400_000;
/// Flows that come in one datagram.
const TOGETHER: usize = 25;
/// Countries, the one in place n with 1/n of the networks of the first.
const COUNTRIES: [&str; 40] = [
    "US", "DE", "CN", "GB", "NL", "FR", "JP", "IE", "SG", "CA", "BR", "IN", "KR", "RU", "AU", "SE", "IT",
    "ES", "PL", "CH", "HK", "FI", "ZA", "TW", "AT", "CZ", "DK", "NO", "BE", "UA", "MX", "TR", "RO", "VN",
    "ID", "PT", "AR", "IL", "GR", "KE",
];

/// What a service's flows look like.
struct Service {
    port: u16,
    protocol: u8,
    /// Of a thousand conversations.
    share: u32,
    /// Median of packets to the client and to the server.
    packets: [f64; 2],
    /// Bytes of an average packet to the client and to the server.
    packet_bytes: [u64; 2],
}

const SERVICES: [Service; 12] = [
    Service { port: 443, protocol: 6, share: 400, packets: [18.0, 14.0], packet_bytes: [1_050, 160] },
    Service { port: 443, protocol: 17, share: 200, packets: [22.0, 12.0], packet_bytes: [1_180, 140] },
    Service { port: 53, protocol: 17, share: 190, packets: [1.0, 1.0], packet_bytes: [140, 68] },
    Service { port: 80, protocol: 6, share: 50, packets: [9.0, 7.0], packet_bytes: [980, 130] },
    Service { port: 123, protocol: 17, share: 30, packets: [1.0, 1.0], packet_bytes: [76, 76] },
    Service { port: 993, protocol: 6, share: 25, packets: [12.0, 11.0], packet_bytes: [420, 110] },
    Service { port: 22, protocol: 6, share: 15, packets: [40.0, 45.0], packet_bytes: [180, 110] },
    Service { port: 25, protocol: 6, share: 10, packets: [12.0, 15.0], packet_bytes: [90, 700] },
    Service { port: 5_228, protocol: 6, share: 15, packets: [4.0, 4.0], packet_bytes: [120, 90] },
    Service { port: 3_478, protocol: 17, share: 10, packets: [200.0, 200.0], packet_bytes: [300, 300] },
    Service { port: 8_080, protocol: 6, share: 5, packets: [8.0, 7.0], packet_bytes: [800, 150] },
    Service { port: 0, protocol: 17, share: 50, packets: [6.0, 6.0], packet_bytes: [500, 500] },
];

/// Makes flows.
pub struct Rows {
    random: Rng,
    geolocation: Arc<Geolocation>,
    exporters: Arc<[IpAddr]>,
    /// Receive time of the next datagram, in thousandths of milliseconds.
    now_us: i64,
    per_day: u64,
}

impl Rows {
    /// Begins at a moment; so many rows are received in a day.
    pub fn new(seed: u64, start_ms: i64, per_day: u64) -> Outcome<Self> {
        Ok(Self {
            random: Rng::with_seed(seed),
            geolocation: Arc::new(geolocation()?),
            exporters: (1..=4).map(|host| IpAddr::from([192, 0, 2, host])).collect(),
            now_us: start_ms * 1_000,
            per_day,
        })
    }

    /// Receive time of the next flow, milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        self.now_us / 1_000
    }

    /// The next flows.
    pub fn batch(&mut self, rows: usize) -> FlowBatch {
        let mut records = Vec::with_capacity(rows + 1);
        let oldest_received_us = self.now_us;
        while records.len() < rows {
            if records.len() % TOGETHER == 0 {
                self.advance();
            }
            let exporter = [0, 0, 0, 1, 1, 2, 2, 3][self.random.usize(0..8)];
            if self.random.u32(0..100) < 6 {
                let scan = self.scan(exporter);
                records.push(scan);
            } else {
                let both = self.conversation(exporter);
                // A sampler seldom sees both directions.
                records.extend(both.into_iter().take(if exporter == 3 { 1 } else { 2 }));
            }
        }
        records.truncate(rows);
        let mut flows = Vec::new();
        self.geolocation.locate_all(&records, &mut flows);
        FlowBatch {
            oldest_received_us,
            newest_received_us: self.now_us,
            geolocation: Arc::clone(&self.geolocation),
            exporters: Arc::clone(&self.exporters),
            flows: flows.into(),
        }
    }

    /// Lets pass what is between two datagrams: less at the middle of the day.
    fn advance(&mut self) {
        let of_day =
            f64::from(i32::try_from((self.now_us / 1_000).rem_euclid(DAY_MS)).unwrap_or(0)) / 86_400_000.0;
        let busy = 1.0 - 0.8 * (of_day * std::f64::consts::TAU).cos();
        let mean_us = 86_400e6 * 25.0 / self.per_day as f64 / busy;
        self.now_us += (mean_us * 2.0 * self.random.f64()) as i64;
    }

    fn record(&mut self, exporter: u32) -> FlowRecord {
        let received_ms = self.now_us / 1_000;
        // Idle flows are exported after 15 s, in order of a table that is walked once a second.
        let end_ms = received_ms - 15_000 - self.random.i64(0..1_200);
        let is_sampled = exporter == 3;
        FlowRecord {
            received_ms,
            start_ms: end_ms,
            end_ms,
            time_source: TimeSource::Record,
            exporter: ExporterId(exporter),
            observation_domain: if exporter == 2 { 256 } else { 0 },
            sampling_interval: if is_sampled { 1_000 } else { 1 },
            sampling_source: if is_sampled { SamplingSource::Options } else { SamplingSource::Record },
            flow_direction: (exporter < 2).then_some(FlowDirection::Ingress),
            flow_end_reason: u8::from(exporter == 2),
            vlan: if exporter == 2 { 100 + self.random.u16(0..20) } else { 0 },
            ..FlowRecord::default()
        }
    }

    /// Both directions of a conversation: to the client, then to the server.
    fn conversation(&mut self, exporter: u32) -> [FlowRecord; 2] {
        let is_v6 = self.random.u32(0..100) < 33;
        let kind = self.random.u32(0..100);
        let service = self.service();
        let client = inside(self.zipf(INSIDE_HOSTS), is_v6);
        let (server, number) = match kind {
            0..8 => (inside(self.zipf(INSIDE_HOSTS).wrapping_mul(7) % 20_000, is_v6), 0),
            _ => outside(self.zipf(HOSTS), is_v6),
        };
        let (client, client_as) = if kind == 8 { outside(self.zipf(HOSTS), is_v6) } else { (client, 0) };
        let client_port = 32_768 + self.random.u16(0..28_000);
        let server_port = if service.port == 0 { 1_024 + self.random.u16(0..60_000) } else { service.port };
        let stretch = (self.random.f64() + self.random.f64() + self.random.f64() - 1.5) * 2.4;
        let mut one = self.record(exporter);
        let mut packets = [0_u64; 2];
        for (packets, median) in packets.iter_mut().zip(service.packets) {
            let spread = if median > 1.0 { (stretch + self.random.f64() * 0.4).exp() } else { 1.0 };
            *packets = (median * spread).max(1.0) as u64;
        }
        let longest = if service.packets[0] > 1.0 { 60_000.0 } else { 60.0 };
        one.start_ms = one.end_ms - (longest * self.random.f64().powi(4)) as i64;
        one.protocol = service.protocol;
        one.tcp_flags =
            if service.protocol == 6 { [0x1b, 0x1b, 0x1b, 0x1f, 0x18][self.random.usize(0..5)] } else { 0 };
        let mut other = one;
        let bytes = |packets: u64, average: u64, random: &mut Rng| {
            packets * average * random.u64(60..140) / 100 + random.u64(0..20)
        };
        one = FlowRecord {
            source_address: server,
            destination_address: client,
            source_port: server_port,
            destination_port: client_port,
            source_as: number,
            destination_as: client_as,
            packets: packets[0],
            bytes: bytes(packets[0], service.packet_bytes[0], &mut self.random).max(40),
            input_interface: 1 + exporter,
            output_interface: 10 + interface(client),
            source_mask: 20,
            destination_mask: 24,
            ..one
        };
        other = FlowRecord {
            source_address: client,
            destination_address: server,
            source_port: client_port,
            destination_port: server_port,
            source_as: client_as,
            destination_as: number,
            packets: packets[1],
            bytes: bytes(packets[1], service.packet_bytes[1], &mut self.random).max(40),
            input_interface: 10 + interface(client),
            output_interface: 1 + exporter,
            source_mask: 24,
            destination_mask: 20,
            ..other
        };
        [one, other]
    }

    /// A packet from anywhere to a host that may not be there.
    fn scan(&mut self, exporter: u32) -> FlowRecord {
        let (source, number) = outside(self.random.u32(0..5_000), false);
        let port = [22, 23, 80, 443, 445, 3_389, 5_900, 8_080][self.random.usize(0..8)];
        FlowRecord {
            source_address: source,
            destination_address: inside(self.random.u32(0..65_536), false),
            source_port: self.random.u16(1_024..),
            destination_port: if self.random.bool() { port } else { self.random.u16(..) },
            protocol: 6,
            tcp_flags: 2,
            packets: 1,
            bytes: [40, 44, 60][self.random.usize(0..3)],
            input_interface: 1 + exporter,
            output_interface: 10,
            source_as: number,
            ..self.record(exporter)
        }
    }

    fn service(&mut self) -> &'static Service {
        let mut at = self.random.u32(0..1_000);
        for service in &SERVICES {
            if at < service.share {
                return service;
            }
            at -= service.share;
        }
        &SERVICES[0]
    }

    /// A place from 0 to below `most`, place n with 1/(n + 1) of the share of the first.
    fn zipf(&mut self, most: f64) -> u32 {
        (most.powf(self.random.f64()) - 1.0) as u32
    }
}

fn interface(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(address) => address.to_bits() >> 8 & 0x1f,
        IpAddr::V6(address) => address.segments()[3].into(),
    }
}

/// Spreads numbers that are next to each other.
fn spread(number: u32) -> u32 {
    let mixed = number.wrapping_add(0x9e37_79b9).wrapping_mul(0x85eb_ca6b);
    (mixed ^ (mixed >> 13)).wrapping_mul(0xc2b2_ae35) ^ (mixed >> 16)
}

fn inside(host: u32, is_v6: bool) -> IpAddr {
    let host = spread(host) & 0xffff;
    if is_v6 {
        let [high, low] = [host >> 11, host].map(|part| u16::try_from(part).unwrap_or(0));
        // Temporary addresses: the lower half is random, and the same for a host.
        let [a, b] = [spread(host), spread(!host)].map(u32::to_be_bytes);
        let word = |one, two| u16::from_be_bytes([one, two]);
        return Ipv6Addr::new(
            0x2001,
            0xdb8,
            0,
            high,
            word(a[0], a[1]),
            word(a[2], a[3]),
            word(b[0], b[1]),
            low,
        )
        .into();
    }
    Ipv4Addr::from_bits(0xc612_0000 | host).into()
}

/// An outside host and its AS number. Hosts that are often asked for share networks.
fn outside(host: u32, is_v6: bool) -> (IpAddr, u32) {
    let network = spread(host) % (host / 8 + 50).min(NETWORKS);
    let number = 1_000 + spread(network) % (network / 4 + 10);
    if is_v6 {
        let prefix = u128::from(v6_network(network)) << 96;
        let low = if host.is_multiple_of(3) {
            u128::from(host)
        } else {
            u128::from(spread(host)) << 32 | u128::from(spread(!host))
        };
        return (Ipv6Addr::from_bits(prefix | low).into(), number);
    }
    (Ipv4Addr::from_bits(v4_network(network) | (spread(host.rotate_left(7)) & 0xfff)).into(), number)
}

/// A /20 that no special range has.
fn v4_network(network: u32) -> u32 {
    let first =
        [5, 23, 31, 45, 52, 64, 77, 81, 89, 93, 104, 128, 142, 151, 185, 203][(network % 16) as usize];
    (first << 24) | ((network / 16) << 12)
}

/// A /32.
const fn v6_network(network: u32) -> u32 {
    0x2a00_0000 | (network << 4)
}

fn geolocation() -> Outcome<Geolocation> {
    let mut writer = Writer::builder("GeoIP2-City").ip_version(IpVersion::V6).build();
    let mut random = Rng::with_seed(1);
    for network in 0..NETWORKS {
        let country = 40_f64.powf(random.f64()) as usize - 1;
        let city = 200_f64.powf(random.f64()) as u32;
        let code = COUNTRIES[country.min(39)];
        let named = |name: String| Value::map([("names", Value::map([("en", Value::from(name.as_str()))]))]);
        // The same city is at the same place.
        let place = spread(city * 64 + u32::try_from(country)?);
        let value = Value::map([
            ("city", named(format!("City {city} of {code}"))),
            ("country", Value::map([("iso_code", Value::from(code))])),
            ("subdivisions", Value::array([named(format!("Region {} of {code}", city % 12))])),
            (
                "location",
                Value::map([
                    ("latitude", Value::from(f64::from(place % 12_000) / 100.0 - 60.0)),
                    ("longitude", Value::from(f64::from(place / 7 % 36_000) / 100.0 - 180.0)),
                ]),
            ),
        ]);
        let v4 = format!("{}/20", Ipv4Addr::from_bits(v4_network(network)));
        let v6 = format!("{}/32", Ipv6Addr::from_bits(u128::from(v6_network(network)) << 96));
        writer.insert_value(v4.parse::<IpNet>()?, value.clone())?;
        writer.insert_value(v6.parse::<IpNet>()?, value)?;
    }
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("places.mmdb");
    std::fs::write(&file, writer.to_bytes()?)?;
    let home = HomeNetworkSetting {
        name: "Campus".to_owned(),
        networks: vec!["198.18.0.0/15".parse()?, "2001:db8::/32".parse()?],
        latitude: Some(-33.31),
        longitude: Some(26.52),
        place: None,
    };
    let settings = Settings { databases: vec![file], home_networks: vec![home], ..Settings::default() };
    Ok(Geolocation::load(&settings))
}
