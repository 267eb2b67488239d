//! The generator: fifty exporters that send NetFlow v9 over loopback at a steady rate, in a process of its own.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, UNIX_EPOCH};

use meridian::server::wire::encode::Message;
use meridian::server::wire::netflow_v9;
use meridian::server::wire::template::{Definition, Field};

use super::program::Outcome;

/// Flow records in each datagram.
pub const RECORDS: u64 = 25;
const EXPORTERS: u8 = 50;
/// Each exporter repeats its template after so many datagrams.
const TEMPLATE_INTERVAL: u64 = 20;
/// How far behind its plan it sends without a pause.
const LEAST_PAUSE: Duration = Duration::from_micros(500);

/// Element and length of each of the twenty fields.
const FIELDS: [(u16, u16); 20] = [
    (8, 4),
    (12, 4),
    (7, 2),
    (11, 2),
    (4, 1),
    (5, 1),
    (6, 1),
    (61, 1),
    (1, 4),
    (2, 4),
    (22, 4),
    (21, 4),
    (10, 4),
    (14, 4),
    (16, 4),
    (17, 4),
    (9, 1),
    (13, 1),
    (136, 1),
    (58, 2),
];

/// Hosts that destinations are drawn from where they repeat.
const HOSTS: f64 = 1_048_576.0;

/// What flows are sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Flows {
    /// Not sampled, each to a destination drawn uniformly from all IPv4 addresses: no address comes again, which is
    /// the hardest to look up.
    Uniform,
    /// The same with a sampling interval.
    Sampled,
    /// Not sampled, to a million hosts of which the one in place n comes 1/n as often as the first, as in real traffic.
    /// The hosts lie anywhere among the IPv4 addresses, the most frequent not beside each other as they often are.
    Repeating,
}

impl Flows {
    const ALL: [(&str, Self); 3] =
        [("uniform", Self::Uniform), ("sampled", Self::Sampled), ("repeating", Self::Repeating)];

    fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, flows)| *flows == self).map_or("", |(name, _)| name)
    }

    pub fn named(name: &str) -> Outcome<Self> {
        let known = Self::ALL.iter().find(|(known, _)| *known == name);
        Ok(known.ok_or("no such flows")?.1)
    }

    /// A destination address, of a number that is uniform among all 64-bit numbers.
    fn destination(self, random: u64) -> [u8; 4] {
        let [a, b, c, d, ..] = random.to_le_bytes();
        let uniform = u32::from_le_bytes([a, b, c, d]);
        if self != Self::Repeating {
            return uniform.to_be_bytes();
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "from 1 to the number of hosts"
        )]
        let place = HOSTS.powf(f64::from(uniform) / f64::from(u32::MAX)) as u32;
        // Spreads the places over all addresses, no two to the same.
        let spread = place.wrapping_mul(0x9e37_79b1);
        (spread ^ spread >> 15).wrapping_mul(0x85eb_ca6b).to_be_bytes()
    }
}

/// What was sent.
#[derive(Clone, Copy)]
pub struct Sent {
    pub datagrams: u64,
    pub elapsed: Duration,
}

impl Sent {
    pub fn flows(self) -> u64 {
        self.datagrams * RECORDS
    }

    /// Flows a second as it came out.
    pub fn rate(self) -> u64 {
        self.flows() * 1_000 / u64::try_from(self.elapsed.as_millis()).unwrap_or(1).max(1)
    }
}

/// Runs the generator as a process and waits for it.
pub fn run(target: SocketAddr, flows_per_second: u64, seconds: u64, flows: Flows) -> Outcome<Sent> {
    let output = Command::new(std::env::current_exe()?)
        .args(["--generate", &target.to_string(), &flows_per_second.to_string(), &seconds.to_string()])
        .arg(flows.name())
        .stderr(Stdio::inherit())
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    let mut numbers = text.split_whitespace().map(str::parse::<u64>);
    let mut next = || numbers.next().ok_or("the generator says too little");
    Ok(Sent { datagrams: next()??, elapsed: Duration::from_millis(next()??) })
}

