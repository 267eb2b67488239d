//! Collecting at rising rates, beside nfcapd and beside the bare `recvmmsg` loop, in one run.
//!
//! One generator (NetFlow v9, 25 records of 20 fields a datagram, 50 exporters, destinations uniform over the IPv4
//! addresses, for Meridian also repeating as in real traffic) feeds each over loopback, each with the same receive buffer: the
//! bare loop is the limit; decoding only is that loop with Meridian's decoder; nfcapd writes LZ4 files; Meridian is the real program doing its whole job: decoding, locating with the databases of `data/geolocation`, counting
//! in the live feed, without clients and with 1,000 that read. For each is checked that what was sent is decoded or dropped
//! by the kernel, to the record. CPU is in milliseconds a million flows sent: of the process, and of the receiving thread. nfcapd is
//! skipped where it is not installed. `COLLECT_SECONDS` is how long each rate lasts, 4 by default.

mod generator;
mod receivers;

#[path = "../clients.rs"]
mod clients;
#[path = "../program.rs"]
mod program;

use std::time::Duration;

use self::generator::Flows;
use self::program::Outcome;
use self::receivers::{Kind, Receiver};

/// Receive buffer asked for: as much as the kernel gives to programs without privileges on many machines that were
/// tuned for it, and as much as nfcapd can have here.
const BUFFER_BYTES: usize = 4 << 20;
/// Flows a second.
const RATES: [u64; 6] = [100_000, 200_000, 500_000, 1_000_000, 1_500_000, 2_000_000];
/// Other flows that are measured of Meridian without clients.
const OTHER_FLOWS: [(u64, Flows, &str); 4] = [
    (500_000, Flows::Sampled, "Meridian, sampled"),
    (500_000, Flows::Repeating, "Meridian, repeating"),
    (1_000_000, Flows::Repeating, "Meridian, repeating"),
    (2_000_000, Flows::Repeating, "Meridian, repeating"),
];

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let after = |flag: &str, count: usize| {
        let at = arguments.iter().position(|argument| argument == flag)? + 1;
        arguments.get(at..at + count)
    };
    if let Some([target, rate, seconds, flows]) = after("--generate", 4) {
        return generator::generate(target.parse()?, rate.parse()?, seconds.parse()?, Flows::named(flows)?);
    }
    if let Some([address, is_decoding]) = after("--receive", 2) {
        return receivers::receive(address.parse()?, is_decoding.parse()?);
    }
    if let Some([address, clients, filters]) = after("--clients", 3) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        return runtime.block_on(clients::watch(address.parse()?, clients.parse()?, filters.parse()?));
    }

    let seconds: u64 = std::env::var("COLLECT_SECONDS").map_or(Ok(4), |text| text.parse())?;
    let mut kinds = vec![("recvmmsg", Kind::Bare)];
    if receivers::has_nfcapd() {
        kinds.push(("nfcapd", Kind::Nfcapd));
    } else {
        println!("nfcapd is skipped: Debian's package nfdump is not installed");
    }
    kinds.extend([
        ("decoding only", Kind::Decoding),
        ("Meridian", Kind::Meridian(0)),
        ("with 1,000 clients", Kind::Meridian(1_000)),
    ]);
    println!(
        "{:<19} {:>9} {:>9} {:>10} {:>7} {:>7} {:>9} {:>10} {:>7} {:>9}",
        "", "flows/s", "sent/s", "lost", "lost %", "CPU ms", "receiving", "not shown", "MiB", "buffer"
    );
    let mut best: Vec<(&str, u64, Duration)> = Vec::new();
    for (name, kind) in kinds {
        let mut without_loss = 0;
        let mut least_cpu = Duration::MAX;
        for rate in RATES {
            let row = Row::measure(kind, rate, seconds, Flows::Uniform)?;
            row.print(name);
            if row.lost == 0 && row.sent_per_second * 100 >= rate * 95 {
                without_loss = without_loss.max(row.sent_per_second);
            }
            // Below, sleeping and waking is most of the cost.
            if rate >= 500_000 && row.lost_percent() < 1 {
                least_cpu = least_cpu.min(row.cpu);
            }
        }
        if kind == Kind::Meridian(0) {
            for (rate, flows, name) in OTHER_FLOWS {
                Row::measure(kind, rate, seconds, flows)?.print(name);
            }
        }
        best.push((name, without_loss, least_cpu));
    }
    println!();
    let limit = best.first().map(|row| row.2);
    let peer = best.iter().find(|row| row.0 == "nfcapd").map(|row| row.2);
    for (name, without_loss, cpu) in &best {
        let ratio = |other: Option<Duration>| match other {
            Some(other) if *cpu < Duration::MAX && other < Duration::MAX => {
                format!("{:.2}", cpu.as_secs_f64() / other.as_secs_f64())
            }
            _ => "?".to_owned(),
        };
        println!(
            "{name:<19} no loss up to {without_loss} flows/s; CPU a flow {} of nfcapd's, {} of the bare loop's",
            ratio(peer),
            ratio(limit)
        );
    }
    Ok(())
}

/// One measurement.
struct Row {
    rate: u64,
    sent_per_second: u64,
    sent: u64,
    lost: u64,
    /// For a million flows sent.
    cpu: Duration,
    receiving_cpu: Duration,
    not_shown: Option<u64>,
    peak_kib: u64,
    granted_bytes: String,
}

impl Row {
    fn measure(kind: Kind, rate: u64, seconds: u64, flows: Flows) -> Outcome<Self> {
        let receiver = Receiver::start(kind)?;
        let granted_bytes = receiver.granted_bytes();
        let before = receiver.cpu()?;
        let sent = generator::run(receiver.target, rate, seconds, flows)?;
        let account = receiver.account(sent, before)?;
        let lost = account.kernel_drops * generator::RECORDS;
        if account.flows + lost != sent.flows() {
            let (flows, sent) = (account.flows, sent.flows());
            return Err(format!("{sent} flows were sent, but {flows} decoded and {lost} dropped").into());
        }
        if let Some((taken, dropped)) = account.live
            && taken + dropped != account.flows
        {
            let flows = account.flows;
            return Err(format!("{flows} flows were decoded, but {taken} shown and {dropped} not").into());
        }
        let each = |cpu: Duration| Duration::from_secs_f64(cpu.as_secs_f64() * 1e6 / count(sent.flows()));
        Ok(Self {
            rate,
            sent_per_second: sent.rate(),
            sent: sent.flows(),
            lost,
            cpu: each(account.cpu),
            receiving_cpu: each(account.receiving_cpu),
            not_shown: account.live.map(|(_, dropped)| dropped),
            peak_kib: account.peak_kib,
            granted_bytes,
        })
    }

    fn lost_percent(&self) -> u64 {
        (self.lost * 100).div_ceil(self.sent.max(1))
    }

    fn print(&self, name: &str) {
        let not_shown = self.not_shown.map_or("-".to_owned(), |flows| flows.to_string());
        println!(
            "{name:<19} {:>9} {:>9} {:>10} {:>7.2} {:>7.1} {:>9.1} {not_shown:>10} {:>7} {:>9}",
            self.rate,
            self.sent_per_second,
            self.lost,
            100.0 * count(self.lost) / count(self.sent),
            self.cpu.as_secs_f64() * 1e3,
            self.receiving_cpu.as_secs_f64() * 1e3,
            self.peak_kib >> 10,
            self.granted_bytes
        );
    }
}

fn count(number: u64) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}