/// The process: sends, and prints how many datagrams in how many milliseconds.
pub fn generate(target: SocketAddr, flows_per_second: u64, seconds: u64, flows: Flows) -> Outcome<()> {
    let mut exporters =
        (0..EXPORTERS).map(|number| Exporter::new(number, target, flows)).collect::<Outcome<Vec<_>>>()?;
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let total = flows_per_second * seconds / RECORDS;
    let began = Instant::now();
    let mut sent = 0;
    'sending: loop {
        for exporter in &mut exporters {
            if sent >= total || began.elapsed() > Duration::from_secs(2 * seconds) {
                break 'sending;
            }
            exporter.send(&mut random, flows)?;
            sent += 1;
        }
        let due = Duration::from_nanos(sent * RECORDS * 1_000_000_000 / flows_per_second);
        let ahead = due.saturating_sub(began.elapsed());
        if ahead >= LEAST_PAUSE {
            thread::sleep(ahead);
        }
    }
    println!("{sent} {}", began.elapsed().as_millis());
    Ok(())
}

/// One exporter with its datagrams, one with the template and one without.
struct Exporter {
    socket: UdpSocket,
    with_template: Vec<u8>,
    without: Vec<u8>,
    sequence: u64,
}

impl Exporter {
    fn new(number: u8, target: SocketAddr, flows: Flows) -> Outcome<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 10 + number), 0))?;
        socket.connect(target)?;
        let mut fields = FIELDS.to_vec();
        if flows == Flows::Sampled {
            // The sampling interval instead of VLAN and reason: as many bytes, one field less.
            fields.truncate(18);
            fields.extend([(34, 2), (89, 1)]);
        }
        let definition = Definition {
            id: 256,
            is_options: false,
            scope_count: 0,
            fields: fields
                .iter()
                .map(|&(element, length)| Field { element, enterprise: 0, length })
                .collect(),
        };
        let datagram = |has_template: bool| {
            let now_s = UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
            let mut message = Message::netflow_v9(&netflow_v9::Header {
                count: 25 + u16::from(has_template),
                uptime_ms: 3_600_000,
                clock_s: u32::try_from(now_s).unwrap_or(0),
                sequence: 0,
                source_id: 1,
            });
            if has_template {
                message.template(&definition);
            }
            message.begin_set(256);
            for record in 0..RECORDS {
                let values: Vec<Vec<u8>> =
                    fields.iter().map(|&(element, length)| value(element, length, record, number)).collect();
                message.record(&definition, values.iter().map(Vec::as_slice));
            }
            message.finish()
        };
        Ok(Self { socket, with_template: datagram(true), without: datagram(false), sequence: 0 })
    }

    /// Sends the next datagram.
    fn send(&mut self, random: &mut u64, flows: Flows) -> Outcome<()> {
        let has_template = self.sequence.is_multiple_of(TEMPLATE_INTERVAL);
        let datagram = if has_template { &mut self.with_template } else { &mut self.without };
        if let Some(sequence) = datagram.get_mut(12..16) {
            let number = u32::try_from(self.sequence & u64::from(u32::MAX)).unwrap_or(0);
            sequence.copy_from_slice(&number.to_be_bytes());
        }
        let length: usize = FIELDS.iter().map(|(_, length)| usize::from(*length)).sum();
        let records = length * usize::try_from(RECORDS)?;
        // Padding behind the records is at most three bytes.
        let first = (datagram.len() - records) / 4 * 4;
        for record in datagram.get_mut(first..).unwrap_or_default().chunks_exact_mut(length) {
            *random ^= *random << 13;
            *random ^= *random >> 7;
            *random ^= *random << 17;
            if let Some(destination) = record.get_mut(4..10) {
                let (address, port) = destination.split_at_mut(4);
                address.copy_from_slice(&flows.destination(*random));
                let [.., high, low] = random.to_le_bytes();
                port.copy_from_slice(&[high | 0x80, low]);
            }
        }
        self.socket.send(datagram)?;
        self.sequence += 1;
        Ok(())
    }
}

fn value(element: u16, length: u16, record: u64, exporter: u8) -> Vec<u8> {
    let number: u64 = match element {
        8 => return vec![192, 168, exporter, u8::try_from(record).unwrap_or(0)],
        11 => 443,
        4 => 6,
        6 => 0x1b,
        1 => 1_500 + record,
        2 => 3,
        22 => 3_590_000,
        21 => 3_599_000,
        34 => 100,
        _ => 0,
    };
    number.to_be_bytes().into_iter().skip(8 - usize::from(length)).collect()
}
